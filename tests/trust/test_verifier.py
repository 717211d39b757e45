"""What verifies and what does not, against an instance whose every key the test holds."""

from __future__ import annotations

import base64
import copy
import datetime
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from gate.errors import ConfigError
from gate.trust.entry import IdentityRule, Trust, TrustEntry
from tests.trust.helpers import opened, reason
from tests.trust.simulator import (
    IDENTITY,
    ISSUER,
    NOW,
    STATEMENT,
    Log,
    PrivateKey,
    Signer,
    Sigstore,
    b64,
    dsse_body,
    hashedrekord,
    hashedrekord_v2,
    key_trust,
    pae,
    plain_dsse,
    public,
    sign,
    utf8,
)

HOUR = datetime.timedelta(hours=1)


@pytest.fixture(scope="module")
def sim() -> Sigstore:
    """One instance for all tests that do not change it."""
    return Sigstore()


@pytest.fixture(scope="module")
def signer(sim: Sigstore) -> Signer:
    """A key with a good certificate."""
    return sim.signer()


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    """A key without a certificate."""
    return ec.generate_private_key(ec.SECP256R1())


def test_a_good_bundle_says_what_was_checked(sim: Sigstore, signer: Signer) -> None:
    """Everything that was checked is listed in order, with identity, issuer, log, time and claims."""
    verification = opened(sim.dsse(signer), sim.trust()).verification
    assert verification.state == "verified"
    assert verification.method == "keyless"
    assert (verification.identity, verification.issuer) == (IDENTITY, ISSUER)
    assert verification.log == f"{sim.log.id.hex()}@7"
    assert verification.timestamp == "2026-03-01T12:00:00Z"
    assert verification.relaxed == ()
    assert verification.claims == {"issuer": ISSUER}
    assert verification.checks == (
        "signature",
        "log_entry",
        "signed_entry_timestamp",
        "inclusion_proof",
        "checkpoint",
        "certificate_chain",
        "certificate_profile",
        "sct",
        "identity",
    )


def test_nobody_trusted_means_unverified_never_verified(sim: Sigstore, signer: Signer) -> None:
    """An empty trust verifies nothing, however good the bundle is (16)."""
    verification = opened(sim.dsse(signer), Trust()).verification
    assert (verification.state, verification.roles, verification.checks) == ("unverified", (), ())


@pytest.mark.parametrize("version", ["0.1", "0.2", "0.3"])
def test_every_bundle_version_verifies(sim: Sigstore, signer: Signer, version: str) -> None:
    """Bundles v0.1, v0.2 and v0.3 verify, over a message and over an envelope."""
    assert opened(sim.dsse(signer, version=version), sim.trust()).verification.state == "verified"
    assert opened(sim.message(signer, b"artifact", version=version), sim.trust()).verification.state == "verified"


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP384R1()),
        lambda: ec.generate_private_key(ec.SECP521R1()),
        lambda: rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate,
    ],
    ids=["P-384", "P-521", "RSA-2048", "Ed25519"],
)
def test_other_kinds_of_certified_keys(sim: Sigstore, make: Any) -> None:
    """Certificates with P-384, P-521, RSA and Ed25519 keys verify."""
    signer = sim.signer(key=make())
    assert opened(sim.dsse(signer), sim.trust()).verification.state == "verified"


# who signed


def test_another_identity_fails_and_says_who_signed(sim: Sigstore, signer: Signer) -> None:
    """The reason names the signer and issuer that the certificate has."""
    text = reason(sim.dsse(signer), sim.trust(identity="https://forge.example/other"))
    assert IDENTITY in text
    assert ISSUER in text


def test_the_right_identity_by_another_issuer_fails(sim: Sigstore, signer: Signer) -> None:
    """A name counts only with the issuer that vouched for it."""
    assert reason(sim.dsse(signer), sim.trust(issuer="https://evil.example")).startswith("sim: identity:")


