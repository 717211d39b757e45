"""From one format to another: what is kept, what is listed as lost, and that nothing that suppresses is widened."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gate.errors import ConfigError, EvidenceInvalid
from gate.vex import csaf, cyclonedx, openvex, schema
from gate.vex.check import check, sources_of
from gate.vex.convert import Converted, to_openvex
from gate.vex.document import VexComponent, VexDocument, VexProduct, VexStatement
from gate.vex.merge import Change, diff, merge
from gate.vex.to_csaf import to_csaf
from gate.vex.to_cyclonedx import to_cyclonedx
from tests.factory import DIGEST, verdict
from tests.vex import corpus
from tests.vex.test_lint import body, statement

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
IMAGE = {"@id": f"pkg:oci/app@{DIGEST}", "subcomponents": [{"@id": "pkg:pypi/pyyaml@5.3"}]}
KEY = "CVE-2020-1747|pkg:pypi/pyyaml@5.3"
OPENVEX = [
    "dhi-nginx",
    "stackstate-agent_oci",
    "supersede_1_under_investigation",
    "supersede_2_fixed",
    "trivy_oci.openvex",
    "v0.0.1_legacy",
]
URL = "https://acme.example"


def read(*statements: dict[str, Any], **fields: Any) -> VexDocument:
    return openvex.read(json.dumps(body(*statements, **fields)).encode())


def made(**fields: Any) -> VexStatement:
    values: dict[str, Any] = {
        "id": "urn:s:1", "vulnerabilities": ("CVE-2020-1747",), "products": (VexProduct(VexComponent(("pkg:pypi/pyyaml@5.3",))),),
        "names_products": True, "status": "not_affected", "justification": "component_not_present", "impact": "",
        "timestamp": NOW,
    }  # fmt: skip
    return VexStatement(**(values | fields))


def written(item: VexStatement) -> tuple[Converted, VexDocument]:
    document = VexDocument("urn:d:1", "a", "", NOW, 1, "", (item,))
    done = to_openvex(document, now=NOW)
    assert schema.problems(done.data) == ()
    return done, openvex.read(done.data)


def about(item: VexStatement) -> set[tuple[str, str]]:
    """Product and subcomponent, in every spelling."""
    return {
        (outer, inner)
        for product in item.products
        for outer in product.component.ids
        for inner in [text for part in product.subcomponents for text in part.ids] or [""]
    }


@pytest.mark.parametrize("name", OPENVEX)
def test_round_trip_of_the_corpus(name: str) -> None:
    """No statement, status, product, vulnerability, time or justification is lost; what moves or is made anew is listed."""
    data = corpus.document(f"openvex/{name}.json")
    before = openvex.read(data)
    done = to_openvex(before, now=NOW, source=data)
    after = openvex.read(done.data)
    assert schema.problems(done.data) == ()
    assert len(after.statements) == len(before.statements)
    for old, new in zip(before.statements, after.statements, strict=True):
        assert (old.status, set(old.vulnerabilities), old.timestamp) == (new.status, set(new.vulnerabilities), new.timestamp)
        assert about(old) == about(new)
        for text in (old.justification, old.impact, old.action):
            assert text in (new.justification + "\n" + new.impact + "\n" + new.action + "\n" + new.notes)
        assert old.notes in new.notes
    again = to_openvex(after, now=NOW, source=done.data)
    assert again.losses == () and again.data == done.data


def test_fields_that_are_not_kept_are_listed() -> None:
    """By path, with their number."""
    source = body(statement(supplier="x"), statement("affected", supplier="y", version=2))
    data = json.dumps(source).encode()
    losses = {(loss.field, loss.count) for loss in to_openvex(openvex.read(data), now=NOW, source=data).losses}
    assert ("statements/*/supplier", 2) in losses and ("statements/*/version", 1) in losses


@pytest.mark.parametrize(
    ("product", "status", "kept"),
    [
        (VexProduct(VexComponent(("pkg:pypi/a",), (), ("vers:pypi/<2",))), "not_affected", False),
        (VexProduct(VexComponent(("pkg:pypi/a",), (), ("vers:pypi/<2",))), "affected", True),
        (VexProduct(VexComponent(("pkg:pypi/a",), (), ("=1", "=2"))), "not_affected", True),
        (VexProduct(VexComponent(("pkg:rpm/redhat/a",)), (), ("cpe:/o:redhat:enterprise_linux:9",)), "not_affected", False),
        (VexProduct(VexComponent(("pkg:rpm/redhat/a@1-1.el9",)), (), ("cpe:/o:redhat:enterprise_linux:9",)), "fixed", True),
        (VexProduct(VexComponent(("gate:subject",))), "not_affected", False),
        (
            VexProduct(VexComponent(("pkg:oci/a",)), (VexComponent(("pkg:pypi/a",), (), ("vers:pypi/<2",)),)),
            "not_affected",
            False,
        ),
        (VexProduct(VexComponent((), (("sha256", "a" * 64),))), "not_affected", True),
    ],
)
def test_a_statement_that_suppresses_is_never_widened(product: VexProduct, status: Any, kept: bool) -> None:
    """A range or platform that OpenVEX cannot say is left out and named, not dropped from the product."""
    item = made(products=(product,), status=status, action="upgrade")
    if not kept:
        with pytest.raises(ConfigError, match="nothing of the document"):
            written(item)
        return
    done, document = written(item)
    assert document.statements
    assert done.losses or product.component.ranges[:1] == ("=1",)
    if product.component.ranges == ("=1", "=2"):
        assert about(document.statements[0]) == {("pkg:pypi/a@1", ""), ("pkg:pypi/a@2", "")}


@pytest.mark.parametrize("form", ["openvex", "cyclonedx", "csaf"])
def test_a_document_that_says_nothing_is_not_written(form: str) -> None:
    """No format has one without statements; an empty one would look like an answer."""
    document = VexDocument("urn:d:1", "a", "", NOW, 1, "", ())
    with pytest.raises(ConfigError, match="nothing of the document"):
        if form == "csaf":
            to_csaf(document, now=NOW, namespace=URL)
        else:
            (to_openvex if form == "openvex" else to_cyclonedx)(document, now=NOW)


@pytest.mark.parametrize("change", [{"justification": ""}, {"timestamp": "soon"}])
def test_a_statement_that_does_not_count_is_left_out(change: dict[str, Any]) -> None:
    """Without its broken time it would have inherited the document's, and counted."""
    document = read(statement(products=[IMAGE], **change), statement("affected", product="pkg:pypi/b@1"))
    for data in (to_openvex(document, now=NOW).data, to_cyclonedx(document, now=NOW).data):
        assert b'"not_affected"' not in data
    assert any("does not count" in loss.detail for loss in to_openvex(document, now=NOW).losses)


