"""The resolver: precedence, trust, conflicts, and that every statement is accounted for."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from gate.errors import ConfigError
from gate.model.input import VexFacts
from gate.vex import openvex
from gate.vex.resolve import VexSource, resolve
from tests.factory import DIGEST, INDEX, NOW, OTHER, subject
from tests.vex import corpus
from tests.vex.make import AUTHOR, CVE, OPENSSL, SIGNED, UNSIGNED, document, finding, run, source, statement

BY_DIGEST = {"@id": f"pkg:oci/app@{DIGEST}", "subcomponents": [{"@id": "pkg:deb/debian/openssl@3.0.11-1"}]}
EARLY, LATE = "2025-01-02T00:00:00Z", "2025-06-01T00:00:00Z"


def _kinds(facts: VexFacts) -> dict[str, list[str]]:
    lists = {
        "unmatched": facts.unmatched,
        "conflict": facts.conflicts,
        "superseded": facts.superseded,
        "rejected": facts.rejected,
    }
    return {name: [problem.kind for problem in problems] for name, problems in lists.items() if problems}


def test_a_matching_signed_statement_suppresses() -> None:
    """The plain case: one signed statement of a listed author about the package and version."""
    facts, applied = run(source(statement()))
    assert applied.counts
    assert applied.status == "not_affected"
    assert applied.justification == "vulnerable_code_not_present"
    assert applied.author == AUTHOR
    assert [(use.finding, use.status) for use in facts.statements_used] == [(finding().key, "not_affected")]
    assert _kinds(facts) == {}


@pytest.mark.parametrize("status", ["affected", "under_investigation"])
def test_these_never_suppress(status: str) -> None:
    """affected and under_investigation are applied and never count as suppression."""
    facts, applied = run(source(statement(status)))
    assert (applied.status, applied.counts) == (status, False)
    assert len(facts.statements_used) == 1


@pytest.mark.parametrize(
    ("ids", "names"),
    [
        ({"id": "GHSA-aaaa-bbbb-cccc", "aliases": (CVE,)}, {"name": CVE}),
        ({"id": CVE}, {"name": "GHSA-aaaa-bbbb-cccc", "aliases": [CVE]}),
        ({"id": CVE}, {"@id": f"https://nvd.nist.gov/vuln/detail/{CVE}"}),
        ({"id": CVE}, {"name": CVE.lower()}),
    ],
)
def test_aliases_meet_on_both_sides(ids: Any, names: Any) -> None:
    """A finding under one id is matched by a statement under another of the cluster."""
    _, applied = run(source(statement(vulnerability=names)), findings=(finding(**ids),))
    assert applied.counts


def test_another_vulnerability_is_unmatched() -> None:
    """A statement about something that nobody found is reported, and says so."""
    facts, applied = run(source(statement(vulnerability={"name": "CVE-1999-1"})))
    assert applied is None
    assert _kinds(facts) == {"unmatched": ["unmatched"]}
    assert facts.unmatched[0].detail == "no finding is CVE-1999-1"


def test_another_version_is_unmatched_with_a_hint() -> None:
    """A statement whose package is close but not equal says what it was compared with."""
    facts, applied = run(source(statement(products=["pkg:deb/debian/openssl@3.0.11-1?distro=debian-11"])))
    assert applied is None
    assert "distro=debian-11" in facts.unmatched[0].detail


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ("pkg:deb/debian/openssl", "pkg:deb/debian/openssl@3.0.11-1"),
        ("pkg:deb/debian/openssl@3.0.11-1", BY_DIGEST),
        ("pkg:deb/debian/openssl", f"pkg:oci/x@{INDEX}"),
    ],
)
def test_precision_beats_time(weaker: Any, stronger: Any) -> None:
    """(1) Digest before version before name, even when the less precise statement is newer."""
    facts, applied = run(
        source(
            statement("affected", products=[weaker], timestamp=LATE, **{"@id": "weak"}),
            statement("fixed", products=[stronger], timestamp=EARLY, **{"@id": "strong"}),
        )
    )
    assert applied.statement == "strong"
    assert [problem.statement for problem in facts.superseded] == ["weak"]


def test_author_rank_beats_time() -> None:
    """(2) The author listed first wins over a newer statement of one listed later."""
    _, applied = run(
        source(statement("affected", timestamp=LATE), author="Second"),
        source(statement(timestamp=EARLY), author="First"),
        authors=("First", "Second"),
    )
    assert (applied.author, applied.counts) == ("First", True)


@pytest.mark.parametrize(("first", "second", "wins"), [("not_affected", "affected", False), ("affected", "not_affected", True)])
def test_newest_wins(first: str, second: str, wins: bool) -> None:
    """(3) The newer statement holds, whichever way it turns, and the older is listed."""
    facts, applied = run(source(statement(second, timestamp=LATE), statement(first, timestamp=EARLY)))
    assert applied.counts is wins
    assert _kinds(facts) == {"superseded": ["superseded"]}


def test_document_version_decides_between_equal_times() -> None:
    """(4) Of two versions of one document the later holds."""
    _, applied = run(
        source(statement("affected", timestamp=EARLY), version=2),
        source(statement("fixed", timestamp=EARLY), version=3, evidence=OTHER),
    )
    assert (applied.status, applied.evidence) == ("fixed", OTHER)


def test_documents_without_id_are_no_versions_of_one_document() -> None:
    """(4) Versions of two documents that both lack an id are not compared: it stays a conflict."""
    facts, applied = run(
        source(statement("affected", timestamp=EARLY), id="", version=1),
        source(statement("fixed", timestamp=EARLY), id="", version=2, evidence=OTHER),
    )
    assert applied.status == "affected"
    assert "conflict" in _kinds(facts)


def test_a_later_version_takes_back_what_it_leaves_out() -> None:
    """(4) A suppressing statement of an older version does not survive a newer version without it."""
    facts, applied = run(source(statement(), version=1), source(version=2, evidence=OTHER))
    assert applied is None
    assert [problem.detail for problem in facts.superseded] == ["a later version of its document was given"]


def test_an_untrusted_later_version_takes_back_nothing() -> None:
    """Nobody can withdraw another author's statement by attaching a document with its id."""
    _, applied = run(source(statement(), version=1), source(version=99, evidence=OTHER, signed=False))
    assert applied.counts


