"""What an attacker who may push anything, and has every public signature, can try: none of it makes evidence count.

Each test goes the whole way from an image layout to the input document, for forgeries live between the layers. Attacks on single
envelopes are in `tests.trust.test_verifier`, on summaries in `tests.attest.test_vsa_verify`, on the chain in `tests.chain`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from gate.assemble import Context, assemble
from gate.evidence.collect import Opener
from gate.evidence.gather import attached
from gate.limits import DEFAULT
from gate.model.input import Input, RunContext, Time
from gate.oci.image import load
from gate.oci.options import RegistryOptions
from gate.oci.source import open_source
from gate.policy.acceptance import accepted
from gate.trust.entry import IdentityRule, Trust
from gate.trust.legacy import BUNDLE, CERTIFICATE, SIGNATURE, SIMPLE_SIGNING
from tests.factory import decision, parameters
from tests.fakes.images import Built, image, index, legacy, referrer, write_layout
from tests.trust.helpers import opened, reason
from tests.trust.simulator import IDENTITY, NOW, Signer, Sigstore, b64, hashedrekord, key_trust, plain_dsse, public, sign

KEY, OTHER = (Signer(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
SIGN = "https://sigstore.dev/cosign/sign/v1"
SPDX = "https://spdx.dev/Document"
PROVENANCE = "https://slsa.dev/provenance/v1"
TRUST = key_trust(KEY.key)


def claim(digest: str, kind: str = SIGN, predicate: Any = None) -> bytes:
    """A statement of a type about an image."""
    subject = [{"name": "x", "digest": {"sha256": digest.removeprefix("sha256:")}}]
    return json.dumps(
        {"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": kind, "predicate": predicate or {}}
    ).encode()


def signed(statement: bytes, signer: Signer = KEY) -> bytes:
    """The statement in a bare envelope."""
    return json.dumps(plain_dsse(signer.key, statement)).encode()


def legacy_signature(digest: str, signer: Signer) -> tuple[bytes, dict[str, str]]:
    """Payload and annotations of a cosign 2 signature by key."""
    critical = {
        "identity": {"docker-reference": ""},
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
    }
    payload = json.dumps({"critical": critical, "optional": None}).encode()
    return payload, {SIGNATURE: b64(sign(signer.key, payload))}


def facts(root: Path, trust: Trust = TRUST, selector: str = "") -> dict[str, Input]:
    """The input documents of all images under a layout, by digest."""
    result: dict[str, Input] = {}
    source = open_source(f"oci:{root}{selector}", options=RegistryOptions(), limits=DEFAULT)
    try:
        found = load(source, source.resolve(), ())
        opener = Opener(trust, DEFAULT)
        whole = attached(source, [found.subject.digest], opener)
        context = Context(
            decision=decision(params=parameters()), run=RunContext(), time=Time(now=NOW.isoformat(), source="clock"), trust=trust
        )
        for one in found.children or (found,):
            own = attached(source, [one.subject.digest], opener) if found.children else whole
            siblings = frozenset(other.subject.digest for other in found.children if other is not one)
            gathered = [*own.opened, *(whole.opened if found.children else ())]
            result[one.subject.digest] = assemble(one.subject, gathered, context, siblings=siblings, errors=own.errors)
    finally:
        source.close()
    return result


def counting(document: Input) -> list[str]:
    """Kinds of the evidence that may satisfy a rule."""
    return sorted(item.kind for item in document.evidence if accepted(item, document.decision.params))


def put(folder: Path, built: Built, hanging: Iterable[Built] = (), tags: Mapping[str, Built] | None = None) -> Path:
    """A layout with the image, referrers and cosign's tags."""
    names = {"sig": "dev.cosignproject.cosign/sigs", "att": "dev.cosignproject.cosign/atts"}
    listed = [(built, {"kind": "dev.cosignproject.cosign/image", "org.opencontainers.image.ref.name": "app"})]
    listed += [
        (made, {"kind": names[tag], "org.opencontainers.image.ref.name": f"{built.digest.replace(':', '-')}.{tag}"})
        for tag, made in (tags or {}).items()
    ]
    return write_layout(folder, listed, beside=hanging)


IMAGE = image()
ELSEWHERE = "sha256:" + "e" * 64


def test_the_honest_image(tmp_path: Path) -> None:
    """A signature and an SBOM-typed claim by the trusted key: the signature counts as one, the claim does not."""
    put(tmp_path, IMAGE, [referrer(IMAGE, signed(claim(IMAGE.digest)), "application/vnd.dsse.envelope.v1+json")])
    assert counting(facts(tmp_path)[IMAGE.digest]) == ["signature"]


