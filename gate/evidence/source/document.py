"""SARIF 2.1.0 (OASIS): the fields that the gate reads, and the rules of the specification for what is left out."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec

from gate.errors import EvidenceInvalid, FormatRefused
from gate.evidence.jsonguard import guard
from gate.evidence.vulnerabilities.lenient import Lenient, Notes, elements, members
from gate.limits import Limits


class Text(msgspec.Struct):
    text: str | None = None
    markdown: str | None = None
    id: str | None = None
    arguments: list[str] | None = None


class Configuration(msgspec.Struct):
    level: str | None = None


class Rule(msgspec.Struct, rename="camel"):
    id: str = ""
    name: str | None = None
    deprecated_ids: list[str] | None = None
    short_description: Text | None = None
    full_description: Text | None = None
    help: Text | None = None
    help_uri: str | None = None
    default_configuration: Configuration | None = None
    message_strings: dict[str, Text] | None = None
    properties: dict[str, Any] | None = None


class Component(msgspec.Struct, rename="camel"):
    name: str
    version: str | None = None
    semantic_version: str | None = None
    rules: list[Rule] | None = None


class ComponentReference(msgspec.Struct):
    index: int | None = None


class RuleReference(msgspec.Struct, rename="camel"):
    id: str | None = None
    index: int | None = None
    tool_component: ComponentReference | None = None


class Artifact(msgspec.Struct):
    uri: str | None = None


class Region(msgspec.Struct, rename="camel"):
    start_line: int | None = None


class Physical(msgspec.Struct, rename="camel"):
    artifact_location: Artifact | None = None
    region: Region | None = None


class Logical(msgspec.Struct, rename="camel"):
    fully_qualified_name: str | None = None


class Location(msgspec.Struct, rename="camel"):
    physical_location: Physical | None = None
    logical_locations: list[Logical] | None = None
    message: Text | None = None


class Suppression(msgspec.Struct):
    kind: str | None = None
    status: str | None = None
    justification: str | None = None


class Result(msgspec.Struct, rename="camel"):
    rule_id: str | None = None
    rule_index: int | None = None
    rule: RuleReference | None = None
    kind: str | None = None
    level: str | None = None
    message: Text | None = None
    locations: list[Location] | None = None
    suppressions: list[Suppression] | None = None


class Notification(msgspec.Struct):
    level: str | None = None


class Invocation(msgspec.Struct, rename="camel"):
    execution_successful: bool | None = None
    end_time_utc: str | None = None
    start_time_utc: str | None = None
    exit_signal_name: str | None = None
    process_start_failure_message: str | None = None
    tool_execution_notifications: list[Notification] | None = None


class Revision(msgspec.Struct, rename="camel"):
    revision_id: str | None = None


class Head(msgspec.Struct, rename="camel"):
    """A run without its results."""

    invocations: list[Invocation] | None = None
    version_control_provenance: list[Revision] | None = None
    properties: dict[str, Any] | None = None


class Tool(msgspec.Struct):
    driver: Component
    extensions: list[Component] | None = None


_head = Lenient(Head)
_tool = Lenient(Tool)
_result = Lenient(Result)


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """One run: its tool, and every result with the rule that it refers to."""

    tool: Tool
    head: Head
    results: tuple[tuple[Result, Rule], ...]
    where: str

    @property
    def name(self) -> str:
        return self.tool.driver.name

    @property
    def version(self) -> str:
        return self.tool.driver.semantic_version or self.tool.driver.version or ""

    @property
    def time(self) -> str | None:
        return next((time for entry in self.head.invocations or () if (time := entry.end_time_utc or entry.start_time_utc)), None)


def parse(data: bytes, notes: Notes, limits: Limits) -> tuple[Run, ...]:
    """Every run; raises EvidenceInvalid for a log without runs, a run without results or one that its tool calls failed."""
    document = members(guard(data, limits), "a SARIF log")
    version = bytes(document.get("version", b"null")).strip()
    if version != b'"2.1.0"':
        raise FormatRefused(
            f"SARIF version {version.decode('utf-8', 'replace')[:20]} is not read; 2.1.0 is", fix="let the tool write SARIF 2.1.0"
        )
    raw = elements(document.get("runs"), "/runs", bound=limits.evidence_documents)
    if not raw:
        raise EvidenceInvalid(
            "the SARIF log has no runs", why="no tool says that it looked at anything", fix="run the tool again"
        )
    runs: list[Run] = []
    room = limits.findings
    for number, item in enumerate(raw):
        runs.append(_run(item, f"/runs/{number}", notes, room))
        room -= len(runs[-1].results)
    return tuple(runs)


def _run(raw: msgspec.Raw, where: str, notes: Notes, room: int) -> Run:
    parts = members(raw, where)
    if "externalPropertyFileReferences" in parts:
        raise FormatRefused(f"{where} keeps its contents in other files", fix="let the tool write one self-contained SARIF file")
    if bytes(parts.get("results", b"null")).strip() == b"null":
        raise EvidenceInvalid(
            f"{where} has no results",
            why="by SARIF §3.14.23 that means that the tool did not look; an empty array would mean that it found nothing",
            fix="run the tool again",
        )
    if "tool" not in parts:
        raise EvidenceInvalid(f"{where} names no tool (SARIF §3.14.6)", fix="run the tool again")
    tool = _tool.decode(parts["tool"], f"{where}/tool", notes)
    head = _head.decode(raw, where, notes)
    if any(_failed(entry) for entry in head.invocations or ()):
        raise EvidenceInvalid(
            f"{where}: {tool.driver.name} says that its run failed (SARIF §3.20.14)",
            why="a run that failed shows nothing about what it did not reach",
            fix="run the tool again and look at its own output",
        )
    errors = sum(
        notification.level == "error"
        for entry in head.invocations or ()
        for notification in entry.tool_execution_notifications or ()
    )
    if errors:
        # Semgrep and CodeQL say so of files that they could not parse.
        notes.add("tool_errors", f"{tool.driver.name} met errors, so it did not look at everything", where, errors)
    find = _Rules(tool)
    results = [
        _result.decode(item, f"{where}/results/{number}", notes)
        for number, item in enumerate(elements(parts["results"], f"{where}/results", bound=room))
    ]
    return Run(tool, head, tuple((result, find(result)) for result in results), where)


def _failed(entry: Invocation) -> bool:
    return entry.execution_successful is False or bool(entry.exit_signal_name or entry.process_start_failure_message)


class _Rules:
    """Rules by index and by id (SARIF §3.27.6, §3.52.3); an unknown one is a rule of which only the id is known."""

    def __init__(self, tool: Tool) -> None:
        self._components = [tool.driver, *(tool.extensions or ())]
        self._by_id: dict[str, Rule] = {
            rule.id: rule for component in reversed(self._components) for rule in component.rules or ()
        }

    def __call__(self, result: Result) -> Rule:
        reference = result.rule or RuleReference()
        name = result.rule_id or reference.id or ""
        index = result.rule_index if result.rule_index is not None else reference.index
        place = reference.tool_component.index if reference.tool_component is not None else None
        number = 0 if place is None or place < 0 else place + 1
        rules: list[Rule] = (self._components[number].rules or []) if number < len(self._components) else []
        if index is not None and 0 <= index < len(rules) and (not name or _same(name, rules[index].id)):
            return rules[index]
        known: Rule | None = self._by_id.get(name) or self._by_id.get(name.rpartition("/")[0])
        return known if known is not None else Rule(id=name)


def _same(name: str, rule: str) -> bool:
    """Whether a result's rule id is the rule's or hierarchically below it (SARIF §3.27.5)."""
    return name == rule or name.startswith(f"{rule}/")


def rule_id(result: Result, rule: Rule) -> str:
    return result.rule_id or (result.rule.id if result.rule and result.rule.id else "") or rule.id


def level(result: Result, rule: Rule) -> str:
    """``error``, ``warning``, ``note`` or ``none`` (SARIF §3.27.10): the result's, else the rule's, else ``warning``."""
    if result.kind not in (None, "fail"):
        return "none"
    said = result.level or (rule.default_configuration.level if rule.default_configuration else None) or "warning"
    return said if said in ("error", "warning", "note", "none") else "error"


def suppressed(result: Result) -> str:
    """Why the result is suppressed; empty if it is not, or if one suppression is under review or rejected (SARIF §3.27.23)."""
    entries = result.suppressions or []
    if not entries or any(entry.status not in (None, "accepted") for entry in entries):
        return ""
    reasons = [entry.justification or f"suppressed {entry.kind or 'in SARIF'}" for entry in entries]
    return "; ".join(dict.fromkeys(reasons))


def message(result: Result, rule: Rule) -> str:
    """The text, with a message id looked up in the rule and its arguments filled in (SARIF §3.11.7)."""
    said = result.message or Text()
    text = said.text or said.markdown or ""
    if not text and said.id and rule.message_strings and said.id in rule.message_strings:
        text = rule.message_strings[said.id].text or ""
    for number, argument in enumerate(said.arguments or ()):
        text = text.replace(f"{{{number}}}", argument)
    return text


def location(result: Result) -> str:
    """``path:line`` of the first location; empty without one."""
    for entry in result.locations or ():
        physical = entry.physical_location or Physical()
        uri = physical.artifact_location.uri if physical.artifact_location else None
        line = physical.region.start_line if physical.region else None
        if uri:
            return f"{uri}:{line}" if line else uri
    return ""


def security_severity(rule: Rule) -> float | None:
    """The rule's ``security-severity``, a CVSS-like score that tools write as text; null when absent or outside 0 to 10."""
    value = (rule.properties or {}).get("security-severity")
    try:
        score = float(value) if isinstance(value, str | int | float) else None
    except ValueError:
        return None
    return score if score is not None and 0 <= score <= 10 else None


def tags(rule: Rule) -> tuple[str, ...]:
    found = (rule.properties or {}).get("tags")
    return tuple(tag for tag in found if isinstance(tag, str)) if isinstance(found, list) else ()
