"""Sets of deadlines as data of the packs: ``deadlines/<name>/data.yaml``. They only ever tighten what is in force.

Several may hold at once; of each number the smallest does. So a set can be asked for beside a pinned pack, and none of them
undoes a stricter house rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from gate.errors import ConfigError
from gate.model.base import Model
from gate.model.parameters import RemediationDays
from gate.policy.bundle import Policy
from gate.policy.decoding import decode, did_you_mean
from gate.policy.ownership import data_at, data_roots
from gate.policy.parameters import decode_params
from gate.policy.yamlfile import Source

ROOT = "deadlines"
_PARAMETERS = ("remediation_days", "kev_due_dates")


class _Document(Model, frozen=True, kw_only=True):
    title: str
    sources: tuple[str, ...]
    """Where the numbers stand; at least one."""
    params: dict[str, Any]


def names(policy: Policy) -> tuple[str, ...]:
    """All sets in the packs."""
    roots = {root for pack in policy.packs for root in data_roots(pack)}
    return tuple(sorted(root[1] for root in roots if len(root) > 1 and root[0] == ROOT))


def deadlines(policy: Policy, name: str) -> dict[str, Any]:
    """The parameters of a set. Raises ConfigError for one that is not there, says nothing, or says more than deadlines."""
    found = data_at(policy, (ROOT, name))
    if found is None:
        raise ConfigError(f"there are no deadlines {name!r}", fix=did_you_mean(name, names(policy)))
    value, pack = found
    source = Source(f"{pack.source}/{ROOT}/{name}", value, "")
    document = decode(source, _Document)
    for key in document.params:
        if key not in _PARAMETERS:
            raise ConfigError(f"{source.name}: {key} is no deadline", fix=f"a set has {' and '.join(_PARAMETERS)} only")
    params = decode_params(source, document.params, at=("params",))
    days = params.get("remediation_days", RemediationDays())
    if not document.sources or not (
        params.get("kev_due_dates") or any(each is not None for each in msgspec.structs.astuple(days))
    ):
        raise ConfigError(f"{source.name}: names no source or no deadline", why="it would be in force and demand nothing")
    return params


def tighten(values: dict[str, Any], origins: dict[str, str], sets: Iterable[tuple[str, str]], policy: Policy) -> None:
    """Joins the sets, given as (name, where it was asked for), into parameter values, and notes what came from them."""
    for name, where in sets:
        for key, value in deadlines(policy, name).items():
            stricter = _strictest(values[key], value) if key == "remediation_days" else bool(values[key] or value)
            if stricter != values[key]:
                values[key], origins[key] = stricter, f"{where} {name}"


def _strictest(one: RemediationDays, other: RemediationDays) -> RemediationDays:
    def least(field: str) -> int | None:
        given = [days for days in (getattr(one, field), getattr(other, field)) if days is not None]
        return min(given, default=None)

    return RemediationDays(**{field: least(field) for field in RemediationDays.__struct_fields__})
