"""Which reader a payload goes to: by predicate type for statements, by its top-level names for bare files.

Two formats that both fit are an error, and so is none: what a document is must not depend on the order of a list.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from gate.errors import EvidenceInvalid, FormatRefused, LimitExceeded
from gate.evidence import refused
from gate.evidence.interface import Reader, Reading
from gate.evidence.jsonguard import guard
from gate.evidence.vexreading import vex_reading
from gate.limits import Limits
from gate.model.evidence import Diagnostic, Kind, Producer

READ = (
    "grype JSON, trivy JSON, osv-scanner JSON, govulncheck JSON, SARIF 2.1.0, CycloneDX 1.4–1.7 JSON (SBOM and VEX), "
    "SPDX 2.2 and 2.3 JSON, OpenVEX 0.0.1–0.2.0, CSAF 2.0 and 2.1, "
    "XCCDF 1.1 and 1.2 results, ARF 1.1, CKL, CKLB, HDF, dockle JSON, OSCAL assessment results 1.x, "
    "and in-toto statements with SLSA provenance v0.2 or v1"
)
"""The formats read, for messages."""

COSIGN_VULN = "https://cosign.sigstore.dev/attestation/vuln/v1"
_VSA = "https://slsa.dev/verification_summary"
_COSIGN_SIGN = "https://sigstore.dev/cosign/sign/v1"
_FAMILIES: tuple[tuple[str, Kind], ...] = (
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
    return next((kind for family, kind in _FAMILIES if _is_of(predicate_type, family)), "attestation")


def _is_of(predicate_type: str, family: str) -> bool:
    """Equal, or the family followed by a version: cosign writes the bare type, Docker and others append one."""
    return predicate_type == family or predicate_type.startswith(f"{family}/")


def read_payload(data: bytes, *, media_type: str, predicate_type: str | None, predicate: Any, limits: Limits) -> Reading:
    """Read one document.

    With a ``predicate_type``, ``data`` is the statement and ``predicate`` its parsed body; without, ``data`` is a bare file.
    Raises EvidenceInvalid (bad, ambiguous or unknown), FormatRefused (known and not read), LimitExceeded.
    """
    if predicate_type is None:
        return _read_bare(data, media_type, limits)
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


def _read_bare(data: bytes, media_type: str, limits: Limits) -> Reading:
    if len(data) > limits.document_bytes:
        raise LimitExceeded("document_bytes", limits.document_bytes, f"document of {len(data)} bytes")
    xml = stig_xml(data)
    if xml is not None:
        return xml.read(data, limits)
    refused.refuse_bytes(data)
    if is_stream(data):
        return _govulncheck().read(data, limits)
    keys = _top_level(data, limits)
    if isinstance(keys, list):
        first = keys[0] if keys else {}
        if "Target" in first:
            return _trivy().read(data, limits)
        refused.refuse_array(first)
        raise _unknown(data, f"an array of objects with {_listed(first)}" if first else "an array")
    fits = [name for name, test in _BARE.items() if test(keys)]
    if len(fits) > 1:
        raise EvidenceInvalid(
            f"the document could be {' or '.join(fits)}",
            why="it has the top-level names of several formats, and guessing could read the wrong half of it",
            fix="give the document as its tool wrote it",
        )
    if not fits:
        refused.refuse_object(keys)
        raise _unknown(data, f"an object with {_listed(keys)}")
    if fits[0] in ("OpenVEX", "CSAF"):
        return _read_vex(fits[0], guard(data, limits), limits)
    return _READERS[fits[0]]().read(data, limits)


def _top_level(data: bytes, limits: Limits) -> dict[str, msgspec.Raw] | list[dict[str, msgspec.Raw]]:
    """The top-level names, without reading further than needed; raises EvidenceInvalid on what is no JSON object or array."""
    text = data.removeprefix(b"\xef\xbb\xbf")
    try:
        if text.lstrip().startswith(b"["):
            items = msgspec.json.decode(text, type=list[msgspec.Raw])
            return [_object(item) for item in items[:1]]
        return msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        pass
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        refused.refuse_stream(text[:4096])
        if text.lstrip()[:1].isascii() and text.lstrip()[:1] not in (b"", b"{", b"[", b"\x00") and not _is_scalar(text):
            raise _unknown(data, "text that is no JSON") from None
        guard(data, limits)
        # The guard is about structure; half a surrogate pair in a string passes it, and is no text.
        raise EvidenceInvalid(f"the document is not JSON: {error}", fix="write it again with the tool that made it") from None
    guard(data, limits)  # says exactly what is wrong with the JSON, its encoding or its depth
    raise _unknown(data, "a JSON value that is no object")


def _is_scalar(text: bytes) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError):
        return False
    return True


def _object(raw: msgspec.Raw) -> dict[str, msgspec.Raw]:
    try:
        return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        return {}


def _unknown(data: bytes, what: str) -> EvidenceInvalid:
    return EvidenceInvalid(
        f"the document is of no known format: {what}, starting {data[:60]!r}",
        why=f"formats are told by their top-level names; read are {READ}",
        fix="give one of these; a result of your own counts when it is attested: cosign attest --type URI --predicate FILE",
    )


def _listed(keys: Mapping[str, Any]) -> str:
    names = sorted(keys)[:8]
    return ", ".join(repr(name[:40]) for name in names) + (" …" if len(keys) > 8 else "") if names else "no names"


def _is_osv(keys: Mapping[str, msgspec.Raw]) -> bool:
    if "results" not in keys or keys.keys() & {"errors", "metrics", "check_type", "runs", "version"}:
        return False
    return bool(keys.keys() & {"experimental_config", "image_metadata"}) or b'"packages"' in bytes(keys["results"])[:1_000_000]


def _is_openvex(keys: Mapping[str, msgspec.Raw]) -> bool:
    return "@context" in keys and b"openvex.dev/ns" in bytes(keys["@context"])[:4096]


_BARE: dict[str, Callable[[Mapping[str, msgspec.Raw]], bool]] = {
    "grype JSON": lambda keys: "matches" in keys and bool(keys.keys() & {"source", "distro", "descriptor"}),
    "trivy JSON": lambda keys: (
        "SchemaVersion" in keys
        and "ClusterName" not in keys
        and bool(keys.keys() & {"Results", "ArtifactName", "ArtifactType", "Trivy"})
    ),
    "osv-scanner JSON": _is_osv,
    "SARIF": lambda keys: "runs" in keys and bool(keys.keys() & {"version", "$schema"}),
    "CycloneDX": lambda keys: "bomFormat" in keys,
    "SPDX": lambda keys: "spdxVersion" in keys,
    "OpenVEX": _is_openvex,
    "CKLB": lambda keys: "stigs" in keys,
    "HDF": lambda keys: "profiles" in keys and bool(keys.keys() & {"platform", "statistics"}),
    "dockle JSON": lambda keys: "details" in keys and "summary" in keys,
    "OSCAL assessment results": lambda keys: "assessment-results" in keys,
    "CSAF": lambda keys: "document" in keys and b'"csaf_version"' in bytes(keys["document"]),
}


def _grype() -> Reader:
    from gate.evidence.vulnerabilities.grype import READER

    return READER


def is_stream(data: bytes) -> bool:
    """govulncheck's messages, which are one document on many lines; looked for before anything is imported for it."""
    if b'"protocol_version"' not in data[:4096]:
        return False
    from gate.evidence.vulnerabilities.govulncheck import is_govulncheck

    return is_govulncheck(data)


