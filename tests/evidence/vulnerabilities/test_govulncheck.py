"""govulncheck: what it finds counts, what it does not call is a proposal, and it stands for no scan.

The messages are shaped like those of govulncheck 1.9.0 on a program that calls ``language.Parse`` of golang.org/x/text 0.3.5.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from gate.errors import EvidenceInvalid, FormatRefused, LimitExceeded
from gate.evidence.collect import Opener
from gate.evidence.interface import Document, Reading
from gate.evidence.sniff import COSIGN_VULN, read_payload
from gate.evidence.vulnerabilities.merge import merge
from gate.limits import Limits
from gate.trust.entry import Trust
from tests.evidence.vulnerabilities.support import LIMITS, codes, finding, package, scan

TEXT = "golang.org/x/text"
PARSE, OLDER = "GO-2021-0113", "GO-2020-0015"
"""Called, and imported but not called."""


def config(**changes: Any) -> dict[str, Any]:
    known = {
        "protocol_version": "v1.0.0", "scanner_name": "govulncheck", "scanner_version": "v1.9.0",
        "db": "https://vuln.go.dev", "db_last_modified": "2026-11-01T00:00:00Z", "go_version": "go1.26.8",
        "scan_level": "symbol", "scan_mode": "source",
    }  # fmt: skip
    return {"config": {name: value for name, value in (known | changes).items() if value is not None}}


def record(name: str, *aliases: str, imports: Any = ({"path": f"{TEXT}/language", "symbols": ["Parse"]},)) -> dict[str, Any]:
    affected = {
        "package": {"name": TEXT, "ecosystem": "Go"},
        "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "0.3.7"}]}],
        "ecosystem_specific": {} if imports is None else {"imports": list(imports)},
    }
    return {"osv": {"id": name, "aliases": list(aliases), "affected": [affected]}}


def said(name: str, level: str, *, module: str = TEXT, version: str | None = "v0.3.5") -> dict[str, Any]:
    """A finding of one level: ``module``, ``package`` or ``symbol``."""
    frame: dict[str, Any] = {"module": module} | ({"version": version} if version is not None else {})
    frame |= {"package": f"{module}/language"} if level != "module" else {}
    frame |= {"function": "Parse", "position": {"filename": "language/parse.go", "line": 33}} if level == "symbol" else {}
    return {"finding": {"osv": name, "fixed_version": "v0.3.7", "trace": [frame, {"module": "example.test/app"}]}}


MODULES = {"SBOM": {"go_version": "go1.26.8", "modules": [
    {"path": "example.test/app", "version": "(devel)"}, {"path": TEXT, "version": "v0.3.5"},
    {"path": "stdlib", "version": "go1.26.8"},
], "roots": ["example.test/app"]}}  # fmt: skip
RUN = (
    config(),
    {"progress": {"message": "Scanning your code and 52 packages …"}},
    MODULES,
    record(PARSE, "CVE-2021-38561", "GHSA-ppp9-7jff-5vj2"),
    record(OLDER, "CVE-2020-14040"),
    *(said(name, level) for name in (PARSE, OLDER) for level in ("module", "package")),
    said(PARSE, "symbol"),
)


def stream(*messages: Any, indent: int | None = 2) -> bytes:
    return "".join(json.dumps(message, indent=indent) + "\n" for message in messages).encode()


def read(data: bytes, limits: Limits = LIMITS) -> Reading:
    return read_payload(data, media_type="", predicate_type=None, predicate=None, limits=limits)


def reached(*messages: Any) -> dict[str, str]:
    facts = read(stream(*messages)).scan
    assert facts is not None
    return {item.id: item.reachable for item in facts.findings}


def test_a_run_is_read() -> None:
    """One finding for each vulnerability and module version, with aliases, fix, and how far the program reaches."""
    found = read(stream(*RUN))
    facts = found.scan
    assert facts is not None
    assert (found.kind, found.format, found.producer.version, facts.db_built) == (
        "vulnerabilities", "govulncheck", "v1.9.0", "2026-11-01T00:00:00Z",
    )  # fmt: skip
    assert (facts.partial, facts.packages_catalogued) == (True, 3)
    assert facts.packages == (f"pkg:golang/{TEXT}@v0.3.5", "pkg:golang/stdlib@1.26.8")
    called, imported = facts.findings
    assert (called.id, set(called.aliases)) == (PARSE, {"CVE-2021-38561", "GHSA-ppp9-7jff-5vj2"})
    assert (called.package.purl, called.severity, called.fix.versions) == (f"pkg:golang/{TEXT}@v0.3.5", "unknown", ("v0.3.7",))
    assert (called.reachable, imported.reachable) == ("yes", "no")
    assert {"partial_scan", "no_end_mark"} <= codes(found).keys()


@pytest.mark.parametrize("form", ["pretty", "lines", "array", "attested"])
def test_every_form_of_the_stream_is_one_document(form: str) -> None:
    """As it is written, with a message on a line, in an array, and as the result of cosign's vulnerability predicate."""
    if form == "attested":
        body = {"scanner": {"result": list(RUN)}}
        found = read_payload(b"{}", media_type="", predicate_type=COSIGN_VULN, predicate=body, limits=LIMITS)
        assert found.scan == read(stream(*RUN)).scan
        return
    data = json.dumps(RUN).encode() if form == "array" else stream(*RUN, indent=None if form == "lines" else 2)
    [opened] = Opener(Trust(), LIMITS).open_all([Document(data=data, origin="file", source="f.json")])
    assert opened.error is None
    assert opened.reading is not None
    assert opened.reading.scan == read(stream(*RUN)).scan


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param((config(), record(PARSE), said(PARSE, "symbol")), "yes", id="called"),
        pytest.param((config(), record(PARSE), said(PARSE, "module"), said(PARSE, "package")), "no", id="imported, not called"),
        pytest.param((config(), record(PARSE), said(PARSE, "module")), "no", id="required only"),
        pytest.param((config(scan_level="package"), record(PARSE), said(PARSE, "module")), "unknown", id="packages only"),
        pytest.param((config(scan_level="module"), record(PARSE), said(PARSE, "module")), "unknown", id="modules only"),
        pytest.param((config(scan_level=None), record(PARSE), said(PARSE, "module")), "unknown", id="level not told"),
        pytest.param((config(scan_level="galaxy"), record(PARSE), said(PARSE, "module")), "unknown", id="level not known"),
        pytest.param((config(), record(PARSE, imports=None), said(PARSE, "module")), "unknown", id="record names no package"),
        pytest.param((config(), record(PARSE, imports=()), said(PARSE, "module")), "unknown", id="record lists none"),
        pytest.param((config(), record(PARSE, imports=("x",)), said(PARSE, "module")), "unknown", id="record lists nonsense"),
        pytest.param((config(), said(PARSE, "module")), "unknown", id="no record"),
        pytest.param((config(), record(PARSE), said(PARSE, "module", version=None)), "unknown", id="no version"),
        pytest.param((config(), record(PARSE), said(PARSE, "module", version="(devel)")), "unknown", id="version not known"),
        pytest.param((config(), record(PARSE), said(PARSE, "module", module="other.test/m")), "unknown", id="of another module"),
        pytest.param((config(scan_mode="binary"), record(PARSE), said(PARSE, "package")), "no", id="binary"),
    ],
)  # fmt: skip
def test_not_called_is_said_only_by_a_run_that_looked(messages: tuple[Any, ...], expected: str) -> None:
    """The scan level, the record and the version all have to be there; else nothing is said of reachability."""
    assert reached(*messages) == {PARSE: expected}


