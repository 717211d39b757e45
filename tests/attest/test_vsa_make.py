"""Making a summary: PASSED is said only of what passed."""

from __future__ import annotations

import json
from itertools import product
from typing import Any, Literal, get_args

import msgspec
import pytest

from gate.attest import vsa_make
from gate.attest.vsa import make_vsa
from gate.errors import SigningError, UsageError
from gate.model.base import digest_of, to_json
from gate.model.evidence import Binding, Origin, Verification
from gate.model.input import Time
from gate.model.parameters import Acceptance
from gate.model.verdict import ChildOutcome, Control, Engine, RuleOutcome, Verdict
from gate.policy.acceptance import accepted
from tests.attest.verdicts import (
    PASSED_RULE,
    POLICY,
    PROVENANCE,
    RESOURCE,
    STRICT,
    VERIFIER,
    allowed,
    digests,
    make,
    provenance,
)
from tests.factory import DIGEST, NOW, OTHER, decision, evidence, outcome, parameters, result, rule, verdict


def predicate(made: Verdict) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(make(made))["predicate"]
    return document


def slsa(identifier: str, state: str = "passed") -> RuleOutcome:
    return rule(rule=f"provenance.{state}", state=state, results=(), controls=(Control(framework="SLSA", id=identifier),))


def levels(*rules: RuleOutcome, **changes: Any) -> list[str]:
    found: list[str] = predicate(allowed(rules=rules, **changes))["verifiedLevels"]
    return found


def test_an_allow_becomes_a_passed_summary() -> None:
    """Every member of the predicate, as SLSA 1.2 names them."""
    made = allowed()
    assert json.loads(make(made)) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "registry.example/app", "digest": {"sha256": DIGEST[7:]}}],
        "predicateType": "https://slsa.dev/verification_summary/v1",
        "predicate": {
            "verifier": {"id": VERIFIER, "version": {"gate": "0.1.0", "opa": "1.22.2"}},
            "timeVerified": NOW,
            "resourceUri": RESOURCE,
            "policy": {
                "uri": POLICY,
                "digest": {"sha256": made.outcome.digests.policy[7:]},
                "annotations": {"outcome": made.outcome_digest, "trust": made.outcome.digests.trust, "bundles": [DIGEST]},
            },
            "inputAttestations": [
                {
                    "name": "provenance",
                    "digest": {"sha256": PROVENANCE[7:]},
                    "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
                }
            ],
            "verificationResult": "PASSED",
            "verifiedLevels": ["POLICY_GATE_PASSED"],
            "slsaVersion": "1.2",
        },
    }


def test_rules_that_could_not_deny_are_named() -> None:
    """Report mode of a rule, or of one term of it, is told; rules that do not apply are not worth a word."""
    part = rule(rule="image.labels", state="warned", results=(result(effect="warn", because="report mode"),))
    whole = rule(rule="sbom.required", state="passed", mode="report", results=())
    beside = rule(rule="source.sast", state="not_applicable", mode="report", results=())
    made = allowed(rules=(PASSED_RULE, whole, part, beside))
    assert predicate(made)["policy"]["annotations"]["report_mode"] == ["image.labels", "sbom.required"]
    assert "report_mode" not in predicate(allowed())["policy"]["annotations"]


def test_acceptance_has_one_definition() -> None:
    """What a summary calls an input is decided by the same function as what a rule may rely on."""
    assert vsa_make.accepted is accepted  # type: ignore[attr-defined]


def test_the_same_verdict_gives_the_same_bytes() -> None:
    """A summary is a function of the verdict and the three URIs."""
    assert make(allowed()) == make(allowed())


def test_a_deny_becomes_a_failed_summary() -> None:
    """FAILED, the level FAILED, and no SLSA level, whatever the rules say."""
    policy = decision(params=STRICT)
    made = allowed(decision="DENY", rules=(rule(), slsa("SLSA_BUILD_LEVEL_3")), digests=digests(policy), policy=policy)
    assert predicate(made)["verificationResult"] == "FAILED"
    assert predicate(made)["verifiedLevels"] == ["FAILED"]


def test_a_failure_under_another_time_says_when_it_really_was() -> None:
    """The overridden time is not passed off as the time of the check."""
    made = allowed(decision="DENY", time=Time(now="2020-01-01T00:00:00Z", source="override"))
    assert predicate(made)["timeVerified"] == NOW


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"decision": "NO_VERDICT"}, "no verdict"),
        ({"rules": (PASSED_RULE, rule(state="denied"))}, "is denied"),
        ({"rules": (PASSED_RULE, rule(state="no_verdict"))}, "is no_verdict"),
        ({"rules": ()}, "no rule looked"),
        ({"rules": (rule(state="not_applicable", results=()),)}, "no rule looked"),
        ({"enforced": False}, "not enforced"),
        ({"time": Time(now=NOW, source="override")}, "time was overridden"),
        ({"engine": Engine(name="opa-remote", version="1")}, "not known by digest"),
        ({"children": (ChildOutcome(platform=None, digest=OTHER, decision="DENY", outcome_digest=OTHER),)}, "every platform"),
        ({"children": (ChildOutcome(platform=None, digest=OTHER, decision="NO_VERDICT", outcome_digest=OTHER),)}, "platform"),
    ],
)
def test_what_did_not_pass_is_not_summarized(changes: dict[str, Any], reason: str) -> None:
    """Each condition of PASSED, broken alone, is refused with its reason."""
    with pytest.raises(SigningError, match=reason):
        make(allowed(**changes))