@pytest.mark.parametrize("order", [0, 1])
def test_ties_fail_closed(order: int) -> None:
    """(5) Equal rank and time with different statuses is a conflict, and the least favourable holds."""
    statements = [statement("not_affected"), statement("under_investigation"), statement("affected")]
    facts, applied = run(source(*(statements if order else reversed(statements))))
    assert (applied.status, applied.counts) == ("affected", False)
    assert _kinds(facts)["conflict"] == ["conflict"]
    assert "least favourable" in facts.conflicts[0].detail


def test_equal_statements_are_no_conflict() -> None:
    """Two sources that say the same at the same time agree."""
    facts, applied = run(source(statement()), source(statement(), evidence=OTHER, id="https://example.com/2"))
    assert applied.counts
    assert facts.conflicts == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"signed": False}, "not signed by anyone"),
        ({"author": "Mallory"}, "not among vex_authors"),
        ({"author": ""}, "not among vex_authors"),
    ],
)
def test_untrusted_statements_are_listed_and_do_not_count(changes: Any, reason: str) -> None:
    """Unsigned documents and unlisted authors annotate a finding and suppress nothing."""
    facts, applied = run(source(statement(), **changes), authors=(AUTHOR,))
    assert (applied.status, applied.counts) == ("not_affected", False)
    assert facts.statements_used == ()
    assert _kinds(facts) == {"rejected": ["untrusted"]}
    assert reason in facts.rejected[0].detail


@pytest.mark.parametrize("status", ["affected", "not_affected"])
def test_an_untrusted_statement_displaces_nothing(status: str) -> None:
    """A newer and more precise untrusted statement changes nothing, in either direction."""
    other = "not_affected" if status == "affected" else "affected"
    _, applied = run(
        source(statement(status, timestamp=EARLY)), source(statement(other, timestamp=LATE, products=[BY_DIGEST]), signed=False)
    )
    assert applied.status == status


def test_without_demand_for_signatures_any_author_counts() -> None:
    """An empty author list without required signatures accepts any; with required signatures none."""
    assert run(source(statement(), signed=False), authors=(), require_signed=False)[1].counts
    assert not run(source(statement()), authors=())[1].counts


@pytest.mark.parametrize("name", [AUTHOR, "sec@example.com", "vendor", "ci@example.com"])
def test_an_author_may_be_listed_by_name_address_identity_or_trust_entry(name: str) -> None:
    """What a signature proves can be listed as well as what the document says."""
    assert run(source(statement()), authors=(name,))[1].counts


def test_a_listed_signer_cannot_borrow_the_rank_of_another() -> None:
    """The vendor signs a newer document in the name of the security team, which ranks higher; it ranks as the vendor."""
    vendor = SIGNED.__class__(state="verified", method="key", trust_entry="vendor", roles=("vex",), identity="vendor@example.com")
    team = SIGNED.__class__(state="verified", method="key", trust_entry="team", roles=("vex",), identity="team@example.com")
    ours = VexSource(DIGEST, document(statement("affected", timestamp=EARLY), id="urn:x:1"), team)
    claimed = VexSource(OTHER, document(statement(timestamp=LATE), id="urn:x:2"), vendor)
    assert run(ours, claimed, authors=(AUTHOR, "vendor@example.com"))[1].status == "affected"
    assert run(ours, claimed, authors=(AUTHOR, "vendor"))[1].status == "affected"
    assert run(ours, claimed, authors=(AUTHOR,))[1].status == "not_affected"


