"""OpenVEX for one image from its verdict: every finding, with what is known of it and no more.

* ``not_affected`` only where an accepted statement said so and counted; its justification is repeated, and its id and author are
  named. A counted ``fixed`` of a vendor (the package has the fix although its version does not show it) is repeated as
  ``not_affected`` / ``vulnerable_code_not_present``.
* ``affected`` where an accepted statement says so, or a fix exists; the action is the upgrade.
* ``fixed`` only for a finding that an earlier verdict on this digest lists and this one, by the same scanners, no longer does.
* ``under_investigation`` for everything else. What evidence merely suggests stands beside it as ``Proposal`` in the notes and is
  never a status: no reader can apply it. ``proposals`` are such suggestions of the caller, by image digest and finding key.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from gate.errors import ConfigError
from gate.model.acceptance import accepted
from gate.model.findings import VexStatus
from gate.model.verdict import CompactFinding, Outcome, Verdict
from gate.vex import write
from gate.vex.document import JUSTIFICATIONS, instant
from gate.vex.notes import Notes
from gate.vex.products import package_purls
from gate.vex.triage import aliases_of, name_of, proposal_for, statement_for, upgrade_of

_GO = re.compile(r"pkg:golang/", re.IGNORECASE)
_UNPATCHED = "Treat as affected; no fix is known."


@dataclasses.dataclass(frozen=True, slots=True)
class _Said:
    status: VexStatus
    justification: str = ""
    impact: str = ""
    action: str = ""
    source: str = ""
    """The statement that says it and its author; empty where the verdict's own facts do."""
    proposal: str = ""


def document(
    verdict: Verdict,
    *,
    author: str,
    role: str = "",
    now: datetime | None = None,
    previous: Verdict | None = None,
    proposals: Mapping[str, Mapping[str, str]] | None = None,
) -> bytes:
    """The document's bytes; the same for the same verdict, author and time (``now``; by default the verdict's own).

    Raises ConfigError without author, for a verdict without findings, and for a ``previous`` verdict of which this one is no
    rescan.
    """
    before = (previous,) if previous else ()
    return documents((verdict,), author=author, role=role, now=now, previous=before, proposals=proposals)


def documents(
    verdicts: Sequence[Verdict],
    *,
    author: str,
    role: str = "",
    now: datetime | None = None,
    previous: Sequence[Verdict] = (),
    proposals: Mapping[str, Mapping[str, str]] | None = None,
) -> bytes:
    """One document for the verdicts of one run, such as the platforms of an index. Arguments and errors as for `document`."""
    times = [moment for verdict in verdicts if (moment := instant(verdict.outcome.time.now)[0]) is not None]
    if not times:
        raise ConfigError("no verdict", why="a VEX document is made from what a verdict found")
    moment = now or max(times)
    earlier = {verdict.outcome.subject.digest: verdict for verdict in previous}
    statements: list[dict[str, Any]] = []
    for verdict in verdicts:
        before = earlier.pop(verdict.outcome.subject.digest, None)
        drafts = (proposals or {}).get(verdict.outcome.subject.digest, {})
        statements += _statements(verdict.outcome, before.outcome if before else None, moment, drafts)
    if earlier:
        raise ConfigError(
            f"the previous verdict is about {next(iter(earlier))}",
            why="only a rescan of the same digest can show that something is fixed in it",
            fix="give the earlier verdict of this image",
        )
    if not statements:
        raise ConfigError(
            "the verdict has no findings",
            why="an OpenVEX document has at least one statement",
            fix="nothing is to be said of this image; no document was written",
        )
    subjects = sorted({verdict.outcome.subject.digest for verdict in verdicts})
    body = write.document(
        _agreed(statements, verdicts),
        id=write.document_id("image", author, *subjects),
        author=author,
        role=role,
        timestamp=moment,
    )
    return write.to_bytes(body)


def _statements(
    outcome: Outcome, before: Outcome | None, moment: datetime, drafts: Mapping[str, str]
) -> Iterable[dict[str, Any]]:
    used = {use.finding for use in outcome.vex.statements_used}
    groups: dict[tuple[str, _Said], list[CompactFinding]] = {}
    for finding in outcome.findings:
        said = _said(finding, finding.key in used, drafts.get(finding.key, ""))
        groups.setdefault((name_of(finding), said), []).append(finding)
    if before is not None:
        for finding in _gone(outcome, before):
            said = _Said("fixed", source=f"a rescan at {outcome.time.now} no longer reports it")
            groups.setdefault((name_of(finding), said), []).append(finding)
    for (_, said), found in sorted(groups.items(), key=lambda item: (item[0][0], item[1][0].key)):
        yield statement_for(
            found,
            outcome.subject,
            scope="digest",
            status=said.status,
            timestamp=moment,
            justification=said.justification,
            impact=said.impact,
            action=said.action,
            kept=Notes(evidence=(said.source,) if said.source else (), proposal=said.proposal),
        )


