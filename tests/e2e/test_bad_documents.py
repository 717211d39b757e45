"""Documents that are broken, huge or hostile: each is named with its reason; none passes, none crashes."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gate import KEY, Gate
from tests.e2e.lab import SBOM, SCAN, Lab, grype, openvex, sbom, scanned
from tests.fakes import images
from tests.samples import digest, evidence, layout

BUILT = images.image()
GRYPE = evidence("vulnerable", "grype.json").read_bytes()
DEEP = b"[" * 100_000 + b"]" * 100_000

BROKEN: dict[str, tuple[bytes, str]] = {
    "truncated": (GRYPE[:5000], "cut short"),
    "empty": (b"", "empty"),
    "blank": (b" \n\t", "empty"),
    "null": (b"null", "null"),
    "number": (b"7", ""),
    "string": (b'"grype"', ""),
    "true": (b"true", ""),
    "empty-object": (b"{}", ""),
    "empty-array": (b"[]", ""),
    "utf16": (GRYPE.decode().encode("utf-16"), "UTF-16"),
    "utf16-without-mark": (GRYPE.decode().encode("utf-16-le"), ""),
    "utf32": (b'{"matches":[]}'.decode().encode("utf-32"), ""),
    "latin1": (b'{"matches":[],"descriptor":{"name":"gr\xffpe"}}', ""),
    "nul-bytes": (b"\0" * 4096, ""),
    "nul-after": (b'{"matches":[]}\0\0\0', ""),
    "deep": (DEEP, "json_depth"),
    "deep-objects": (b'{"matches":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}", "json_depth"),
    "duplicate-keys": (b'{"matches":[],"matches":[],"descriptor":{"name":"grype"},"source":{}}', "matches"),
    "two-documents": (b'{"matches":[]}{"matches":[]}', ""),
    "nan": (b'{"matches":[NaN],"descriptor":{"name":"grype"},"source":{}}', ""),
    "html": (b"<!doctype html><title>404</title>", ""),
    "xml-bomb": (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbb">]><bom xmlns="http://cyclonedx.org/schema/bom/1.6"/>', ""),
    "gzip-cut": (gzip.compress(GRYPE)[:-9], "too early"),
    "gzip-twice": (gzip.compress(gzip.compress(GRYPE)), "gzip"),
    "gzip-bomb": (gzip.compress(b"\0" * 50_000_000), ""),
    "zlib": (zlib.compress(GRYPE), ""),
    "lone-surrogate": (b'{"matches":[],"source":{"target":"\\ud800"},"descriptor":{"name":"grype"}}', ""),
    "ambiguous": (b'{"matches":[],"descriptor":{"name":"grype"},"source":{},"bomFormat":"CycloneDX","specVersion":"1.6"}', ""),
    "huge-number": (b'{"bomFormat":"CycloneDX","specVersion":' + b"9" * 100_000 + b"}", ""),
    "bundle-without-parts": (b'{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}', ""),
    "bundle-of-tomorrow": (b'{"mediaType":"application/vnd.dev.sigstore.bundle.v9.0+json","verificationMaterial":{}}', "v9"),
    "dsse-not-base64": (b'{"payloadType":"application/vnd.in-toto+json","payload":"!!","signatures":[{"sig":"!!"}]}', ""),
    "snyk": (b'{"vulnerabilities":[],"ok":true,"dependencyCount":1,"org":"a","packageManager":"deb"}', "snyk"),
    "cyclonedx-of-tomorrow": (b'{"bomFormat":"CycloneDX","specVersion":"9.9","components":[]}', "9.9"),
    "json-lines-with-garbage": (b'{"mediaType":"x"}\n{"broken\n', ""),
    "attestations-without-bundles": (b'{"attestations":[{"bundles":1}]}', ""),
    "attestations-that-are-none": (b'{"attestations":7}', ""),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_reading_says_what_is_wrong(gate: Gate, lab: Lab, name: str) -> None:
    """`gate evidence read`: exit 3, the file's name, a reason, a way out; never a traceback."""
    data, word = BROKEN[name]
    path = lab.file(f"{name}.json", data)
    done = gate("evidence", "read", path)
    assert done.code == 3, done.out
    assert f"{name}.json" in done.out and "not read (" in done.out
    assert word.lower() in done.out.lower()
    assert len(done.out) < 4000, "a broken document must not be thrown at the reader"


def test_all_of_them_at_once_give_no_verdict(gate: Gate, lab: Lab) -> None:
    """Named by the caller and unreadable: exit 3 with every one listed, even beside evidence that would suffice."""
    files = [lab.file(f"{name}.json", data) for name, (data, _) in BROKEN.items()]
    given = [part for path in files for part in ("--evidence", path)]
    done = gate.verify(f"oci:{layout('clean')}", *KEY, *given)
    assert done.code == 3, done.out
    named = {error["source"].rpartition("#")[0] or error["source"] for error in done.outcome["errors"]}
    assert named == {str(path) for path in files}


