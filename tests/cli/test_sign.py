"""`gate sign`, `gate attest` and `gate attestations`: in registries and layouts, and what is refused."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.attest.types import SIGN
from gate.oci import attach
from gate.sign import keyfile
from tests.e2e.conftest import gate as gate
from tests.e2e.gate import Gate
from tests.fakes.images import Built, docker_save_files, image, index, layout_files, write_layout, write_tar
from tests.fakes.registry import FakeRegistry

AMD, ARM = image("linux/amd64"), image("linux/arm64")
APP = index([AMD, ARM])


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback settles fast."""
    monkeypatch.setattr(attach, "SETTLE_SECONDS", 0.01)


@pytest.fixture(params=[True, False], ids=["referrers API", "fallback tag"])
def registry(request: pytest.FixtureRequest) -> Iterator[FakeRegistry]:
    """With and without the referrers API."""
    with FakeRegistry(referrers_api=request.param) as made:
        made.push("team/app", APP, "1")
        yield made


@pytest.fixture
def key(gate: Gate, tmp_path: Path) -> Path:
    """A key pair without a password; its public half is beside it."""
    gate.patch.setenv("COSIGN_PASSWORD", "")
    private, public = keyfile.generate(b"")
    keyfile.write_pair(tmp_path / "gate", private, public)
    return tmp_path / "gate.key"


def public(key: Path) -> Path:
    """The public half."""
    return key.with_suffix(".pub")


def layout(folder: Path, built: Built = AMD) -> Path:
    """A layout of one image."""
    return write_layout(folder / "image", [(built, {})])


def test_an_image_is_signed_and_verifies(gate: Gate, registry: FakeRegistry, key: Path) -> None:
    """By its digest, wherever the registry puts the bundle; an SBOM is no signature."""
    name = f"{registry.host}/team/app:1"
    assert gate("attestations", "verify", name, "--key", public(key)).code == 1
    done = gate("sign", name, "--key", key, "-a", "commit=abc")
    assert done.code == 0 and APP.digest in done.out, done.err
    verified = gate("attestations", "verify", name, "--key", public(key))
    assert verified.code == 0 and "verified" in verified.out
    assert gate("attestations", "verify", name, "--type", "cyclonedx", "--key", public(key)).code == 1
    [line] = gate("attestations", "download", name).out.splitlines()
    assert json.loads(line)["mediaType"].startswith("application/vnd.dev.sigstore.bundle")


@pytest.mark.parametrize("reserved", ["https://sigstore.dev/cosign/sign/v1", "https://slsa.dev/verification_summary/v1"])
def test_what_is_called_like_a_signature_is_none(gate: Gate, registry: FakeRegistry, key: Path, reserved: str) -> None:
    """Versions are appended to the types of documents; to the types by which somebody decides, nothing is."""
    name = f"{registry.host}/team/app:1"
    (key.parent / "note.json").write_text("{}")
    attest = ("attest", name, "--predicate", key.parent / "note.json", "--key", key, "--push", "--type")
    assert gate(*attest, f"{reserved}/x").code == 0
    assert gate("attestations", "verify", name, "--key", public(key), "--type", reserved).code == 1
    assert gate("attestations", "verify", name, "--key", public(key)).code == 1


def test_platforms_are_signed_too_when_asked(gate: Gate, registry: FakeRegistry, key: Path) -> None:
    """Without --recursive only what was named is."""
    gate("sign", f"{registry.host}/team/app:1", "--key", key)
    arm = f"{registry.host}/team/app@{ARM.digest}"
    assert gate("attestations", "verify", arm, "--key", public(key)).code == 1
    gate("sign", f"{registry.host}/team/app:1", "--key", key, "--recursive")
    assert gate("attestations", "verify", arm, "--key", public(key)).code == 0


