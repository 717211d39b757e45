"""Change one field of a good bundle: it is refused, or the field is on the list of those that nothing vouches for."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable
from typing import Any

import pytest

from gate.errors import GateError
from gate.limits import DEFAULT
from gate.trust.entry import Trust, TrustEntry
from gate.trust.envelope import open_envelope
from gate.trust.keys import load_public_key
from gate.trust.root import load_trusted_root
from tests.conformance.client import ASSETS, SIGNATURES
from tests.trust.corpus import GITHUB, good_cases, layers, needs_corpus, production, trust
from tests.trust.mutate import mutations
from tests.trust.simulator import Sigstore

Accepted = Callable[[Any], bool]

SURVIVORS: dict[tuple[str, str], str] = {
    ("*/keyid", "*"): "a DSSE key id is optional and decides nothing (2)",
    ("*/hint", "*"): "the hint of a key decides nothing (2)",
    ("*/publicKey", "empty"): "a key without a hint is still a key (2)",
    ("*/messageDigest", "null"): "the digest in a bundle is a hint; the caller gives the artifact",
    ("*/messageDigest", "delete"): "the digest in a bundle is a hint; the caller gives the artifact",
    ("*/inclusionProof/hashes", "null"): "protobuf leaves an empty list out: the same as the empty list that was there",
    ("*/inclusionProof/hashes", "delete"): "protobuf leaves an empty list out: the same as the empty list that was there",
    ("*/inclusionProof/hashes", "twice"): "an empty list twice is an empty list",
    ("*/inclusionProof/hashes", "empty"): "it was empty",
    ("*/logIndex", "null"): "protobuf leaves zero out: the same as the zero that was there",
    ("*/logIndex", "delete"): "protobuf leaves zero out: the same as the zero that was there",
    ("*/tlogEntries", "twice"): "the same entry twice is one log (8), and verifies twice",
}
"""For every bundle: path pattern and kind of change, and why the bundle still verifies."""

ANOTHER_TIME = "the timestamp gives the time, and the log's proof stands without the promise"
STAMPED: dict[tuple[str, str], str] = {
    ("*/inclusionPromise", "null"): ANOTHER_TIME,
    ("*/inclusionPromise", "delete"): ANOTHER_TIME,
    ("*/timestampVerificationData*", "null"): "the promise gives the time",
    ("*/timestampVerificationData*", "delete"): "the promise gives the time",
    ("*/timestampVerificationData*", "empty"): "the promise gives the time",
}
"""Bundles with both a promise and a timestamp."""

TOKEN: dict[tuple[str, str], str] = {
    ("*/signedTimestamp", "bit"): "bits of a certificate that the token carries; the root's own certificate is used instead",
}
WITNESSED: dict[tuple[str, str], str] = {
    ("*/checkpoint/envelope", "c*"): "the line of a witness, whose key nobody gave; the log's own line still stands (7)",
}
UNTIMED: dict[tuple[str, str], str] = {
    ("*/integratedTime", "*"): "a key needs no time, and without the promise nobody vouches for this one",
    ("*/inclusionPromise", "null"): "a key needs no time, and the log's proof stands without the promise",
    ("*/inclusionPromise", "delete"): "a key needs no time, and the log's proof stands without the promise",
}
PROMISED: dict[tuple[str, str], str] = {
    ("*/inclusionProof", "null"): "a v0.1 bundle may have the promise alone",
    ("*/inclusionProof", "delete"): "a v0.1 bundle may have the promise alone",
    ("*/inclusionProof/checkpoint", "null"): "a v0.1 bundle may have the promise alone",
    ("*/inclusionProof/checkpoint", "delete"): "a v0.1 bundle may have the promise alone",
}
KEY_ALONE: dict[tuple[str, str], str] = {
    ("verificationMaterial/tlogEntries*", "*"): "a key without a trusted root needs no log, and nobody could vouch for one",
    ("verificationMaterial/timestampVerificationData*", "*"): "a key without a trusted root needs no time either",
}
UNREAD: dict[tuple[str, str], str] = {
    ("annotations/dev.cosignproject.cosign/signature", "*"): "the signature of an attestation is in its envelope",
    ("annotations/dev.sigstore.cosign/chain", "*"): "authorities come from the trusted root alone (14)",
    ("annotations/predicateType", "*"): "the predicate type is read from the signed statement (2)",
}


def _survivors(document: Any, accepted: Accepted) -> tuple[set[tuple[str, str]], int]:
    assert accepted(document), "the unchanged document must verify"
    found, count = set(), 0
    for path, kind, changed in mutations(document):
        count += 1
        if changed != document and accepted(changed):
            found.add((path, kind))
    return found, count


def _check(document: Any, accepted: Accepted, *more: dict[tuple[str, str], str], at_least: int = 80) -> None:
    allowed = {**SURVIVORS}
    for group in more:
        allowed.update(group)
    found, count = _survivors(document, accepted)
    unexpected = {
        item for item in found if not any(fnmatch.fnmatch(item[0], p) and fnmatch.fnmatch(item[1], k) for p, k in allowed)
    }
    assert not unexpected
    assert count >= at_least


def _opens(given: Trust, artifact: bytes | None = None) -> Accepted:
    """Whether it verifies; anything but a GateError that escapes is a crash and fails the test."""

    def accepted(document: Any) -> bool:
        try:
            envelope = open_envelope(
                json.dumps(document).encode(), annotations={}, media_type="", trust=given, limits=DEFAULT, artifact=artifact
            )
        except GateError:
            return False
        return envelope is not None and envelope.verification.state == "verified"

    return accepted


def test_the_simulated_bundles() -> None:
    """Bundles of the instance in memory: over an envelope and over a message."""
    sim = Sigstore()
    signer = sim.signer()
    _check(sim.dsse(signer), _opens(sim.trust()))
    _check(sim.message(signer, b"artifact"), _opens(sim.trust(), b"artifact"))


@needs_corpus
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("happy-path-v0.1", [PROMISED]),
        ("happy-path-v0.3", []),
        ("happy-path-intoto-in-dsse-v3", []),
        ("intoto-with-custom-trust-root", [STAMPED, TOKEN]),
        ("rekor2-happy-path", [TOKEN]),
        ("rekor2-dsse-happy-path", [TOKEN, WITNESSED]),
        ("rekor2-timestamp-with-embedded-cert", [TOKEN]),
        ("managed-key-and-trusted-root", [UNTIMED]),
        ("managed-key-happy-path", [KEY_ALONE]),
        ("bundle-with-sct-with-extensions", [TOKEN]),
        ("happy-path-v0.2", []),
        ("happy-path-v0.3-new-mediaType", []),
        ("rekor2-checkpoint-cosigned", []),
        ("rekor2-checkpoint-multiple-cosigs", [WITNESSED]),
        ("rekor2-checkpoint-origin-not-first", [WITNESSED]),
        ("rekor2-checkpoint-two-sigs-cosigned", [WITNESSED]),
        ("rekor2-checkpoint-two-sigs-from-origin", []),
        ("rekor2-timestamp-with-expired-cert-chain", []),
        ("rekor2-timestamp-without-embedded-cert", []),
        ("trust-root-tlog-validity-end-inclusive", [PROMISED]),
        ("trust-root-tsa-validity-end-inclusive", []),
    ],
)
def test_conformance_bundles(name: str, more: list[dict[tuple[str, str], str]]) -> None:
    """Good bundles of the conformance suite, of every kind of log entry."""
    case = ASSETS / name
    root = case / "trusted_root.json"
    roots = load_trusted_root(root.read_bytes()) if root.exists() else production()
    artifact = (case / "artifact" if (case / "artifact").exists() else ASSETS / "a.txt").read_bytes()
    given = trust(".*", roots=roots)
    if (case / "key.pub").exists():
        key = load_public_key((case / "key.pub").read_bytes())
        given = Trust((TrustEntry(name="key", roles=("*",), keys=(key,), roots=roots if root.exists() else ()),))
    _check(json.loads((case / "bundle.sigstore.json").read_bytes()), _opens(given, artifact), *more)


@needs_corpus
def test_every_good_case_is_mutated() -> None:
    """The list above leaves no good bundle of the suite out."""
    (mark,) = [one for one in test_conformance_bundles.pytestmark if one.name == "parametrize"]  # type: ignore[attr-defined]
    assert sorted(name for name, _ in mark.args[1]) == good_cases()


@needs_corpus
@pytest.mark.parametrize(
    ("path", "issuer", "more"),
    [
        ("cosign/pkg/cosign/testdata/oci-attestation.sigstore.json", "https://github.com/login/oauth", []),
        ("sigstore-rs/tests/data/bundle_v03.json", GITHUB, [STAMPED, TOKEN]),
        ("source-track/go-vex/19c423b5867366e128b433bfa44c48bad25ddf38.jsonl", GITHUB, [STAMPED, TOKEN]),
    ],
)
def test_bundles_of_other_tools(path: str, issuer: str, more: list[dict[tuple[str, str], str]]) -> None:
    """Bundles that cosign, sigstore-rs and a GitHub workflow wrote."""
    data = (SIGNATURES / path).read_bytes().splitlines()
    document = json.loads(data[0] if path.endswith("l") else b"\n".join(data))
    _check(document, _opens(trust(".*", issuer)), *more)


@needs_corpus
@pytest.mark.parametrize("version", ["v1.4.0", "v2.1.0"])
def test_legacy_attestations(version: str) -> None:
    """Real ``.att`` layers: the envelope, its annotations, and what the bundle annotation holds."""
    layout = SIGNATURES / "slsa-verifier" / "gha_generic_container" / version / "container_workflow_dispatch"
    ((descriptor, data),) = layers(layout, "dev.cosignproject.cosign/atts")
    document = {"envelope": json.loads(data), "annotations": descriptor["annotations"]}
    document["annotations"]["dev.sigstore.cosign/bundle"] = json.loads(document["annotations"]["dev.sigstore.cosign/bundle"])
    given = trust(".*")

    def accepted(changed: Any) -> bool:
        annotations = dict(changed.get("annotations") or {})
        value = annotations.get("dev.sigstore.cosign/bundle")
        annotations = {name: text for name, text in annotations.items() if isinstance(text, str)}
        if value is not None:
            annotations["dev.sigstore.cosign/bundle"] = json.dumps(value)
        envelope_bytes = json.dumps(changed.get("envelope"), separators=(",", ":")).encode()
        try:
            envelope = open_envelope(
                envelope_bytes, annotations=annotations, media_type=descriptor["mediaType"], trust=given, limits=DEFAULT
            )
        except GateError:
            return False
        return envelope is not None and envelope.verification.state == "verified"

    assert json.dumps(document["envelope"], separators=(",", ":")).encode() == data
    _check(document, accepted, UNREAD, at_least=50)


def test_every_survivor_has_a_reason() -> None:
    """The lists above say why for each."""
    for group in (SURVIVORS, STAMPED, TOKEN, WITNESSED, UNTIMED, PROMISED, KEY_ALONE, UNREAD):
        assert all(len(reason) > 10 for reason in group.values())
