"""The committed samples are what they say: whole, bound to each other, signed, and what the real tools make of them."""

import base64
import hashlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests import samples
from tests.tools import repository, tool


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, repository() / "testdata" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


def _blob(name: str, digest: str) -> bytes:
    return (samples.layout(name) / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()


def _json(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _entries(name: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = _json(samples.layout(name) / "index.json")["manifests"]
    return entries


@pytest.mark.parametrize("name", samples.IMAGES)
def test_every_blob_is_named_by_its_digest(name: str) -> None:
    """Each blob of a layout has the SHA-256 that its name says, and index.json starts with the image."""
    for path in (samples.layout(name) / "blobs" / "sha256").iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    assert _entries(name)[0]["digest"] == samples.digest(name)


@pytest.mark.parametrize("name", samples.EVIDENCE)
def test_documents_name_the_manifest(name: str) -> None:
    """SBOMs and report bind to the image: each names its manifest digest."""
    digest = samples.digest(name)
    assert _json(samples.evidence(name, "grype.json"))["source"]["target"]["manifestDigest"] == digest
    assert _json(samples.evidence(name, "sbom.cdx.json"))["metadata"]["component"]["version"] == digest
    assert digest.removeprefix("sha256:") in samples.evidence(name, "sbom.spdx.json").read_text()


def test_the_clean_image_has_no_findings_and_the_vulnerable_one_has() -> None:
    """The reports say what the samples were made for: nothing in `clean`, one critical and five high in `vulnerable`."""
    assert _json(samples.evidence("clean", "grype.json"))["matches"] == []
    found = [match["vulnerability"]["severity"] for match in _json(samples.evidence("vulnerable", "grype.json"))["matches"]]
    assert {severity: found.count(severity) for severity in set(found)} == {
        "Critical": 1,
        "High": 5,
        "Medium": 4,
        "Negligible": 1,
    }


@pytest.mark.parametrize(("name", "kinds"), [("clean", 3), ("vulnerable", 3), ("legacy", 3)])
def test_attestations_are_signed_by_the_committed_key(name: str, kinds: int) -> None:
    """Each attached statement names the image and its DSSE signature verifies with keys/cosign.pub."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = serialization.load_pem_public_key(samples.public_key().read_bytes())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    predicates = set()
    for entry in _entries(name)[1:]:
        for layer in json.loads(_blob(name, entry["digest"]))["layers"]:
            document = json.loads(_blob(name, layer["digest"]))
            envelope = document.get("dsseEnvelope", document)
            if "payload" not in envelope:
                continue
            payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
            signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
            key.verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed, ec.ECDSA(hashes.SHA256()))
            statement = json.loads(payload)
            assert statement["subject"][0]["digest"]["sha256"] == samples.digest(name).removeprefix("sha256:")
            predicates.add(statement["predicateType"])
    assert len(predicates - {"https://sigstore.dev/cosign/sign/v1"}) == kinds


def test_no_private_key_is_committed() -> None:
    """No file under testdata holds a private key."""
    for path in (repository() / "testdata").rglob("*"):
        if path.is_file() and path.suffix not in {".py", ".md"}:
            assert b"PRIVATE KEY" not in path.read_bytes(), path


def test_the_samples_stay_small() -> None:
    """All of testdata is under ten megabytes."""
    assert sum(path.stat().st_size for path in (repository() / "testdata").rglob("*") if path.is_file()) < 10_000_000


def test_the_database_comes_from_the_advisories() -> None:
    """The committed database archive holds the advisories of advisories.toml, no more and no less."""
    import gzip
    import io
    import sqlite3
    import tarfile

    script = _script("make_grype_db")
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(samples.grype_db().read_bytes()))) as tar:
        member = tar.extractfile("vulnerability.db")
        assert member is not None
        data = member.read()
    database = sqlite3.connect(":memory:")
    try:
        database.deserialize(data)
        names = {row[0] for row in database.execute("SELECT name FROM vulnerability_handles")}
    finally:
        database.close()
    assert names == {item["id"] for item in script.read()}


def test_grype_finds_the_same_again(tmp_path: Path) -> None:
    """The real grype with the committed database finds in the vulnerable image what the committed report says."""
    lone = tmp_path / "vulnerable"
    (lone / "blobs").mkdir(parents=True)
    (lone / "blobs" / "sha256").symlink_to(samples.layout("vulnerable") / "blobs" / "sha256")
    (lone / "oci-layout").write_bytes((samples.layout("vulnerable") / "oci-layout").read_bytes())
    (lone / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": _entries("vulnerable")[:1]}))
    done = subprocess.run(
        [str(tool("grype")), "--quiet", "-o", "json", "oci-dir:vulnerable"],
        cwd=tmp_path, env=samples.scan_environment(tmp_path), capture_output=True, check=True, timeout=120,
    )  # fmt: skip

    def keys(report: dict[str, Any]) -> set[tuple[str, str]]:
        return {(match["vulnerability"]["id"], match["artifact"]["purl"]) for match in report["matches"]}

    assert keys(json.loads(done.stdout)) == keys(_json(samples.evidence("vulnerable", "grype.json")))


def test_layers_are_the_same_bytes_again() -> None:
    """The layer writer is deterministic: the order in which files are added does not matter."""
    script = _script("make_images")
    one, two = script.Layer(), script.Layer()
    one.add("a/b", b"1")
    one.add("c", b"2")
    two.add("c", b"2")
    two.add("a/b", b"1")
    assert one.tar() == two.tar()
