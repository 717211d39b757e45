"""In-toto statements: the predicate type says what the body is, and the body is read as nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from gate.errors import EvidenceInvalid, FormatRefused
from gate.evidence import readers, refused
from gate.evidence.interface import Reading
from gate.evidence.jsonguard import guard
from gate.evidence.vexreading import vex_reading
from gate.limits import Limits
from gate.model.evidence import Diagnostic, Kind, Producer

COSIGN_VULN = "https://cosign.sigstore.dev/attestation/vuln/v1"
_VSA = "https://slsa.dev/verification_summary"
_COSIGN_SIGN = "https://sigstore.dev/cosign/sign/v1"
FAMILIES: tuple[tuple[str, Kind], ...] = (
    ("https://spdx.dev/Document", "sbom"),
    ("https://cyclonedx.org/bom", "sbom"),
    ("https://cyclonedx.org/vex", "vex"),
    ("https://openvex.dev/ns", "vex"),
    ("https://docs.oasis-open.org/csaf", "vex"),
    ("https://slsa.dev/provenance", "provenance"),
    (_VSA, "vsa"),
    ("https://cosign.sigstore.dev/attestation/vuln", "vulnerabilities"),
    ("cosign.sigstore.dev/attestation/vuln", "vulnerabilities"),
    ("https://in-toto.io/attestation/vulns", "vulnerabilities"),
    ("https://in-toto.io/attestation/vuln", "vulnerabilities"),
)


_INEXACT = Diagnostic(
    code="inexact_integer",
    message="the build parameters hold an integer beyond 2^53, which policies cannot see exactly; they are left out",
)


def kind_of_predicate(predicate_type: str) -> Kind:
    """The kind of evidence that a predicate type is, also when it cannot be read; ``attestation`` for foreign types."""
    if predicate_type == _COSIGN_SIGN:
        return "signature"  # exact: another version may mean something else by being signed
    return next((kind for family, kind in FAMILIES if _is_of(predicate_type, family)), "attestation")


def _is_of(predicate_type: str, family: str) -> bool:
    """Equal, or the family followed by a version: cosign writes the bare type, Docker and others append one."""
    return predicate_type == family or predicate_type.startswith(f"{family}/")


def read_predicate(data: bytes, predicate_type: str, predicate: Any, limits: Limits) -> Reading:
    """Read the body of a statement; ``data`` is the statement and ``predicate`` its parsed body.

    Raises EvidenceInvalid, FormatRefused (known and not read), LimitExceeded.
    """
    kind = kind_of_predicate(predicate_type)
    if kind == "sbom":
        return _read_sbom(predicate_type, _body(data, predicate), limits)
    if kind == "vex":
        return _read_vex_predicate(predicate_type, _body(data, predicate), limits)
    if kind == "provenance":
        return _read_provenance(predicate_type, predicate)
    if kind == "vulnerabilities":
        return _read_vulnerabilities(predicate_type, predicate, limits)
    if kind == "vsa":
        return _read_vsa(predicate_type, predicate)
    name = "cosign-sign-v1" if kind == "signature" else predicate_type
    return Reading(kind=kind, format=name, producer=Producer(), created=None, names=())


class _Statement(msgspec.Struct):
    predicate: msgspec.Raw = msgspec.Raw(b"")


def _body(data: bytes, predicate: Any) -> bytes:
    """The predicate's own bytes: cut out of the statement, so that a large SBOM is not parsed and written again."""
    if isinstance(predicate, str):
        # cosign attests SPDX tag-value as a string.
        return predicate.encode()
    try:
        raw = bytes(msgspec.json.decode(data, type=_Statement).predicate)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raw = b""
    return raw or msgspec.json.encode(predicate)


def _read_sbom(predicate_type: str, body: bytes, limits: Limits) -> Reading:
    spdx = _is_of(predicate_type, "https://spdx.dev/Document")
    if not spdx and body.lstrip()[:1] == b"<":
        return readers.load("sbom.cyclonedx_xml").read(body, limits)  # as a string, which the specification of the type allows
    if spdx and (text := readers.text_reader(body)) is not None:
        return text.read(body, limits)  # cosign attests tag-value as a string
    refused.refuse_bytes(body)
    return readers.reader(_sbom_format(body) if spdx else "CycloneDX").read(body, limits)


def _sbom_format(body: bytes) -> str:
    """SPDX 2 and 3 share their predicate type."""
    try:
        keys = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return "SPDX"  # whose reader says what is wrong
    return "SPDX 3" if "spdxVersion" not in keys and readers.is_spdx3(keys) else "SPDX"


