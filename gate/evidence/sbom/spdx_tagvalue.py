"""SPDX 2.2 and 2.3 tag-value (ISO/IEC 5962 annex on tag:value): turned into the members of the JSON form and read as that.

Lines pass by one at a time; of texts between ``<text>`` and ``</text>`` only those are kept that the JSON reader looks at. A tag
that may stand once and stands twice in one element is an error, as a repeated name in JSON is.
"""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.evidence.interface import Reading
from gate.evidence.sbom.facts import Notes
from gate.evidence.sbom.spdx import read_document
from gate.limits import Limits

_TAG = re.compile(r"\s*([A-Za-z][A-Za-z0-9]*)[ \t]*:[ \t]*(.*?)\s*", re.DOTALL)
_AGAIN = "write it again with the tool that made it, or as JSON: syft scan IMAGE -o spdx-json"
_Object = dict[str, Any]


class _Field(NamedTuple):
    element: str
    name: str
    many: bool = False


_FIELDS: dict[str, _Field] = {
    "SPDXVersion": _Field("document", "spdxVersion"),
    "DocumentName": _Field("document", "name"),
    "DocumentNamespace": _Field("document", "documentNamespace"),
    "Created": _Field("document", "created"),
    "Creator": _Field("document", "creators", many=True),
    "CreatorComment": _Field("document", "comment"),
    "PackageName": _Field("package", "name"),
    "PackageVersion": _Field("package", "versionInfo"),
    "PackageFileName": _Field("package", "packageFileName"),
    "PackageSupplier": _Field("package", "supplier"),
    "PackageOriginator": _Field("package", "originator"),
    "PackageLicenseConcluded": _Field("package", "licenseConcluded"),
    "PackageLicenseDeclared": _Field("package", "licenseDeclared"),
    "PrimaryPackagePurpose": _Field("package", "primaryPackagePurpose"),
    "PackageChecksum": _Field("package", "checksums", many=True),
    "ExternalRef": _Field("package", "externalRefs", many=True),
    "PackageAttributionText": _Field("package", "attributionTexts", many=True),
    "FileName": _Field("file", "fileName"),
    "SnippetSPDXID": _Field("snippet", "SPDXID"),
    "LicenseID": _Field("license", "licenseId"),
    "Annotator": _Field("annotation", "annotator"),
    "SPDXREF": _Field("annotation", "ref"),
    "AnnotationComment": _Field("annotation", "comment"),
}
_STARTS = frozenset({"PackageName", "FileName", "SnippetSPDXID", "LicenseID", "Annotator"})
_IGNORED = re.compile(
    r"Package\w+|File\w*|Snippet\w+|License\w+|Extracted\w+|Annotation\w+|Review\w+|Relationship\w+|Artifact\w+|ExternalRefComment"
    r"|ExternalDocumentRef|Document\w+|DataLicense|ReleaseDate|BuiltDate|ValidUntilDate"
)
"""Tags of the specification that nothing is read of."""


class SpdxTagValue:
    """Reader of SPDX 2 tag-value."""

    name = "spdx-tag-value"

    def recognises(self, head: bytes, media_type: str) -> bool:
        return media_type.startswith("text/spdx") or b"SPDXVersion:" in head

    def read(self, data: bytes, limits: Limits) -> Reading:
        """Raises EvidenceInvalid, FormatRefused (a version that is not read), LimitExceeded."""
        if len(data) > limits.document_bytes:
            raise LimitExceeded("document_bytes", limits.document_bytes, f"SPDX document of {len(data)} bytes")
        notes = Notes()
        reader = _Reader(limits, notes)
        for number, tag, value in _tags(data, notes):
            reader.take(number, tag, value)
        reading = read_document(msgspec.json.encode(reader.document()), limits)
        return dataclasses.replace(reading, diagnostics=notes.diagnostics() + reading.diagnostics)


READER = SpdxTagValue()


def _tags(data: bytes, notes: Notes) -> Iterator[tuple[int, str, str]]:
    """(line, tag, value); texts of several lines as one value."""
    text: list[str] | None = None
    start, tag = 0, ""
    for number, raw in enumerate(io.BytesIO(data.removeprefix(b"\xef\xbb\xbf")), 1):
        try:
            line = raw.decode()
        except UnicodeDecodeError as error:
            raise EvidenceInvalid(f"line {number} is not UTF-8: {error.reason}", fix="convert it to UTF-8") from None
        if text is not None:
            before, end, after = line.partition("</text>")
            text.append(before)
            if end:
                yield start, tag, "".join(text).strip()
                text = None
                if after.strip():
                    notes.add("odd_line", "text after </text> is not read", f"line {number}")
            continue
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _TAG.fullmatch(line)
        if match is None:
            notes.add("odd_line", "a line is no tag with a value; not read", f"line {number}")
            continue
        tag, value = match[1], match[2]
        if value.startswith("<text>"):
            inner, end, after = line[line.index("<text>") + 6 :].partition("</text>")
            if end:
                yield number, tag, inner.strip()
            else:
                start, text = number, [inner]
            continue
        yield number, tag, value
    if text is not None:
        raise EvidenceInvalid(
            f"the text of {tag} in line {start} has no end",
            why="the document was cut short, or a package hides in what looks like text",
            fix=_AGAIN,
        )