@pytest.mark.parametrize("pattern", ["https://forge.example/acme", ".*/release.yml", "forge", "https://forge.example/acme/app/"])
def test_a_pattern_is_anchored_at_both_ends(sim: Sigstore, signer: Signer, pattern: str) -> None:
    """A regular expression that matches a part of the name does not match."""
    rule = IdentityRule(identity=pattern, issuer=ISSUER, regexp=True)
    trust = Trust((TrustEntry(name="re", roles=("*",), identities=(rule,), roots=(sim.root(),)),))
    assert "identity" in reason(sim.dsse(signer), trust)


def test_a_whole_pattern_matches_and_the_name_itself_is_reported(sim: Sigstore, signer: Signer) -> None:
    """The identity in the result is the certificate's, not the pattern."""
    rule = IdentityRule(identity=r"https://forge\.example/acme/.*@refs/tags/v\d+", issuer=ISSUER, regexp=True)
    trust = Trust((TrustEntry(name="re", roles=("*",), identities=(rule,), roots=(sim.root(),)),))
    assert opened(sim.dsse(signer), trust).verification.identity == IDENTITY


def test_a_certificate_bundle_never_meets_a_key(sim: Sigstore, signer: Signer) -> None:
    """A key given, a certificate found: failed, even when the certified key is that key (1)."""
    assert "trusts keys only" in reason(sim.dsse(signer), key_trust(signer.key))


def test_a_key_bundle_never_meets_an_identity(sim: Sigstore, key: PrivateKey) -> None:
    """An identity given, a key found: failed (1)."""
    assert "trusts identities in certificates only" in reason(sim.dsse(Signer(key)), sim.trust())


def test_all_entries_are_tried_and_roles_add_up(sim: Sigstore, key: PrivateKey) -> None:
    """Roles come from the entries that accept the signature, and only from those."""
    other = ec.generate_private_key(ec.SECP256R1())
    entries = (
        TrustEntry(name="wrong", roles=("provenance",), keys=(public(other),)),
        TrustEntry(name="a", roles=("sbom",), keys=(public(key),)),
        TrustEntry(name="b", roles=("vex", "sbom"), keys=(public(other), public(key))),
    )
    verification = opened(plain_dsse(key), Trust(entries)).verification
    assert verification.trust_entry == "a, b"
    assert verification.roles == ("sbom", "vex")
    assert verification.key_id == public(key).key_id


def test_every_entry_that_refused_gives_its_reason(sim: Sigstore, key: PrivateKey) -> None:
    """A failed verification says for each entry why."""
    trust = Trust((*sim.trust().entries, *key_trust(ec.generate_private_key(ec.SECP256R1())).entries))
    text = reason(plain_dsse(key), trust)
    assert text.startswith("sim: signer:")
    assert "; keys: signature:" in text


# signature


def test_a_changed_payload_fails(sim: Sigstore, signer: Signer) -> None:
    """The signature is over the payload."""
    bundle = sim.dsse(signer)
    bundle["dsseEnvelope"]["payload"] = b64(STATEMENT.replace(b'"ok": true', b'"ok": null'))
    assert "signature" in reason(bundle, sim.trust())


def test_a_changed_payload_type_fails(sim: Sigstore, signer: Signer) -> None:
    """The signature is over the payload type too."""
    bundle = sim.dsse(signer)
    bundle["dsseEnvelope"]["payloadType"] = "text/plain"
    assert "signature" in reason(bundle, sim.trust())


def test_a_certified_envelope_has_one_signature(sim: Sigstore, signer: Signer) -> None:
    """Two signatures under one certificate are refused: which one would the log entry be about?"""
    bundle = sim.dsse(signer)
    bundle["dsseEnvelope"]["signatures"] *= 2
    assert "exactly one signature" in reason(bundle, sim.trust())


def test_an_ed25519ph_message_needs_the_artifact(key: PrivateKey) -> None:
    """Ed25519 cannot be checked from a digest; with the artifact it can."""
    ed = ed25519.Ed25519PrivateKey.generate()
    sim = Sigstore()
    bundle = sim.message(Signer(ed), b"artifact")
    assert "signature" in reason(bundle, key_trust(ed))
    assert opened(bundle, key_trust(ed), artifact=b"artifact").verification.state == "verified"


# log entries


def _with_entry(sim: Sigstore, signer: Signer, entry: dict[str, Any]) -> dict[str, Any]:
    bundle = sim.dsse(signer)
    bundle["verificationMaterial"]["tlogEntries"] = [entry]
    return bundle


