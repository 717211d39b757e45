"""The policy digest: equal for equal demands, different for different ones."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from gate.attest.policy_digest import policy_digest
from gate.errors import ConfigError
from gate.model.parameters import RemediationDays
from gate.model.waiver import Scope, Waiver
from tests.factory import DIGEST, OTHER, decision, parameters

BUNDLES = {"policies": DIGEST}


def waiver(**changes: Any) -> Waiver:
    values: dict[str, Any] = {
        "id": "W-1",
        "rule": "vulnerabilities.max_high",
        "term": "CVE-2020-1747",
        "scope": Scope(),
        "reason": "not reachable",
        "owner": "team",
        "ticket": "T-1",
        "created": "2026-11-01T00:00:00Z",
        "expires": "2026-12-01T00:00:00Z",
        "state": "active",
    }
    return Waiver(**(values | changes))


def test_it_is_the_digest_of_the_canonical_block() -> None:
    """For a block without floats, sorted compact JSON is canonical: anyone can work the digest out."""
    import msgspec

    made = decision()
    block = {"decision": msgspec.to_builtins(made), "bundles": [DIGEST], "trust": ""}
    block["decision"]["waivers"] = []
    text = json.dumps(block, sort_keys=True, separators=(",", ":"))
    assert policy_digest(made, BUNDLES) == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        {"profile": "dev"},
        {"profile_digest": OTHER},
        {"environment": "staging"},
        {"params": parameters(max_critical=999)},
        {"params": parameters(max_epss=0.5)},
        {"params": parameters(remediation_days=RemediationDays(high=30))},
        {"params": parameters(custom={"org.limit": 1})},
        {"selection": ("@dev",)},
        {"enforcement": {"image": "report"}},
        {"exit_zero": True},
        {"waivers": (waiver(),)},
        {"engine_required": (DIGEST,)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_choice_changes_it(change: dict[str, Any]) -> None:
    """No member of the decision block can be changed under the same name."""
    assert policy_digest(decision(**change), BUNDLES) != policy_digest(decision(), BUNDLES)


@pytest.mark.parametrize(
    "change",
    [{"id": "W-2"}, {"rule": "x.y"}, {"term": ""}, {"scope": Scope(images=("a",))}, {"expires": "2027-01-01T00:00:00Z"}],
    ids=lambda change: next(iter(change)),
)
def test_every_choice_of_a_waiver_changes_it(change: dict[str, Any]) -> None:
    """A waiver cannot be widened under the same name."""
    first, second = decision(waivers=(waiver(),)), decision(waivers=(waiver(**change),))
    assert policy_digest(first, BUNDLES) != policy_digest(second, BUNDLES)


def test_bundle_and_trust_change_it() -> None:
    """Another bundle, one more bundle, and other keys are other policies."""
    seen = {
        policy_digest(decision(), bundles, trust=trust)
        for bundles in (BUNDLES, {"policies": OTHER}, {**BUNDLES, "own": OTHER}, {})
        for trust in ("", DIGEST)
    }
    assert len(seen) == 8


def test_the_hour_and_the_files_do_not() -> None:
    """What a waiver's clock says, where files lay and in which order they were named is not what was demanded."""
    first = decision(waivers=(waiver(expires_in_s=10, source="/a"), waiver(id="W-2")))
    second = decision(waivers=(waiver(id="W-2"), waiver(expires_in_s=9, source="/b", state="expired")))
    assert policy_digest(first, {"a": DIGEST, "b": OTHER}) == policy_digest(second, {"c": OTHER, "d": DIGEST})


@pytest.mark.parametrize("value", [2**53 + 1, float("nan"), float("inf"), -(2**60)])
def test_what_has_no_canonical_form_is_refused(value: float) -> None:
    """A number that two implementations could write differently is a ConfigError."""
    with pytest.raises(ConfigError, match="canonical"):
        policy_digest(decision(params=parameters(custom={"x": value})), BUNDLES)
