"""What rules there are, from their METADATA: the list that evaluation is compared with (invariant 5).

Read by two OPA runs side by side: ``opa inspect`` gives the annotations, ``rego.parse_module`` the rule heads, so that a rule
without METADATA cannot hide. Unknown keys are refused, because a misspelt ``requires_evidence`` would be a requirement lost.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from gate.errors import PolicyError
from gate.model.base import Model
from gate.model.evidence import Kind
from gate.model.verdict import Control
from gate.policy.bundle import Policy
from gate.policy.decoding import decode, did_you_mean
from gate.policy.ownership import check_packages
from gate.policy.parameters import BY_NAME
from gate.policy.yamlfile import Source

SETS = ("deny", "no_verdict", "not_applicable", "warn")

SubjectKind = Literal["image", "index", "archive", "digest"]
ALL_SUBJECTS: tuple[SubjectKind, ...] = ("image", "index", "archive", "digest")

HEADS_QUERY = """{f: [r |
 some rule in object.get(rego.parse_module(f, text), "rules", [])
 r := {"ref": [t.value | some t in rule.head.ref], "set": object.keys(rule.head) & {"key", "value", "args"}}
] | some f, text in input}"""
"""Rule heads by file; ``input`` is the text of each file by path. Evaluated without any policy loaded."""


class Requirement(Model, frozen=True, kw_only=True):
    """One entry of ``requires_evidence``."""

    kind: Kind
    when: str | None = None
    """The parameter that asks for it; absent means always."""
    state: Literal["verified", "accepted"] = "accepted"
    on: Literal["index", "platform", "either"] = "either"
    select: Literal["any", "all", "newest"] = "any"
    """``all``: every item of the kind must be accepted. ``newest`` is for the rule's own choice; for the engine it is ``any``,
    since an unaccepted newer item, which anyone who can push could add, must not block."""
    facts: bool = False
    """Whether the gate's own facts of the image meet it too, because the rules of this package judge them."""


class _Custom(Model, frozen=True, kw_only=True):
    short_name: str
    failure_msg: str
    solution: str
    severity: Literal["critical", "high", "medium", "low", "info"]
    waivable: bool
    collections: tuple[str, ...]
    controls: tuple[Control, ...] = ()
    requires_evidence: tuple[Requirement, ...] = ()
    applies_to: tuple[SubjectKind, ...] = ALL_SUBJECTS
    effective_on: str | None = None
    depends_on: tuple[str, ...] = ()
    parameter: str | None = None
    rule_data: Any = None
    ref: str = ""


# METADATA is read in a thread, and msgspec must not meet a type for the first time in two of them.
msgspec.json.Decoder(_Custom)


@dataclasses.dataclass(frozen=True, slots=True)
class RuleMeta:
    """One rule as its METADATA describes it."""

    id: str
    package: str
    title: str
    description: str
    custom: _Custom
    set: str
    """The partial set that it contributes to."""
    location: str
    """``file:row`` in the pack."""


@dataclasses.dataclass(frozen=True)
class Inventory:
    """All rules, and which of the four sets each package defines."""

    rules: Mapping[str, RuleMeta]
    """By id, sorted."""
    packages: Mapping[str, tuple[str, ...]]
    """Sets by package (``rules.sbom``), sorted."""

    @property
    def collections(self) -> frozenset[str]:
        return frozenset(name for rule in self.rules.values() for name in rule.custom.collections)

    @property
    def domains(self) -> frozenset[str]:
        return frozenset(package.removeprefix("rules.") for package in self.packages)

    def query(self, packages: Iterable[str]) -> str:
        """The one query for these packages: an object over exactly the sets that each defines."""
        members = []
        for package in sorted(packages):
            base = "data" + "".join(f"[{_quote(part)}]" for part in package.split("."))
            sets = ",".join(f"{_quote(name)}:{base}[{_quote(name)}]" for name in self.packages[package])
            members.append(f"{_quote(package)}:{{{sets}}}")
        return "{" + ",".join(members) + "}"


def _quote(text: str) -> str:
    return msgspec.json.encode(text).decode()


def build(
    policy: Policy, packages_by_file: Mapping[str, str], annotations: Iterable[Mapping[str, Any]], heads: Mapping[str, Any]
) -> Inventory:
    """The inventory from the outputs of both runs; file names are paths inside the packs. Raises PolicyError.

    ``packages_by_file`` is about all Rego files, ``heads`` about those below ``rules/``; no other may hold a rule package.
    """
    check_packages(policy, {path: _name(policy, path, package) for path, package in packages_by_file.items()})
    described: dict[tuple[str, str], list[RuleMeta]] = {}
    rules: dict[str, RuleMeta] = {}
    for entry in annotations:
        rule = _rule(policy, entry)
        if rule is None:
            continue
        described.setdefault((entry["location"]["file"], rule.set), []).append(rule)
        if rule.id in rules:
            raise PolicyError(
                f"the rule id {rule.id} is declared at {rules[rule.id].location} and at {rule.location}",
                why="results, waivers and selections name a rule by its id",
                fix="give one of them another short_name",
            )
        rules[rule.id] = rule
    packages: dict[str, set[str]] = {}
    for path, package in packages_by_file.items():
        if package == "rules" or package.startswith("rules."):
            sets = packages.setdefault(package, set())
            for name, count in _sets(policy, path, package, heads.get(path, ())).items():
                sets.add(name)
                _all_described(policy, path, name, count, described.get((path, name), []))
    for package, sets in packages.items():
        if package == "rules.gate":
            raise PolicyError(
                "package rules.gate belongs to the gate: its own checks are called gate.…", fix="choose another name"
            )
        if not sets or package == "rules":
            raise PolicyError(
                f"package {package} defines none of {', '.join(SETS)}",
                why="a package under rules. that cannot speak looks like one that is content",
                fix="add a rule, or move helpers to package lib.<topic>",
            )
    inventory = Inventory(dict(sorted(rules.items())), {name: tuple(sorted(packages[name])) for name in sorted(packages)})
    _references(inventory)
    return inventory