def test_an_entry_of_another_signature_fails(sim: Sigstore, signer: Signer) -> None:
    """A genuine log entry for the same payload and signer, but another signature, does not do (3, CVE-2022-36056)."""
    other = sim.log.entry(dsse_body(signer, STATEMENT, sign(signer.key, pae(STATEMENT))))
    assert "other signatures" in reason(_with_entry(sim, signer, other), sim.trust())


def test_an_entry_of_another_payload_fails(sim: Sigstore, signer: Signer) -> None:
    """A genuine log entry for another payload does not do (3)."""
    bundle = sim.dsse(signer)
    signature = base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])
    bundle["verificationMaterial"]["tlogEntries"] = [sim.log.entry(dsse_body(signer, b"other", signature))]
    assert "another payload" in reason(bundle, sim.trust())


def test_an_entry_of_another_signer_fails(sim: Sigstore, signer: Signer) -> None:
    """A genuine log entry for the same signature under another certificate does not do (3)."""
    bundle = sim.dsse(signer)
    signature = base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])
    body = dsse_body(sim.signer(), STATEMENT, signature)
    bundle["verificationMaterial"]["tlogEntries"] = [sim.log.entry(body)]
    assert "another signer" in reason(bundle, sim.trust())


def test_an_entry_of_another_kind_says_nothing(sim: Sigstore, signer: Signer) -> None:
    """A hashedrekord entry of Rekor v1 over the right bytes does not vouch for an envelope (4)."""
    bundle = sim.dsse(signer)
    signature = base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])
    bundle["verificationMaterial"]["tlogEntries"] = [sim.log.entry(hashedrekord(signer, pae(STATEMENT), signature))]
    assert "say nothing about this form" in reason(bundle, sim.trust())


def test_the_body_decides_the_kind(sim: Sigstore, signer: Signer) -> None:
    """An entry that is announced as another kind than its body is refused."""
    bundle = sim.dsse(signer)
    bundle["verificationMaterial"]["tlogEntries"][0]["kindVersion"] = {"kind": "intoto", "version": "0.0.2"}
    assert "another kind" in reason(bundle, sim.trust())


def test_another_log_is_not_believed(sim: Sigstore, signer: Signer) -> None:
    """An entry of a log outside the trusted root does not count, and the reason says so."""
    assert "not in the trusted root" in reason(sim.dsse(signer, logs=[Log("rekor.example")]), sim.trust())


def test_no_entry_fails_unless_waived(sim: Sigstore, signer: Signer) -> None:
    """Without an entry it fails; waiving the log leaves the certificate without a time."""
    bundle = sim.dsse(signer, logs=[])
    assert "0 logs" in reason(bundle, sim.trust())
    assert "no verified time" in reason(bundle, sim.trust(require_log=False))


def test_a_waived_log_is_listed_and_a_known_one_must_still_verify(sim: Sigstore, signer: Signer) -> None:
    """``relaxed`` names the waiver; an entry of a known log is checked all the same (17)."""
    trust = sim.trust(require_log=False)
    bundle = sim.dsse(signer)
    assert opened(bundle, trust).verification.relaxed == ("log",)
    proof = bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
    proof["rootHash"] = b64(bytes(32))
    assert "inclusion_proof" in reason(bundle, trust)


def test_the_same_entry_twice_is_one_log() -> None:
    """Thresholds count distinct logs: a duplicated entry does not make two, nor does one log under two ids (8)."""
    sim = Sigstore()
    second = Log("rekor2.example")
    signer = sim.signer()
    trust = sim.trust(log_threshold=2)
    assert "1 logs" in reason(sim.dsse(signer, logs=[sim.log, sim.log]), trust)
    sim.tlogs = [sim.log, second]
    trust = sim.trust(log_threshold=2)
    assert "1 logs" in reason(sim.dsse(signer, logs=[sim.log, sim.log]), trust)
    assert opened(sim.dsse(signer, logs=[sim.log, second]), trust).verification.state == "verified"
    twin = copy.copy(sim.log)
    twin.id = bytes(32)
    sim.tlogs = [sim.log, twin]
    assert "1 logs" in reason(sim.dsse(signer, logs=[sim.log, twin]), sim.trust(log_threshold=2))