@pytest.mark.parametrize(
    ("digest", "signer"), [(IMAGE.digest, OTHER), (ELSEWHERE, KEY)], ids=["by a stranger", "of another image, replayed"]
)
def test_downgrade_to_legacy_tags(tmp_path: Path, digest: str, signer: Signer) -> None:
    """With the bundles removed, what lies under the legacy tags has to verify and to be about the image like anything else."""
    payload, annotations = legacy_signature(digest, signer)
    put(tmp_path, IMAGE, tags={"sig": legacy([(SIMPLE_SIGNING, payload, annotations)])})
    document = facts(tmp_path)[IMAGE.digest]
    assert [item.kind for item in document.evidence] == ["signature"]
    assert counting(document) == []


def test_legacy_tags_and_bundles_are_both_read(tmp_path: Path) -> None:
    """A bad bundle does not hide a good legacy signature, nor a bad legacy signature a good bundle; both are listed."""
    good, bad = (legacy([(SIMPLE_SIGNING, *legacy_signature(IMAGE.digest, signer))]) for signer in (KEY, OTHER))
    for name, tag, signer in (("a", good, OTHER), ("b", bad, KEY)):
        put(
            tmp_path / name,
            IMAGE,
            [referrer(IMAGE, signed(claim(IMAGE.digest), signer), "application/vnd.dsse.envelope.v1+json")],
            {"sig": tag},
        )
        document = facts(tmp_path / name)[IMAGE.digest]
        assert len(document.evidence) == 2
        assert counting(document) == ["signature"]


def test_a_bundle_stripped_to_annotations_keeps_its_demands(tmp_path: Path) -> None:
    """A keyless signature moved from a bundle into a legacy tag, without the log's promise, does not verify any more."""
    sim = Sigstore()
    signer = sim.signer()
    payload, _ = legacy_signature(IMAGE.digest, signer)
    signature = sign(signer.key, payload)
    body = sim.log.entry(hashedrekord(signer, payload, signature))
    promise = {
        "SignedEntryTimestamp": body["inclusionPromise"]["signedEntryTimestamp"],
        "Payload": {
            "body": body["canonicalizedBody"],
            "integratedTime": int(body["integratedTime"]),
            "logIndex": 7,
            "logID": sim.log.id.hex(),
        },
    }
    annotations = {SIGNATURE: b64(signature), CERTIFICATE: signer.pem, BUNDLE: json.dumps(promise)}
    for name, kept, expected in (("whole", annotations, ["signature"]), ("stripped", {**annotations, BUNDLE: ""}, [])):
        put(tmp_path / name, IMAGE, tags={"sig": legacy([(SIMPLE_SIGNING, payload, kept)])})
        assert counting(facts(tmp_path / name, sim.trust())[IMAGE.digest]) == expected