@pytest.mark.parametrize(
    ("data", "error", "text"),
    [
        (b"", EvidenceInvalid, "empty"),
        (stream(*RUN)[:-40], EvidenceInvalid, "not whole"),
        (stream(*RUN) + b'{"finding"', EvidenceInvalid, "not whole"),
        (stream(*RUN) + b"]", EvidenceInvalid, "not whole"),
        (stream(*RUN, *RUN), EvidenceInvalid, "second run"),
        (stream(config() | {"matches": []}), EvidenceInvalid, "several kinds"),
        (stream(config(), {"osv": {"id": "GO-1"}, "finding": {}}), EvidenceInvalid, "several kinds"),
        (stream(config(), {"finding": {"osv": PARSE, "trace": []}}), EvidenceInvalid, "no trace"),
        (stream(config(), {"finding": {"osv": PARSE}}), EvidenceInvalid, "cannot be read"),
        (stream(config(), {"finding": None}), EvidenceInvalid, "cannot be read"),
        (stream(config(), ["finding"]), EvidenceInvalid, "not a JSON object"),
        (stream(config(), record(PARSE)).replace(b'"aliases"', b'"id": "GO-2", "aliases"'), EvidenceInvalid, "more than once"),
        (stream(config(protocol_version="v2.0.0")), FormatRefused, "protocol"),
        (stream(config(protocol_version="v1x")), FormatRefused, "protocol"),
        (stream(config(scan_mode="query"), record(PARSE)), FormatRefused, "mode"),
        (stream(config())[:-2] + b',"a":' + b"[" * 100_000, LimitExceeded, "json_depth"),
        (stream(config())[:-2] + b',"a":' + b"9" * 100_000 + b"}", EvidenceInvalid, "read"),
        (stream(config()) + b'{"progress": {"message": "\xff"}}', EvidenceInvalid, "UTF-8"),
    ],
)  # fmt: skip
def test_what_is_broken_is_no_report(data: bytes, error: type[Exception], text: str) -> None:
    """A stream that broke off, two runs in one, an unknown protocol: never a document without findings."""
    with pytest.raises(error, match=text):
        read(data)