def test_a_package_in_a_product_that_is_no_image_is_not_widened() -> None:
    """CycloneDX has one product for the whole document; only an image can stand there."""
    document = read(statement(products=[{"@id": "pkg:maven/a/app@1", "subcomponents": [{"@id": "pkg:pypi/pyyaml@5.3"}]}]))
    with pytest.raises(ConfigError):
        to_cyclonedx(document, now=NOW)


@pytest.mark.parametrize("form", ["cyclonedx", "csaf"])
@pytest.mark.parametrize("status", ["not_affected", "affected", "fixed", "under_investigation"])
def test_the_other_formats_say_the_same(form: str, status: str) -> None:
    """Read back by the gate, each binds the same finding and suppresses as the original does."""
    document = read(statement(status, products=[IMAGE]))
    if form == "csaf":
        back = csaf.read(to_csaf(document, now=NOW, namespace=URL).data)
    else:
        back = cyclonedx.read(to_cyclonedx(document, now=NOW).data)
    assert {item.status for item in back.statements} == {status}
    before, after = (check(sources_of({"x": one}), verdict()) for one in (document, back))
    assert before.suppressed == after.suppressed == (frozenset({KEY}) if status in ("not_affected", "fixed") else frozenset())
    assert not after.idle


@pytest.mark.parametrize("justification", sorted(openvex.JUSTIFICATIONS))
def test_a_justification_survives_or_is_named(justification: str) -> None:
    """CSAF has the same five; CycloneDX has others, and then the word stands in the detail and among the losses."""
    document = read(statement(justification=justification, products=[IMAGE]))
    [item] = csaf.read(to_csaf(document, now=NOW, namespace=URL).data).statements
    assert item.justification == justification
    done = to_cyclonedx(document, now=NOW)
    [item] = cyclonedx.read(done.data).statements
    assert item.justification == justification or any(loss.field == "justification" for loss in done.losses)
    assert item.justification == justification or justification in item.impact


def test_only_what_holds_is_written_where_there_is_no_history() -> None:
    """A product has one status in CSAF and CycloneDX; what was replaced is listed."""
    document = read(
        statement("under_investigation", products=[IMAGE]), statement("not_affected", "2026-11-02T00:00:00Z", products=[IMAGE])
    )
    for done in (to_csaf(document, now=NOW, namespace=URL), to_cyclonedx(document, now=NOW)):
        assert any(loss.detail == "replaced by a later one" for loss in done.losses)
        assert b"known_not_affected" in done.data or b'"not_affected"' in done.data
        assert b"under_investigation" not in done.data and b"in_triage" not in done.data