def test_a_second_log_that_the_root_lacks_does_not_count() -> None:
    """An unknown log beside a known one neither helps nor hurts."""
    sim = Sigstore()
    signer = sim.signer()
    bundle = sim.dsse(signer, logs=[sim.log, Log("other.example")])
    assert opened(bundle, sim.trust()).verification.log == f"{sim.log.id.hex()}@7"
    assert "1 logs" in reason(bundle, sim.trust(log_threshold=2))


@pytest.mark.parametrize("version", ["0.2", "0.3"])
def test_newer_bundles_need_a_proof(sim: Sigstore, signer: Signer, version: str) -> None:
    """From v0.2 on a promise alone does not do; v0.1 has nothing else."""
    bundle = sim.dsse(signer, version=version)
    del bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
    assert "needs an inclusion proof" in reason(bundle, sim.trust())
    old = sim.dsse(signer, version="0.1")
    del old["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
    assert opened(old, sim.trust()).verification.state == "verified"


def test_a_time_without_a_promise_does_not_count(sim: Sigstore, signer: Signer) -> None:
    """``integratedTime`` beside a valid proof, but unsigned, is not a time (5)."""
    bundle = sim.dsse(signer)
    del bundle["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"]
    assert "no verified time" in reason(bundle, sim.trust())


@pytest.mark.parametrize("field", ["integratedTime", "logIndex"])
def test_the_promise_covers_time_and_index(sim: Sigstore, signer: Signer, field: str) -> None:
    """Changing what the log promised breaks the promise."""
    bundle = sim.dsse(signer)
    entry = bundle["verificationMaterial"]["tlogEntries"][0]
    entry[field] = str(int(entry[field]) + 1)
    assert "signed_entry_timestamp" in reason(bundle, sim.trust())


def test_rekor_v2_verifies_for_keys_and_its_index_is_the_proven_one() -> None:
    """A Rekor v2 entry binds the pre-authentication encoding; its outer index must repeat the proven one (4)(13)."""
    sim = Sigstore()
    log = Log("v2.example", v2=True)
    sim.tlogs = [log]
    key = ec.generate_private_key(ec.SECP256R1())
    trust = key_trust(key, roots=(sim.root(),))
    bundle = sim.dsse(Signer(key), logs=[log])
    verification = opened(bundle, trust).verification
    assert verification.checks == ("signature", "log_entry", "inclusion_proof", "checkpoint")
    assert (verification.log, verification.timestamp) == (f"{log.id.hex()}@0", None)
    bundle["verificationMaterial"]["tlogEntries"][0]["logIndex"] = "1"
    assert "two indexes" in reason(bundle, trust)


def test_rekor_v2_alone_gives_a_certificate_no_time() -> None:
    """A certificate with a Rekor v2 entry and no timestamp fails: v2 tells no time (5)."""
    sim = Sigstore()
    log = Log("v2.example", v2=True)
    sim.tlogs = [log]
    assert "no verified time" in reason(sim.dsse(sim.signer(), logs=[log]), sim.trust())


def test_a_log_that_ended_needs_a_time() -> None:
    """Without any verified time, a log key whose validity has an end cannot be shown to have been valid (6)."""
    sim = Sigstore()
    log = Log("v2.example", v2=True)
    log.valid_for["end"] = NOW.isoformat()
    sim.tlogs = [log]
    key = ec.generate_private_key(ec.SECP256R1())
    assert "was not valid" in reason(sim.dsse(Signer(key), logs=[log]), key_trust(key, roots=(sim.root(),)))


def test_a_wrong_digest_in_rekor_v2_fails() -> None:
    """A v2 entry over the bare payload instead of the pre-authentication encoding is another entry."""
    sim = Sigstore()
    log = Log("v2.example", v2=True)
    sim.tlogs = [log]
    key = Signer(ec.generate_private_key(ec.SECP256R1()))
    bundle = sim.dsse(key, logs=[log])
    signature = base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])
    bundle["verificationMaterial"]["tlogEntries"] = [log.entry(hashedrekord_v2(key, STATEMENT, signature))]
    assert "another artifact or payload" in reason(bundle, key_trust(key.key, roots=(sim.root(),)))


