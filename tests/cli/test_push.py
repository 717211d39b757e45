"""After a verdict: what is signed and kept, what is pushed, what is held back, and the store in a registry."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.attest.types import CYCLONEDX, VSA, VULNS
from gate.audit.store import Record, Store
from gate.oci import attach
from gate.publish import denials
from gate.sign import keyfile
from tests import samples
from tests.e2e.conftest import gate as gate
from tests.e2e.gate import AGES, KEY, Done, Gate
from tests.fakes.registry import FakeRegistry

VERIFIER = "https://gate.example/test"


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback settles fast."""
    monkeypatch.setattr(attach, "SETTLE_SECONDS", 0.01)


@pytest.fixture
def registry(gate: Gate) -> Iterator[FakeRegistry]:
    """A registry with an image that is allowed and one that is not."""
    with FakeRegistry() as made:
        for name in ("clean", "vulnerable"):
            assert gate("copy", f"oci:{samples.layout(name)}", f"{made.host}/shop/{name}:1").code == 0
        made.log.clear()
        yield made


@pytest.fixture
def attested(gate: Gate, tmp_path: Path) -> tuple[str | Path, ...]:
    """The options that sign."""
    gate.patch.setenv("COSIGN_PASSWORD", "")
    private, public = keyfile.generate(b"")
    keyfile.write_pair(tmp_path / "gate", private, public)
    return ("--attest", "--sign-key", tmp_path / "gate.key", "--verifier-id", VERIFIER, "--attest-dir", tmp_path)


def verify(gate: Gate, registry: FakeRegistry, name: str, *more: str | Path) -> Done:
    """One verdict on an image of the registry."""
    return gate.verify(f"{registry.host}/shop/{name}:1", *KEY, *more)


def signed_by_gate(gate: Gate, registry: FakeRegistry, name: str, tmp_path: Path) -> set[str]:
    """The predicate types by our key that verify on the image."""
    image, key = f"{registry.host}/shop/{name}:1", tmp_path / "gate.pub"
    return {
        kind
        for kind in (VSA, VULNS, CYCLONEDX)
        if gate("attestations", "verify", image, "--type", _short(kind), "--key", key).code == 0
    }


def _short(kind: str) -> str:
    return {VSA: "vsa", VULNS: "vulns", CYCLONEDX: "cyclonedx"}[kind]


def test_without_push_it_waits(gate: Gate, registry: FakeRegistry, attested: tuple[str | Path, ...], tmp_path: Path) -> None:
    """Signed and kept; `gate push` sends it later, once."""
    assert verify(gate, registry, "clean", *attested).code == 0
    assert registry.count("^(PUT|POST)") == 0
    waiting = gate("push", "--dry-run").out
    assert [line.split()[0] for line in waiting.splitlines()[:-1]].count("vsa") == 1 and "4 wait" in waiting
    assert "4 pushed" in gate("push").out
    assert signed_by_gate(gate, registry, "clean", tmp_path) == {VSA, VULNS, CYCLONEDX}
    assert "0 pushed" in gate("push").out


def test_with_push_it_is_there(gate: Gate, registry: FakeRegistry, attested: tuple[str | Path, ...], tmp_path: Path) -> None:
    """Summary, findings, SBOM and the verdict itself, which is the one in the store."""
    done = verify(gate, registry, "clean", *attested, "--push")
    assert done.code == 0
    assert signed_by_gate(gate, registry, "clean", tmp_path) == {VSA, VULNS, CYCLONEDX}
    listed = gate("attestations", "list", f"{registry.host}/shop/clean:1").out
    assert "application/vnd.policy-gate.verdict.v1+json" in listed
    [pushed] = [
        blob
        for (_, digest), blob in registry.blobs.items()
        if digest.startswith("sha256:") and b'"schema":"gate.verdict/v1"' in blob
    ]
    assert json.loads(pushed)["outcome_digest"] == done.report["verdicts"][0]["outcome_digest"]
    assert "0 wait" in gate("push", "--dry-run").out


def test_the_next_verdict_is_the_same(gate: Gate, registry: FakeRegistry, attested: tuple[str | Path, ...]) -> None:
    """What the gate pushed does not change what it decides: its key is not trusted for evidence."""
    assert verify(gate, registry, "clean", *attested, "--push").code == 0
    again = verify(gate, registry, "clean")
    assert again.code == 0


def test_what_the_gate_pushed_is_evidence_like_any_other(
    gate: Gate, registry: FakeRegistry, attested: tuple[str | Path, ...], tmp_path: Path
) -> None:
    """With its key trusted for everything, the same findings are counted once, and the decision stays."""
    first = verify(gate, registry, "vulnerable", *attested, "--push", "--push-denied")
    again = verify(gate, registry, "vulnerable", "--key", tmp_path / "gate.pub")
    assert (first.code, again.code) == (1, 1)
    assert again.outcome["reported"] == first.outcome["reported"]
    assert "in-toto vulns 0.2" in {item["format"] for item in again.outcome["evidence"]}


