"""The names of ``--type``, the shapes behind them, schemas, and what is signed with a signature."""

import json
from typing import Any

import pytest

from gate.attest import statement, types
from gate.attest.signature import signature_statement, simple_signing
from gate.attest.types import SIGN, TYPES, VERDICT, VSA, check_schema, find_type, predicate_of
from gate.errors import EvidenceInvalid, UsageError
from gate.limits import Limits
from gate.trust.statement import parse_statement
from tests.factory import DIGEST

NOW = "2026-11-23T10:00:00Z"
GOOD: dict[str, dict[str, Any]] = {
    "slsaprovenance1": {
        "buildDefinition": {"buildType": "https://b.example", "externalParameters": {}},
        "runDetails": {"builder": {"id": "https://b.example"}},
    },
    "slsaprovenance02": {"builder": {"id": "https://b.example"}, "buildType": "x"},
    "slsaprovenance": {"builder": {"id": "https://b.example"}, "buildType": "x"},
    "spdx": {"spdxVersion": "SPDX-2.3"},
    "spdxjson": {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []},
    "cyclonedx": {"bomFormat": "CycloneDX"},
    "vuln": {"scanner": {"uri": "x", "result": {}}, "metadata": {"scanFinishedOn": NOW}},
    "vulns": {
        "scanner": {"uri": "x", "db": {"lastUpdate": NOW}, "result": []},
        "metadata": {"scanStartedOn": NOW, "scanFinishedOn": NOW},
    },
    "openvex": {"@context": "https://openvex.dev/ns/v0.2.0", "statements": []},
    "test-result": {"result": "PASSED", "configuration": []},
    "svr": {"verifier": {"id": "x"}, "timeCreated": NOW, "properties": ["a"]},
    "link": {"name": "x", "command": [], "materials": []},
}


def body(kind: str, value: Any, data: bytes | None = None) -> Any:
    """The predicate as it stands in the statement."""
    made = predicate_of(find_type(kind), json.dumps(value).encode() if data is None else data, value, now=NOW)
    return json.loads(bytes(made))


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_a_document_of_the_type_is_taken(kind: str) -> None:
    """As it is, byte for byte."""
    assert body(kind, GOOD[kind]) == GOOD[kind]


@pytest.mark.parametrize("kind", sorted(GOOD))
@pytest.mark.parametrize("value", [{}, {"bomFormat": "SPDX"}, {"result": "OK", "configuration": []}, [], "text", None])
def test_a_document_of_no_type_is_refused(kind: str, value: Any) -> None:
    """A report is not signed as something that it is not."""
    with pytest.raises(EvidenceInvalid):
        body(kind, value)


@pytest.mark.parametrize("kind", sorted(GOOD))
@pytest.mark.parametrize("other", sorted(GOOD))
def test_no_type_is_taken_for_another(kind: str, other: str) -> None:
    """Only the two names of the same type share documents."""
    same = find_type(kind).uri == find_type(other).uri
    if same:
        body(kind, GOOD[other])
    else:
        with pytest.raises(EvidenceInvalid):
            body(kind, GOOD[other])


def test_every_type_is_tested() -> None:
    """A new type brings its example."""
    assert set(GOOD) | {"custom"} == {known.name for known in TYPES}


def test_custom_is_wrapped_as_cosign_does() -> None:
    """Any text, with the time beside it."""
    data = 'plain "text" ü\n'.encode()
    assert body("custom", None, data) == {"Data": 'plain "text" ü\n', "Timestamp": NOW}


def test_large_numbers_and_order_survive() -> None:
    """Nothing is decoded and encoded on the way into the statement."""
    raw = b'{"z": 12345678901234567890123, "a": 1.10, "bomFormat": "CycloneDX"}'
    made = statement.make(
        [statement.subject_of("x", DIGEST)],
        types.CYCLONEDX,
        predicate_of(find_type("cyclonedx"), raw, json.loads(raw), now=NOW),
    )
    assert raw in made


def test_a_uri_is_a_type() -> None:
    """One's own, or a known one by its URI, which is then checked all the same."""
    assert find_type("https://acme.example/review/v1").uri == "https://acme.example/review/v1"
    with pytest.raises(EvidenceInvalid):
        body("https://cyclonedx.org/bom", {"a": 1})


@pytest.mark.parametrize("text", ["", "sbom", "SPDX", "https:// x", "a:b c", "x\n:y"])
def test_other_texts_are_no_type(text: str) -> None:
    """The error lists the names."""
    with pytest.raises(UsageError) as caught:
        find_type(text)
    assert "slsaprovenance1" in caught.value.fix


@pytest.mark.parametrize("uri", [SIGN, VSA, VERDICT])
def test_the_gates_own_words_are_not_attested_by_hand(uri: str) -> None:
    """A summary is made from a verdict, a signature by `gate sign`."""
    with pytest.raises(UsageError, match="by hand"):
        find_type(uri)


def test_a_schema_is_checked() -> None:
    """What fails is named by its place."""
    schema = {"type": "object", "required": ["reviewer"], "properties": {"reviewer": {"type": "string"}}}
    check_schema({"reviewer": "a"}, schema)
    with pytest.raises(EvidenceInvalid) as caught:
        check_schema({"reviewer": 1}, schema)
    assert "/reviewer" in caught.value.why


@pytest.mark.parametrize(
    "schema",
    [
        {"type": 1},
        {"$ref": "http://127.0.0.1:9/x.json"},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "#/nowhere"},
        7,
        {"pattern": "("},
    ],
)
def test_a_schema_that_cannot_be_used_fetches_nothing(schema: Any) -> None:
    """A broken schema, or one that refers elsewhere, is an error, never a pass."""
    with pytest.raises(UsageError, match="cannot be used"):
        check_schema({"a": 1}, schema)


def test_a_signature_is_cosigns_statement() -> None:
    """A subject without a name, and an empty predicate."""
    parsed = parse_statement(signature_statement(DIGEST, {}), Limits())
    assert (parsed.predicate_type, parsed.predicate, parsed.subjects[0].name) == (SIGN, {}, "")
    assert parsed.is_about(DIGEST)
    noted = json.loads(signature_statement(DIGEST, {"commit": "abc"}))
    assert noted["subject"][0]["annotations"] == {"commit": "abc"}


def test_simple_signing_names_the_digest() -> None:
    """The field that verifiers compare."""
    value = json.loads(simple_signing(DIGEST, "r.example/app", {}))
    assert value["critical"]["image"] == {"docker-manifest-digest": DIGEST}
    assert value["critical"]["type"] == "cosign container image signature"