def test_a_document_over_the_bound(gate: Gate, lab: Lab) -> None:
    """Exit 3 with the name of the bound and how to raise it."""
    gate.patch.setenv("GATE_LIMIT_DOCUMENT_BYTES", "1000")
    done = gate("evidence", "read", lab.file("large.json", GRYPE))
    assert done.code == 3
    assert "document_bytes" in done.err and "GATE_LIMIT_DOCUMENT_BYTES" in done.err


@pytest.mark.parametrize("value", ["0", "-1", "many", ""])
def test_a_bound_that_is_none(gate: Gate, value: str) -> None:
    """Exit 2: a typo must not lift a bound."""
    gate.patch.setenv("GATE_LIMIT_JSON_DEPTH", value)
    done = gate("verify", digest("clean"))
    assert done.code == 2 and "GATE_LIMIT_JSON_DEPTH" in done.err


def test_too_many_findings(gate: Gate, lab: Lab) -> None:
    """A report past the bound is not cut to size: exit 3."""
    gate.patch.setenv("GATE_LIMIT_FINDINGS", "3")
    report = lab.file("scan.json", grype(BUILT.digest, findings=[(f"CVE-2026-{n}", "Low") for n in range(4)]))
    done = gate.verify(BUILT.digest, "--evidence", report, "--profile", "dev")
    assert done.code == 3 and "findings" in done.out


def _severity(report: dict[str, Any]) -> None:
    report["matches"][0]["vulnerability"]["severity"] = "Meh"


def _state(report: dict[str, Any]) -> None:
    report["matches"][0]["vulnerability"]["fix"]["state"] = "perhaps"


def _numbers(report: dict[str, Any]) -> None:
    report["matches"][0]["vulnerability"]["severity"] = 10


@pytest.mark.parametrize("change", [_severity, _state, _numbers], ids=["severity", "fix-state", "type"])
def test_unknown_words_are_unfavourable(gate: Gate, lab: Lab, change: Callable[[dict[str, Any]], None]) -> None:
    """A value outside the vocabulary keeps the finding, in its least favourable state, and says so."""
    report = grype(BUILT.digest, findings=[("CVE-2026-1", "Negligible")])
    change(report)
    done = gate.verify(
        BUILT.digest, "--evidence", lab.file("scan.json", report), "--profile", "dev", "--param", "max_vulnerabilities=0"
    )
    assert done.code in (1, 3), done.out
    assert "ALLOW" not in done.out


@pytest.mark.parametrize("status", ["unaffected", "", None, 7, "NOT_AFFECTED"])
def test_unknown_vex_status_does_not_suppress(gate: Gate, lab: Lab, status: Any) -> None:
    """What is no status of OpenVEX leaves the finding counted."""
    document = openvex("CVE-2026-1")
    document["statements"][0]["status"] = status
    report = lab.file("scan.json", grype(BUILT.digest, findings=[("CVE-2026-1", "Critical")]))
    done = gate.verify(
        BUILT.digest, "--evidence", report, "--vex", lab.file("vex.json", document), "--profile", "dev", "--max-critical", "0"
    )
    assert done.code in (1, 3) and done.outcome["effective"]["critical"] == 1


def test_a_wrong_digest_in_a_layout(gate: Gate, lab: Lab) -> None:
    """Bytes that are not what their digest says are refused, with both digests."""
    subject = lab.layout("app", BUILT, lab.full(BUILT.digest))
    blob = lab.folder / "app" / "blobs" / BUILT.digest.replace(":", "/")
    blob.write_bytes(BUILT.data.replace(b"schemaVersion", b"schemaversion"))
    done = gate("verify", subject, *lab.key)
    assert done.code == 3, done.out + done.err
    assert BUILT.digest in done.out + done.err


def test_a_wrong_digest_of_an_attachment(gate: Gate, lab: Lab) -> None:
    """A changed attachment is no evidence: what it was required for is missing."""
    scan = lab.bundle(SCAN, scanned(grype()), BUILT.digest)
    items = lab.full(BUILT.digest)
    items[2] = scan
    subject = lab.layout("app", BUILT, items)
    (lab.folder / "app" / "blobs" / images.digest_of(scan).replace(":", "/")).write_bytes(scan[:-10] + b" " * 10)
    done = gate.verify(subject, *lab.key)
    assert done.code in (1, 3)
    assert "ALLOW" not in done.out


def test_a_missing_blob(gate: Gate, lab: Lab) -> None:
    """An attachment whose bytes are not there could not be had: exit 3."""
    scan = lab.bundle(SCAN, scanned(grype()), BUILT.digest)
    items = lab.full(BUILT.digest)
    items[2] = scan
    subject = lab.layout("app", BUILT, items)
    (lab.folder / "app" / "blobs" / images.digest_of(scan).replace(":", "/")).unlink()
    done = gate.verify(subject, *lab.key)
    assert done.code in (1, 3) and "ALLOW" not in done.out