def test_legacy_tags_are_found_too(gate: Gate, registry: FakeRegistry, key: Path, tmp_path: Path) -> None:
    """Old verifiers look for ``.sig`` and ``.att``; the gate takes both forms."""
    predicate = tmp_path / "sbom.json"
    predicate.write_text('{"bomFormat":"CycloneDX"}')
    name = f"{registry.host}/team/app:1"
    gate("sign", name, "--key", key, "--legacy-tags")
    more = ("--type", "cyclonedx", "--predicate", predicate, "--key", key, "--push", "--legacy-tags")
    assert gate("attest", name, *more).code == 0
    stem = APP.digest.replace(":", "-")
    assert {("team/app", f"{stem}.sig"), ("team/app", f"{stem}.att")} <= set(registry.tags)
    for kind in ("signature", "cyclonedx"):
        verified = gate("attestations", "verify", name, "--type", kind, "--key", public(key))
        assert verified.out.count("verified ") == 2, verified.out


def test_another_key_does_not_verify(gate: Gate, registry: FakeRegistry, key: Path, tmp_path: Path) -> None:
    """The reason is said."""
    name = f"{registry.host}/team/app:1"
    gate("sign", name, "--key", key)
    _, other = keyfile.generate(b"")
    (tmp_path / "other.pub").write_bytes(other)
    done = gate("attestations", "verify", name, "--key", tmp_path / "other.pub")
    assert done.code == 1 and "failed" in done.out


def test_a_signature_of_another_image_does_not_count(gate: Gate, registry: FakeRegistry, key: Path) -> None:
    """Replayed: the bundle of one image hung on another is about another digest."""
    gate("sign", f"{registry.host}/team/app@{AMD.digest}", "--key", key)
    [line] = gate("attestations", "download", f"{registry.host}/team/app@{AMD.digest}").out.splitlines()
    from tests.fakes.images import referrer

    replayed = referrer(APP, line.encode())
    registry.push("team/app", replayed)
    if not registry.referrers_api:
        registry.push("team/app", index([], entries=[replayed.descriptor()]), APP.digest.replace(":", "-"))
    done = gate("attestations", "verify", f"{registry.host}/team/app:1", "--key", public(key))
    assert done.code == 1 and "about another digest" in done.out


def test_a_layout_is_signed_in_place_and_pushed(gate: Gate, registry: FakeRegistry, key: Path, tmp_path: Path) -> None:
    """Before any push; the signature goes along."""
    path = layout(tmp_path)
    assert gate("sign", f"oci:{path}", "--key", key).code == 0
    assert gate("attestations", "verify", f"oci:{path}", "--key", public(key)).code == 0
    assert gate("push", f"oci:{path}", f"{registry.host}/new/app:2").code == 0
    assert gate("attestations", "verify", f"{registry.host}/new/app:2", "--key", public(key)).code == 0
    assert len(json.loads((path / "index.json").read_bytes())["manifests"]) == 1


def test_what_cannot_carry_a_signature_is_refused(gate: Gate, key: Path, tmp_path: Path) -> None:
    """A daemon tarball, an archive and a bare digest, each with its reason."""
    daemon = write_tar(tmp_path / "daemon.tar", docker_save_files(AMD))
    archive = write_tar(tmp_path / "archive.tar", layout_files([(AMD, {})]))
    for subject, word in ((daemon, "docker save"), (archive, "archive"), (AMD.digest, "digest alone")):
        done = gate("sign", subject, "--key", key)
        assert done.code == 2 and word in done.err, done.err


def test_a_key_that_cannot_be_opened_costs_no_request(gate: Gate, registry: FakeRegistry, tmp_path: Path) -> None:
    """It is opened before the registry is asked."""
    done = gate("sign", f"{registry.host}/team/app:1", "--key", tmp_path / "none.key")
    assert done.code == 3 and registry.log == []


