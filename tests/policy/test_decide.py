"""Tests of the decision: every branch, and that nothing turns a verdict better by itself."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.errors import PolicyError
from gate.model.base import to_json
from gate.model.fips import FipsFacts
from gate.model.input import Platform
from gate.model.parameters import Acceptance, RemediationDays
from gate.model.verdict import ChildOutcome, Outcome
from gate.model.waiver import Scope
from gate.policy.decide import packages_to_evaluate
from gate.policy.inventory import Inventory
from gate.policy.results import Evaluation, RawResult
from tests.policy.packs import (
    DIGEST,
    FAILED,
    INDEX,
    UNSIGNED,
    decided,
    domain,
    engine,
    error,
    evidence,
    finding,
    make_input,
    rule,
    run,
    said,
    scan,
    state_of,
    waiver,
    write_pack,
)

RULES = (
    rule("limit")
    + rule("strict", waivable=False)
    + rule("needs", requires_evidence=[{"kind": "sbom", "when": "require_sbom"}])
    + rule("follows", depends_on=["demo.needs"])
    + rule("later", effective_on="2027-01-01T00:00:00Z")
    + rule("dated_wrong", effective_on="next year")
    + rule("optional", parameter="max_low")
    + rule("unclear", into="no_verdict")
    + rule("hint", into="warn", collections=["dev"])
    + rule("indexes", applies_to=["index"])
)


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    with engine(write_pack(tmp_path_factory.mktemp("pack"), domain(RULES))) as made:
        return made.inventory


def raw(name: str, **fields: Any) -> RawResult:
    return RawResult(rule=f"demo.{name}", msg="found", **fields)


def deny(name: str, **fields: Any) -> tuple[str, RawResult]:
    return ("deny", raw(name, **fields))


def test_nothing_found_is_an_allow_with_reasons_to_believe_it(inventory: Inventory) -> None:
    """One accepted item, rules that judged and said nothing: ALLOW, enforced."""
    outcome = decided(make_input(), inventory, said(inventory))
    assert (outcome.decision, outcome.reasons, outcome.enforced) == ("ALLOW", (), True)
    assert state_of(outcome, "demo.limit") == "passed"


def test_a_deny_denies_and_says_which_rule(inventory: Inventory) -> None:
    """The solution of the METADATA stands in when the result has no fix of its own."""
    outcome = decided(make_input(), inventory, said(inventory, deny("limit")))
    assert (outcome.decision, outcome.reasons) == ("DENY", ("demo.limit",))
    assert outcome.rules[[found.rule for found in outcome.rules].index("demo.limit")].results[0].fix == "mend it"


def test_a_deny_goes_before_no_verdict(inventory: Inventory) -> None:
    """With both, the word is DENY and the reasons are the rules that denied."""
    found = said(inventory, deny("limit"), ("no_verdict", raw("unclear")))
    outcome = decided(make_input(), inventory, found)
    assert (outcome.decision, outcome.reasons) == ("DENY", ("demo.limit",))
    assert decided(make_input(), inventory, said(inventory, ("no_verdict", raw("unclear")))).decision == "NO_VERDICT"


def test_a_warning_does_not_block(inventory: Inventory) -> None:
    """ALLOW with a warned rule."""
    outcome = decided(make_input(), inventory, said(inventory, ("warn", raw("hint"))))
    assert (outcome.decision, state_of(outcome, "demo.hint")) == ("ALLOW", "warned")


# --- no vacuous allow (invariant 1)


def test_no_evidence_is_never_an_allow(inventory: Inventory) -> None:
    """Nothing found, and nothing accepted of what was found, give no verdict."""
    for items in ((), (evidence(verification=FAILED),), (evidence(binding="none"),), (evidence(verification=UNSIGNED),)):
        outcome = decided(make_input(items=items), inventory, said(inventory))
        assert (outcome.decision, outcome.reasons) == ("NO_VERDICT", ("gate.no_evidence",))


@pytest.mark.parametrize("packages", [None, 0])
def test_a_scan_that_looked_at_nothing_is_never_an_allow(inventory: Inventory, packages: int | None) -> None:
    """Not even where the rule that says so was selected away; another kind of evidence, or a finding, changes that."""

    def about(items: tuple[Any, ...], **params: Any) -> Outcome:
        document = make_input(items=items, params=params)
        scans = tuple(scan(item, packages_catalogued=packages) for item in items if item.kind == "vulnerabilities")
        facts = msgspec.structs.replace(document.vulnerabilities, scans=scans)
        return decided(msgspec.structs.replace(document, vulnerabilities=facts), inventory, said(inventory))

    assert about((evidence(),)).reasons == ("gate.empty_scan",)
    assert about((evidence(), evidence("signature", 2)), require_scan=True).reasons == ("gate.empty_scan",)
    assert about((evidence(), evidence("signature", 2))).decision == "ALLOW"


@pytest.mark.parametrize(
    ("name", "value", "asked"),
    [
        ("max_critical", 0, True),
        ("max_critical", None, False),
        ("deny_kev", True, True),
        ("deny_kev", False, False),
        ("remediation_days", RemediationDays(), False),
        ("remediation_days", RemediationDays(kev=3), True),
        ("require_vex", "high", True),
    ],
)
def test_a_limit_that_nobody_counted_is_no_verdict(inventory: Inventory, name: str, value: Any, asked: bool) -> None:
    """A selected rule with a limit on findings needs an accepted scan, also where `require_scan` is false."""
    limit = inventory.rules["demo.limit"]
    custom = msgspec.structs.replace(limit.custom, parameter=name)
    changed = dataclasses.replace(inventory, rules={**inventory.rules, limit.id: dataclasses.replace(limit, custom=custom)})

    def about(*items: Any, **params: Any) -> Outcome:
        return decided(make_input(items=items, params={name: value, **params}), changed, said(inventory))

    sbom = evidence("sbom", 2)
    expected = ("gate.limit_without_scan",) if asked else ()
    assert about(sbom).reasons == about(sbom, evidence(binding="none")).reasons == expected
    assert "gate.limit_without_scan" not in about(sbom, evidence()).reasons
    assert "gate.limit_without_scan" not in about(sbom, require_scan=True).reasons
    if asked:
        assert name in about(sbom).rules[[r.rule for r in about(sbom).rules].index("gate.limit_without_scan")].results[0].fix


def test_no_rule_that_judges_is_never_an_allow(inventory: Inventory) -> None:
    """Warnings alone, a rule whose parameter is not set, and rules for other subjects judge nothing."""
    for selection in (
        ("demo.hint",),
        ("demo.optional",),
        ("demo.indexes",),
        ("@dev",),
        ("demo.limit:CVE-1", "-demo.limit:CVE-1"),
    ):
        document = make_input(decision={"selection": selection})
        outcome = decided(document, inventory, said(inventory))
        assert (outcome.decision, outcome.reasons) == ("NO_VERDICT", ("gate.no_rules",)), selection


@pytest.mark.parametrize(
    "selection", [(), ("-demo.limit",), ("demo.limti",), ("@pord",), ("dmeo",), ("*", "-demo.nothing"), ("demo:term",)]
)
def test_an_empty_or_unknown_selection_is_a_policy_error(inventory: Inventory, selection: tuple[str, ...]) -> None:
    """A selection that names nothing is exit 2, with what was probably meant."""
    with pytest.raises(PolicyError):
        decided(make_input(decision={"selection": selection}), inventory, said(inventory))


def test_an_unknown_enforcement_selector_is_a_policy_error(inventory: Inventory) -> None:
    """A mode for a rule that is not there would be a mode for nothing."""
    with pytest.raises(PolicyError) as caught:
        decided(make_input(decision={"enforcement": {"demo.limti": "report"}}), inventory, said(inventory))
    assert caught.value.fix == "did you mean 'demo.limit'?"


def test_a_package_that_was_not_evaluated_is_a_policy_error(inventory: Inventory) -> None:
    """A rule that did not run did not pass (invariant 5)."""
    with pytest.raises(PolicyError, match="was not evaluated"):
        decided(make_input(), inventory, Evaluation({}, {}))


def test_a_package_that_failed_gives_no_verdict_for_each_of_its_rules(inventory: Inventory) -> None:
    """A builtin error is neither a pass nor a deny."""
    outcome = decided(make_input(), inventory, said(inventory, failures={"rules.demo": "div: divide by zero"}))
    assert outcome.decision == "NO_VERDICT" and state_of(outcome, "demo.limit") == "no_verdict"
    assert "divide by zero" in next(found for found in outcome.rules if found.rule == "demo.limit").results[0].msg


# --- required evidence (invariant 5)

SBOM: dict[str, Any] = {"params": {"require_sbom": True}}


def test_required_evidence_that_is_there_passes(inventory: Inventory) -> None:
    """An accepted SBOM satisfies; one item of another kind does not."""
    assert decided(make_input(items=(evidence("sbom"),), **SBOM), inventory, said(inventory)).decision == "ALLOW"
    outcome = decided(make_input(**SBOM), inventory, said(inventory))
    assert (outcome.decision, outcome.reasons) == ("DENY", ("demo.needs",))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"verification": FAILED}, "bad signature"),
        ({"verification": UNSIGNED}, "not verified: not signed"),
        ({"binding": "none"}, "it names another image"),
        ({"binding": "asserted"}, "accepted is signed or embedded"),
        ({"on": "none", "binding": "none"}, "it names another image"),
    ],
)
def test_rejected_evidence_denies_and_says_why(inventory: Inventory, change: dict[str, Any], reason: str) -> None:
    """Found and rejected is a deny with source and reason, not a silent absence."""
    document = make_input(items=(evidence(), evidence("sbom", 2, **change)), **SBOM)
    outcome = decided(document, inventory, said(inventory))
    needs = next(found for found in outcome.rules if found.rule == "demo.needs")
    assert needs.state == "denied" and "sbom.json" in needs.results[0].msg and reason in needs.results[0].msg
    assert needs.results[0].evidence == (evidence("sbom", 2).id,)


def test_a_role_is_needed_for_each_kind(inventory: Inventory) -> None:
    """Whoever may sign scans may not sign SBOMs."""
    scanner = msgspec.structs.replace(evidence().verification, roles=("vulnerabilities",))
    document = make_input(items=(evidence(), evidence("sbom", 2, verification=scanner)), **SBOM)
    assert "does not vouch for sbom" in to_json(decided(document, inventory, said(inventory))).decode()


@pytest.mark.parametrize("kind", ["sbom", "unknown"])
def test_an_error_of_a_needed_kind_is_no_verdict(inventory: Inventory, kind: str) -> None:
    """What could not be read may have been it."""
    outcome = decided(make_input(errors=(error(kind),), **SBOM), inventory, said(inventory))
    assert (outcome.decision, state_of(outcome, "demo.needs")) == ("NO_VERDICT", "no_verdict")
    assert decided(make_input(errors=(error("vex"),), **SBOM), inventory, said(inventory)).decision == "DENY"


def test_an_unreadable_document_that_anyone_could_attach_does_not_block(inventory: Inventory) -> None:
    """An error about an unsigned attached document neither satisfies nor turns a deny into a retry."""
    stray = evidence("sbom", 2, verification=UNSIGNED, origin="referrer")
    document = make_input(items=(evidence(), stray), errors=(error("sbom", evidence=stray.id),), **SBOM)
    assert decided(document, inventory, said(inventory)).decision == "DENY"


def test_a_missing_kind_names_the_platform(inventory: Inventory) -> None:
    """The text says for which platform of the index it is missing."""
    outcome = decided(make_input(subject={"index_digest": INDEX}, **SBOM), inventory, said(inventory))
    assert "no sbom for linux/amd64 was found" in to_json(outcome).decode()


@pytest.mark.parametrize(("param", "kind"), [("fail_on_fips_issues", "fips"), ("fail_on_stig", "stig")])
def test_facts_without_a_collector_are_no_verdict(inventory: Inventory, param: str, kind: str) -> None:
    """Asking for FIPS or STIG is never silently passed, though no rule of the pack is about it."""
    value: Any = True if kind == "fips" else "1"
    outcome = decided(make_input(params={param: value}), inventory, said(inventory))
    assert (outcome.decision, outcome.reasons) == ("NO_VERDICT", ("gate.required_evidence",))
    assert f"no {kind} facts" in to_json(outcome).decode()


def test_fips_facts_that_no_selected_rule_judges_are_no_verdict(inventory: Inventory) -> None:
    """The image was looked at, and the pack or the selection has no FIPS rule: that is no pass."""
    document = make_input(params={"fail_on_fips_issues": True})
    looked = msgspec.structs.replace(document, fips=FipsFacts(collected=True, certain=True, complete=True))
    outcome = decided(looked, inventory, said(inventory))
    assert (outcome.decision, outcome.reasons) == ("NO_VERDICT", ("gate.required_evidence",))
    assert "no selected rule judges them" in to_json(outcome).decode()


@pytest.mark.parametrize("param", ["require_scan", "require_signature", "require_provenance", "require_sast"])
def test_a_selection_cannot_lose_what_a_parameter_requires(inventory: Inventory, param: str) -> None:
    """With no selected rule about it, the gate itself requires the kind."""
    document = make_input(params={param: True}, items=(evidence("sbom"),), decision={"selection": ("demo.limit",)})
    assert decided(document, inventory, said(inventory)).reasons == ("gate.required_evidence",)


def test_signatures_are_verified_whatever_the_parameters_say(inventory: Inventory) -> None:
    """An unsigned file never stands for a signature."""
    loose = {"*": Acceptance(verified=False, bindings=("signed", "embedded", "asserted"))}
    given_file = evidence("signature", 2, origin="file", verification=UNSIGNED)
    document = make_input(params={"require_signature": True, "accept": loose}, items=(evidence(), given_file))
    assert decided(document, inventory, said(inventory)).decision == "DENY"
    scan = make_input(params={"require_scan": True, "accept": loose}, items=(evidence(origin="file", verification=UNSIGNED),))
    assert decided(scan, inventory, said(inventory)).decision == "ALLOW"


def test_a_rule_whose_evidence_is_neither_there_nor_required_did_not_pass(inventory: Inventory) -> None:
    """It had nothing to judge."""
    assert state_of(decided(make_input(), inventory, said(inventory)), "demo.needs") == "not_applicable"


@pytest.mark.parametrize(
    ("need", "item", "subject", "word"),
    [
        ({"on": "index"}, {"on": "platform"}, {"index_digest": INDEX}, "DENY"),
        ({"on": "index"}, {"on": "index"}, {"index_digest": INDEX}, "ALLOW"),
        ({"on": "index"}, {"on": "platform"}, {}, "ALLOW"),
        ({"on": "platform"}, {"on": "index"}, {"index_digest": INDEX}, "DENY"),
        ({"on": "either"}, {"on": "index"}, {"index_digest": INDEX}, "ALLOW"),
        ({"state": "verified"}, {"origin": "file", "verification": UNSIGNED}, {}, "DENY"),
        ({"state": "accepted"}, {"origin": "file", "verification": UNSIGNED}, {}, "ALLOW"),
        ({"when": "custom.asked"}, {"binding": "none"}, {}, "DENY"),
    ],
)
def test_where_and_how_evidence_must_be(
    tmp_path: Path, need: dict[str, Any], item: dict[str, Any], subject: dict[str, Any], word: str
) -> None:
    """``on``, ``state`` and ``when`` of a requirement."""
    with engine(write_pack(tmp_path, domain(rule("needs", requires_evidence=[{"kind": "sbom", **need}])))) as made:
        document = make_input(items=(evidence(), evidence("sbom", 2, **item)), subject=subject)
        assert run(document, made).decision == word


def test_select_all_demands_every_item(tmp_path: Path) -> None:
    """One rejected item of the kind denies where the rule asks for all."""
    need = {"kind": "sbom", "select": "all"}
    with engine(write_pack(tmp_path, domain(rule("needs", requires_evidence=[need])))) as made:
        good, bad = evidence("sbom", 2), evidence("sbom", 3, verification=FAILED)
        assert run(make_input(items=(good, bad)), made).decision == "DENY"
        assert run(make_input(items=(good,)), made).decision == "ALLOW"


# --- modes, dates, dependencies


def test_report_mode_turns_a_deny_into_a_warning_that_says_so(inventory: Inventory) -> None:
    """The most specific selector wins; the rest stays enforced."""
    document = make_input(decision={"enforcement": {"demo": "report", "demo.strict": "enforce"}})
    outcome = decided(document, inventory, said(inventory, deny("limit")))
    limit = next(found for found in outcome.rules if found.rule == "demo.limit")
    assert (outcome.decision, limit.state, limit.mode, limit.results[0].because) == ("ALLOW", "warned", "report", "report mode")
    assert decided(document, inventory, said(inventory, deny("strict"))).decision == "DENY"


def test_a_run_in_which_nothing_is_enforced_says_so(inventory: Inventory) -> None:
    """Report mode for everything is no PASSED summary."""
    document = make_input(decision={"enforcement": {"*": "report"}})
    assert not decided(document, inventory, said(inventory, deny("limit"))).enforced
    assert not decided(make_input(decision={"exit_zero": True}), inventory, said(inventory)).enforced


def test_a_rule_that_is_not_effective_yet_warns(inventory: Inventory) -> None:
    """Until its date; a date that cannot be read is in force."""
    early = decided(make_input(), inventory, said(inventory, deny("later")))
    assert (early.decision, state_of(early, "demo.later")) == ("ALLOW", "warned")
    assert decided(make_input(now="2027-01-01T00:00:00Z"), inventory, said(inventory, deny("later"))).decision == "DENY"
    assert decided(make_input(), inventory, said(inventory, deny("dated_wrong"))).decision == "DENY"


def test_a_consequence_of_a_failed_dependency_is_not_a_second_reason(inventory: Inventory) -> None:
    """Its results stay, marked; the verdict is the dependency's."""
    outcome = decided(make_input(**SBOM), inventory, said(inventory, deny("follows")))
    follows = next(found for found in outcome.rules if found.rule == "demo.follows")
    assert (outcome.decision, outcome.reasons, follows.state) == ("DENY", ("demo.needs",), "not_applicable")
    assert follows.results[0].because == "depends on demo.needs"


