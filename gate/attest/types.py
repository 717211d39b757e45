"""The names that ``--type`` takes, what they stand for, and what a predicate of each must look like.

cosign's names keep cosign's meaning. Any URI is a type of one's own. The check is of the shape alone, so that a report is not
signed as something it is not: what a document says is for the rules to judge.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from gate.errors import EvidenceInvalid, UsageError
from gate.model.base import to_json

SIGN = "https://sigstore.dev/cosign/sign/v1"
VSA = "https://slsa.dev/verification_summary/v1"
VULNS = "https://in-toto.io/attestation/vulns/v0.2"
SPDX = "https://spdx.dev/Document"
CYCLONEDX = "https://cyclonedx.org/bom"
OPENVEX = "https://openvex.dev/ns"
CUSTOM = "https://cosign.sigstore.dev/attestation/v1"
VERDICT = "https://policy-gate.dev/verdict/v1"
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_RESULTS = ("PASSED", "WARNED", "FAILED")


@dataclasses.dataclass(frozen=True, slots=True)
class PredicateType:
    """A predicate type by its short name. ``check`` gives what is wrong with a document, empty when nothing is."""

    name: str
    uri: str
    about: str
    check: Callable[[Mapping[str, Any]], str]


def _missing(value: Mapping[str, Any], *paths: str) -> str:
    """The first of the dotted paths that is not there."""
    for path in paths:
        inner: Any = value
        for part in path.split("."):
            inner = inner.get(part) if isinstance(inner, Mapping) else None
        if inner is None:
            return f"{path} is missing"
    return ""


def _spdx(value: Mapping[str, Any]) -> str:
    if "@context" in value and "@graph" in value:
        return ""  # SPDX 3
    return "" if str(value.get("spdxVersion", "")).startswith("SPDX-") else "spdxVersion is missing"


def _cyclonedx(value: Mapping[str, Any]) -> str:
    return "" if value.get("bomFormat") == "CycloneDX" else "bomFormat is not CycloneDX"


def _openvex(value: Mapping[str, Any]) -> str:
    if not str(value.get("@context", "")).startswith("https://openvex.dev/ns"):
        return "@context is not OpenVEX's"
    return "" if isinstance(value.get("statements"), list) else "statements is missing"


def _test_result(value: Mapping[str, Any]) -> str:
    return _missing(value, "configuration") or (
        "" if value.get("result") in _RESULTS else f"result is none of {', '.join(_RESULTS)}"
    )


def _scan(result: type, what: str, *paths: str) -> Callable[[Mapping[str, Any]], str]:
    """cosign's record has the scanner's report as an object, in-toto's a list of findings: each is refused as the other."""

    def check(value: Mapping[str, Any]) -> str:
        wrong = _missing(value, "scanner.uri", "scanner.result", *paths)
        return wrong or ("" if isinstance(value["scanner"]["result"], result) else f"scanner.result is not {what}")

    return check


