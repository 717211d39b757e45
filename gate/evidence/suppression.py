"""What the real grype and trivy do with VEX documents: one scan without them, one with them, and the difference.

A scanner's word on which finding is which differs from the gate's (ids, epochs), so findings are compared by any of their names
and by package and version.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from gate.errors import EvidenceInvalid
from gate.evidence.scan import run_grype, run_trivy
from gate.limits import Limits
from gate.model.verdict import CompactFinding

Tool = Literal["grype", "trivy"]
Effect = Literal["suppressed", "kept", "absent"]
"""``absent``: the scanner does not report the finding at all, with or without VEX."""

_EPOCH = re.compile(r"\d+:")


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One finding, what the gate does with it under the statements, and what each scanner does."""

    finding: str
    gate: Effect
    tools: Mapping[Tool, Effect]

    @property
    def agrees(self) -> bool:
        return all(effect in ("absent", self.gate) for effect in self.tools.values())


@dataclasses.dataclass(frozen=True, slots=True)
class Scanned:
    """Names of a vulnerability with package and version, of what a scanner reports and of what it suppresses by VEX."""

    reported: frozenset[tuple[str, str, str]]
    kept: frozenset[tuple[str, str, str]]

    def effect(self, finding: CompactFinding) -> Effect:
        keys = set(_keys((finding.id, *finding.aliases), *_split(finding.package)))
        if not keys & self.reported:
            return "absent"
        return "kept" if keys & self.kept else "suppressed"


def scan(
    tool: Tool,
    target: str,
    digest: str,
    documents: Sequence[Path],
    *,
    program: Path | None,
    database: Path | None,
    limits: Limits,
    environ: Mapping[str, str],
    plain_http: bool = False,
) -> Scanned:
    """Run the scanner twice on the digest. Errors as for `gate.evidence.scan.run_grype`."""

    def once(vex: Sequence[Path]) -> frozenset[tuple[str, str, str]]:
        paths = [path.resolve() for path in vex]
        if tool == "grype":
            report = run_grype(
                target, digest=digest, grype_path=program, db_path=database, limits=limits, environ=environ,
                offline=True, plain_http=plain_http, vex=paths,
            )  # fmt: skip
            return frozenset(_of_grype(_load(report, tool)))
        report = run_trivy(
            target, digest=digest, trivy_path=program, cache=database or Path.home() / ".cache" / "trivy", limits=limits,
            environ=environ, plain_http=plain_http, vex=paths,
        )  # fmt: skip
        return frozenset(_of_trivy(_load(report, tool)))

    return Scanned(once(()), once(documents))


def compare(findings: Iterable[CompactFinding], suppressed: frozenset[str], scans: Mapping[Tool, Scanned]) -> tuple[Row, ...]:
    """One row for each finding of the verdict."""
    return tuple(
        Row(
            finding=finding.key,
            gate="suppressed" if finding.key in suppressed else "kept",
            tools={tool: found.effect(finding) for tool, found in scans.items()},
        )
        for finding in findings
    )


def _load(report: bytes, tool: str) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(report)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise EvidenceInvalid(f"the report of {tool} is not JSON ({error})") from None
    if not isinstance(body, dict):
        raise EvidenceInvalid(f"the report of {tool} is no JSON object")
    if not isinstance(body.get("matches"), list) if tool == "grype" else "SchemaVersion" not in body:
        raise EvidenceInvalid(f"the report of {tool} has not its form", why="an empty report must not look like a suppressed one")
    return body


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _of_grype(body: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    for match in _objects(body.get("matches")):
        found, package = match.get("vulnerability") or {}, match.get("artifact") or {}
        related = [item.get("id") for item in _objects(match.get("relatedVulnerabilities"))]
        yield from _keys((found.get("id"), *related), package.get("name"), package.get("version"))


def _of_trivy(body: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    for result in _objects(body.get("Results")):
        for found in _objects(result.get("Vulnerabilities")):
            names = (found.get("VulnerabilityID"), *(found.get("VendorIDs") or ()))
            yield from _keys(names, found.get("PkgName"), found.get("InstalledVersion"))


def _keys(names: Iterable[Any], package: Any, version: Any) -> Iterable[tuple[str, str, str]]:
    if isinstance(package, str) and isinstance(version, str):
        for name in names:
            if isinstance(name, str):
                yield name.casefold(), package.casefold(), _EPOCH.sub("", version, count=1) if _EPOCH.match(version) else version


def _split(package: str) -> tuple[str, str]:
    name, _, version = package.partition(" ")
    return name, version