def test_a_dependency_without_verdict_does_not_hide_a_deny(inventory: Inventory) -> None:
    """Else an unreadable document would turn DENY into something better."""
    document = make_input(errors=(error("sbom"),), **SBOM)
    outcome = decided(document, inventory, said(inventory, deny("follows")))
    assert (outcome.decision, outcome.reasons) == ("DENY", ("demo.follows",))


def test_a_waived_dependency_hides_nothing(inventory: Inventory) -> None:
    """Only a dependency that really denies stands in for what follows from it."""
    document = make_input(decision={"waivers": (waiver(rule="demo.needs"),)}, **SBOM)
    assert decided(document, inventory, said(inventory, deny("follows"))).reasons == ("demo.follows",)


def test_an_excluded_term_is_kept_and_marked(inventory: Inventory) -> None:
    """A term-level exclusion takes one result out, visibly."""
    document = make_input(decision={"selection": ("*", "-demo.limit:CVE-1")})
    outcome = decided(document, inventory, said(inventory, deny("limit", term="CVE-1|pkg:deb/a@1")))
    limit = next(found for found in outcome.rules if found.rule == "demo.limit")
    assert (outcome.decision, limit.results[0].because) == ("ALLOW", "selection: -demo.limit:CVE-1")
    assert decided(document, inventory, said(inventory, deny("limit", term="CVE-2|pkg:deb/a@1"))).decision == "DENY"


