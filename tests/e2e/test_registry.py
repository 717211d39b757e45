"""`gate verify` against a registry that answers badly: each answer has its exit code and its words, and none becomes an ALLOW."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.gate import Done, Gate
from tests.e2e.lab import SCAN, Lab, grype, scanned
from tests.fakes import images
from tests.fakes.registry import FakeRegistry

BUILT = images.image()


@contextlib.contextmanager
def served(lab: Lab, **how: Any) -> Iterator[FakeRegistry]:
    """A registry with an image that prod allows, under the tag 1."""
    with FakeRegistry(**how) as registry:
        registry.push("team/app", BUILT, "1")
        for data in lab.full(BUILT.digest):
            registry.push("team/app", images.referrer(BUILT, data))
        yield registry


@pytest.fixture
def registry(gate: Gate, lab: Lab) -> Iterator[FakeRegistry]:
    """The same, with short waits for what fails."""
    gate.patch.setenv("GATE_LIMIT_HTTP_SECONDS", "1")
    gate.patch.setenv("GATE_LIMIT_HTTP_RETRIES", "1")
    with served(lab) as one:
        yield one


def asked(gate: Gate, lab: Lab, registry: FakeRegistry, name: str = "team/app:1") -> Done:
    """prod on the image."""
    return gate.verify(f"{registry.host}/{name}", "--plain-http", *lab.key)


def test_a_good_registry(gate: Gate, lab: Lab, registry: FakeRegistry) -> None:
    """Allowed; the tag was asked for once, everything after it by digest."""
    done = asked(gate, lab, registry)
    assert done.code == 0, done.out + done.err
    assert done.outcome["subject"]["digest"] == BUILT.digest
    assert registry.count(r"^(GET|HEAD) /v2/team/app/manifests/1$") == 1


def test_a_tag_that_moves_during_the_run(gate: Gate, lab: Lab, registry: FakeRegistry) -> None:
    """The digest that was resolved is the one that is verified, recorded and handed on."""
    other = images.image(seed="other")
    registry.push("team/app", other)
    original = registry.tags

    class Moving(dict[tuple[str, str], str]):
        asked = 0

        def get(self, key: tuple[str, str], default: Any = None) -> Any:
            if key == ("team/app", "1"):
                self.asked += 1
                return BUILT.digest if self.asked == 1 else other.digest
            return super().get(key, default)

    registry.tags = moving = Moving(original)
    done = asked(gate, lab, registry)
    assert (done.code, done.outcome["subject"]["digest"], moving.asked) == (0, BUILT.digest, 1)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_a_manifest_that_is_not_given(gate: Gate, lab: Lab, registry: FakeRegistry, status: int) -> None:
    """Exit 3 with the status and a way out; nothing is decided."""
    registry.fail(r"/manifests/1$", status=status, headers={"retry-after": "0"})
    done = asked(gate, lab, registry)
    assert done.code == 3, done.out + done.err
    assert done.outcomes == [] and "NO VERDICT" in done.out and "fix:" in done.out
    assert {401: "log", 403: "403", 404: "not"}.get(status, str(status)) in done.out.lower()


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_referrers_that_cannot_be_listed(gate: Gate, lab: Lab, registry: FakeRegistry, status: int) -> None:
    """Evidence that cannot be reached is not absent: exit 3 and not a deny, not an allow."""
    registry.fail(r"/referrers/|/manifests/sha256-", status=status, headers={"retry-after": "0"})
    done = asked(gate, lab, registry)
    assert (done.code, done.outcome["decision"]) == (3, "NO_VERDICT"), done.out
    assert str(status) in done.out


def test_one_attachment_that_cannot_be_had(gate: Gate, lab: Lab, registry: FakeRegistry) -> None:
    """The scan's bytes answer 500: the other evidence is listed, and the verdict waits."""
    scan = next(data for data in (item for item in registry.blobs.values()) if b"dsseEnvelope" in data)
    registry.fail(f"/blobs/{images.digest_of(scan)}", status=500)
    done = asked(gate, lab, registry)
    assert done.code == 3, done.out


def test_an_attachment_that_was_deleted(gate: Gate, lab: Lab, registry: FakeRegistry) -> None:
    """A referrer whose blob answers 404 could not be had."""
    scan = lab.bundle(SCAN, scanned(grype()), BUILT.digest)
    registry.push("team/app", images.referrer(BUILT, scan))
    registry.fail(f"/blobs/{images.digest_of(scan)}", status=404)
    done = asked(gate, lab, registry)
    assert done.code == 3, done.out