# keys and logs


def test_a_key_without_roots_needs_no_log(sim: Sigstore, key: PrivateKey) -> None:
    """A key alone verifies the signature; nothing was waived, and no log or time is claimed."""
    verification = opened(plain_dsse(key), key_trust(key)).verification
    assert (verification.checks, verification.relaxed) == (("signature",), ())
    assert (verification.log, verification.timestamp) == (None, None)


def test_a_key_with_roots_needs_a_log(sim: Sigstore, key: PrivateKey) -> None:
    """A trusted root beside a key asks for a log entry, unless waived and listed."""
    trust = key_trust(key, roots=(sim.root(),))
    assert opened(sim.dsse(Signer(key)), trust).verification.timestamp == "2026-03-01T12:00:00Z"
    assert "0 logs" in reason(plain_dsse(key), trust)
    assert opened(plain_dsse(key), key_trust(key, roots=(sim.root(),), require_log=False)).verification.relaxed == ("log",)


def test_even_an_unneeded_entry_must_not_be_anothers(sim: Sigstore, key: PrivateKey) -> None:
    """With a key alone nobody vouches for the entry, and one of another signature is still refused (3)."""
    other = sim.log.entry(dsse_body(Signer(key), STATEMENT, b"other"))
    assert "not about this signature" in reason(_with_entry(sim, Signer(key), other), key_trust(key))


# certificates


def test_an_expired_certificate_at_signing_fails(sim: Sigstore) -> None:
    """A certificate that ended before the log took the entry in does not count."""
    assert "certificate_chain" in reason(sim.dsse(sim.signer(begin=NOW - HOUR)), sim.trust())


def test_a_certificate_of_the_future_fails(sim: Sigstore) -> None:
    """A certificate that began after the log took the entry in does not count."""
    assert "certificate_chain" in reason(sim.dsse(sim.signer(begin=NOW + HOUR)), sim.trust())


def test_another_authority_fails(sim: Sigstore) -> None:
    """A certificate of an authority with the same name and another key is refused."""
    assert "certificate_chain" in reason(sim.dsse(Sigstore().signer(ct=sim.ct)), sim.trust())


def test_the_authority_must_have_been_valid() -> None:
    """The range that the root gives the authority is inclusive and enforced (6)."""
    sim = Sigstore()
    signer = sim.signer()
    bundle = sim.dsse(signer)
    sim.ca_valid_for = {"start": NOW.isoformat(), "end": NOW.isoformat()}
    assert opened(bundle, sim.trust()).verification.state == "verified"
    sim.ca_valid_for = {"start": (NOW - HOUR).isoformat(), "end": (NOW - datetime.timedelta(seconds=1)).isoformat()}
    assert "outside the validity" in reason(bundle, sim.trust())


def test_the_log_key_must_have_been_valid() -> None:
    """The range of the log's key is inclusive and enforced (6)."""
    sim = Sigstore()
    bundle = sim.dsse(sim.signer())
    sim.log.valid_for["end"] = NOW.isoformat()
    assert opened(bundle, sim.trust()).verification.state == "verified"
    sim.log.valid_for["end"] = (NOW - datetime.timedelta(seconds=1)).isoformat()
    assert "was not valid" in reason(bundle, sim.trust())


def test_a_bundle_does_not_bring_its_own_anchor(sim: Sigstore) -> None:
    """A foreign authority in the chain is refused by default and is no anchor when borne (14)."""
    foreign = Sigstore()
    bundle = sim.dsse(foreign.signer(ct=sim.ct), version="0.2")
    chain = bundle["verificationMaterial"]["x509CertificateChain"]["certificates"]
    chain.append({"rawBytes": b64(foreign.ca.public_bytes(encoding=_der()))})
    assert "root_in_chain" in reason(bundle, sim.trust())
    assert "certificate_chain" in reason(bundle, sim.trust(allow_root_in_chain=True))