def test_more_specific_selectors_win(inventory: Inventory) -> None:
    """A rule that is included by name stays when its domain is excluded, and the reverse."""
    kept = make_input(decision={"selection": ("*", "-demo", "demo.limit")})
    assert packages_to_evaluate(kept, inventory) == ("rules.demo",)
    assert decided(kept, inventory, said(inventory, deny("strict"))).decision == "ALLOW"
    assert decided(kept, inventory, said(inventory, deny("limit"))).decision == "DENY"
    assert packages_to_evaluate(make_input(decision={"selection": ("*", "-demo")}), inventory) == ()


# --- waivers (invariant 6)


def waived(inventory: Inventory, held: Any, *results: tuple[str, RawResult], **more: Any) -> Outcome:
    return decided(make_input(decision={"waivers": (held,)}, **more), inventory, said(inventory, *results))


def test_a_waiver_covers_its_rule_and_is_named(inventory: Inventory) -> None:
    """The result stays, with the waiver's id; the waiver is active and used."""
    outcome = waived(inventory, waiver(), deny("limit"))
    limit = next(found for found in outcome.rules if found.rule == "demo.limit")
    assert (outcome.decision, limit.state, limit.results[0].because) == ("ALLOW", "waived", "waiver W-1")
    assert len(outcome.waivers.active) == 1 and outcome.waivers.unused == ()