def test_an_attestation_waits_in_the_store(gate: Gate, registry: FakeRegistry, key: Path, tmp_path: Path) -> None:
    """Without --push nothing is pushed; `gate push` does, once."""
    predicate = tmp_path / "review.json"
    predicate.write_text('{"reviewer": "someone", "n": 12345678901234567890}')
    name = f"{registry.host}/team/app:1"
    done = gate("attest", name, "--type", "https://acme.example/review/v1", "--predicate", predicate, "--key", key)
    assert done.code == 0 and registry.count("^(PUT|POST)") == 0
    assert "1 wait" in gate("push", "--dry-run").out
    assert "1 pushed" in gate("push").out
    assert "0 pushed" in gate("push").out
    shown = gate("attestations", "download", name, "--type", "https://acme.example/review/v1", "--predicate")
    assert json.loads(shown.out) == {"reviewer": "someone", "n": 12345678901234567890}


def test_a_bundle_goes_to_a_file_or_to_standard_output(gate: Gate, registry: FakeRegistry, key: Path, tmp_path: Path) -> None:
    """The very bytes that are attached."""
    predicate = tmp_path / "vex.json"
    predicate.write_text('{"@context": "https://openvex.dev/ns/v0.2.0", "statements": []}')
    common = ("attest", f"{registry.host}/team/app:1", "--type", "openvex", "--predicate", predicate, "--key", key)
    assert gate(*common, "--output", tmp_path / "bundle.json").code == 0
    assert b"dsseEnvelope" in (tmp_path / "bundle.json").read_bytes()
    assert "dsseEnvelope" in json.loads(gate(*common, "--output", "-").out)


def test_a_schema_refuses_before_anything_is_signed(gate: Gate, registry: FakeRegistry, key: Path, tmp_path: Path) -> None:
    """Exit 3, and not one request."""
    (tmp_path / "schema.json").write_text('{"required": ["reviewer"]}')
    for text, code in (("{}", 3), ('{"reviewer": 1}', 0), ("{", 3), ('{"reviewer":1,"reviewer":2}', 3)):
        registry.log.clear()
        (tmp_path / "p.json").write_text(text)
        more = ("--predicate", tmp_path / "p.json", "--predicate-schema", tmp_path / "schema.json", "--key", key)
        done = gate("attest", f"{registry.host}/team/app:1", "--type", "https://acme.example/x", *more)
        assert done.code == code, done.err
        assert bool(registry.log) is (code == 0)


def test_reserved_and_unknown_types_are_refused(gate: Gate, key: Path, tmp_path: Path) -> None:
    """Nobody signs a summary by hand."""
    (tmp_path / "p.json").write_text("{}")
    for kind in ("https://slsa.dev/verification_summary/v1", SIGN, "sbom"):
        done = gate("attest", "oci:nowhere", "--type", kind, "--predicate", tmp_path / "p.json", "--key", key)
        assert done.code == 2


def test_verify_without_trust_is_refused(gate: Gate, registry: FakeRegistry) -> None:
    """Nobody is trusted by default."""
    assert gate("attestations", "verify", f"{registry.host}/team/app:1").code == 2


def test_list_shows_what_is_claimed(gate: Gate, registry: FakeRegistry, key: Path) -> None:
    """As text and as JSON, with the signer called unverified."""
    name = f"{registry.host}/team/app:1"
    assert "nothing signed" in gate("attestations", "list", name).out
    gate("sign", name, "--key", key)
    assert "unverified key" in gate("attestations", "list", name).out
    value = json.loads(gate("attestations", "list", name, "--output", "json").out)
    assert [row["predicateType"] for row in value["attestations"]] == [SIGN]
    assert value["attestations"][0]["aboutTheImage"] is True
    assert gate("attestations", "download", name, "--type", "vsa").code == 3


def test_text_from_a_registry_is_escaped(gate: Gate, registry: FakeRegistry) -> None:
    """A media type may not paint the terminal."""
    from tests.fakes.images import referrer

    bad = referrer(APP, b"{}", "application/spdx\x1b[31m")
    registry.push("team/app", bad)
    if not registry.referrers_api:
        registry.push("team/app", index([], entries=[bad.descriptor()]), APP.digest.replace(":", "-"))
    assert "\x1b" not in gate("attestations", "list", f"{registry.host}/team/app:1").out