def test_an_sbom_attestation_is_no_signature(tmp_path: Path) -> None:
    """By the right key, about the right image: and still nobody signed the image."""
    spdx = {"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "x", "packages": [], "dataLicense": "CC0-1.0"}
    put(tmp_path, IMAGE, [referrer(IMAGE, signed(claim(IMAGE.digest, SPDX, spdx)), "application/vnd.dsse.envelope.v1+json")])
    document = facts(tmp_path)[IMAGE.digest]
    assert document.signatures == ()
    assert "signature" not in counting(document)


@pytest.mark.parametrize("declared", [SIGN, PROVENANCE, SPDX])
def test_predicate_type_confusion(tmp_path: Path, declared: str) -> None:
    """What the referrer's annotation and media type say is not signed; the kind follows from the signed statement."""
    envelope = signed(claim(IMAGE.digest, "https://example.test/other/v1"))
    notes = {"dev.sigstore.bundle.predicateType": declared, "predicateType": declared}
    put(tmp_path, IMAGE, [referrer(IMAGE, envelope, "application/vnd.dsse.envelope.v1+json", annotations=notes)])
    document = facts(tmp_path)[IMAGE.digest]
    assert [item.kind for item in document.evidence] == ["attestation"]
    assert document.signatures == ()


@pytest.mark.parametrize(
    "kind", [f"{SIGN}x", "https://sigstore.dev/cosign/sign/v2", "https://sigstore.dev/cosign/signature", SIGN.upper()]
)
def test_types_that_look_like_a_signature(tmp_path: Path, kind: str) -> None:
    """Only the type itself says that an image is signed."""
    put(tmp_path, IMAGE, [referrer(IMAGE, signed(claim(IMAGE.digest, kind)), "application/vnd.dsse.envelope.v1+json")])
    assert facts(tmp_path)[IMAGE.digest].signatures == ()


@pytest.mark.parametrize("roles", [("sbom",), ("vsa", "attestation"), ("provenance",)])
def test_an_entry_outside_its_roles(tmp_path: Path, roles: tuple[str, ...]) -> None:
    """A key that is trusted for something else verifies, and its signature does not count."""
    put(tmp_path, IMAGE, [referrer(IMAGE, signed(claim(IMAGE.digest)), "application/vnd.dsse.envelope.v1+json")])
    document = facts(tmp_path, key_trust(KEY.key, roles=roles))[IMAGE.digest]
    assert document.evidence[0].verification.state == "verified"
    assert counting(document) == []


def test_a_replayed_referrer(tmp_path: Path) -> None:
    """A true statement about another image, hung on this one, is about the other."""
    put(tmp_path, IMAGE, [referrer(IMAGE, signed(claim(ELSEWHERE)), "application/vnd.dsse.envelope.v1+json")])
    document = facts(tmp_path)[IMAGE.digest]
    assert [(item.binding, item.subject_digest) for item in document.evidence] == [("none", None)]
    assert counting(document) == []


def test_a_referrer_that_names_another_subject_is_not_looked_at(tmp_path: Path) -> None:
    """A manifest counts by its own `subject`, whatever list it stands in."""
    put(tmp_path, IMAGE, [referrer(ELSEWHERE, signed(claim(IMAGE.digest)), "application/vnd.dsse.envelope.v1+json")])
    assert facts(tmp_path)[IMAGE.digest].evidence == ()


def test_an_index_attestation_for_a_child_that_it_no_longer_lists(tmp_path: Path) -> None:
    """Signed when the index had two platforms: it covers those that an index with that digest lists, and no other image."""
    kept, dropped = image(), image("linux/arm64")
    old, new = index([kept, dropped]), index([kept])
    about_old = signed(claim(old.digest))
    put(tmp_path / "old", old, [referrer(old, about_old, "application/vnd.dsse.envelope.v1+json")])
    assert {digest: counting(one) for digest, one in facts(tmp_path / "old").items()} == {
        kept.digest: ["signature"],
        dropped.digest: ["signature"],
    }
    # The same attestation, hung on the new index and on the dropped child itself.
    for name, subject in (("new", new), ("child", dropped)):
        put(tmp_path / name, subject, [referrer(subject, about_old, "application/vnd.dsse.envelope.v1+json")])
        assert all(counting(one) == [] for one in facts(tmp_path / name).values())


def test_a_platforms_attestation_does_not_cover_its_siblings(tmp_path: Path) -> None:
    """Hung on the index, it counts for the platform that it names and for no other."""
    first, second = image(), image("linux/arm64")
    both = index([first, second])
    put(tmp_path, both, [referrer(both, signed(claim(first.digest)), "application/vnd.dsse.envelope.v1+json")])
    assert {digest: counting(one) for digest, one in facts(tmp_path).items()} == {first.digest: ["signature"], second.digest: []}


def test_a_summary_satisfies_nothing_but_itself(tmp_path: Path) -> None:
    """A PASSED summary by the trusted key is neither signature nor SBOM nor provenance of the image."""
    predicate = {
        "verifier": {"id": "https://gate.example"},
        "timeVerified": "2020-01-01T00:00:00Z",
        "resourceUri": "oci://other",
        "policy": {"digest": {"sha256": "0" * 64}},
        "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_3"],
    }
    statement = claim(IMAGE.digest, "https://slsa.dev/verification_summary/v1", predicate)
    put(tmp_path, IMAGE, [referrer(IMAGE, signed(statement), "application/vnd.dsse.envelope.v1+json")])
    document = facts(tmp_path)[IMAGE.digest]
    assert counting(document) == ["vsa"]
    assert (document.signatures, document.provenance.statements) == ((), ())


def test_a_statement_about_a_commit_is_never_asserted_of_the_image(tmp_path: Path) -> None:
    """It names something, and that is not the image."""
    statement = json.loads(claim(IMAGE.digest, "https://example.test/claim/v1"))
    statement["subject"] = [{"digest": {"gitCommit": "a" * 40}}]
    put(tmp_path, IMAGE, [referrer(IMAGE, signed(json.dumps(statement).encode()), "application/vnd.dsse.envelope.v1+json")])
    (item,) = facts(tmp_path)[IMAGE.digest].evidence
    assert (item.binding, item.diagnostics[0].code) == ("none", "about_source")