def _said(finding: CompactFinding, used: bool, draft: str) -> _Said:
    vex = finding.vex if used else None
    proposal = "; ".join(filter(None, (draft, proposal_for((finding,)))))
    bindable = bool(package_purls(finding.purl))
    if vex is not None and vex.counts and bindable:
        source = f"{vex.statement} by {vex.author}"
        if vex.status == "fixed":
            return _Said("not_affected", "vulnerable_code_not_present", source=f"fixed, says {source}")
        if vex.justification in JUSTIFICATIONS:
            return _Said("not_affected", vex.justification, source=source)
        if vex.justification:
            return _Said("not_affected", impact=vex.justification, source=source)
    action = upgrade_of(finding)
    if vex is not None and vex.status in ("affected", "under_investigation"):
        source = f"{vex.statement} by {vex.author}"
        if vex.status == "affected":
            return _Said("affected", action=action or _UNPATCHED, source=source, proposal=proposal)
        return _Said("under_investigation", source=source, proposal=proposal)
    if action:
        return _Said("affected", action=action, proposal=proposal)
    return _Said("under_investigation", proposal=proposal)


def _gone(outcome: Outcome, before: Outcome) -> list[CompactFinding]:
    """Findings that are no longer there, if this verdict saw at least what the earlier one saw; else ConfigError.

    Not those in Go modules where govulncheck had its say: it looks at one program at a time, and names none.
    """
    times = instant(before.time.now)[0], instant(outcome.time.now)[0]
    later = times[0] is not None and times[1] is not None and times[0] < times[1]
    if not later or outcome.decision == "NO_VERDICT":
        raise ConfigError(
            "this verdict is no rescan of the previous one",
            why="it has no verdict: a scan may be missing" if later else "it is not later",
            fix="verify the same digest again with a fresh scan",
        )
    missing = _scanners(before) - _scanners(outcome)
    if missing or {item.id for item in _scans(outcome) if not item.partial} <= {item.id for item in _scans(before)}:
        raise ConfigError(
            "this verdict is no rescan of the previous one",
            why=f"it has no scan by {', '.join(sorted(missing))}" if missing else "it has no scan that the previous one had not",
            fix="verify the same digest again with the same scanners",
        )
    names = {(alias.casefold(), _package(finding)) for finding in outcome.findings for alias in aliases_of(finding)}
    return [
        finding
        for finding in before.findings
        if package_purls(finding.purl)
        and not (_GO.match(finding.purl) and any(item.partial for item in _scans(before)))
        and not any((alias.casefold(), _package(finding)) in names for alias in aliases_of(finding))
    ]


def _scans(outcome: Outcome) -> list[Any]:
    """Those that the verdict rests on: what was found and not accepted saw nothing, whatever it is called."""
    return [item for item in outcome.evidence if item.kind == "vulnerabilities" and accepted(item, outcome.policy.params)]


def _scanners(outcome: Outcome) -> set[str]:
    """With the format: a scanner's SARIF has no package versions, and what it calls otherwise would look gone."""
    return {" ".join(dict.fromkeys(filter(None, (item.producer.name, item.format)))) for item in _scans(outcome)}


def _package(finding: CompactFinding) -> str:
    return finding.purl.partition("?")[0] or finding.package


def _agreed(statements: Sequence[Mapping[str, Any]], verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Take the index out of what suppresses on one platform, where another platform's statement on the same package differs.

    Both platforms are found under the index's digest, and packages are named without architecture.
    """
    shared = {verdict.outcome.subject.index_digest for verdict in verdicts} - {None}
    said: dict[tuple[str, str], set[str]] = {}
    for item in statements:
        for purl in _named(item):
            said.setdefault((item["vulnerability"]["name"], purl), set()).add(item["status"])
    made: list[dict[str, Any]] = []
    for item in statements:
        kept = dict(item)
        if item["status"] in ("not_affected", "fixed") and any(
            len(said[item["vulnerability"]["name"], purl]) > 1 for purl in _named(item)
        ):
            kept["products"] = [entry for entry in item["products"] if not any(str(digest) in entry["@id"] for digest in shared)]
            kept.pop("@id")
            kept = write.identified(kept)
        made.append(kept)
    return made


def _named(item: Mapping[str, Any]) -> set[str]:
    return {part["@id"] for product in item["products"] for part in product.get("subcomponents", (product,))}