def test_the_right_anchor_in_the_chain_can_be_borne_and_is_listed(sim: Sigstore, signer: Signer) -> None:
    """Old bundles carry the root; bearing it is a relaxation."""
    bundle = sim.dsse(signer, version="0.2")
    chain = bundle["verificationMaterial"]["x509CertificateChain"]["certificates"]
    chain.append({"rawBytes": b64(sim.ca.public_bytes(encoding=_der()))})
    assert "root_in_chain" in reason(bundle, sim.trust())
    assert opened(bundle, sim.trust(allow_root_in_chain=True)).verification.relaxed == ("root_in_chain",)


def _der() -> Any:
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.DER


def test_the_anchor_itself_does_not_sign(sim: Sigstore) -> None:
    """The authority's own certificate is no signing certificate."""
    bundle = sim.dsse(Signer(sim.ca_key, sim.ca))
    assert reason(bundle, sim.trust(allow_root_in_chain=True)).startswith("sim: certificate")


def test_a_certificate_for_something_else_fails(sim: Sigstore) -> None:
    """Extended key usage must have code signing."""
    bundle = sim.dsse(sim.signer(eku=ExtendedKeyUsageOID.SERVER_AUTH))
    assert "not for code signing" in reason(bundle, sim.trust())


def test_without_sct_it_fails_unless_waived(sim: Sigstore) -> None:
    """A certificate that no certificate transparency log saw fails; the waiver is listed."""
    bundle = sim.dsse(sim.signer(ct=[]))
    assert "sct" in reason(bundle, sim.trust())
    verification = opened(bundle, sim.trust(require_sct=False)).verification
    assert verification.relaxed == ("sct",)
    assert "sct" not in verification.checks


def test_an_sct_of_an_unknown_log_does_not_count(sim: Sigstore) -> None:
    """Another certificate transparency log is not believed."""
    assert "0 certificate transparency logs" in reason(sim.dsse(sim.signer(ct=[Log("ct.example")])), sim.trust())


def test_an_sct_with_a_wrong_signature_fails(sim: Sigstore) -> None:
    """A known log's id with somebody else's signature is refused."""
    fake = Log("ct.example")
    fake.id = sim.ct[0].id
    assert "is not right" in reason(sim.dsse(sim.signer(ct=[fake])), sim.trust())


def test_scts_of_distinct_logs_are_counted() -> None:
    """The same SCT twice is one log (8)."""
    sim = Sigstore()
    second = Log("ct2.example")
    sim.ct.append(second)
    trust = sim.trust(sct_threshold=2)
    assert "1 certificate transparency logs" in reason(sim.dsse(sim.signer(ct=[second, second])), trust)
    assert opened(sim.dsse(sim.signer()), trust).verification.state == "verified"


def test_two_roots_are_never_mixed() -> None:
    """Certificate of one instance and log of another fail, though an entry trusts both; either whole works (15)."""
    one, two = Sigstore(), Sigstore()
    rule = IdentityRule(identity=IDENTITY, issuer=ISSUER)
    trust = Trust((TrustEntry(name="both", roles=("*",), identities=(rule,), roots=(one.root(), two.root())),))
    assert opened(one.dsse(one.signer()), trust).verification.state == "verified"
    assert opened(two.dsse(two.signer()), trust).verification.state == "verified"
    assert "both:" in reason(one.dsse(one.signer(), logs=[two.log]), trust)


# names and claims


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (x509.RFC822Name("dev@acme.example"), "dev@acme.example"),
        (x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7"), b"\x0c\x05alice"), "alice"),
    ],
)
def test_e_mail_and_user_names(sim: Sigstore, name: x509.GeneralName, text: str) -> None:
    """E-mail addresses and Fulcio user names are identities too."""
    bundle = sim.dsse(sim.signer(names=[name]))
    assert opened(bundle, sim.trust(identity=text)).verification.identity == text