class _Reader:
    """Elements of one document, as their JSON members."""

    def __init__(self, limits: Limits, notes: Notes) -> None:
        self._limits = limits
        self._notes = notes
        self._elements: dict[str, list[_Object]] = {"package": [], "file": [], "snippet": [], "license": [], "annotation": []}
        self._document: _Object = {}
        self._relationships: list[_Object] = []
        self._kind = "document"
        self._current = self._document
        self._size = 0

    def take(self, number: int, tag: str, value: str) -> None:
        where = f"line {number}"
        if tag == "Relationship":
            self._relate(value, where)
        elif tag == "SPDXID":
            self._identify(value, where)
        elif tag in _FIELDS:
            field = _FIELDS[tag]
            if tag in _STARTS:
                self._start(field.element, tag)
            self._set(field, tag, value, where)
        elif not _IGNORED.fullmatch(tag):
            self._notes.add("unknown_tag", "a tag is none of SPDX 2; not read", f"{where}: {tag}"[:100])

    def _start(self, kind: str, tag: str) -> None:
        # A package that began with its SPDXID takes the name that follows.
        if self._kind == kind and not self._current.keys() - {"SPDXID"} and self._current and tag != "SnippetSPDXID":
            return
        self._size += 1
        if self._size > self._limits.components:
            raise LimitExceeded("components", self._limits.components, "elements of an SBOM")
        self._kind = kind
        self._current = {}
        self._elements[kind].append(self._current)

    def _identify(self, value: str, where: str) -> None:
        if "SPDXID" in self._current or self._kind in ("license", "annotation"):
            # syft leaves out the name of a nameless image: what comes with an id of its own is an element of its own.
            self._notes.add("element_without_name", "an element begins without its name; counted as a package", where)
            self._start("package", "SPDXID")
        self._current["SPDXID"] = value

    def _set(self, field: _Field, tag: str, value: str, where: str) -> None:
        target = self._document if field.element == "document" else self._current
        if field.element not in ("document", self._kind):
            raise EvidenceInvalid(
                f"{where}: {tag} stands outside any {field.element}", why="whose it is cannot be told", fix=_AGAIN
            )
        if field.many:
            target.setdefault(field.name, []).append(_of_many(tag, value))
        elif field.name in target:
            raise EvidenceInvalid(
                f"{where}: {tag} stands a second time in one {field.element}",
                why="readers differ in which one counts, as with repeated names in JSON",
                fix=_AGAIN,
            )
        else:
            target[field.name] = value

    def _relate(self, value: str, where: str) -> None:
        parts = value.split()
        if len(parts) < 3:
            self._notes.add("odd_line", "a relationship does not name two elements; not read", where)
            return
        self._relationships.append({"spdxElementId": parts[0], "relationshipType": parts[1], "relatedSpdxElement": parts[2]})

    def document(self) -> _Object:
        made = dict(self._document)
        creation = {name: made.pop(name) for name in ("created", "creators", "comment") if name in made}
        packages = {package.get("SPDXID"): package for package in reversed(self._elements["package"])}
        for annotation in self._elements["annotation"]:
            package = packages.get(annotation.get("ref"))
            if package is not None and "comment" in annotation:
                package.setdefault("annotations", []).append({"comment": annotation["comment"]})
        return made | {
            "creationInfo": creation,
            "packages": self._elements["package"],
            "files": self._elements["file"],
            "snippets": self._elements["snippet"],
            "relationships": self._relationships,
        }


def _of_many(tag: str, value: str) -> Any:
    if tag == "PackageChecksum":
        algorithm, _, digest = value.partition(":")
        return {"algorithm": algorithm.strip(), "checksumValue": digest.strip()}
    if tag == "ExternalRef":
        category, kind, locator = [*value.split(None, 2), "", "", ""][:3]
        return {"referenceCategory": category, "referenceType": kind, "referenceLocator": locator}
    return value