def test_a_run_that_says_nothing_says_so() -> None:
    """A configuration alone is read, with a diagnostic; unknown messages are passed over and named."""
    assert "nothing_listed" in codes(read(stream(config())))
    assert codes(read(stream(config(), {"summary": {}})))["unknown_message"] == 1


def test_it_annotates_the_same_vulnerability_in_the_same_version() -> None:
    """Another scan's finding gets "not called" by alias, module and exact version; not another version, nor a second program."""
    run = ("go", read(stream(*RUN)))

    def other(purl: str, *locations: str, name: str = "CVE-2020-14040") -> str:
        found = finding(name, package=package(purl, TEXT, purl.rpartition("@")[2], "golang", locations=locations))
        merged = merge([run, ("grype", scan("grype", found))]).findings
        return next(item.reachable for item in merged if "grype" in item.reported_by)

    same = f"pkg:golang/{TEXT}@v0.3.5"
    assert other(same) == other(same, "/app") == other(same, "/app", "app") == "no"
    assert other(f"pkg:golang/{TEXT}@0.3.5", "/app") == "no"
    assert other(same, "/app", name="CVE-2021-38561") == "yes"
    assert other(same, "/app", "/usr/bin/other") == "unknown"
    assert other(f"pkg:golang/{TEXT}@v0.3.4", "/app") == "unknown"
    assert other("pkg:golang/golang.org/x/net@v0.3.5", "/app") == "unknown"
    assert other(same, "/app", name="CVE-2020-99999") == "unknown"


def test_its_silence_is_no_disagreement() -> None:
    """It lists the module and reports nothing: that says nothing of what another scan found there."""
    quiet = read(stream(config(), MODULES))
    merged = merge(
        [("go", quiet), ("grype", scan("grype", finding(package=package(f"pkg:golang/{TEXT}@v0.3.5", kind="golang"))))]
    )
    assert merged.disagreements == ()
    assert [one.partial for one in merged.scans] == [True, False]
