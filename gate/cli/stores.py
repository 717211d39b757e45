"""Stores as commands see them: a folder, or ``oci://REPOSITORY`` brought into a folder for as long as it is needed."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from gate.cli.options import store_path
from gate.errors import StoreError, UsageError


def remote_name(given: str | None) -> str | None:
    """The ``oci://`` store that the flag or ``$GATE_STORE`` names, if it does."""
    named = given or os.environ.get("GATE_STORE")
    return named if named and named.startswith("oci://") else None


def local_path(given: str | None) -> Path:
    """The folder that is written to; beside a remote store, the user's own."""
    if remote_name(given) is None:
        return store_path(given)
    own = os.environ.get("GATE_STORE", "")
    return store_path(None, {**os.environ, "GATE_STORE": "" if own.startswith("oci://") else own})


def keep_outside(paths: Iterable[str | None], store: Path) -> None:
    """Raises UsageError for a report inside the store: it would lie among what is kept, or replace a part of it."""
    root = store.resolve()
    for path in paths:
        if path and Path(path).resolve().is_relative_to(root):
            raise UsageError(
                f"{path} is inside the store {store}",
                why="what the store keeps must not be written over, and what is not of the store must not lie in it",
                fix="choose a path outside, or another --store",
            )


@contextlib.contextmanager
def opened(given: str | None, digest: str) -> Iterator[Path]:
    """A folder with the verdicts that the digest may name: the store itself, or what was fetched of a remote one.

    Raises StoreError, UsageError, EvidenceUnavailable.
    """
    remote = remote_name(given)
    if remote is None:
        yield store_path(given)
        return
    from gate.audit.remote import RemoteStore
    from gate.audit.store import Store
    from gate.cli.plan import registry_options
    from gate.limits import Limits

    limits = Limits.from_environment()
    try:
        folder = tempfile.TemporaryDirectory(prefix="gate-store-")
    except OSError as error:
        raise StoreError(f"no temporary space for {remote}: {error.strerror or error}", fix="set TMPDIR") from None
    with folder as path, contextlib.closing(registry_options({})) as registry:
        RemoteStore(remote, registry, limits).fetch(digest, Store(Path(path), limits))
        yield Path(path)