@pytest.mark.parametrize(
    "held",
    [
        waiver(state="expired"),
        waiver(state="pending"),
        waiver(state="invalid"),
        waiver(rule="demo.strict"),
        waiver(term="CVE-2"),
        waiver(scope=Scope(images=("registry.test/other",))),
        waiver(scope=Scope(digests=(INDEX,))),
        waiver(scope=Scope(packages=("pkg:deb/debian/openssl@9",))),
    ],
)
def test_a_waiver_that_does_not_hold_waives_nothing(inventory: Inventory, held: Any) -> None:
    """State, rule, term and scope all have to fit."""
    result = deny("limit", term="CVE-1|pkg:deb/debian/openssl@3.0.1")
    assert waived(inventory, held, result).decision == "DENY"


@pytest.mark.parametrize("term", ["", "CVE-1", "GHSA-1", "CVE-1|pkg:deb/debian/openssl", "CVE-1|pkg:deb/debian/openssl@3.0.1"])
def test_terms_that_name_a_finding(inventory: Inventory, term: str) -> None:
    """By nothing, id, alias, or key with or without version."""
    about = finding("CVE-1", aliases=("GHSA-1",))
    outcome = waived(
        inventory, waiver(term=term, scope=Scope(digests=(DIGEST,))), deny("limit", term=about.key), findings=(about,)
    )
    assert outcome.decision == "ALLOW" and outcome.findings[0].waiver == "W-1"