def test_a_denied_image_gets_nothing_unless_told(
    gate: Gate, registry: FakeRegistry, attested: tuple[str | Path, ...], tmp_path: Path
) -> None:
    """Held back by verify and by push, sent by --push-denied, and recorded then."""
    gate.patch.setenv("GITHUB_ACTIONS", "true")
    gate.patch.setenv("GITHUB_ACTOR", "mallory")
    done = verify(gate, registry, "vulnerable", *attested, "--push")
    assert done.code == 1 and "--push-denied" in done.err
    assert registry.count("^(PUT|POST)") == 0
    assert gate("push").code == 1
    assert registry.count("^(PUT|POST)") == 0
    assert not (gate.store / "outbox" / "overrides.jsonl").exists()
    assert gate("push", "--push-denied").code == 0
    assert VSA in signed_by_gate(gate, registry, "vulnerable", tmp_path)
    vex = gate("attestations", "download", f"{registry.host}/shop/vulnerable:1", "--type", "openvex", "--predicate")
    assert json.loads(vex.out)["author"] == VERIFIER
    lines = [json.loads(line) for line in (gate.store / "outbox" / "overrides.jsonl").read_text().splitlines()]
    assert {line["actor"] for line in lines} == {"mallory"}
    assert {line["subject"] for line in lines} == {samples.digest("vulnerable")}


def test_a_denied_layout_is_not_pushed_unless_told(gate: Gate, registry: FakeRegistry) -> None:
    """The store knows the last verdict of the digest; other images go."""
    name, target = f"oci:{samples.layout('vulnerable')}", f"{registry.host}/other/app:1"
    assert gate("push", name, target).code == 0
    assert gate.verify(name, *KEY).code == 1
    registry.log.clear()
    done = gate("push", name, target)
    assert done.code == 1 and "denied" in done.err and registry.log == []
    assert gate("push", name, target, "--push-denied").code == 0
    assert (gate.store / "outbox" / "overrides.jsonl").read_text().count("\n") == 1
    assert gate("push", f"oci:{samples.layout('clean')}", target).code == 0


def test_what_waits_is_held_back_once_the_image_is_denied(
    gate: Gate, registry: FakeRegistry, attested: tuple[str | Path, ...], tmp_path: Path
) -> None:
    """A PASSED summary that waits, and what `gate attest` left, do not go out after the gate has changed its mind."""
    image = f"{registry.host}/shop/clean:1"
    assert verify(gate, registry, "clean", *attested).code == 0
    sbom = samples.evidence("clean", "sbom.cdx.json")
    assert gate("attest", image, "--type", "cyclonedx", "--predicate", sbom, "--key", tmp_path / "gate.key").code == 0
    assert gate.verify(image, "--param", "require_signature=true").code == 1
    registry.log.clear()
    done = gate("push")
    assert done.code == 1 and "0 pushed" in done.out and registry.count("^(PUT|POST)") == 0
    assert gate("push", "--push-denied").code == 0
    lines = (gate.store / "outbox" / "overrides.jsonl").read_text().splitlines()
    assert {json.loads(line)["subject"] for line in lines} == {samples.digest("clean")}


@pytest.mark.parametrize(
    ("verdicts", "denied"),
    [
        ([("DENY", "2026-01-01"), ("NO_VERDICT", "2026-01-02")], {"subject": "0"}),
        ([("ALLOW", "2099-01-01"), ("DENY", "2026-01-01")], {"subject": "1"}),
        ([("DENY", "2026-01-01"), ("ALLOW", "2026-01-01")], {}),
        ([("ALLOW", "2026-01-01"), ("DENY", "2026-01-01")], {"subject": "1"}),
    ],
)
def test_a_denial_stands_until_the_image_is_allowed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verdicts: list[tuple[str, str]], denied: dict[str, str]
) -> None:
    """The order of entry counts and not the time that a verdict names; no verdict is no pardon."""
    records = [
        Record(manifest="m", verdict="v", outcome=str(number), subject="subject", decision=decision, name="n", time=time)
        for number, (decision, time) in enumerate(verdicts)
    ]
    monkeypatch.setattr(Store, "verdicts", lambda self: iter(records))
    assert denials(Store(tmp_path)) == denied


def test_an_index_is_not_pushed_while_a_platform_of_it_is_denied(gate: Gate, registry: FakeRegistry) -> None:
    """The platform was judged by its own digest."""
    layout = samples.layout("multi")
    assert gate("push", f"oci:{layout}", f"{registry.host}/shop/multi:1").code == 0
    child = samples.digest("multi-amd64")
    assert gate.verify(f"{registry.host}/shop/multi@{child}", "--param", "require_signature=true").code == 1
    done = gate("push", f"oci:{layout}", f"{registry.host}/other/multi:1")
    assert done.code == 1 and child in done.err


def test_a_push_that_was_broken_off_is_taken_up(
    gate: Gate, registry: FakeRegistry, attested: tuple[str | Path, ...], tmp_path: Path
) -> None:
    """Exit 3, the report is written all the same, and nothing signed is lost."""
    registry.fail("^PUT .*/manifests/", status=503)
    gate.patch.setenv("GATE_LIMIT_HTTP_RETRIES", "1")
    done = verify(gate, registry, "clean", *attested, "--push")
    assert done.code == 3 and done.outcome["decision"] == "ALLOW"
    registry.faults.clear()
    assert "4 pushed" in gate("push").out
    assert VSA in signed_by_gate(gate, registry, "clean", tmp_path)


