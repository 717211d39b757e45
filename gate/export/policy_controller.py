"""A ClusterImagePolicy of Sigstore's policy-controller whose Rego looks into our summary.

How it differs, as read in its source (0.13, pkg/webhook/validator.go): with a key it reads cosign's older attestation tag,
Sigstore bundles for keyless signers only. One authority that is satisfied is enough, and of its summaries one.
"""

from __future__ import annotations

import json
from typing import Any

from gate.export.demands import SKEW_S, Demands, Rendered
from gate.export.yamltext import dump

__all__ = ["rego", "render"]

_TYPE = "https://slsa.dev/verification_summary/v1"
_NS = 1_000_000_000


def rego(demands: Demands) -> str:
    """The module; ``data.sigstore.isCompliant`` is true for one statement that meets every demand, and false otherwise."""
    lines = [
        "package sigstore",
        "",
        "import rego.v1",
        "",
        "default isCompliant := false",
        "",
        "isCompliant if {",
        f"  input.predicateType == {json.dumps(_TYPE)}",
        '  input.predicate.verificationResult == "PASSED"',
        f"  input.predicate.verifier.id == {json.dumps(demands.verifier_id)}",
        f"  input.predicate.resourceUri == {json.dumps(demands.resource_uri)}",
        f"  input.predicate.policy.digest.sha256 == {json.dumps(demands.policy_digest.removeprefix('sha256:'))}",
        "  count(input.predicate.verifiedLevels) > 0",
        '  not "FAILED" in input.predicate.verifiedLevels',
        *(
            f"  count({{level | some level in input.predicate.verifiedLevels; level in {_set(n)}}}) > 0"
            for n in demands.alternatives
        ),
        "  age := time.now_ns() - time.parse_rfc3339_ns(input.predicate.timeVerified)",
        f"  age <= {demands.max_age_s * _NS}",
        f"  age >= -{SKEW_S * _NS}",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _set(names: tuple[str, ...]) -> str:
    return "{" + ", ".join(map(json.dumps, names)) + "}"


def render(demands: Demands, header: str) -> Rendered:
    """One authority per signer."""
    attestation = {"name": "summary", "predicateType": _TYPE, "policy": {"type": "rego", "data": rego(demands)}}
    authorities: list[dict[str, Any]] = [
        {"name": f"key-{number}", "key": {"data": key, "hashAlgorithm": "sha256"}, "attestations": [attestation]}
        for number, key in enumerate(demands.keys, 1)
    ]
    authorities += [
        {
            "name": f"identity-{number}",
            "signatureFormat": "bundle",
            "keyless": {
                "url": "https://fulcio.sigstore.dev",
                "identities": [
                    {
                        "issuer": identity.issuer,
                        **({"subjectRegExp": identity.pattern} if identity.regexp else {"subject": identity.identity}),
                    }
                ],
            },
            "ctlog": {"url": "https://rekor.sigstore.dev"},
            "attestations": [attestation],
        }
        for number, identity in enumerate(demands.identities, 1)
    ]
    policy = {
        "apiVersion": "policy.sigstore.dev/v1beta1",
        "kind": "ClusterImagePolicy",
        "metadata": {"name": demands.name},
        "spec": {
            "mode": "enforce",
            "images": [{"glob": f"{demands.repository}{end}"} for end in ("", ":*", "@*")],
            "authorities": authorities,
        },
    }
    notes = [
        'policy-controller looks only at namespaces with the label policy.sigstore.dev/include: "true", and its own setting '
        "no-match-policy decides on images that no policy names: set it to deny."
    ]
    if demands.keys:
        notes.append(
            "With a key policy-controller reads the tag sha256-….att only: add the summary there, cosign attach attestation "
            "--attestation sha256-….vsa.dsse.json IMAGE."
        )
    if demands.identities:
        notes.append(
            "Keyless signers are checked with the public Sigstore root or a TrustRoot of yours, not with your policy file's."
        )
    return Rendered(dump([policy], header), tuple(notes))