def test_no_verdict_is_never_waived_nor_a_rule_that_forbids_it(inventory: Inventory) -> None:
    """Whatever a waiver's state claims."""
    assert waived(inventory, waiver(rule="demo.unclear"), ("no_verdict", raw("unclear"))).decision == "NO_VERDICT"
    assert waived(inventory, waiver(rule="demo.strict"), deny("strict")).decision == "DENY"
    document = make_input(errors=(error("sbom"),), decision={"waivers": (waiver(rule="demo.needs"),)}, **SBOM)
    assert decided(document, inventory, said(inventory)).decision == "NO_VERDICT"


def test_every_waiver_is_reported(inventory: Inventory) -> None:
    """Expiring, expired, unused and invalid ones each have their list."""
    held = (
        waiver(id="soon", expires_in_s=86_400),
        waiver(id="old", state="expired"),
        waiver(id="bad", state="invalid"),
        waiver(id="next", state="pending"),
        waiver(id="other", rule="demo.strict", expires_in_s=90 * 86_400),
    )
    report = decided(make_input(decision={"waivers": held}), inventory, said(inventory, deny("limit"))).waivers
    lists = (report.active, report.expiring, report.expired, report.unused, report.invalid)
    assert [[each.id for each in found] for found in lists] == [["soon", "other"], ["soon"], ["old"], ["next", "other"], ["bad"]]