def test_claims_come_by_name(sim: Sigstore) -> None:
    """Fulcio's extensions are claims by name: bare text for the old ones, DER text for the new."""
    source = "https://forge.example/" + "x" * 200
    extensions = {
        "1": ISSUER.encode(),
        "3": b"0123abcd",
        "12": b"\x0c\x81" + bytes([len(source)]) + source.encode(),
        "13": b"\x0c\x04abcd",
    }
    verification = opened(sim.dsse(sim.signer(extensions=extensions)), sim.trust()).verification
    assert verification.issuer == ISSUER
    assert verification.claims == {
        "github_workflow_sha": "0123abcd",
        "source_repository_uri": source,
        "source_repository_digest": "abcd",
    }


@pytest.mark.parametrize(
    "extensions",
    [
        {"1": b"https://evil.example", "8": b"\x0c\x04abcd"},
        {"8": b"\x0c\x05abcd"},
        {"8": b"\x04\x04abcd"},
        {"1": b"\xff\xfe"},
        {},
    ],
    ids=["two issuers", "length", "tag", "not UTF-8", "none"],
)
def test_odd_issuers_match_nobody(sim: Sigstore, extensions: dict[str, bytes]) -> None:
    """Contradicting, malformed or absent issuers fail."""
    assert "identity" in reason(sim.dsse(sim.signer(extensions=extensions)), sim.trust())


def test_a_certificate_without_names_fails(sim: Sigstore) -> None:
    """A DNS name is no identity."""
    assert "identity" in reason(sim.dsse(sim.signer(names=[x509.DNSName("forge.example")])), sim.trust())


def test_a_message_bundle_exposes_its_digest_for_the_caller(sim: Sigstore, signer: Signer) -> None:
    """A bundle over another artifact verifies, and its digest tells the caller that it is about something else."""
    envelope = opened(sim.message(signer, b"other"), sim.trust())
    assert envelope.form == "message"
    assert envelope.verification.state == "verified"
    assert envelope.message_digest == "sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"
    wanted = "sha256:" + "0" * 64
    assert "not sha256:000" in reason(sim.message(signer, b"other"), sim.trust(), artifact_digest=wanted)
    assert "not the artifact's" in reason(sim.message(signer, b"other"), sim.trust(), artifact=b"mine")


def test_a_statement_about_another_image_verifies_and_says_so(sim: Sigstore, signer: Signer) -> None:
    """The verifier does not know the subject: callers must ask the statement."""
    envelope = opened(sim.dsse(signer), sim.trust())
    assert envelope.statement is not None
    assert envelope.statement.is_about("sha256:" + "a" * 64)
    assert not envelope.statement.is_about("sha256:" + "b" * 64)
    assert envelope.statement.predicate_type == "https://example.test/claim/v1"


def test_extra_fields_and_order_do_not_matter(sim: Sigstore, signer: Signer) -> None:
    """Fields that nothing reads, such as a key id, change nothing (2)."""
    bundle = sim.dsse(signer)
    bundle["dsseEnvelope"]["signatures"][0]["keyid"] = "sha256:of somebody else"
    bundle["note"] = {"trustedRoot": "mine"}
    text = json.dumps(dict(reversed(bundle.items())), indent=2).encode()
    assert opened(text, sim.trust()).verification.state == "verified"


def test_claims_that_an_entry_demands(sim: Sigstore) -> None:
    """Each named claim has to be in the certificate, with that value; one that is not there is not met."""
    claims = {"8": utf8(ISSUER), "11": utf8("github-hosted"), "12": utf8("https://forge.example/acme/app")}
    bundle = sim.dsse(sim.signer(extensions=claims))
    wanted = ("runner_environment", "github-hosted")
    verification = opened(bundle, sim.trust(claims=(wanted,))).verification
    assert (verification.state, verification.checks[-1]) == ("verified", "claims")
    assert "self-hosted is demanded" in reason(bundle, sim.trust(claims=(("runner_environment", "self-hosted"),)))
    assert "not there" in reason(bundle, sim.trust(claims=(wanted, ("build_trigger", "push"))))


@pytest.mark.parametrize("claims", [(("runner", "x"),), (("runner_environment", ""),)])
def test_claims_that_nobody_can_meet(sim: Sigstore, claims: tuple[tuple[str, str], ...]) -> None:
    """A misspelt or empty claim is a configuration error, not an entry that matches nobody, or everybody."""
    with pytest.raises(ConfigError):
        sim.trust(claims=claims)
