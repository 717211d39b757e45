"""``gate vex generate --inspect``: the files of the image that the verdicts are about."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from gate.cli.messages import warn
from gate.errors import UsageError
from gate.model.verdict import Verdict


def absent(name: str, verdicts: Sequence[Verdict], options: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Proposals by image digest and finding key. Raises UsageError when no verdict is about it, and what reading raises."""
    from gate.cli.plan import registry_options
    from gate.evidence.filesystem.presence import Presence
    from gate.limits import Limits
    from gate.oci.filesystem import read_filesystem
    from gate.oci.image import load
    from gate.oci.source import open_source

    limits = Limits.from_environment()
    made: dict[str, dict[str, str]] = {}
    with contextlib.ExitStack() as stack:
        registry = registry_options(options)
        stack.callback(registry.close)
        source = stack.enter_context(contextlib.closing(open_source(name, options=registry, limits=limits)))
        image = load(source, source.resolve(), ())
        subjects = {child.subject.digest: child.subject for child in image.children or (image,)}
        for verdict in verdicts:
            digest = verdict.outcome.subject.digest
            if digest in subjects and digest not in made:
                files = read_filesystem(source, subjects[digest], lambda _: None)
                if not files.certain:
                    warn(f"{name}: runtimes disagree on what is in it; nothing is proposed")
                made[digest] = Presence(files).proposals(verdict.outcome.findings)
                unknown = sum(not finding.locations for finding in verdict.outcome.findings)
                if unknown:
                    warn(f"{unknown} findings of the verdict do not say where their package is: of these nothing is proposed")
    if not made:
        raise UsageError(
            f"no verdict is about {name}",
            why=f"it is {', '.join(sorted(subjects))}; the verdict is about {verdicts[0].outcome.subject.digest}",
            fix="name the image that was verified",
        )
    return made
