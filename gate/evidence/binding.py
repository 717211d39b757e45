"""Which subject a document is about, and who says so (invariant 2)."""

from __future__ import annotations

import dataclasses

from gate.evidence.collect import Opened
from gate.model.evidence import Binding, Diagnostic, On
from gate.model.input import Subject

_ABOUT_IMAGES = frozenset({"signature", "provenance", "sbom", "vulnerabilities", "fips", "stig"})
"""Kinds of statement that bind to nothing unless they name an image: whoever hands one over cannot change what was signed."""

_OF_ONE_PLATFORM = frozenset({"sbom", "vulnerabilities"})
"""Kinds whose documents look at the files of one platform: said of a whole index, they do not say which."""


@dataclasses.dataclass(frozen=True, slots=True)
class SubjectDigests:
    """The digests under which one platform's image may be named."""

    own: str
    index: str | None = None
    config: str | None = None
    siblings: frozenset[str] = frozenset()
    """Digests and configurations of the other platforms of the same index."""

    @classmethod
    def of(cls, subject: Subject, siblings: frozenset[str] = frozenset()) -> SubjectDigests:
        return cls(subject.digest, subject.index_digest, subject.config_digest, siblings)


@dataclasses.dataclass(frozen=True, slots=True)
class Bound:
    binding: Binding
    on: On
    digest: str | None
    note: Diagnostic | None = None


def bind(opened: Opened, subject: SubjectDigests, *, is_index: bool = False) -> Bound:
    """How the document is bound to this subject.

    A signed statement must name the subject's digest or its index's; a bare document may also name its configuration; what
    names nothing is only asserted by whoever handed it over; what names something else is bound to nothing. A scan or SBOM that
    names an index of several platforms, and none of them, is only asserted of each.
    """
    names = opened.reading.names if opened.reading else ()
    if opened.subjects:
        return _bind_statement(opened, subject, is_index)
    if opened.kind in _ABOUT_IMAGES and (opened.predicate_type is not None or opened.signature_form):
        return _wrong("no image by sha256", subject, "it is a statement about something else")
    if not names:
        return Bound("asserted", "index" if is_index else "platform", subject.own)
    for name in names:
        # The image id is the configuration's digest; it never stands for a manifest.
        if name.digest == subject.own and name.role != "config":
            return Bound("embedded", "index" if is_index else "platform", subject.own)
        if subject.config is not None and name.digest == subject.config and name.role != "manifest":
            return Bound("embedded", "platform", subject.own)
    if any(name.digest in subject.siblings for name in names):
        return _wrong(names[0].digest, subject, "it is about another platform of the index")
    if any(name.digest == subject.index and name.role != "config" for name in names):
        return _on_index("embedded", opened.kind, subject)
    return _wrong(names[0].digest, subject, "it is about another image")


def _bind_statement(opened: Opened, subject: SubjectDigests, is_index: bool) -> Bound:
    binding: Binding = "signed" if opened.verification.state == "verified" else "embedded"
    names = opened.reading.names if opened.reading else ()
    inner = {name.digest for name in names}
    ours = {subject.own, subject.index, subject.config}
    if inner and not inner & ours and inner & subject.siblings:
        # Signed for the whole index, but the document inside is another platform's.
        return _wrong(next(iter(sorted(inner & subject.siblings))), subject, "the document inside is about another platform")
    elsewhere = bool(inner) and not inner & ours
    if elsewhere and not is_index and opened.kind == "vulnerabilities" and {subject.own, subject.index} & set(opened.subjects):
        # A scan says by itself what it looked at, manifest and configuration; signing it for this image does not make it so.
        return _wrong(sorted(inner)[0], subject, "the scan inside is about another image")
    note = None
    if elsewhere:
        text = f"the signed statement names this image; the document inside names {sorted(inner)[0]}"
        note = Diagnostic(code="inner_subject_differs", message=text)
    if subject.own in opened.subjects:
        return Bound(binding, "index" if is_index else "platform", subject.own, note)
    if subject.index is not None and subject.index in opened.subjects:
        if inner & {subject.own, subject.config}:
            return Bound(binding, "index", subject.index, note)
        return _on_index(binding, opened.kind, subject, note)
    if all(name.startswith("gitCommit:") for name in opened.subjects):
        message = f"it is about the commit {opened.subjects[0].partition(':')[2]}; the chain of provenance is where it counts"
        return Bound("none", "none", None, Diagnostic(code="about_source", message=message))
    return _wrong(opened.subjects[0], subject, "it is about another image")


def _on_index(binding: Binding, kind: str, subject: SubjectDigests, note: Diagnostic | None = None) -> Bound:
    """For what names the index of the platform, and not the platform."""
    if kind not in _OF_ONE_PLATFORM or not subject.siblings:
        return Bound(binding, "index", subject.index, note)
    message = (
        f"it names the index, which has several platforms, and does not say which one it looked at; make one for {subject.own}"
    )
    return Bound("asserted", "index", subject.index, note or Diagnostic(code="platform_unknown", message=message))


def _wrong(named: str, subject: SubjectDigests, why: str) -> Bound:
    message = f"{why}: it names {named}, the subject is {subject.own}; scan or attest this digest again"
    return Bound("none", "none", None, Diagnostic(code="wrong_subject", message=message))