def test_identity_of_a_signature_for_something_else_is_no_vex_author() -> None:
    """A key that vouches only for SBOMs makes nobody a VEX author, and a failed signature never does."""
    verification = SIGNED.__class__(state="verified", trust_entry="vendor", roles=("sbom",), identity=AUTHOR)
    failed = UNSIGNED.__class__(state="failed", reason="bad signature")
    document = source(statement()).document
    for state in (verification, failed):
        assert not run(VexSource(DIGEST, document, state))[1].counts
    assert not run(VexSource(DIGEST, document, failed), authors=(), require_signed=False)[1].counts


def test_the_future_does_not_suppress() -> None:
    """A suppressing statement after now is rejected; one that does not suppress stays, since an older one could revive."""
    future = "2026-11-23T12:00:01Z"
    facts, applied = run(source(statement(timestamp=future)))
    assert applied is None
    assert _kinds(facts) == {"rejected": ["future"]}
    facts, applied = run(source(statement(timestamp=EARLY), statement("affected", timestamp=future)))
    assert applied.status == "affected"
    assert _kinds(facts) == {"rejected": ["future"], "superseded": ["superseded"]}


def test_skew_is_granted_where_asked() -> None:
    """Clock skew moves the boundary between present and future."""
    sources = [source(statement(timestamp="2026-11-23T12:04:00Z"))]
    for skew, expected in ((0, None), (300, True)):
        _, applied = resolve(sources, [finding()], subject(), authors=[AUTHOR], require_signed=True, now=NOW, skew_s=skew)
        assert (applied.get(finding().key) and applied[finding().key].counts) is expected


def test_invalid_statements_are_rejected() -> None:
    """not_affected without a reason does not count and does not displace a valid older statement."""
    facts, applied = run(
        source(statement(justification="", timestamp=LATE, **{"@id": "bad"}), statement("fixed", **{"@id": "good"}))
    )
    assert applied.statement == "good"
    assert [(problem.statement, problem.kind) for problem in facts.rejected] == [("bad", "invalid")]


def test_an_unknown_status_keeps_the_finding() -> None:
    """A newer statement with a status nobody knows is taken for under_investigation, and reported."""
    facts, applied = run(source(statement(), statement("mitigated", timestamp=LATE)))
    assert (applied.status, applied.counts) == ("under_investigation", False)
    assert facts.rejected[0].detail == "unknown status 'mitigated'"


def test_an_unsuppressing_statement_without_time_counts_as_new() -> None:
    """affected without any time is not older than everything."""
    facts, applied = run(source(statement(), statement("affected", timestamp="soon")))
    assert applied.status == "affected"
    assert len(facts.superseded) == 1


@pytest.mark.parametrize(("subjects", "matches"), [((), False), ((OTHER,), False), ((DIGEST,), True), ((INDEX,), True)])
def test_no_products_means_the_subject_of_the_attestation(subjects: tuple[str, ...], matches: bool) -> None:
    """A statement without products applies to nothing, unless a statement around it names this image."""
    facts, applied = run(source(statement(products=None), subjects=subjects))
    assert (applied is not None) is matches
    assert _kinds(facts) == ({} if matches else {"unmatched": ["unmatched"]})


def test_an_image_without_subcomponents_covers_every_package() -> None:
    """Allowed, and pointed out when the document is read."""
    _, applied = run(source(statement(products=[f"pkg:oci/app@{DIGEST}"])), findings=(finding(purl=""),))
    assert applied.counts


def test_another_image_with_the_package_below_does_not_match() -> None:
    """A subcomponent only matters below a product that is this image."""
    _, applied = run(source(statement(products=[{"@id": f"pkg:oci/app@{OTHER}", "subcomponents": [{"@id": OPENSSL}]}])))
    assert applied is None


def test_a_product_with_other_subcomponents_is_not_the_package() -> None:
    """``product: openssl, subcomponent: libfoo`` says nothing about openssl itself."""
    _, applied = run(source(statement(products=[{"@id": OPENSSL, "subcomponents": [{"@id": "pkg:deb/debian/libfoo"}]}])))
    assert applied is None