def test_a_waiver_that_took_a_finding_out_of_a_count_is_used(inventory: Inventory) -> None:
    """The rule said nothing because of it, and the verdict says so."""
    about = finding("CVE-1", waived_for=("demo.limit",))
    outcome = waived(inventory, waiver(term="CVE-1"), findings=(about,))
    assert outcome.waivers.unused == () and outcome.findings[0].waiver == "W-1"
    assert state_of(outcome, "demo.limit") == "waived"


# --- findings and upgrades


def test_findings_say_what_they_block_and_upgrades_what_they_clear(inventory: Inventory) -> None:
    """A limit's counted findings and a finding's own deny both block; the upgrade that clears most comes first."""
    one, two = finding("CVE-1"), finding("CVE-2", fix=msgspec.structs.replace(finding().fix, versions=("3.0.9",)))
    other = finding(
        "CVE-3",
        package="zlib",
        fix=msgspec.structs.replace(finding().fix, versions=("1.3",)),
    )
    free = finding("CVE-4", package="bash")
    counted = {"findings": {"total": 2, "first": [one.key, two.key]}}
    found = said(inventory, deny("limit", data=counted), deny("strict", term=other.key))
    outcome = decided(make_input(findings=(one, two, other, free)), inventory, found)
    assert [each.blocks for each in outcome.findings] == [("demo.limit",), ("demo.limit",), ("demo.strict",), ()]
    assert [(up.package, up.to, up.clears) for up in outcome.upgrades] == [("openssl", "3.0.9", 2), ("zlib", "1.3", 1)]


