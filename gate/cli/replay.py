"""``gate replay``: decide again from the store and compare."""

from __future__ import annotations

import os

import click

from gate.cli.files import emit


@click.command("replay")
@click.argument("digest", metavar="DIGEST")
@click.option("--store", metavar="DIR|oci://REPO", help="Where verdicts are kept; default $GATE_STORE or your data folder.")
def command(digest: str, store: str | None) -> int:
    """Decide again with the stored input and policy, and compare with what was decided then.

    DIGEST is the record of a verdict, its own digest or the image's; the beginning is enough. From a store in a registry the
    verdict, its evidence and its policy are fetched and hashed again first: any machine will do.

    Exit code 0 when the outcome has the same bytes, or under another OPA or gate the same decision; 1 when the decision
    differs; 3 when it cannot be told.
    """
    from gate.audit.store import Store
    from gate.cli.render import find_one
    from gate.cli.stores import opened
    from gate.limits import Limits
    from gate.policy.opa import find_opa
    from gate.replay import replay
    from gate.report.escape import escape

    limits = Limits.from_environment()
    with opened(store, digest) as path, find_opa(os.environ) as binary:
        record = find_one(Store(path, limits), digest, store or str(path)).record
        done = replay(Store(path, limits), record, binary, limits)
    lines = [f"{escape(record.name)}@{record.subject}", f"decided {done.stored.decision} at {done.stored.time.now}"]
    if done.identical:
        lines.append(f"replayed: the same bytes, {record.outcome}")
    elif done.same_decision:
        lines += ["replayed: the same decision, other bytes", *(f"  {escape(text)}" for text in done.differences)]
    else:
        lines += [f"replayed: {done.again.decision}", *(f"  {escape(text)}" for text in done.differences)]
    emit(("\n".join(lines) + "\n").encode())
    if done.identical:
        return 0
    other = done.stored.gate != done.again.gate or done.stored.digests.engine != done.again.digests.engine
    if done.same_decision:
        return 0 if other else 3
    return 1