def _read_vex_predicate(predicate_type: str, body: bytes, limits: Limits) -> Reading:
    refused.refuse_bytes(body)
    if _is_of(predicate_type, "https://cyclonedx.org/vex"):
        reading = readers.reader("CycloneDX").read(body, limits)
        if reading.vex is None:
            raise EvidenceInvalid(
                "the VEX attestation says nothing of any vulnerability", why="its body is an SBOM without analyses"
            )
        return reading
    return read_vex("OpenVEX" if _is_of(predicate_type, "https://openvex.dev/ns") else "CSAF", guard(body, limits), limits)


def listed(keys: Mapping[str, Any]) -> str:
    """The first names, for messages."""
    names = sorted(keys)[:8]
    return ", ".join(repr(name[:40]) for name in names) + (" …" if len(keys) > 8 else "") if names else "no names"


def read_vex(name: str, data: bytes, limits: Limits) -> Reading:
    """``OpenVEX`` or ``CSAF``; the data was guarded."""
    from gate.vex import csaf, openvex

    return vex_reading((openvex if name == "OpenVEX" else csaf).read(data, limits))


def _read_provenance(predicate_type: str, predicate: Any) -> Reading:
    """Without claims: who knows the signing certificate calls `read_provenance` again with them."""
    from gate.evidence.provenance.slsa import read_provenance

    fact = read_provenance(predicate_type, predicate, {})
    version = fact.predicate_type.rpartition("/")[2]
    return Reading(
        kind="provenance",
        format=f"slsa-provenance {version}",
        producer=Producer(name=fact.builder),
        created=_time(fact.finished) or _time(fact.started),
        names=(),
        diagnostics=(_INEXACT,) if fact.parameters is None else (),
        provenance=fact,
    )


def _time(value: Any) -> str | None:
    """RFC 3339 in UTC, or None for what is no time with a zone."""
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        return None


def _read_vulnerabilities(predicate_type: str, predicate: Any, limits: Limits) -> Reading:
    """cosign's vulnerability predicate holds the scanner's own report under ``scanner.result``; in-toto's is the gate's own."""
    if predicate_type == "https://in-toto.io/attestation/vulns/v0.2":
        from gate.evidence.vulnerabilities import intoto

        return intoto.read(predicate, limits)
    if predicate_type.removeprefix("https://") != COSIGN_VULN.removeprefix("https://"):
        raise FormatRefused(
            f"vulnerabilities of type {predicate_type} are not read",
            why="they name vulnerabilities without the packages that have them",
            fix=f"attest grype's or trivy's JSON: cosign attest --type vuln, which is {COSIGN_VULN}",
        )
    scanner = predicate.get("scanner") if isinstance(predicate, dict) else None
    result = scanner.get("result") if isinstance(scanner, dict) else None
    if isinstance(result, list) and readers.is_stream(stream := msgspec.json.encode(result)):
        return readers.load("vulnerabilities.govulncheck").read(stream, limits)  # jq -s puts its messages into one value
    if not isinstance(result, dict) or not result:
        raise EvidenceInvalid(
            "the vulnerability attestation holds no scanner report", why="scanner.result is empty", fix="attest grype -o json"
        )
    names = [name for name in readers.fits(result) if name in ("grype JSON", "trivy JSON")]
    if len(names) != 1:
        raise FormatRefused(
            f"the vulnerability attestation holds a report with {listed(result)}",
            why="scanner.result is read when it is grype's or trivy's own JSON",
            fix="attest grype -o json or trivy image -f cosign-vuln",
        )
    return readers.reader(names[0]).read(msgspec.json.encode(result), limits)


def _read_vsa(predicate_type: str, predicate: Any) -> Reading:
    if predicate_type != f"{_VSA}/v1":
        raise FormatRefused(f"a VSA of type {predicate_type} is not read", why=f"this version reads {_VSA}/v1")
    if not isinstance(predicate, dict):
        raise EvidenceInvalid("the VSA has no body", why="its predicate is not a JSON object")
    verifier, verified = predicate.get("verifier"), predicate.get("timeVerified")
    name = verifier.get("id") if isinstance(verifier, dict) else ""
    return Reading(
        kind="vsa",
        format="slsa-vsa v1",
        producer=Producer(name=name if isinstance(name, str) else ""),
        created=_time(verified),
        names=(),
    )
