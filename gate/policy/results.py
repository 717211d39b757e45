"""OPA's answer as typed results; whatever is not a result of a known rule is a policy error (invariant 5)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gate.errors import PolicyError
from gate.model.base import Model, to_json
from gate.policy.decoding import did_you_mean
from gate.policy.inventory import Inventory


class RawResult(Model, frozen=True, kw_only=True):
    """What a rule put into a set."""

    rule: str
    term: str = ""
    msg: str
    evidence: tuple[str, ...] = ()
    expected: Any = None
    got: Any = None
    fix: str = ""
    data: Any = None


# Here and not at the first answer: answers arrive in threads, and msgspec must not meet a type for the first time in two of them.
msgspec.convert({"rule": "", "msg": ""}, RawResult)


@dataclasses.dataclass(frozen=True, slots=True)
class Evaluation:
    """What the rules said before enforcement mode, waivers and the engine's own checks."""

    results: Mapping[str, Mapping[str, tuple[RawResult, ...]]]
    """By package and set; sorted."""
    failures: Mapping[str, str]
    """Why a package gave no answer, by package."""


def read_results(value: Any, packages: Sequence[str], inventory: Inventory) -> Evaluation:
    """The answer to `Inventory.query`; raises PolicyError when a package or set is missing or a result is malformed."""
    if not isinstance(value, dict) or value.keys() != set(packages):
        raise PolicyError("the answer does not have the packages that were asked for", fix="run `gate doctor`")
    results: dict[str, dict[str, tuple[RawResult, ...]]] = {}
    for package in packages:
        sets = value[package]
        if not isinstance(sets, dict) or sets.keys() != set(inventory.packages[package]):
            raise PolicyError(f"package {package} did not answer with {', '.join(inventory.packages[package])}")
        results[package] = {name: _read_set(package, name, members, inventory) for name, members in sorted(sets.items())}
    return Evaluation(results, {})


def _read_set(package: str, name: str, members: Any, inventory: Inventory) -> tuple[RawResult, ...]:
    if not isinstance(members, list):
        raise PolicyError(f"{package}.{name} is no set", fix=f"write `{name} contains result.make(…) if {{ … }}`")
    found = []
    for member in members:
        try:
            result = msgspec.convert(member, RawResult, strict=True)
        except msgspec.ValidationError as problem:
            raise PolicyError(
                f"{package}.{name} has an element that is no result: {problem}",
                why="it could not be reported, waived or told from another",
                fix="make it with lib.result.make: rule, term, msg, evidence, expected, got, fix, data",
            ) from problem
        meta = inventory.rules.get(result.rule)
        if meta is None:
            raise PolicyError(
                f"{package}.{name} has a result of the unknown rule {result.rule!r}",
                why="every rule is known by its METADATA",
                fix=did_you_mean(result.rule, (rule.id for rule in inventory.rules.values() if rule.package == package)),
            )
        if meta.package != package:
            raise PolicyError(f"{package}.{name} speaks for the rule {result.rule} of {meta.package}", fix="use an id of its own")
        found.append(msgspec.structs.replace(result, evidence=tuple(sorted(set(result.evidence)))))
    return tuple(sorted(found, key=lambda result: (result.rule, result.term, to_json(result))))