@pytest.mark.parametrize("changes", [{"engine": ""}, {"bundles": {}}])
def test_engine_and_bundle_are_known_by_digest(changes: dict[str, Any]) -> None:
    """A verdict of an engine or a bundle without digest is not signed for."""
    policy = decision(params=STRICT)
    with pytest.raises(SigningError, match="not known by digest"):
        make(allowed(policy, digests=digests(policy, **changes)))


def test_exit_zero_in_the_policy_is_not_enforced() -> None:
    """`exit_zero` counts even where the outcome says enforced."""
    with pytest.raises(SigningError, match="not enforced"):
        make(allowed(decision(params=STRICT, exit_zero=True)))


def test_the_engine_must_be_one_that_the_bundle_allows() -> None:
    """With a list of engines, only those; without one, any."""
    assert make(allowed(decision(params=STRICT, engine_required=(OTHER, DIGEST))))
    with pytest.raises(SigningError, match="bundle allows"):
        make(allowed(decision(params=STRICT, engine_required=(OTHER,))))


def test_an_index_needs_its_platforms() -> None:
    """An index without verified platforms, or with one that is not allowed, gets none; with all allowed it does."""
    subject = msgspec.structs.replace(outcome().subject, kind="index", platform=None)
    good = ChildOutcome(platform=None, digest=OTHER, decision="ALLOW", outcome_digest=OTHER)
    assert make(allowed(subject=subject, children=(good, good)))
    for children in ((), (good, msgspec.structs.replace(good, decision="DENY"))):
        with pytest.raises(SigningError, match="every platform"):
            make(allowed(subject=subject, children=children))


@pytest.mark.parametrize("decided", ["ALLOW", "DENY"])
def test_a_daemon_tarball_gets_none(decided: str) -> None:
    """A configuration digest is not what a registry knows the image by."""
    subject = msgspec.structs.replace(outcome().subject, kind="archive")
    with pytest.raises(SigningError, match="docker save"):
        make(allowed(subject=subject, decision=decided))


def test_a_changed_outcome_is_refused() -> None:
    """An outcome edited after the fact does not have its digest."""
    made = verdict(decision="DENY")
    changed = msgspec.structs.replace(made, outcome=msgspec.structs.replace(made.outcome, decision="ALLOW"))
    with pytest.raises(SigningError, match="outcome does not have the digest"):
        make(changed)


def test_a_policy_digest_that_is_not_the_policys_is_refused() -> None:
    """The summary cannot name a strict policy when a lenient one was evaluated."""
    lenient, strict = decision(), decision(params=STRICT)
    with pytest.raises(SigningError, match="that of the decision block"):
        make(allowed(lenient, digests=digests(strict)))


@pytest.mark.parametrize("value", ["", "registry.example/app", "no scheme", "https://a b", "//x"])
@pytest.mark.parametrize("name", ["verifier_id", "resource_uri", "policy_uri"])
def test_the_three_names_are_uris(name: str, value: str) -> None:
    """There is no default for any of them."""
    names = {"verifier_id": VERIFIER, "resource_uri": RESOURCE, "policy_uri": POLICY, name: value}
    with pytest.raises(UsageError, match="is not a URI"):
        make_vsa(allowed(), **names)


def test_the_resource_is_not_another_digest() -> None:
    """A resource URI with a digest in it, escaped or not, must have the subject's."""
    for joined in ("@", "%40"):
        for uri, good in ((f"oci://r/app{joined}{DIGEST}", True), (f"pkg:oci/app{joined}{OTHER.replace(':', '%3A')}", False)):
            if good:
                assert make_vsa(allowed(), verifier_id=VERIFIER, resource_uri=uri, policy_uri=POLICY)
            else:
                with pytest.raises(UsageError, match="the verdict is about"):
                    make_vsa(allowed(), verifier_id=VERIFIER, resource_uri=uri, policy_uri=POLICY)


