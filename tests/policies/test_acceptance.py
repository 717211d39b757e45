"""Acceptance of evidence: Rego and Python have one definition."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest

from gate.model.evidence import Evidence
from gate.model.parameters import Acceptance
from gate.policy.acceptance import accepted, satisfies
from tests.policies.opa import query
from tests.policies.samples import make_input, parameters

_KINDS = ("vulnerabilities", "sbom", "signature", "provenance", "vex", "unknown")
_ACCEPT: dict[str, dict[str, Acceptance]] = {
    "prod": dict(parameters("prod").accept),
    "dev": dict(parameters("dev").accept),
    "lax": {"*": Acceptance(verified=False, bindings=("signed", "embedded", "asserted"))},
    "strict": {"*": Acceptance(verified=True, bindings=("signed",))},
    "nothing": {},
    "bindings_empty": {"*": Acceptance(verified=False, bindings=())},
}


def _items() -> tuple[Evidence, ...]:
    template = make_input().evidence[0]
    found = []
    for number, (kind, origin, binding, state, role) in enumerate(
        itertools.product(
            _KINDS,
            ("attestation", "referrer", "file", "image", "computed"),
            ("signed", "embedded", "asserted", "none"),
            ("verified", "unverified", "failed"),
            ("", "*", "kind", "other"),
        )
    ):
        roles = {"": (), "*": ("*",), "kind": (kind,), "other": ("sast",)}[role]
        changes: Any = {"kind": kind, "origin": origin, "binding": binding, "id": f"sha256:{number:064x}"}
        verification = msgspec.structs.replace(template.verification, state=state, roles=roles)
        found.append(msgspec.structs.replace(template, verification=verification, **changes))
    return tuple(found)


@pytest.mark.parametrize("accept", _ACCEPT.values(), ids=_ACCEPT)
def test_rego_and_python_agree(accept: dict[str, Acceptance]) -> None:
    """Over every combination of kind, origin, binding, state and role, both accept the same items; partial ones only count."""
    params = msgspec.structs.replace(parameters(), accept=accept)
    whole = _items()
    partial = tuple(msgspec.structs.replace(item, id=f"{item.id}p", partial=True) for item in whole if item.kind == _KINDS[0])
    document = msgspec.structs.replace(make_input(params=params), evidence=whole + partial)
    rego = {item for ids in query("data.lib.evidence.accepted", document).values() for item in ids}
    assert rego == {item.id for item in document.evidence if satisfies(item, params)}
    counted = set(query(f'data.lib.evidence.counted("{_KINDS[0]}")', document))
    assert counted == {item.id for item in document.evidence if item.kind == _KINDS[0] and accepted(item, params)}