def test_of_two_at_one_time_the_less_favourable_is_written() -> None:
    """Fail closed."""
    document = read(statement(products=[IMAGE]), statement("affected", products=[IMAGE]))
    assert b"known_not_affected" not in to_csaf(document, now=NOW, namespace=URL).data
    assert b'"not_affected"' not in to_cyclonedx(document, now=NOW).data


def test_csaf_has_what_its_profile_demands() -> None:
    """Section 4.5: a flag for each known_not_affected, a remediation for each known_affected, and every id is known."""
    body_ = json.loads(
        to_csaf(read(statement(products=[IMAGE]), statement("affected", product="pkg:pypi/b@1")), now=NOW, namespace=URL).data
    )
    assert body_["document"]["category"] == "csaf_vex" and body_["document"]["publisher"]["namespace"] == URL
    [found] = body_["vulnerabilities"]
    status = found["product_status"]
    assert set(status["known_not_affected"]) <= {name for flag in found["flags"] for name in flag["product_ids"]}
    assert set(status["known_affected"]) <= {name for item in found["remediations"] for name in item["product_ids"]}
    known = {item["product_id"] for item in body_["product_tree"]["full_product_names"]}
    known |= {item["full_product_name"]["product_id"] for item in body_["product_tree"]["relationships"]}
    assert {name for listed in status.values() for name in listed} <= known


def test_csaf_needs_a_publisher() -> None:
    """Its namespace is a URL; and a document without author has no publisher at all."""
    for namespace in ("", "acme", "ftp://x"):
        with pytest.raises(ConfigError):
            to_csaf(read(), now=NOW, namespace=namespace)
    with pytest.raises(ConfigError):
        to_csaf(read(author=""), now=NOW, namespace=URL)


def test_a_version_without_end_is_not_counted_up_to() -> None:
    """CSAF lists every revision; a number from a foreign document must not fill the memory."""
    done = to_csaf(read(version=999_999_999), now=NOW, namespace=URL)
    assert len(json.loads(done.data)["document"]["tracking"]["revision_history"]) == 1
    assert any(loss.field == "version" for loss in done.losses)


@pytest.mark.parametrize("name", ["rh_CVE-2024-5154_vex.json", "trivy_relationships.json"])
def test_published_csaf_becomes_openvex(name: str) -> None:
    """With every status that it has, and what was lost."""
    document = csaf.read(corpus.document(f"csaf/{name}"))
    done = to_openvex(document, now=NOW)
    assert schema.problems(done.data) == ()
    assert {item.status for item in openvex.read(done.data).statements} == {item.status for item in document.statements}


def test_a_reference_that_is_no_iri_is_said() -> None:
    """go-vex matches references as text, and the schema wants IRIs: it is written, and named among the losses."""
    document = openvex.read(json.dumps(body(statement(products=[{"@id": "registry.example/app:1"}]))).encode())
    done = to_openvex(document, now=NOW)
    assert json.loads(done.data)["statements"][0]["products"] == [{"@id": "registry.example/app:1"}]
    assert any(loss.field == "product" and "no IRI" in loss.detail for loss in done.losses)


@pytest.mark.parametrize(("date", "bad"), [("2020-01-01", ""), ("2999-01-01", ""), ("soon", "soon")])
@pytest.mark.parametrize("to", ["csaf", "cyclonedx"])
def test_a_review_date_survives(to: str, date: str, bad: str) -> None:
    """It has no field in either format; a policy that denies on overdue reviews must not be got round by converting."""
    before = read(statement(status_notes=f"Reviewer: R\nReview-by: {date}"))
    if to == "csaf":
        after = csaf.read(to_csaf(before, now=NOW, namespace=URL).data)
    else:
        after = cyclonedx.read(to_cyclonedx(before, now=NOW).data)
    [old], [new] = before.statements, after.statements
    assert (new.review_by, new.bad_review) == (old.review_by, old.bad_review)
    assert new.bad_review == bad and (new.review_by is None) == bool(bad)