@pytest.mark.parametrize("how", [{"cut": True}, {"delay": 3.0}, {"drip": 0.05}], ids=["cut", "slow", "drip"])
def test_answers_that_do_not_end(gate: Gate, lab: Lab, registry: FakeRegistry, how: dict[str, Any]) -> None:
    """A cut, late or dripping answer is tried again and then is exit 3, in bounded time."""
    registry.fail(rf"GET /v2/team/app/manifests/({BUILT.digest}|1)$", **how)
    done = asked(gate, lab, registry)
    assert done.code == 3, done.out + done.err
    assert "ALLOW" not in done.out


def test_one_failure_is_tried_again(gate: Gate, lab: Lab, registry: FakeRegistry) -> None:
    """A single 503 costs a retry and nothing else."""
    registry.fail(r"/manifests/1$", status=503, headers={"retry-after": "0"}, times=1)
    assert asked(gate, lab, registry).code == 0


def test_bytes_of_another_digest(gate: Gate, lab: Lab, registry: FakeRegistry) -> None:
    """A registry that answers a digest with other bytes is not believed."""
    registry.fail(rf"GET .*/manifests/{BUILT.digest}$", body=BUILT.data + b" ")
    done = asked(gate, lab, registry, f"team/app@{BUILT.digest}")
    assert done.code == 3 and "ALLOW" not in done.out
    assert BUILT.digest in done.out


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{", b"\0", b'{"schemaVersion":2}', b"[" * 100_000], ids=lambda body: body[:8].decode()
)
def test_manifests_that_are_none(gate: Gate, lab: Lab, registry: FakeRegistry, body: bytes) -> None:
    """Exit 3, named; never a traceback."""
    digest = images.digest_of(body)
    registry.manifests["team/app", digest] = (images.OCI_MANIFEST, body)
    done = asked(gate, lab, registry, f"team/app@{digest}")
    assert done.code == 3, done.out + done.err


@pytest.mark.parametrize(
    "body", [b"null", b"{", b'{"manifests":7}', b'{"manifests":[7]}', json.dumps({"manifests": None}).encode()]
)
def test_lists_of_referrers_that_are_none(gate: Gate, lab: Lab, registry: FakeRegistry, body: bytes) -> None:
    """A list that cannot be read is not an empty list."""
    registry.fail(r"/referrers/", body=body)
    done = asked(gate, lab, registry)
    assert done.code == 3, done.out


def test_credentials_are_asked_for_in_words(gate: Gate, lab: Lab) -> None:
    """A registry that wants a login: exit 3, and the message says how to log in and shows no secret."""
    with served(lab, auth="basic") as registry:
        done = asked(gate, lab, registry)
    assert done.code == 3
    assert "login" in done.out.lower() or "credential" in done.out.lower()


def test_a_registry_that_is_not_there(gate: Gate, lab: Lab) -> None:
    """Exit 3."""
    gate.patch.setenv("GATE_LIMIT_HTTP_RETRIES", "1")
    done = gate.verify("127.0.0.1:9/team/app:1", "--plain-http", *lab.key)
    assert done.code == 3 and "127.0.0.1:9" in done.out


def test_one_bad_subject_does_not_hide_the_others(gate: Gate, lab: Lab, registry: FakeRegistry) -> None:
    """The subject that could be had keeps its verdict; the run is exit 3."""
    done = gate.verify(f"{registry.host}/team/app:1", f"{registry.host}/team/none:1", "--plain-http", *lab.key)
    assert done.code == 3
    assert [outcome["decision"] for outcome in done.outcomes] == ["ALLOW"]
    assert len(done.report["failures"]) == 1


def test_many_subjects_are_judged_in_order(gate: Gate, lab: Lab, registry: FakeRegistry) -> None:
    """Twelve subjects, concurrently: reported in the order in which they were given."""
    for number in range(12):
        registry.push("team/app", BUILT, f"t{number}")
    names = [f"{registry.host}/team/app:t{number}" for number in range(12)]
    done = gate.verify(*names, "--plain-http", *lab.key)
    assert done.code == 0
    assert [outcome["subject"]["reference"] for outcome in done.outcomes] == names
