"""``gate push``: a layout with what hangs on it, or what waits in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from gate.cli.copy import Source
    from gate.limits import Limits
    from gate.oci.media import Descriptor


@click.command("push", context_settings={"max_content_width": 120})
@click.argument("what", nargs=-1, metavar="[LAYOUT REF | DIGEST...]")
@click.option("--repository", default="", metavar="NAME", help="Where attestations go that belong nowhere yet.")
@click.option("--push-denied", is_flag=True, help="Push although the gate denied the image; recorded in the store.")
@click.option("--dry-run", is_flag=True, help="Say what waits, and push nothing.")
@click.option("--plain-http", is_flag=True, help="Talk to the registry without TLS.")
@click.option("--ca-file", metavar="PEM", help="Further certificate authorities for the registry.")
@click.option("--store", metavar="DIR", help="The store; default $GATE_STORE or ~/.local/share/policy-gate.")
@click.option("--quiet", is_flag=True, help="No progress on standard error.")
def command(
    what: tuple[str, ...],
    repository: str,
    push_denied: bool,
    dry_run: bool,
    plain_http: bool,
    ca_file: str | None,
    store: str | None,
    quiet: bool,
) -> int:
    """Push an image layout with its signatures and attestations, or the attestations that wait in the store.

    \b
      gate push oci:build/image registry.example/app:1.4    the layout, and all that hangs on it
      gate push                                             what `gate verify --attest` and `gate attest` left in the store
      gate push sha256:…                                    of that only what is about an image, or was made after a verdict

    It can be run again at any time: what the registry has is not sent twice, and what was broken off is taken up. An image whose
    last verdict in the store is DENY is not pushed, nor are its attestations (exit code 1), unless --push-denied says so; that
    is recorded in the store before anything is sent.
    """
    from pathlib import Path

    from gate.cli.options import store_path
    from gate.errors import UsageError
    from gate.limits import Limits

    limits, path = Limits.from_environment(), Path(store_path(store))
    if len(what) == 2 and not all(text.startswith("sha256:") for text in what):
        if dry_run or repository:
            raise UsageError("--dry-run and --repository are for what waits in the store", fix="drop them")
        from gate.cli.copy import run

        def may(origin: Source, root: Descriptor) -> bool:
            return _may_push(origin, root, what[1], path, limits, push_denied=push_denied)

        return run(what[0], what[1], attached=True, plain_http=plain_http, ca_file=ca_file, quiet=quiet, may=may)
    return _waiting(
        what, path, limits, repository=repository, push_denied=push_denied, dry_run=dry_run, plain=plain_http, ca_file=ca_file
    )


def _waiting(
    digests: tuple[str, ...],
    path: Path,
    limits: Limits,
    *,
    repository: str,
    push_denied: bool,
    dry_run: bool,
    plain: bool,
    ca_file: str | None,
) -> int:
    import contextlib

    from gate.audit.outbox import Entry, Outbox
    from gate.cli.messages import complain
    from gate.cli.plan import registry_options
    from gate.cli.signing import actor
    from gate.errors import UsageError
    from gate.publish import DENIED_FIX, send
    from gate.report.escape import escape

    outbox = Outbox(path, limits)
    entries = [entry for entry in outbox.waiting() if not digests or any(_names(entry, text) for text in digests)]
    if digests and not entries:
        raise UsageError(f"nothing about {', '.join(digests)} waits in {path}", fix="gate push --dry-run lists what waits")

    def line(entry: Entry, target: str) -> None:
        click.echo(f"{entry.name}  {escape(target)}@{entry.subject}  referrer {entry.manifest}")

    if dry_run:
        for entry in entries:
            line(entry, entry.repository or repository or "(--repository)")
        click.echo(f"{len(entries)} wait in {path}")
        return 0
    registry = registry_options({"plain_http": plain, "ca_file": ca_file})
    with contextlib.closing(registry):
        held = send(outbox, entries, registry, limits, repository=repository, push_denied=push_denied, actor=actor(), told=line)
    click.echo(f"{len(entries) - len(held)} pushed")
    if held:
        subjects = sorted({entry.subject for entry in held})
        complain(f"{len(held)} attestations of denied images were not pushed", why=", ".join(subjects), fix=DENIED_FIX)
        return 1
    return 0


def _names(entry: object, text: str) -> bool:
    wanted = text if text.startswith("sha256:") else f"sha256:{text}"
    return any(getattr(entry, field).startswith(wanted) for field in ("subject", "outcome", "manifest"))


def _may_push(origin: Source, root: Descriptor, target: str, path: Path, limits: Limits, *, push_denied: bool) -> bool:
    """Whether the gate denied the image, or a platform of it, last; says so, and records it when it is pushed all the same."""
    from gate.audit.outbox import Outbox, Override
    from gate.audit.store import Store
    from gate.cli.messages import complain, warn
    from gate.cli.signing import actor
    from gate.oci.media import manifest
    from gate.publish import DENIED_FIX, denials, now

    children = manifest(origin.manifest(root.digest), f"manifest {root.digest}", limits).children
    since = denials(Store(path, limits))
    for digest in dict.fromkeys((root.digest, *(child.digest for child in children))):
        outcome = since.get(digest)
        if outcome is None:
            continue
        if not push_denied:
            complain(f"{digest} is not pushed: the gate denied it", why=f"outcome {outcome} in {path}", fix=DENIED_FIX)
            return False
        record = Override(time=now(), actor=actor(), subject=digest, outcome=outcome, target=target, what="image")
        Outbox(path, limits).record_override(record)
        warn(f"{digest} was denied and is pushed all the same; recorded in {path}")
    return True