@pytest.mark.parametrize(
    ("item", "listed"),
    [
        (provenance(), True),
        (provenance(binding="asserted"), False),
        (provenance(verification=Verification(state="failed", reason="bad")), False),
        (provenance(verification=Verification(state="unverified")), False),
        (provenance(verification=Verification(state="verified", roles=("sbom",))), False),
        (provenance(verification=Verification(state="verified", roles=("*",))), True),
        (evidence(), False),
    ],
)
def test_only_accepted_evidence_is_an_input(item: Any, listed: bool) -> None:
    """Under a strict policy, rejected and unverified items are not named as what was relied upon."""
    assert bool(predicate(allowed(evidence=(item,)))["inputAttestations"]) is listed


@pytest.mark.parametrize(
    ("origin", "kind", "listed"),
    [
        ("file", "sbom", True),
        ("computed", "sbom", True),
        ("referrer", "sbom", False),
        ("attestation", "sbom", False),
        ("file", "signature", False),
        ("file", "provenance", False),
    ],
)
def test_a_lenient_policy_accepts_files_but_not_what_was_attached(origin: str, kind: str, listed: bool) -> None:
    """Unsigned attached items, and unverified signatures and provenance, are never inputs."""
    made = allowed(decision(), evidence=(evidence(origin=origin, kind=kind),))
    assert bool(predicate(made)["inputAttestations"]) is listed


def test_accepted_means_what_the_policy_engine_means() -> None:
    """Over all states, kinds, origins, bindings and demands, an item is an input exactly when it could satisfy a rule."""
    states = [
        Verification(state=state, roles=roles)
        for state in get_args(Literal["verified", "unverified", "failed"])
        for roles in ((), ("sbom",), ("*",))
    ]
    demands = [
        parameters(accept={key: Acceptance(verified=verified, bindings=bindings)})
        for key in ("*", "sbom", "vex")
        for verified in (True, False)
        for bindings in ((), ("signed",), ("signed", "embedded", "asserted"))
    ]
    kinds, origins = ("sbom", "signature", "provenance"), get_args(Origin)
    items = [
        evidence(id="sha256:" + f"{number:064x}", kind=kind, origin=origin, binding=binding, verification=state)
        for number, (kind, origin, binding, state) in enumerate(product(kinds, origins, get_args(Binding), states))
    ]
    for params in demands:
        listed = predicate(allowed(decision(params=params), evidence=tuple(items)))["inputAttestations"]
        expected = [item.id for item in items if accepted(item, params)]
        assert ["sha256:" + entry["digest"]["sha256"] for entry in listed] == expected


def test_a_kind_without_acceptance_is_not_accepted() -> None:
    """No entry for the kind and none for ``*`` accepts nothing."""
    only_sbom = parameters(accept={"sbom": Acceptance(verified=False, bindings=("embedded",))})
    made = allowed(decision(params=only_sbom), evidence=(provenance(), evidence()))
    assert [item["name"] for item in predicate(made)["inputAttestations"]] == ["sbom"]


@pytest.mark.parametrize("name", ["SLSA_BUILD_LEVEL_2", "BUILD_LEVEL_2", "Build L2", "build-l2", "slsa-build-level-2"])
def test_controls_of_passed_rules_become_levels(name: str) -> None:
    """However the control is written, the level has SLSA's name."""
    assert levels(slsa(name)) == ["SLSA_BUILD_LEVEL_2"]


def test_only_the_highest_level_of_a_track_is_named() -> None:
    """A level implies the lower ones."""
    assert levels(slsa("Build L1"), slsa("Build L3"), slsa("Build L2")) == ["SLSA_BUILD_LEVEL_3"]


@pytest.mark.parametrize("state", ["warned", "waived", "not_applicable"])
def test_a_level_needs_all_its_rules_to_pass(state: str) -> None:
    """One rule of the level that did not pass, and the level is not claimed; nor is one above a gap."""
    assert levels(slsa("Build L2"), slsa("Build L2", state), PASSED_RULE) == ["POLICY_GATE_PASSED"]
    assert levels(slsa("Build L1"), slsa("Build L2", state), slsa("Build L3")) == ["SLSA_BUILD_LEVEL_1"]


def test_no_level_without_verified_provenance() -> None:
    """A provenance rule that passed because there was nothing to look at proves no level."""
    assert levels(slsa("Build L3"), evidence=()) == ["POLICY_GATE_PASSED"]
    assert levels(slsa("Build L3"), evidence=(provenance(binding="none"),)) == ["POLICY_GATE_PASSED"]
    assert levels(slsa("Source L3")) == ["POLICY_GATE_PASSED"]


def test_other_frameworks_are_not_slsa() -> None:
    """A control that only looks like a level claims none; nor does one that names none."""
    other = rule(state="passed", results=(), controls=(Control(framework="NIST", id="Build L3"),))
    assert levels(other, slsa("SC-1")) == ["POLICY_GATE_PASSED"]


def test_the_outcome_digest_is_that_of_the_stored_bytes() -> None:
    """The digest in the summary is the one under which the verdict is found and replayed."""
    made = allowed()
    assert predicate(made)["policy"]["annotations"]["outcome"] == digest_of(to_json(made.outcome))
