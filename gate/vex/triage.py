"""Triage: from open findings and decisions about them to OpenVEX statements. Pure; asking and writing is the command's.

A finding is open while no accepted statement says what it is: none, ``under_investigation``, one whose review is overdue, or one
that the profile does not accept. A waiver closes nothing here: it accepts a risk and says nothing about the product.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal

import msgspec

from gate.errors import ConfigError
from gate.model.findings import SEVERITIES
from gate.model.verdict import CompactFinding, Verdict, VerdictSubject
from gate.vex import notes, write
from gate.vex.document import JUSTIFICATIONS
from gate.vex.notes import Notes
from gate.vex.products import Scope, package_purls, products
from gate.vex.purl import parse

SCHEMA = "gate.triage/v1"
STATUSES = ("not_affected", "affected", "under_investigation")
"""``fixed`` is not a decision: a rescan that no longer shows the finding says it (`gate.vex.generate`)."""
REVIEW_DAYS = 90
Status = Literal["not_affected", "affected", "under_investigation"]

_TEXTS = ("vulnerability", "package", "status", "justification", "impact", "action", "reviewer", "review_by", "note")
_TOP = ("schema", "author", "role", "reviewer", "scope", "decisions")
_CVE = re.compile(r"CVE-\d{4}-\d{4,19}")


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    vulnerability: str
    status: Status
    package: str = ""
    """purl or name; empty for every package that has the vulnerability."""
    justification: str = ""
    impact: str = ""
    action: str = ""
    reviewer: str = ""
    review_by: date | None = None
    evidence: tuple[str, ...] = ()
    note: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class DecisionFile:
    author: str
    role: str
    scope: Scope | None
    decisions: tuple[Decision, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Open:
    """One vulnerability with every open finding of it, and what there is to know before deciding."""

    vulnerability: str
    aliases: tuple[str, ...]
    findings: tuple[CompactFinding, ...]
    proposal: str

    @property
    def blocks(self) -> bool:
        return any(finding.blocks for finding in self.findings)


def open_findings(verdicts: Sequence[Verdict]) -> tuple[Open, ...]:
    """Open findings by vulnerability: what blocks first, then known exploited, then by severity and EPSS."""
    groups: dict[str, list[CompactFinding]] = {}
    for verdict in verdicts:
        vex = verdict.outcome.vex
        overdue = {problem.finding for problem in vex.overdue}
        settled = {use.finding for use in vex.statements_used if use.status != "under_investigation"} - overdue
        for finding in verdict.outcome.findings:
            if finding.key not in settled:
                groups.setdefault(name_of(finding), []).append(finding)
    made = [
        Open(name, tuple(sorted({alias for f in found for alias in aliases_of(f)} - {name})), tuple(found), proposal_for(found))
        for name, found in groups.items()
    ]
    return tuple(sorted(made, key=_urgency))


def _urgency(item: Open) -> tuple[Any, ...]:
    worst = min(SEVERITIES.index(finding.severity) for finding in item.findings)
    epss = max((finding.epss or 0.0) for finding in item.findings)
    return not item.blocks, not any(finding.kev or finding.malware for finding in item.findings), worst, -epss, item.vulnerability


def name_of(finding: CompactFinding) -> str:
    """The CVE where there is exactly one among its names, else its own id: grype reports GHSA ids, trivy CVE ids."""
    if _CVE.fullmatch(finding.id):
        return finding.id
    cves = [alias for alias in finding.aliases if _CVE.fullmatch(alias)]
    return cves[0] if len(cves) == 1 else finding.id


def aliases_of(finding: CompactFinding) -> tuple[str, ...]:
    return tuple(dict.fromkeys((finding.id, *finding.aliases)))


def proposal_for(findings: Sequence[CompactFinding]) -> str:
    """What evidence suggests and a person has to decide; empty when it suggests nothing for all of them."""
    if findings and all(finding.reachable == "no" for finding in findings):
        return "not_affected vulnerable_code_not_in_execute_path (a scanner says that the vulnerable code is not called)"
    return ""


def upgrade_of(finding: CompactFinding) -> str:
    """``Upgrade X to Y.`` where a fix is available, else empty."""
    if finding.fix.state != "available" or not finding.fix.versions:
        return ""
    return f"Upgrade {finding.package} to {' or '.join(finding.fix.versions)}."


def read_decisions(value: Any) -> DecisionFile:
    """A ``gate.triage/v1`` document. Raises ConfigError for anything unknown: a misspelt field would be a decision lost."""
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise ConfigError(
            f"no {SCHEMA} document", fix=f"begin it with: schema: {SCHEMA}   (gate vex triage --template makes one)"
        )
    _known(value, _TOP, "the file")
    listed = value.get("decisions")
    if not isinstance(listed, list):
        raise ConfigError("decisions is no list", fix="write one entry for each vulnerability")
    scope = _text(value, "scope", "the file")
    if scope not in ("", "digest", "repository", "package"):
        raise ConfigError(f"scope {scope!r} is unknown", fix="digest, repository or package")
    reviewer = _text(value, "reviewer", "the file")
    return DecisionFile(
        author=_text(value, "author", "the file"),
        role=_text(value, "role", "the file"),
        scope=scope or None,  # type: ignore[arg-type]  # one of the three words
        decisions=tuple(_decision(item, number, reviewer) for number, item in enumerate(listed, 1) if _decided(item)),
    )


def _decided(item: Any) -> bool:
    """An entry of the template that nobody has filled in is no decision."""
    return not (isinstance(item, dict) and item.get("status", "") in ("", None))


def _decision(item: Any, number: int, reviewer: str) -> Decision:
    where = f"decision {number}"
    if not isinstance(item, dict):
        raise ConfigError(f"{where} is no mapping")
    where = f"decision {number} ({item.get('vulnerability', 'no vulnerability')})"
    _known(item, (*_TEXTS, "evidence"), where)
    fields = {name: _text(item, name, where) for name in _TEXTS}
    evidence = item.get("evidence") or []
    if not isinstance(evidence, list) or not all(isinstance(entry, str) for entry in evidence):
        raise ConfigError(f"{where}: evidence is no list of texts", fix="evidence: [https://…, sha256:…]")
    if not fields["vulnerability"]:
        raise ConfigError(f"{where}: no vulnerability", fix="vulnerability: CVE-…")
    if fields["status"] not in STATUSES:
        why = "only a rescan of this digest that no longer shows it says fixed" if fields["status"] == "fixed" else ""
        raise ConfigError(f"{where}: status {fields['status']!r}", why=why, fix=f"one of {', '.join(STATUSES)}")
    try:
        review_by = date.fromisoformat(fields["review_by"]) if fields["review_by"] else None
    except ValueError:
        raise ConfigError(f"{where}: review_by {fields['review_by']!r} is no date", fix="review_by: 2027-02-01") from None
    return Decision(
        vulnerability=fields["vulnerability"],
        status=fields["status"],  # type: ignore[arg-type]  # one of STATUSES
        package=fields["package"],
        justification=fields["justification"],
        impact=fields["impact"],
        action=fields["action"],
        reviewer=fields["reviewer"] or reviewer,
        review_by=review_by,
        evidence=tuple(evidence),
        note=fields["note"],
    )


def _known(item: Mapping[str, Any], names: Iterable[str], where: str) -> None:
    unknown = [str(name) for name in item if name not in names]
    if unknown:
        raise ConfigError(f"{where}: unknown field {unknown[0]!r}", fix=f"one of {', '.join(names)}")


def _text(item: Mapping[str, Any], name: str, where: str) -> str:
    value = item.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ConfigError(f"{where}: {name} is no text", fix=f'{name}: "…"')
    return value.strip()


@dataclasses.dataclass(frozen=True, slots=True)
class Applied:
    statements: tuple[dict[str, Any], ...]
    unmatched: tuple[Decision, ...]
    """Decisions about what this verdict does not list; nothing is written for them."""


def apply(
    decisions: Sequence[Decision], verdict: Verdict, *, scope: Scope, now: datetime, whole: Collection[str] = ()
) -> Applied:
    """The statements that the decisions make, each for every finding of the verdict that it is about.

    ``whole``: digests of indexes that were judged as a whole. What is said to be harmless on one platform is said of the index
    only where all its platforms were looked at: a reader finds every platform under the index's digest.

    Raises ConfigError for a decision that must not be written, and for two about one finding.
    """
    made: list[dict[str, Any]] = []
    unmatched: list[Decision] = []
    taken: dict[str, Decision] = {}
    for decision in decisions:
        found = [finding for finding in verdict.outcome.findings if _is_about(decision, finding)]
        if not found:
            unmatched.append(decision)
            continue
        for finding in found:
            if finding.key in taken:
                raise ConfigError(f"{finding.key}: two decisions", fix="keep one, or name the package in each")
            taken[finding.key] = decision
        made.append(_statement(_complete(decision, found, now), found, verdict, scope, now, whole))
    return Applied(tuple(made), tuple(unmatched))


def _is_about(decision: Decision, finding: CompactFinding) -> bool:
    if decision.vulnerability.casefold() not in {name.casefold() for name in aliases_of(finding)}:
        return False
    if not decision.package:
        return True
    if not decision.package.startswith("pkg:"):
        return decision.package in (finding.package, finding.package.partition(" ")[0])
    wanted, found = parse(decision.package), parse(finding.purl)
    if wanted is None:
        raise ConfigError(f"{decision.package!r} is no package URL", fix="copy it from the verdict: pkg:type/name@version")
    return found is not None and wanted.package == found.package and wanted.version in ("", found.version)


def _complete(decision: Decision, found: Sequence[CompactFinding], now: datetime) -> Decision:
    name = decision.vulnerability
    if decision.status == "not_affected":
        if decision.justification not in JUSTIFICATIONS:
            raise ConfigError(
                f"{name}: not_affected without a justification"
                if not decision.justification
                else f"{name}: unknown justification {decision.justification!r}",
                why="a claim without reason cannot be reviewed, and no reader counts it",
                fix=f"one of {', '.join(sorted(JUSTIFICATIONS))}",
            )
        if not decision.reviewer:
            raise ConfigError(
                f"{name}: not_affected without reviewer", fix="--reviewer 'Name <address>', or reviewer: in the file"
            )
        nameless = [finding.key for finding in found if not package_purls(finding.purl)]
        if nameless:
            raise ConfigError(
                f"{nameless[0]}: no package URL with version",
                why="a statement would have to cover the whole image to bind it",
                fix="scan with a tool that names the package, or waive the finding",
            )
        review_by = decision.review_by or date.fromordinal(now.date().toordinal() + REVIEW_DAYS)
        decision = dataclasses.replace(decision, review_by=review_by)
    elif decision.justification or decision.impact:
        raise ConfigError(f"{name}: {decision.status} with a justification or impact", why="only not_affected has them")
    if decision.review_by is not None and decision.review_by < now.astimezone(UTC).date():
        raise ConfigError(f"{name}: review_by {decision.review_by} has passed", fix="give a later date")
    if decision.status == "affected" and not decision.action:
        action = " ".join(dict.fromkeys(upgrade_of(finding) for finding in found)).strip()
        if not action:
            raise ConfigError(f"{name}: affected without action, and no fix is known", fix="say how to mitigate: action: …")
        decision = dataclasses.replace(decision, action=action)
    return decision


def _statement(
    decision: Decision,
    found: Sequence[CompactFinding],
    verdict: Verdict,
    scope: Scope,
    now: datetime,
    whole: Collection[str],
) -> dict[str, Any]:
    subject = verdict.outcome.subject
    if decision.status == "not_affected" and subject.index_digest not in whole:
        subject = msgspec.structs.replace(subject, index_digest=None)
    return statement_for(
        found,
        subject,
        scope=scope,
        status=decision.status,
        timestamp=now,
        justification=decision.justification,
        impact=decision.impact,
        action=decision.action,
        kept=Notes(
            reviewer=decision.reviewer,
            review_by=decision.review_by,
            evidence=decision.evidence,
            verdict=verdict.outcome_digest,
            text=decision.note,
        ),
    )


def statement_for(
    found: Sequence[CompactFinding], subject: VerdictSubject, *, scope: Scope, kept: Notes, **fields: Any
) -> dict[str, Any]:
    """A statement about findings of one vulnerability, under every name that scanners use for it and its packages."""
    purls: list[str] = []
    raw: list[str] = []
    for finding in found:
        spelt = package_purls(finding.purl) or (_generic(finding),)
        purls += spelt
        raw += [finding.purl] if finding.purl and finding.purl not in spelt else []
    noted = dataclasses.replace(kept, found_as=tuple(dict.fromkeys(raw)))
    return write.statement(
        name=name_of(found[0]),
        aliases={alias for finding in found for alias in aliases_of(finding)},
        products=products(subject, purls, scope=scope),
        notes=notes.write(noted),
        **fields,
    )


def _generic(finding: CompactFinding) -> str:
    """A name for a package that no scanner gave a purl; it binds nothing, and is only written where nothing is suppressed."""
    from urllib.parse import quote

    name, _, version = finding.package.partition(" ")
    return f"pkg:generic/{quote(name or 'unknown', safe='')}" + (f"@{quote(version, safe='')}" if version else "")
