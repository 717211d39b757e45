"""Verdicts from which a summary can be made, and signed summaries."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from gate.attest.policy_digest import policy_digest
from gate.attest.vsa import make_vsa
from gate.model.evidence import Verification
from gate.model.input import Decision
from gate.model.parameters import Acceptance
from gate.model.verdict import Digests, Verdict
from gate.sign.signer import LocalSigner
from gate.trust.entry import Trust, TrustEntry
from gate.trust.keys import load_public_key
from tests.factory import DIGEST, NOW, decision, evidence, parameters, rule, verdict

VERIFIER = "https://ci.example.com/policy-gate"
RESOURCE = "oci://registry.example/app"
POLICY = "https://example.com/policies"
SIGNER = LocalSigner(ec.generate_private_key(ec.SECP256R1()), "test")
PASSED_RULE = rule(rule="image.user", state="passed", results=())
PROVENANCE = "sha256:" + "1" * 64
STRICT = parameters(accept={"*": Acceptance(verified=True, bindings=("signed",))})


def digests(policy: Decision, **changes: Any) -> Digests:
    """The digests of an outcome under that policy."""
    values: dict[str, Any] = {
        "input": DIGEST,
        "bundles": {"policies": DIGEST},
        "capabilities": DIGEST,
        "trust": "sha256:" + "7" * 64,
        "engine": DIGEST,
    }
    values |= changes
    return Digests(policy=policy_digest(policy, values["bundles"], trust=values["trust"]), **values)


def allowed(policy: Decision | None = None, **changes: Any) -> Verdict:
    """An ALLOW that may become PASSED, changed as asked, with digests that are right."""
    policy = decision(params=STRICT) if policy is None else policy
    values: dict[str, Any] = {
        "decision": "ALLOW",
        "reasons": (),
        "policy": policy,
        "rules": (PASSED_RULE,),
        "evidence": (provenance(),),
        "digests": digests(policy),
    }
    return verdict(**(values | changes))


def provenance(**changes: Any) -> Any:
    """A piece of provenance that is verified and bound by signature."""
    verified = Verification(state="verified", method="key", trust_entry="builder", roles=("provenance",))
    values: dict[str, Any] = {
        "id": PROVENANCE,
        "kind": "provenance",
        "binding": "signed",
        "media_type": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "origin": "attestation",
        "verification": verified,
    }
    return evidence(**(values | changes))


def make(made: Verdict) -> bytes:
    """The summary of a verdict under the names above."""
    return make_vsa(made, verifier_id=VERIFIER, resource_uri=RESOURCE, policy_uri=POLICY)


def trust(*roles: str, signer: LocalSigner = SIGNER) -> Trust:
    """One entry with the signer's key, for those roles or for ``vsa``."""
    key = load_public_key(signer.public_key.pem)
    return Trust(entries=(TrustEntry(name="verifier", roles=roles or ("vsa",), keys=(key,)),))


__all__ = ["DIGEST", "NOW", "POLICY", "RESOURCE", "SIGNER", "VERIFIER", "allowed", "digests", "make", "provenance", "trust"]