def test_a_layout_gets_it_beside_the_image(gate: Gate, attested: tuple[str | Path, ...], tmp_path: Path) -> None:
    """--push on a layout writes into it."""
    import shutil

    path = tmp_path / "clean"
    shutil.copytree(samples.layout("clean"), path)
    assert gate.verify(f"oci:{path}", *KEY, *attested, "--resource-uri", "oci://r.example/shop/clean", "--push").code == 0
    assert gate("attestations", "verify", f"oci:{path}", "--type", "vsa", "--key", tmp_path / "gate.pub").code == 0


def test_what_has_no_repository_wants_one(
    gate: Gate, registry: FakeRegistry, attested: tuple[str | Path, ...], tmp_path: Path
) -> None:
    """A layout judged before its push: `gate push --repository` says where."""
    assert gate.verify(f"oci:{samples.layout('clean')}", *KEY, *attested, "--resource-uri", "oci://r.example/clean").code == 0
    done = gate("push")
    assert done.code == 2 and "--repository" in done.err
    assert gate("push", "--repository", f"{registry.host}/shop/clean").code == 0
    assert VSA in signed_by_gate(gate, registry, "clean", tmp_path)


def test_only_what_is_named_is_pushed(gate: Gate, registry: FakeRegistry, attested: tuple[str | Path, ...]) -> None:
    """By image, or by the verdict it followed; a digest that names nothing is an error."""
    verify(gate, registry, "clean", *attested)
    assert gate("push", "sha256:" + "0" * 64).code == 2
    assert "4 pushed" in gate("push", samples.digest("clean")).out


@pytest.mark.parametrize(
    "options",
    [("--push",), ("--push-denied",), ("--push", "--push-denied")],
)
def test_pushing_nothing_is_an_error(options: tuple[str, ...], gate: Gate) -> None:
    """Half a request is none."""
    assert gate("verify", f"oci:{samples.layout('clean')}", *options).code == 2


def test_the_store_in_a_registry_replays_from_another_machine(gate: Gate, registry: FakeRegistry, tmp_path: Path) -> None:
    """The same bytes, with an empty home and nothing but the registry."""
    place = f"oci://{registry.host}/audit/store"
    gate.patch.delenv("GATE_STORE")
    gate.patch.setenv("XDG_DATA_HOME", str(tmp_path / "here"))
    done = gate(
        "verify", f"{registry.host}/shop/vulnerable:1", *KEY, *AGES, "--store", place, "--output", f"json={tmp_path / 'r.json'}"
    )
    assert done.code == 1 and place in done.err, done.err
    outcome = json.loads((tmp_path / "r.json").read_bytes())["verdicts"][0]["outcome_digest"]
    gate.patch.setenv("XDG_DATA_HOME", str(tmp_path / "there"))
    for name in (outcome, samples.digest("vulnerable"), outcome[:20]):
        again = gate("replay", name, "--store", place)
        assert again.code == 0 and "the same bytes" in again.out, again.err
    assert not (tmp_path / "there").exists()
    assert gate("replay", "sha256:" + "0" * 64, "--store", place).code == 2


def test_a_store_that_cannot_be_reached_is_exit_3(gate: Gate, registry: FakeRegistry, tmp_path: Path) -> None:
    """What was asked to be stored was not; the report and the local record are there."""
    registry.fail("/v2/audit/", status=403)
    gate.patch.delenv("GATE_STORE")
    gate.patch.setenv("XDG_DATA_HOME", str(tmp_path / "here"))
    report = tmp_path / "r.json"
    place = f"oci://{registry.host}/audit/store"
    done = gate("verify", f"{registry.host}/shop/clean:1", *KEY, *AGES, "--store", place, "--output", f"json={report}")
    assert done.code == 3
    outcome = json.loads(report.read_bytes())["verdicts"][0]["outcome_digest"]
    assert gate("replay", outcome).code == 0


def test_a_folder_is_wanted_where_a_registry_does_not_do(gate: Gate) -> None:
    """Said so, and not taken for a path."""
    gate.patch.setenv("GATE_STORE", "oci://r.example/store")
    done = gate("push")
    assert done.code == 2 and "in a registry" in done.err


def test_copy_says_what_it_did(gate: Gate, registry: FakeRegistry, tmp_path: Path) -> None:
    """The digest first; into a layout and back."""
    done = gate("copy", f"{registry.host}/shop/clean:1", f"oci:{tmp_path / 'gap'}")
    assert done.code == 0 and done.out.splitlines()[0].endswith(f"@{samples.digest('clean')}")
    assert "attached: 4 referrers" in done.out
    assert gate("copy", f"oci:{tmp_path / 'gap'}", f"{registry.host}/back/clean:1").code == 0
    assert registry.tags["back/clean", "1"] == samples.digest("clean")
