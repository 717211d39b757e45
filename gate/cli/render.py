"""Writing reports where the caller wants them."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gate.cli.files import emit, read_bounded, write_atomically
from gate.cli.messages import wants_color, warn
from gate.cli.options import Output
from gate.errors import UsageError
from gate.report.interface import Report, Style, load_report

if TYPE_CHECKING:
    from gate.audit.store import Store, StoredVerdict

_DIGEST = re.compile(r"(sha256:)?[0-9a-f]{6,64}")
_VERDICT_BYTES = 512 * 1024 * 1024


def load(source: str, store: str | None) -> Report:
    """A report from a file, or a verdict from the store by digest. Raises UsageError or StoreError."""
    if _DIGEST.fullmatch(source) and not Path(source).exists():
        return load_report(stored(source, store).data)
    return load_report(read_bounded(source, _VERDICT_BYTES, "verdict"))


def stored(digest: str, store: str | None) -> StoredVerdict:
    """The one verdict that a digest, or the beginning of one, names: of the outcome, the verdict or the image.

    Raises UsageError when there is none or more than one.
    """
    from gate.audit.store import Store
    from gate.cli.stores import opened

    with opened(store, digest) as path:
        return find_one(Store(path), digest, store or str(path))


def find_one(place: Store, digest: str, named: str) -> StoredVerdict:
    """The one verdict of a store that a digest names; ``named`` is the store as the caller gave it. Raises UsageError."""
    records = place.find(digest)
    if not records:
        raise UsageError(f"the store has no verdict {digest}", fix=f"look at {named}, or name another with --store")
    if len(records) > 1:
        names = "\n".join(f"{record.outcome}  {record.decision}  {record.time}  {record.name}" for record in records[-20:])
        raise UsageError(f"{digest} names {len(records)} verdicts", why=names, fix="give the digest of one of them")
    return place.load(records[0])


def write_outputs(
    report: Report, outputs: Sequence[Output], *, color: str, verbose: bool, policy_path: str = "", vsa: bytes | None = None
) -> None:
    """Every format to its place; files first, so that nothing on the terminal claims what is not on disk."""
    from gate.report import renderer

    for output in sorted(outputs, key=lambda output: output.path is None):
        if output.format == "vsa":
            if vsa is None and report.exit_code != 0:
                warn(f"no verification summary is written to {output.path or 'standard output'}: none could be made")
                continue  # what denied or could not be told is the answer; the summary that is missing adds nothing
            if vsa is None:
                raise UsageError(
                    "no verification summary to write",
                    why="a summary is made for a decided image that has a registry digest, with --verifier-id",
                    fix="add --verifier-id https://your.org/gate, or drop --output vsa",
                )
            data = vsa
        else:
            painted = output.path is None and wants_color(color, sys.stdout)
            style = Style(color=painted, verbose=verbose, policy_path=policy_path or "security-policy.yaml")
            data = renderer(output.format)(report, style)
        if output.path is None:
            emit(data)
        else:
            write_atomically(output.path, data)