def _govulncheck() -> Reader:
    from gate.evidence.vulnerabilities.govulncheck import READER

    return READER


def _osv() -> Reader:
    from gate.evidence.vulnerabilities.osv import READER

    return READER


def _sarif() -> Reader:
    from gate.evidence.vulnerabilities.sarif import READER

    return READER


def _trivy() -> Reader:
    from gate.evidence.vulnerabilities.trivy import READER

    return READER


def _cyclonedx() -> Reader:
    from gate.evidence.sbom.cyclonedx import READER

    return READER


def _spdx() -> Reader:
    from gate.evidence.sbom.spdx import READER

    return READER


def _stig_reader(module: str) -> Callable[[], Reader]:
    """Readers of STIG results have many formats in them; each is imported when its own comes."""

    def load() -> Reader:
        reader: Reader = importlib.import_module(f"gate.evidence.stig.{module}").READER
        return reader

    return load


def stig_xml(data: bytes) -> Reader | None:
    """The reader of an XML document by its document element; None for JSON and for XML that is not read."""
    from gate.evidence.stig.xmlstream import looks_like_xml, opening

    if not looks_like_xml(data):
        return None
    root = refused.xml_root(opening(data))
    module = next((module for pattern, module in _STIG_XML if pattern.match(root)), None)
    return _stig_reader(module)() if module else None


_STIG_XML: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"<(?:[\w.-]+:)?(?:Benchmark|TestResult|asset-report-collection)[\s/>]"), "xccdf"),
    (re.compile(rb"<CHECKLIST[\s/>]"), "ckl"),
)
_READERS: dict[str, Callable[[], Reader]] = {
    "grype JSON": _grype,
    "trivy JSON": _trivy,
    "osv-scanner JSON": _osv,
    "SARIF": _sarif,
    "CycloneDX": _cyclonedx,
    "SPDX": _spdx,
    "CKLB": _stig_reader("cklb"),
    "HDF": _stig_reader("hdf"),
    "dockle JSON": _stig_reader("dockle"),
    "OSCAL assessment results": _stig_reader("oscal"),
}


def _read_sbom(predicate_type: str, body: bytes, limits: Limits) -> Reading:
    refused.refuse_bytes(body)
    return (_spdx() if _is_of(predicate_type, "https://spdx.dev/Document") else _cyclonedx()).read(body, limits)


def _read_vex_predicate(predicate_type: str, body: bytes, limits: Limits) -> Reading:
    refused.refuse_bytes(body)
    if _is_of(predicate_type, "https://cyclonedx.org/vex"):
        reading = _cyclonedx().read(body, limits)
        if reading.vex is None:
            raise EvidenceInvalid(
                "the VEX attestation says nothing of any vulnerability", why="its body is an SBOM without analyses"
            )
        return reading
    return _read_vex("OpenVEX" if _is_of(predicate_type, "https://openvex.dev/ns") else "CSAF", guard(body, limits), limits)


def _read_vex(name: str, data: bytes, limits: Limits) -> Reading:
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
    if isinstance(result, list) and is_stream(stream := msgspec.json.encode(result)):
        return _govulncheck().read(stream, limits)  # jq -s puts its messages into one value
    if not isinstance(result, dict) or not result:
        raise EvidenceInvalid(
            "the vulnerability attestation holds no scanner report", why="scanner.result is empty", fix="attest grype -o json"
        )
    names = [name for name in ("grype JSON", "trivy JSON") if _BARE[name](result)]
    if len(names) != 1:
        raise FormatRefused(
            f"the vulnerability attestation holds a report with {_listed(result)}",
            why="scanner.result is read when it is grype's or trivy's own JSON",
            fix="attest grype -o json or trivy image -f cosign-vuln",
        )
    return _READERS[names[0]]().read(msgspec.json.encode(result), limits)


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
