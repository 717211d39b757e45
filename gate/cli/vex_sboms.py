"""SBOMs for `gate vex check` and `gate vex lint`: what contains what, which a verdict does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gate.errors import EvidenceInvalid, UsageError
from gate.report.escape import escape

if TYPE_CHECKING:
    from gate.evidence.collect import Opened
    from gate.model.verdict import Verdict
    from gate.vex.graph import SbomGraph


def graphs_for(paths: Iterable[str], verdicts: Sequence[Verdict]) -> Mapping[str, tuple[SbomGraph, ...]]:
    """The dependency graphs by the digest of the image that they are about, as `gate verify` binds SBOMs to it.

    Raises UsageError for what is no SBOM, or about none of the images; EvidenceInvalid for what cannot be read. Where the verdict
    was reached without an SBOM, or its policy does not accept it, a note on standard error says so: there it covers no path.
    """
    from gate.cli.files import read_bounded
    from gate.cli.trust import trust_from_keys
    from gate.evidence.binding import SubjectDigests, bind
    from gate.evidence.collect import Opener
    from gate.evidence.interface import Document
    from gate.limits import Limits
    from gate.vex.check import as_subject

    limits = Limits.from_environment()
    documents = [Document(read_bounded(path, limits.document_bytes, "SBOM"), "file", path) for path in paths]
    found: dict[str, list[SbomGraph]] = {}
    for item in Opener(trust_from_keys(()), limits).open_all(documents):
        name = item.document.source
        if item.error is not None:
            raise EvidenceInvalid(f"{name}: {item.error.reason}", fix=item.error.fix)
        if item.reading is None or item.reading.sbom is None:
            raise UsageError(f"{name}: no SBOM in it ({item.kind}, {item.format})", fix="gate sbom generate IMAGE makes one")
        about = [
            verdict
            for verdict in verdicts
            if bind(item, SubjectDigests.of(as_subject(verdict.outcome.subject))).binding != "none"
        ]
        if not about:
            raise UsageError(
                f"{name} is about another image",
                why="its paths say nothing of this one",
                fix="make one for this digest: gate sbom generate IMAGE",
            )
        for verdict in about:
            _tell(item, verdict)
            if item.reading.sbom.graph is not None:
                found.setdefault(verdict.outcome.subject.digest, []).append(item.reading.sbom.graph)
    return {digest: tuple(graphs) for digest, graphs in found.items()}


def _tell(item: Opened, verdict: Verdict) -> None:
    from gate.model.acceptance import accepted

    name = escape(Path(item.document.source).name)
    listed = next((one for one in verdict.outcome.evidence if item.id == one.id), None)
    if listed is None:
        said = "the verdict was reached without it"
    elif not accepted(listed, verdict.outcome.policy.params):
        said = "the policy of the verdict does not accept it"
    else:
        return
    click.echo(f"note: {name}: {said}; what it shows of products around a package does not hold there", err=True)
