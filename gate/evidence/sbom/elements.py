"""Which minimum elements a document lacks, by standard: NTIA 2021, CISA 2026 and BSI TR-03183-2 v2.1.0.

Facts for a policy, not a certificate. An element of components is missing when one component lacks it without declaring it
unknown (``NOASSERTION``), which NTIA and CISA allow and BSI does not. CISA's author signature is judged by the rule, which knows
who signed.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping

from gate.model.sbom import Completeness, MinimumElements

NTIA = "ntia-2021"
CISA = "cisa-2026"
BSI = "bsi-tr-03183-2"
BSI_PARTS = ("creator", "filename", "executable", "archive", "structured", "sha512", "licence")
"""What BSI asks of each component beyond name, version and dependencies; a reader names those that it found."""
_BSI_NAMES = {
    "creator": "component_creator_contact",
    "filename": "component_filename",
    "executable": "executable_property",
    "archive": "archive_property",
    "structured": "structured_property",
    "sha512": "deployable_hash_sha512",
    "licence": "distribution_licence",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """What the head of a document says beyond `MinimumElements`."""

    format: str
    """``cyclonedx`` or ``spdx``."""
    contact: bool
    """Whether its creator has an e-mail address or URL."""
    numbered: bool
    """Whether it has a version of its own (CycloneDX) or a unique namespace (SPDX)."""
    tool_version: bool
    vulnerabilities: bool


class Tally:
    """Components that lack an element; those that declare it unknown are counted apart."""

    def __init__(self) -> None:
        self.lacking: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()

    def component(self, missing: Mapping[str, bool], unknown: frozenset[str], bsi: frozenset[str]) -> None:
        for name, lacks in missing.items():
            if lacks:
                (self.unknown if name in unknown else self.lacking)[name] += 1
        for part in BSI_PARTS:
            if part not in bsi:
                self.lacking[_BSI_NAMES[part]] += 1


def missing(tally: Tally, facts: Completeness, said: MinimumElements, document: Document) -> dict[str, tuple[str, ...]]:
    """Names of the elements that are missing, sorted, by standard."""
    lacking = {name for name, count in tally.lacking.items() if count}
    unknown = {name for name, count in tally.unknown.items() if count}
    core = {"name": "component_name", "version": "component_version", "identifier": "component_identifier"}
    common = {label for name, label in core.items() if name in lacking}
    whole = facts.root_present and (facts.unreachable_from_root == 0 or facts.aggregate not in ("absent", "complete"))
    common |= set() if whole else {"dependency_relationship"}
    common |= set() if said.timestamp else {"timestamp"}
    common |= set() if said.author else {"author"}
    if facts.components == 0:
        common.add("components")
    ntia = common | ({"supplier"} if "producer" in lacking else set())
    cisa = common | {label for name, label in _CISA_COMPONENT.items() if name in lacking}
    if "hash" in lacking:
        cisa |= {"hash_value", "hash_algorithm"}
    for label, there in (
        ("format_version", said.spec_version),
        ("generation_context", said.generation_context),
        ("tool_name", said.tool),
        ("tool_version", document.tool_version),
        ("sbom_version", document.numbered),
    ):
        cisa |= set() if there else {label}
    return {NTIA: _sorted(ntia), CISA: _sorted(cisa), BSI: _sorted(_bsi(lacking | unknown, facts, said, document))}


_CISA_COMPONENT = {"producer": "producer", "license": "license"}


def _bsi(lacking: set[str], facts: Completeness, said: MinimumElements, document: Document) -> set[str]:
    found = {name for name in _BSI_NAMES.values() if name in lacking}
    found |= {f"component_{name}" for name in ("name", "version") if name in lacking}
    least = (1, 6) if document.format == "cyclonedx" else (3, 0, 1)
    checks = {
        "format_version": _version(said.spec_version) >= least,
        "creator_contact": document.contact,
        "timestamp": bool(said.timestamp),
        "components": facts.components > 0,
        "dependency_relationship": facts.root_present and facts.unreachable_from_root == 0 and facts.dangling_refs == 0,
        "completeness": facts.aggregate != "absent",
        "no_vulnerabilities": not document.vulnerabilities,
    }
    return found | {name for name, there in checks.items() if not there}


def _version(text: str) -> tuple[int, ...]:
    parts = text.split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() and part.isascii() for part in parts) else ()


def _sorted(names: set[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