def test_a_swapped_certificate() -> None:
    """Another good certificate of the same identity in the bundle: the signature is not by its key."""
    sim = Sigstore()
    bundle, other = sim.dsse(sim.signer()), sim.signer()
    bundle["verificationMaterial"]["certificate"] = {"rawBytes": b64(other.der)}
    assert "signature" in reason(bundle, sim.trust())


def test_a_swapped_certificate_with_its_key_is_not_what_was_logged() -> None:
    """A second certificate for the same key: the log entry names the first."""
    sim = Sigstore()
    key = ec.generate_private_key(ec.SECP256R1())
    first, second = sim.signer(key=key), sim.signer(key=key)
    bundle = sim.dsse(first)
    bundle["verificationMaterial"]["certificate"] = {"rawBytes": b64(second.der)}
    assert "another signer" in reason(bundle, sim.trust())


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        (r"https://forge\.example/acme/.*", "https://forge.example/acme/../mallory"),
        (r"https://forge\.example/acme/app$", "https://forge.example/acme/app\n"),
        (r"https://forge\.example/acme|https://forge\.example/other", "https://forge.example/acme/evil"),
        (r"(?m)^https://forge\.example/acme/app$", "https://mallory.example/\nhttps://forge.example/acme/app"),
        (r"https://forge\.example/acme/[^/]*", "https://forge.example/acme/a/b"),
        (r"https://forge\.example/acme/app", "HTTPS://FORGE.EXAMPLE/ACME/APP"),
        (r"https://forge\.example/acme/app", "https://forge.example/acme/app "),
        (r"https://forge\.example/acme/app", "https://forge.example/acme/\u0430pp"),
    ],
)
def test_identity_pattern_tricks(pattern: str, name: str) -> None:
    """The whole name or nothing: no end of line, no alternative, no prefix; only `.*` that the operator wrote reaches further."""
    rule = IdentityRule(pattern, "https://i.example", regexp=True)
    assert rule.matches(name, "https://i.example") is (".*" in pattern)
    assert not rule.matches(name, "https://i.example.mallory")


def test_several_names_in_one_certificate() -> None:
    """The name that a rule matches is the one reported, not the first in the certificate."""
    sim = Sigstore()
    names: list[x509.GeneralName] = [
        x509.UniformResourceIdentifier("https://mallory.example"),
        x509.UniformResourceIdentifier(IDENTITY),
    ]
    assert opened(sim.dsse(sim.signer(names=names)), sim.trust()).verification.identity == IDENTITY


def test_a_log_that_the_root_lacks_has_its_own_explanation() -> None:
    """`log_known`, and what to do about it; a signature that nobody logged is another failure."""
    sim, newer = Sigstore(), Sigstore()
    bundle = sim.dsse(sim.signer(), logs=[newer.log])
    verification = opened(bundle, sim.trust()).verification
    assert verification.failures == {"sim": "log_known"}
    assert "gate trust import" in str(verification.reason)
    bundle["verificationMaterial"]["tlogEntries"] = []
    assert opened(bundle, sim.trust()).verification.failures == {"sim": "log"}


def test_who_waived_what() -> None:
    """Two entries accept it, one of them lax: `relaxed_by` says which."""
    sim = Sigstore()
    strict, lax = sim.trust().entries[0], sim.trust(require_sct=False).entries[0]
    import dataclasses

    trust = Trust((strict, dataclasses.replace(lax, name="lax")))
    verification = opened(sim.dsse(sim.signer()), trust).verification
    assert verification.entries == ("sim", "lax")
    assert (verification.relaxed, verification.relaxed_by) == (("sct",), {"lax": ("sct",)})


def test_private_instances_without_a_log_are_the_operators_choice() -> None:
    """A bundle without entries verifies where the entry says so, and then only with a timestamp; never because it has none."""
    sim = Sigstore()
    bundle = sim.dsse(sim.signer(), logs=[])
    assert "log" in opened(bundle, sim.trust()).verification.failures["sim"]
    assert opened(bundle, sim.trust(require_log=False)).verification.failures == {"sim": "time"}


def test_key_ids_are_not_keys() -> None:
    """The hint of the trusted key on another key's signature changes nothing."""
    envelope = plain_dsse(OTHER.key)
    envelope["signatures"][0]["keyid"] = public(KEY.key).key_id
    assert opened(envelope, TRUST).verification.state == "failed"
