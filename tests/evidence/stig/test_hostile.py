"""XML that means harm, and XML that is cut short or written differently."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import EvidenceError, EvidenceInvalid, LimitExceeded
from gate.evidence.stig.xmlstream import looks_like_xml
from gate.limits import Limits
from tests.evidence.stig.support import SPACE, counted, only, read, rule, xccdf

_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(10))


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE TestResult [<!ENTITY x SYSTEM "file://{secret}">]>',
        '<!DOCTYPE TestResult [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]>',
        '<!DOCTYPE TestResult SYSTEM "file://{secret}">',
        f"<!DOCTYPE TestResult [{_LAUGHS}]>",
        "<!DOCTYPE TestResult>",
    ],
)
def test_a_document_type_is_refused_before_it_acts(doctype: str, tmp_path: Path) -> None:
    """External entities, parameter entities, billion laughs: the declaration itself is the end."""
    secret = tmp_path / "secret"
    secret.write_text("password")
    body = xccdf(rule("a", "pass", "<message>&l9;&x;</message>")).decode()
    with pytest.raises(EvidenceInvalid, match="document type") as caught:
        read((doctype.replace("{secret}", str(secret)) + body).encode())
    assert "password" not in str(caught.value.what)


def test_an_entity_without_declaration_is_malformed() -> None:
    """Only XML's own five exist."""
    with pytest.raises(EvidenceInvalid, match="undefined entity"):
        read(xccdf(rule("a", "pass", "<message>&x;</message>")))


@pytest.mark.parametrize(
    "opened", ["<x>", '<oval_results xmlns="http://oval.mitre.org/XMLSchema/oval-results-5">', "<rule-result>"]
)
def test_deep_nesting_is_bounded(opened: str) -> None:
    """Looking, skipping and keeping all count the depth."""
    with pytest.raises(LimitExceeded, match="nesting"):
        read(f'<TestResult xmlns="{SPACE}">'.encode() + opened.encode() * 100_000)


def test_size_and_results_are_bounded() -> None:
    """The limits of every other document hold here too."""
    data = xccdf(rule("a", "pass"), rule("b", "pass"))
    with pytest.raises(LimitExceeded):
        read(data, Limits(document_bytes=100))
    with pytest.raises(LimitExceeded):
        read(data, Limits(findings=1))


def test_every_cut_is_an_error() -> None:
    """A report that stops anywhere before its end is never a shorter report."""
    data = xccdf(rule("a", "pass"), rule("b", "fail"))
    for end in range(20, len(data)):
        with pytest.raises(EvidenceInvalid):
            read(data[:end])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "iso-8859-1"])
def test_encodings_that_xml_has(encoding: str) -> None:
    """UTF-16 as Windows tools write it, with a mark or without, says the same as UTF-8."""
    name = encoding.partition("-sig")[0].replace("-le", "").replace("-be", "")
    text = f'<?xml version="1.0" encoding="{name}"?>' + xccdf(rule("a", "fail")).decode()
    assert counted(only(text.encode(encoding))) == {"selected": 1, "evaluated": 1, "failed": 1}


@pytest.mark.parametrize("encoding", ["utf-7", "x-nobody", "gb18030"])
def test_other_encodings_are_errors(encoding: str) -> None:
    """What expat cannot decode is said, and no codec's exception escapes."""
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + xccdf(rule("a", "fail", "<message>\u00e9</message>")).decode()
    with pytest.raises(EvidenceInvalid):
        read(text.encode())


def test_two_documents_in_one_file_are_malformed() -> None:
    """The second could say anything."""
    with pytest.raises(EvidenceInvalid, match="junk after document element"):
        read(xccdf(rule("a", "pass")) * 2)


@given(st.binary(max_size=200), st.integers(0, 400))
def test_damaged_documents_end_in_our_errors(noise: bytes, place: int) -> None:
    """Bytes put anywhere into a report give a reading or an error of the gate."""
    data = xccdf(rule("a", "pass"))
    with contextlib.suppress(EvidenceError):
        read(data[:place] + noise + data[place:])


def test_what_looks_like_xml() -> None:
    """White space and marks do not hide it, and JSON is none."""
    assert all(map(looks_like_xml, (b"<a/>", b"\n <a/>", "<a/>".encode("utf-16"), b"\xef\xbb\xbf<a/>")))
    assert not any(map(looks_like_xml, (b"", b"{}", b"\xff\xfe", '{"a":1}'.encode("utf-16"))))
