"""Waivers of controls: what has to be in them, and which results a V-id names."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gate.limits import DEFAULT
from gate.model.waiver import COMPLIANCE_DOMAINS, Scope
from gate.policy.inventory import Inventory
from gate.policy.results import RawResult
from gate.policy.waivers import judge, read_waivers
from tests.policy.packs import NOW, PARAMS, decided, domain, engine, make_input, rule, said, state_of, waiver, write_pack

CONTROLS = [{"framework": "STIG", "id": "V-233163"}, {"framework": "NIST-800-53", "id": "AC-6"}]
WHOLE = {"compensating_control": "admission enforces it", "approved_by": "ciso@acme.example"}
STRICT = msgspec.structs.replace(PARAMS, waiver_compensating_control=True)


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    names = [*COMPLIANCE_DOMAINS, "demo"]
    files: dict[str, str] = {}
    for name in names:
        files |= domain(rule("user", domain=name, controls=CONTROLS), name=name)
    with engine(write_pack(tmp_path_factory.mktemp("pack"), files)) as made:
        return made.inventory


@pytest.mark.parametrize("name", [*COMPLIANCE_DOMAINS, "demo"])
@pytest.mark.parametrize(
    ("change", "lacks"),
    [({}, ""), ({"compensating_control": ""}, "compensating_control"), ({"approved_by": ""}, "approved_by"),
     ({"compensating_control": "\u200b - ", "approved_by": "\u2800"}, "compensating_control and approved_by")],
)  # fmt: skip
def test_a_waiver_of_a_control_names_what_holds_instead(
    name: str, change: dict[str, str], lacks: str, inventory: Inventory
) -> None:
    """In compliance domains, where the parameter asks for it; without, it is invalid and waives nothing."""
    held = waiver(rule=f"{name}.user", **(WHOLE | change))
    found = judge(held, NOW, STRICT, None, inventory)
    wrong = bool(lacks) and name != "demo"
    assert found.state == ("invalid" if wrong else "active")
    assert (f"lacks {lacks}," in found.problem) == wrong
    assert judge(held, NOW, PARAMS, None, inventory).state == "active"


@pytest.mark.parametrize(
    ("changes", "waived"),
    [
        ({"term": "V-233163"}, True),
        ({"term": "usr/bin/su|x"}, True),
        ({"term": "usr/bin/su"}, False),
        ({"term": ""}, True),
        ({"term": "AC-6"}, False),
        ({"term": "V-23316"}, False),
        ({"term": "v-233163"}, False),
        ({"term": "V-233163", "baseline": True}, False),
        ({"term": "V-233163", "scope": Scope(images=("registry.test/other",))}, False),
        ({"term": "V-233163", "scope": Scope(digests=("sha256:" + "9" * 64,))}, False),
        ({"term": "V-233163", "state": "expired"}, False),
        ({"term": "V-233163", "state": "pending"}, False),
        ({"term": "V-233163", "state": "invalid"}, False),
        ({"term": "V-233163", "rule": "demo.user"}, False),
    ],
)
def test_a_v_id_names_the_control_as_a_whole(changes: dict[str, Any], waived: bool, inventory: Inventory) -> None:
    """The rule's own V-id, and no other id of it: a NIST control stands for many rules. A path is one name, bars and all."""
    held = waiver(**({"rule": "hardening.user"} | changes))
    document = make_input(decision={"waivers": (held,)})
    found = said(inventory, ("deny", RawResult(rule="hardening.user", msg="found", term="usr/bin/su|x")))
    assert state_of(decided(document, inventory, found), "hardening.user") == ("waived" if waived else "denied")


def test_the_text_is_read_from_the_file(tmp_path: Any) -> None:
    """And must be text."""
    path = tmp_path / "waivers.yaml"
    path.write_text(
        "schema: gate.waivers/v1\nwaivers:\n"
        "  - {id: A, rule: demo.user, reason: r, owner: o, ticket: t, expires: 2026-12-31, compensating_control: ' read-only '}\n"
        "  - {id: B, rule: demo.user, reason: r, owner: o, ticket: t, expires: 2026-12-31, compensating_control: [x]}\n"
    )
    first, second = read_waivers(path, DEFAULT)
    assert (first.compensating_control, first.problem) == ("read-only", "")
    assert "compensating_control is no string" in second.problem