def _needs(*paths: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda value: _missing(value, *paths)


TYPES: tuple[PredicateType, ...] = (
    PredicateType(
        "slsaprovenance1",
        "https://slsa.dev/provenance/v1",
        "SLSA provenance v1",
        _needs("buildDefinition.buildType", "buildDefinition.externalParameters", "runDetails.builder.id"),
    ),
    PredicateType(
        "slsaprovenance02", "https://slsa.dev/provenance/v0.2", "SLSA provenance v0.2", _needs("builder.id", "buildType")
    ),
    PredicateType(
        "slsaprovenance", "https://slsa.dev/provenance/v0.2", "the same, as cosign has it", _needs("builder.id", "buildType")
    ),
    PredicateType("spdx", SPDX, "SPDX 2.x or 3 as JSON", _spdx),
    PredicateType("spdxjson", SPDX, "the same", _spdx),
    PredicateType("cyclonedx", CYCLONEDX, "CycloneDX as JSON", _cyclonedx),
    PredicateType(
        "vuln",
        "https://cosign.sigstore.dev/attestation/vuln/v1",
        "cosign's vulnerability record",
        _scan(dict, "an object", "metadata.scanFinishedOn"),
    ),
    PredicateType(
        "vulns",
        VULNS,
        "in-toto vulnerabilities v0.2",
        _scan(list, "a list", "scanner.db.lastUpdate", "metadata.scanStartedOn", "metadata.scanFinishedOn"),
    ),
    PredicateType("openvex", OPENVEX, "OpenVEX", _openvex),
    PredicateType("test-result", "https://in-toto.io/attestation/test-result/v0.1", "in-toto test result v0.1", _test_result),
    PredicateType(
        "svr",
        "https://in-toto.io/attestation/svr/v0.2",
        "in-toto simple verification result v0.2",
        _needs("verifier.id", "timeCreated", "properties"),
    ),
    PredicateType(
        "link", "https://in-toto.io/attestation/link/v0.3", "in-toto link v0.3", _needs("name", "command", "materials")
    ),
    PredicateType("custom", CUSTOM, "anything, wrapped as cosign's generic predicate", lambda value: ""),
)
_BY_NAME = {known.name: known for known in TYPES}
RESERVED = {SIGN: "gate sign", VSA: "gate verify --attest", VERDICT: "gate verify --attest"}
"""Types that mean that the gate itself did something."""


def find_type(text: str) -> PredicateType:
    """The type of a short name or a URI; raises UsageError that lists the names."""
    if text in RESERVED:
        raise UsageError(
            f"{text} is not attested by hand", why="whoever reads it takes it for the gate's own word", fix=RESERVED[text]
        )
    if text in _BY_NAME:
        return _BY_NAME[text]
    if _URI.fullmatch(text):
        return next(
            (known for known in TYPES if known.uri == text and known.name != "custom"),
            PredicateType(text, text, "", lambda value: ""),
        )
    raise UsageError(f"--type {text}: no such type", fix=f"one of {', '.join(_BY_NAME)}, or a URI of your own")


def predicate_of(kind: PredicateType, data: bytes, value: Any, *, now: str) -> Any:
    """What stands in the statement: the document's own bytes, so that no number in it changes; for ``custom`` cosign's wrapping.

    ``value`` is the parsed document, ``now`` an RFC 3339 time. Raises EvidenceInvalid for a document that is not of the type.
    """
    if kind.name == "custom":
        return msgspec.Raw(to_json({"Data": data.decode("utf-8"), "Timestamp": now}))
    if not isinstance(value, dict):
        raise EvidenceInvalid("a predicate is a JSON object", why=f"the document is {type(value).__name__}")
    wrong = kind.check(value)
    if wrong:
        raise EvidenceInvalid(
            f"the document is no {kind.about}: {wrong}",
            why=f"signed as {kind.uri}, it would be taken for one",
            fix="give the document that was meant, or another --type",
        )
    return msgspec.Raw(data)


def check_schema(value: Any, schema: Any) -> None:
    """Raises EvidenceInvalid when the document does not satisfy the JSON Schema, UsageError for a schema that is none.

    References to other documents are not followed: nothing is fetched. Needs the extra ``schema``.
    """
    try:
        import jsonschema_rs
    except ImportError:
        raise UsageError("--predicate-schema needs the package jsonschema-rs", fix="pip install 'policy-gate[schema]'") from None

    def refuse(uri: str) -> Any:
        raise ValueError(f"the schema refers to {uri}, and nothing is fetched")

    try:
        validator = jsonschema_rs.validator_for(schema, retriever=refuse)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise UsageError(
            "--predicate-schema cannot be used", why=str(error)[:500], fix="give a self-contained JSON Schema"
        ) from None
    found = []
    for problem in validator.iter_errors(value):
        place = "/".join(str(part) for part in problem.instance_path)
        found.append(f"/{place}: {problem.message[:200]}")
        if len(found) == 5:
            break
    if found:
        raise EvidenceInvalid(
            "the predicate does not satisfy its schema", why="\n".join(found), fix="correct the document; nothing was signed"
        )