@pytest.mark.parametrize("convert", [lambda d: to_csaf(d, now=NOW, namespace=URL), lambda d: to_cyclonedx(d, now=NOW)])
def test_what_is_from_the_future_is_not_converted(convert: Any) -> None:
    """One date for all would make it count today, in the place of what holds."""
    future = statement(at="2999-01-01T00:00:00Z")
    with pytest.raises(ConfigError):
        convert(read(future))
    done = convert(read(statement("affected", action_statement="upgrade"), future))
    assert any("future" in loss.detail for loss in done.losses)
    reader = csaf if b"csaf_version" in done.data else cyclonedx
    assert [item.status for item in reader.read(done.data).statements] == ["affected"]


def merged(*bodies: dict[str, Any], author: str = "", current: bool = False) -> tuple[dict[str, Any], tuple[Any, ...]]:
    done = merge([(str(number), item) for number, item in enumerate(bodies)], author=author, role="", now=NOW, current=current)
    assert schema.problems(done.data) == ()
    return json.loads(done.data), done.losses


def test_merging_keeps_every_statement_once_in_order_of_time() -> None:
    """Times that were inherited are written out."""
    late, early = statement("fixed", "2026-11-05T00:00:00Z"), statement("affected")
    del early["timestamp"]
    result, losses = merged(body(late), body(early), body(late))
    assert [item["status"] for item in result["statements"]] == ["affected", "fixed"]
    assert result["statements"][0]["timestamp"] == "2026-11-01T00:00:00Z" and losses == ()


def test_merging_authors_needs_one_who_answers() -> None:
    """The others are named in the notes of their statements, and among the losses."""
    with pytest.raises(ConfigError, match="2 authors"):
        merged(body(), body(author="b"))
    result, losses = merged(body(), body(statement("fixed"), author="b"), author="a")
    assert [("Said by b" in item.get("status_notes", "")) for item in result["statements"]].count(True) == 1
    assert any(loss.field == "author" for loss in losses)


def test_merging_versions_of_one_document_revives_nothing() -> None:
    """What suppresses in the older version and was left out of the newer stays taken back, and is named."""
    older, newer = body(statement()), body(statement("affected", "2026-10-01T00:00:00Z", action_statement="upgrade"), version=2)
    for order in ((older, newer), (newer, older)):
        result, losses = merged(*order)
        assert [item["status"] for item in result["statements"]] == ["affected"]
        assert any("later version" in loss.detail for loss in losses)
    assert len(merged(older, {**newer, "@id": "urn:x:other"})[0]["statements"]) == 2


def test_current_is_for_readers_that_take_the_oldest() -> None:
    """What a later statement replaces is left out and counted."""
    result, losses = merged(body(statement("under_investigation"), statement(at="2026-11-02T00:00:00Z")), current=True)
    assert [item["status"] for item in result["statements"]] == ["not_affected"]
    assert [loss.count for loss in losses] == [1]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"at": "2999-01-01T00:00:00Z"}, "future"),
        ({"justification": ""}, "without justification"),
        ({"status_notes": "Proposal: not called"}, "proposal"),
    ],
)
def test_current_lets_nothing_win_that_does_not_count(change: dict[str, Any], why: str) -> None:
    """A later statement that this gate does not count must not reach scanners in the place of one that it does."""
    idle = {name: value for name, value in statement(**{"at": "2026-11-02T00:00:00Z", **change}).items() if value}
    result, losses = merged(body(statement("affected", action_statement="upgrade"), idle), current=True)
    assert [item["status"] for item in result["statements"]] == ["affected"]
    assert any("does not count" in loss.detail and why in loss.detail for loss in losses)
    with pytest.raises(ConfigError, match="no statement counts"):
        merge([("x", body(idle))], author="", role="", now=NOW, current=True)


@pytest.mark.parametrize(
    "change", [{"@context": "x"}, {"statements": None}, {"statements": [1]}, {"statements": [statement(at="soon")]}]
)
def test_what_cannot_be_merged_is_refused(change: dict[str, Any]) -> None:
    """Another format, or a statement without place in time."""
    with pytest.raises(EvidenceInvalid):
        merged(body(**change))


def test_diff_compares_what_holds() -> None:
    """By vulnerability and product; of several statements the newest."""
    before = read(statement("under_investigation"), statement(at="2026-11-02T00:00:00Z"))
    after = read(statement("affected"))
    assert diff(before, before) == ()
    assert diff(before, after) == (
        Change("CVE-2020-1747", "pkg:pypi/pyyaml@5.3", "not_affected vulnerable_code_not_present", "affected"),
    )
    gone = read(statement(vulnerability={"name": "CVE-1"}))
    assert {(change.vulnerability, bool(change.before), bool(change.after)) for change in diff(after, gone)} == {
        ("CVE-1", False, True),
        ("CVE-2020-1747", True, False),
    }
