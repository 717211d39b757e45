"""Which reader a payload goes to: by predicate type for statements, by its top-level names for bare files.

Two formats that both fit are an error, and so is none: what a document is must not depend on the order of a list.
"""

from __future__ import annotations

from typing import Any

import msgspec

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.evidence import readers, refused
from gate.evidence.interface import Reading
from gate.evidence.jsonguard import guard
from gate.evidence.predicates import COSIGN_VULN, kind_of_predicate, listed, read_predicate, read_vex
from gate.evidence.readers import is_stream
from gate.limits import Limits

__all__ = ["COSIGN_VULN", "READ", "is_stream", "kind_of_predicate", "read_payload"]

READ = (
    "grype JSON, trivy JSON, osv-scanner JSON, govulncheck JSON, Snyk container JSON, "
    "Harbor's report, Amazon ECR's scan findings, Google Artifact Analysis occurrences, SARIF 2.1.0, "
    "CycloneDX 1.2–1.7 JSON and XML (SBOM, and VEX from 1.4), SPDX 2.2 and 2.3 JSON and tag-value, SPDX 3.0 JSON-LD, "
    "OpenVEX 0.0.1–0.2.0, CSAF 2.0 and 2.1, XCCDF 1.1 and 1.2 results, ARF 1.1, CKL, CKLB, HDF, dockle JSON, "
    "OSCAL assessment results 1.x, and in-toto statements with SLSA provenance v0.2 or v1"
)
"""The formats read, for messages."""


def read_payload(data: bytes, *, media_type: str, predicate_type: str | None, predicate: Any, limits: Limits) -> Reading:
    """Read one document.

    With a ``predicate_type``, ``data`` is the statement and ``predicate`` its parsed body; without, ``data`` is a bare file.
    Raises EvidenceInvalid (bad, ambiguous or unknown), FormatRefused (known and not read), LimitExceeded.
    """
    if predicate_type is None:
        return _read_bare(data, limits)
    return read_predicate(data, predicate_type, predicate, limits)


def _read_bare(data: bytes, limits: Limits) -> Reading:
    if len(data) > limits.document_bytes:
        raise LimitExceeded("document_bytes", limits.document_bytes, f"document of {len(data)} bytes")
    xml = readers.xml_reader(data)
    if xml is not None:
        return xml.read(data, limits)
    text = readers.text_reader(data)
    if text is not None:
        return text.read(data, limits)
    refused.refuse_bytes(data)
    if is_stream(data):
        return readers.load("vulnerabilities.govulncheck").read(data, limits)
    keys = _top_level(data, limits)
    if isinstance(keys, list):
        first = keys[0] if keys else {}
        fits = readers.array_fits(first)
        what = f"an array of objects with {listed(first)}" if first else "an array"
    else:
        fits = readers.fits(keys)
        what = f"an object with {listed(keys)}"
    if len(fits) > 1:
        raise EvidenceInvalid(
            f"the document could be {' or '.join(fits)}",
            why="it has the top-level names of several formats, and guessing could read the wrong half of it",
            fix="give the document as its tool wrote it",
        )
    if not fits:
        if isinstance(keys, list):
            refused.refuse_array(keys[0] if keys else {})
        else:
            refused.refuse_object(keys)
        raise _unknown(data, what)
    if fits[0] in ("OpenVEX", "CSAF"):
        return read_vex(fits[0], guard(data, limits), limits)
    return readers.reader(fits[0]).read(data, limits)


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