def test_a_finding_without_version_in_its_purl_uses_the_packages() -> None:
    """Scanners that leave the version out of the purl still give it beside."""
    _, applied = run(source(statement()), findings=(finding(purl="pkg:deb/debian/openssl"),))
    assert applied.counts


def test_nothing_in_nothing_out() -> None:
    """No documents give empty facts; documents without findings are all unmatched."""
    assert resolve([], [], subject(), authors=(), require_signed=True, now=NOW) == (VexFacts(), {})
    facts, applied = resolve([source(statement())], [], subject(), authors=(), require_signed=True, now=NOW)
    assert (_kinds(facts), applied) == ({"unmatched": ["unmatched"]}, {})


def test_now_must_be_a_time() -> None:
    """A clock that is no time is an error, not the year one."""
    with pytest.raises(ConfigError):
        resolve([], [], subject(), authors=(), require_signed=True, now="today")


def test_order_of_input_does_not_matter() -> None:
    """Any order of documents and findings gives the same facts."""
    sources = [
        source(statement(status, timestamp=at), evidence=at, id=status + at)
        for status in ("fixed", "affected")
        for at in (EARLY, LATE)
    ]
    findings = [finding(), finding("CVE-2", "pkg:deb/debian/x@1")]
    expected = resolve(sources, findings, subject(), authors=(AUTHOR,), require_signed=True, now=NOW)
    for seed in range(5):
        random.Random(seed).shuffle(sources)
        assert resolve(sources, findings[::-1], subject(), authors=(AUTHOR,), require_signed=True, now=NOW) == expected


def test_the_hardened_nginx_document_does_not_hide_cve_2025_9232() -> None:
    """not_affected on 30 September, under_investigation on 1 October: a scanner that takes the oldest suppresses; we do not."""
    document = openvex.read(corpus.document("openvex/dhi-nginx.json"))
    sources = [VexSource(DIGEST, document, SIGNED)]
    found = finding(
        "CVE-2025-9232", "pkg:deb/debian/libssl3t64@3.5.1-1?arch=amd64&distro=debian-13&upstream=openssl", version="3.5.1-1"
    )
    facts, applied = resolve(sources, [found], subject(), authors=["dhi@docker.com"], require_signed=True, now=NOW)
    assert (applied[found.key].status, applied[found.key].counts) == ("under_investigation", False)
    assert applied[found.key].statement == "ec77b734-cf9d-4372-b55d-b0a1e84919b0"
    assert [problem.statement for problem in facts.superseded] == ["1535160f-68a4-43cb-a9e7-fc63c6ffad2c"]
    assert len(facts.unmatched) == 53


def test_the_published_supersession_pair() -> None:
    """under_investigation, two minutes later fixed, in two documents: fixed holds."""
    sources = [
        VexSource(name, openvex.read(corpus.document(f"openvex/{name}.json")), SIGNED)
        for name in ("supersede_2_fixed", "supersede_1_under_investigation")
    ]
    found = finding("CVE-1234-5678", "pkg:apk/wolfi/bash@1.0.0?arch=x86_64", version="1.0.0")
    facts, applied = resolve(sources, [found], subject(), authors=["John Doe"], require_signed=True, now=NOW)
    assert (applied[found.key].status, applied[found.key].counts) == ("fixed", True)
    assert len(facts.superseded) == 1


def test_many_statements_meet_many_findings_in_linear_time() -> None:
    """6,408 statements about one vulnerability and 5,000 findings of it do not multiply."""
    statements = [statement(products=[f"pkg:deb/debian/p{number}@1"], **{"@id": f"s{number}"}) for number in range(6408)]
    findings = [finding(purl=f"pkg:deb/debian/p{number}@1?arch=amd64") for number in range(5000)]
    sources = [source(*statements)]
    started = time.process_time()
    facts, applied = resolve(sources, findings, subject(), authors=(AUTHOR,), require_signed=True, now=NOW)
    assert time.process_time() - started < 10
    assert (len(applied), len(facts.unmatched)) == (5000, 1408)


def test_names_and_products_of_one_statement_do_not_multiply() -> None:
    """One statement, unsigned, with 4,000 aliases and 4,000 products: anyone could attach it, and it costs next to nothing."""
    names = [f"CVE-2025-{number}" for number in range(4000)]
    one = statement(
        products=[f"pkg:deb/debian/q{number}@1" for number in range(4000)], vulnerability={"name": "x", "aliases": names}
    )
    findings = [finding(name, f"pkg:deb/debian/p{number}@1", version="1") for number, name in enumerate(names)]
    started = time.process_time()
    facts, _ = resolve([source(one, signed=False)], findings, subject(), authors=(AUTHOR,), require_signed=True, now=NOW)
    assert time.process_time() - started < 10
    assert len(facts.unmatched) == 1
