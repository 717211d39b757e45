"""`gate verify --fail-on-fips-issues` and `gate inspect` on what an image is configured for, its certificates and its keys."""

from __future__ import annotations

import json
import re
from pathlib import Path

from gate.evidence.sbom.cyclonedx import READER
from gate.limits import DEFAULT
from tests.e2e.gate import NO_SCAN, Done, Gate
from tests.e2e.test_inspect import built, layout
from tests.evidence.crypto.support import AT, DAY, issued, pem, program
from tests.evidence.crypto.test_certificates import EC, ROOT, RSA
from tests.oci.layering import File
from tests.tools import repository

NEVER = AT.replace(year=2999)
LEAF = issued("app", "root", EC, RSA, authority=False, until=NEVER)
SSHD = program("usr/sbin/sshd", "9.2")


def documented() -> bytes:
    """The lists that docs/compliance.md gives for OpenSSH."""
    text = (repository() / "docs" / "compliance.md").read_text("utf-8")
    (block,) = re.findall(r"```\n(Ciphers .*?)```", text, re.DOTALL)
    return f"{block}HostKeyAlgorithms ecdsa-sha2-nistp256,rsa-sha2-512\nRequiredRSASize 2048\n".encode()


def verify(gate: Gate, folder: Path, files: list[File], *more: str) -> Done:
    """The developers' profile, with FIPS asked for."""
    return gate.verify(layout(folder, built(files)), "--profile", "dev", *NO_SCAN, "--fail-on-fips-issues", *more)


def test_a_bad_image_is_denied_with_terms(gate: Gate, tmp_path: Path) -> None:
    """What is at fault, in which file, and what to do."""
    old = issued("old", "root", EC, RSA, authority=False, until=AT - DAY)
    bad = verify(gate, tmp_path, [SSHD, File("app/tls.pem", old), File("app/key.pem", pem(EC))])
    assert "sshd (usr/sbin/sshd) allows chacha20-poly1305@openssh.com (Ciphers, default)" in bad.message("crypto.disallowed")
    (expired,) = bad.rule("crypto.expired")["results"]
    assert expired["term"].startswith("sha256:") and "app/tls.pem" in expired["msg"] and expired["fix"]
    assert bad.code == 1


def test_a_good_image_has_no_finding(gate: Gate, tmp_path: Path) -> None:
    """With the lists of the documentation, and a root that signs itself with SHA-1 among the anchors."""
    files = [SSHD, File("etc/ssh/sshd_config", documented()), File("app/tls.pem", LEAF), File("etc/ssl/certs/root.pem", ROOT)]
    good = verify(gate, tmp_path, files)
    found = {rule["rule"]: rule["state"] for rule in good.outcome["rules"] if rule["rule"].startswith("crypto.")}
    assert {name for name, outcome in found.items() if outcome in ("denied", "no_verdict")} == set()
    assert found["crypto.disallowed"] == "passed"


def test_a_cbom_of_the_image_is_read_back(gate: Gate, tmp_path: Path) -> None:
    """Written for one platform; the text shows the same."""
    place = layout(tmp_path, built([SSHD, File("app/tls.pem", LEAF)]))
    done = gate("inspect", place, "--format", "cbom")
    reading = READER.read(done.out.encode(), DEFAULT)
    assert done.code == 0 and reading.sbom is not None
    assert {found.algorithm for found in reading.sbom.crypto} >= {"chacha20-poly1305", "aes-256-gcm", "ecdsa-p256"}
    text = gate("inspect", place).out
    assert (
        "app/tls.pem: CN=app, end_entity, ec 256, sha256, until 2999" in text and "sshd usr/sbin/sshd Ciphers (default)" in text
    )
    [facts] = json.loads(gate("inspect", place, "--format", "json").out)
    assert facts["crypto"]["collected"] and facts["fips"]["collected"]


def test_an_index_has_a_cbom_for_each_platform(gate: Gate) -> None:
    """One document is about one image."""
    done = gate("inspect", f"oci:{repository() / 'testdata' / 'images' / 'multi'}", "--format", "cbom")
    assert done.code == 2 and "--platform" in done.err