# --- an index


def child(word: Any) -> ChildOutcome:
    return ChildOutcome(platform=Platform(os="linux", architecture="arm64"), digest=INDEX, decision=word, outcome_digest="")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "NO_VERDICT"),
        (("ALLOW",), "ALLOW"),
        (("ALLOW", "NO_VERDICT"), "NO_VERDICT"),
        (("ALLOW", "DENY", "NO_VERDICT"), "DENY"),
    ],
)
def test_an_index_is_what_the_worst_of_its_platforms_is(inventory: Inventory, words: tuple[str, ...], expected: str) -> None:
    """Without platforms there is no verdict; evidence is asked of the platforms, not of the index."""
    document = make_input(subject={"kind": "index"}, items=(), params={"require_sbom": True, "require_signature": True})
    outcome = decided(document, inventory, said(inventory), children=[child(word) for word in words])
    assert outcome.decision == expected
    if expected == "DENY":
        assert outcome.reasons == ("gate.platforms",)


def test_a_rule_for_the_index_denies_the_index(inventory: Inventory) -> None:
    """Even when every platform is allowed."""
    document = make_input(subject={"kind": "index"})
    assert decided(document, inventory, said(inventory, deny("indexes")), children=[child("ALLOW")]).decision == "DENY"


# --- properties

_RANK = {"ALLOW": 0, "NO_VERDICT": 1, "DENY": 2}
_RESULTS = st.lists(
    st.one_of(
        st.sampled_from(["limit", "strict", "needs", "follows", "later", "optional"]).map(lambda name: deny(name)),
        st.just(("no_verdict", raw("unclear"))),
        st.just(("warn", raw("hint"))),
    ),
    max_size=5,
)
_PARAMS = st.fixed_dictionaries(
    {"require_sbom": st.booleans(), "require_signature": st.booleans(), "fail_on_fips_issues": st.booleans()}
)
_ITEMS = st.lists(
    st.builds(
        lambda kind, number, binding, check: evidence(kind, number, binding=binding, verification=check),
        st.sampled_from(["vulnerabilities", "sbom", "signature"]),
        st.integers(1, 4),
        st.sampled_from(["signed", "embedded", "asserted", "none"]),
        st.sampled_from([evidence().verification, UNSIGNED, FAILED]),
    ),
    max_size=4,
    unique_by=lambda item: item.id,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_RESULTS, _RESULTS, _PARAMS, _ITEMS, st.lists(st.sampled_from(["sbom", "unknown", "signature"]), max_size=2))
def test_bad_news_never_makes_a_verdict_an_allow(
    inventory: Inventory, before: list[Any], more: list[Any], params: dict[str, Any], items: list[Any], kinds: list[str]
) -> None:
    """More results or errors never turn DENY or NO_VERDICT into ALLOW, and more denies never make it better at all."""
    base = make_input(params=params, items=tuple(items))
    first = decided(base, inventory, said(inventory, *before)).decision
    worse = msgspec.structs.replace(base, errors=tuple(error(kind) for kind in kinds))
    second = decided(worse, inventory, said(inventory, *before, *more)).decision
    assert first == "ALLOW" or second != "ALLOW"
    assert _RANK[decided(base, inventory, said(inventory, *before, *more)).decision] >= _RANK[first]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_RESULTS, _PARAMS, _ITEMS)
def test_the_outcome_is_a_function_of_its_input(
    inventory: Inventory, found: list[Any], params: dict[str, Any], items: list[Any]
) -> None:
    """Same input, same bytes, whatever the order in which OPA listed results."""
    document = make_input(params=params, items=tuple(items))
    one, two = (to_json(decided(document, inventory, said(inventory, *order))) for order in (found, found[::-1]))
    assert one == two