def _name(policy: Policy, path: str, package: str) -> tuple[str, ...]:
    parts = tuple(package.split("."))
    if not all(part.isidentifier() and part.isascii() for part in parts):
        raise PolicyError(f"{policy.original(path)}: the package name {package} needs quotes", fix="use letters, digits and _")
    return parts


def _sets(policy: Policy, path: str, package: str, rules: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for rule in rules:
        name = rule["ref"][0]
        if name not in SETS:
            continue
        if len(rule["ref"]) != 1 or list(rule["set"]) != ["key"]:
            raise PolicyError(
                f"{policy.original(path)}: {package}.{name} is not a partial set",
                why="only the elements of the four sets are results; a value or a function of that name would never be read",
                fix=f"write `{name} contains result.make(…) if {{ … }}`",
            )
        counts[name] = counts.get(name, 0) + 1
    return counts


def _all_described(policy: Policy, path: str, name: str, count: int, found: list[RuleMeta]) -> None:
    rows = {rule.location for rule in found}
    if len(found) == count and len(rows) == count:
        return
    raise PolicyError(
        f"{policy.original(path)}: {count} {name} rules, {len(rows)} of them with METADATA",
        why="a rule that the inventory does not know is not missed when it does not run",
        fix="give each rule a `# METADATA` block of its own with title, description and custom; described are rows "
        + (", ".join(sorted(row.rsplit(":", 1)[-1] for row in rows)) or "none"),
    )


def _rule(policy: Policy, entry: Mapping[str, Any]) -> RuleMeta | None:
    """A rule of one of the sets; None for annotations of packages, helpers and anything else."""
    path = [str(part["value"]) for part in entry["path"][1:]]
    body = entry["annotations"]
    where = f"{policy.original(entry['location']['file'])}:{entry['location']['row']}"
    if len(path) < 3 or path[0] != "rules" or path[-1] not in SETS or body.get("scope") in {"package", "subpackages"}:
        return None
    if body.get("scope") != "rule":
        raise PolicyError(f"{where}: METADATA of a rule must have scope rule", fix=f"remove `scope: {body.get('scope')}`")
    for key in ("title", "description", "custom"):
        if not body.get(key):
            raise PolicyError(f"{where}: the METADATA lacks {key}", fix=f"add `# {key}: …`")
    custom = decode(Source(where, body["custom"], ""), _Custom, error=PolicyError)
    if not custom.short_name.isidentifier():
        raise PolicyError(f"{where}: short_name is {custom.short_name!r}", fix="use snake_case letters, digits and _")
    if not custom.applies_to:
        raise PolicyError(
            f"{where}: applies_to is empty, so the rule would never be asked", fix="remove applies_to, or name a kind"
        )
    package = ".".join(path[:-1])
    return RuleMeta(
        id=f"{'.'.join(path[1:-1])}.{custom.short_name}",
        package=package,
        title=str(body["title"]),
        description=str(body["description"]),
        custom=custom,
        set=path[-1],
        location=where,
    )


def known_parameter(name: str) -> bool:
    """Whether METADATA may name it: a parameter of the table, or ``custom.<name>``."""
    return name in BY_NAME or (name.startswith("custom.") and len(name) > len("custom."))


def _references(inventory: Inventory) -> None:
    for rule in inventory.rules.values():
        for name in rule.custom.depends_on:
            if name not in inventory.rules:
                raise PolicyError(f"{rule.location}: depends_on names {name!r}", fix=did_you_mean(name, inventory.rules))
        named = [need.when for need in rule.custom.requires_evidence if need.when] + [rule.custom.parameter or "max_critical"]
        for name in named:
            if not known_parameter(name):
                raise PolicyError(f"{rule.location}: names the parameter {name!r}", fix=did_you_mean(name, BY_NAME))
        _no_cycle(inventory, rule)


def _no_cycle(inventory: Inventory, start: RuleMeta) -> None:
    pending, seen = list(start.custom.depends_on), set[str]()
    while pending:
        name = pending.pop()
        if name == start.id:
            raise PolicyError(f"{start.location}: {start.id} depends on itself", fix="break the circle of depends_on")
        if name not in seen:
            seen.add(name)
            pending.extend(inventory.rules[name].custom.depends_on)