HOSTILE = "\x1b[2J\x1b[31mALLOW\x1b]0;owned\x07\n✓ everything\r\u202egnp\u202c[bold]x[/bold]\x9b1m|`<script>"


def test_names_cannot_write_to_the_terminal(gate: Gate, lab: Lab) -> None:
    """Escapes, line breaks, bidi marks and markup in names arrive escaped in every format, and change no line."""
    report = grype(BUILT.digest, findings=[("CVE-2026-1" + HOSTILE, "Critical")], name="lib" + HOSTILE)
    document = sbom(components=[{"type": "library", "name": HOSTILE, "version": HOSTILE, "purl": "pkg:pypi/x@" + HOSTILE}])
    document["metadata"]["component"]["name"] = HOSTILE
    statement = openvex("CVE-2026-2" + HOSTILE, author=HOSTILE)
    attached = [lab.bundle(SBOM, document, BUILT.digest)]
    outputs = [f"--output={form}={lab.folder}/out.{form}" for form in ("sarif", "markdown", "github", "json")]
    done = gate(
        "verify", lab.layout("app", BUILT, attached), *lab.key, "--evidence", lab.file("scan\x1b[31m.json", report),
        "--vex", lab.file("vex.json", statement), "--profile", "dev", "--max-critical", "0", "--verbose",
        "--output", "text", *outputs,
    )  # fmt: skip
    assert done.code == 1, done.err
    texts = [done.out, done.err, *((lab.folder / f"out.{form}").read_text() for form in ("markdown", "github"))]
    for text in texts:
        assert not any(mark in text for mark in ("\x1b", "\x07", "\x9b", "\u202e", "\r")), text[:500]
        assert not any(line.startswith("✓ everything") for line in text.splitlines())
    assert "<script>" not in texts[2]
    json.loads((lab.folder / "out.sarif").read_bytes())
    read = gate("evidence", "read", lab.folder / "scan\x1b[31m.json", lab.folder / "vex.json")
    assert "\x1b" not in read.out


def test_a_hostile_file_name_in_an_error(gate: Gate, tmp_path: Path) -> None:
    """The message about a path is as safe as any other text."""
    done = gate("verify", digest("clean"), "--evidence", f"{tmp_path}/no\x1b[2Jsuch\nfile")
    assert done.code == 2
    assert "\x1b" not in done.err and not any(line.startswith("file") for line in done.err.splitlines())


def test_a_bomb_in_a_signed_bundle(gate: Gate, lab: Lab) -> None:
    """A payload nested past the bound, signed and attached: exit 3 or a deny, in bounded time."""
    payload = b'{"_type":"https://in-toto.io/Statement/v1","predicateType":"x","subject":[],"predicate":' + DEEP + b"}"
    bundle = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "x"}},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"sig": base64.b64encode(b"x").decode()}],
        },
    }
    done = gate("evidence", "read", lab.file("bomb.json", bundle), *lab.key)
    assert done.code == 3 and "json_depth" in done.out


@pytest.mark.parametrize("word", ["evidence", "waivers", "policy", "vex", "kev", "epss"])
def test_a_pipe_is_not_waited_for(gate: Gate, tmp_path: Path, word: str) -> None:
    """A named pipe instead of a file is refused at once: nobody writes to it."""
    import os

    os.mkfifo(tmp_path / "pipe")
    flag = {"evidence": "--evidence", "waivers": "--waivers", "policy": "--policy-file"}.get(word, f"--{word}")
    done = gate("verify", digest("clean"), flag, tmp_path / "pipe")
    assert done.code == 2 and "pipe" in done.err


@pytest.mark.parametrize("limit", ["BUNDLE_BYTES", "DOCUMENT_BYTES"])
def test_a_bundle_beyond_its_bound_that_the_caller_named(gate: Gate, lab: Lab, limit: str) -> None:
    """Somebody answers for it, and it was not read: no verdict, whatever else is there."""
    bundle = lab.file("big.sigstore.json", lab.bundle(SBOM, sbom(), BUILT.digest))
    subject = lab.layout("app", BUILT, [])
    scan = lab.file("scan.json", grype(BUILT.digest, findings=[("CVE-2026-1", "Low")]))
    fine = gate.verify(subject, *lab.key, "--profile", "dev", "--evidence", scan, "--evidence", bundle)
    assert fine.code == 0, fine.out
    gate.patch.setenv(f"GATE_LIMIT_{limit}", str(bundle.stat().st_size - 1))
    done = gate.verify(subject, *lab.key, "--profile", "dev", "--evidence", scan, "--evidence", bundle)
    assert done.code == 3, done.out + done.err
    assert limit.lower() in done.out + done.err
