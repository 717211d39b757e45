"""A Kyverno ClusterPolicy (``verifyImages``) that admits an image only with our summary.

How Kyverno differs, as read in its source (1.15, pkg/cosign and pkg/engine/internal/imageverifier.go) and seen in its CLI: with a
key it reads attestations in cosign's older place, the tag ``sha256-….att``; Sigstore bundles attached as referrers it reads for
keyless signers only. All summaries by the signer must satisfy the conditions, not one of them.
"""

from __future__ import annotations

from typing import Any

from gate.export.demands import SKEW_S, Demands, Rendered
from gate.export.yamltext import dump

__all__ = ["render"]

_TYPE = "https://slsa.dev/verification_summary/v1"


def render(demands: Demands, header: str) -> Rendered:
    """One rule per kind of signer, for Kyverno reads the two from different places; one of each kind's signers is enough."""
    rules = []
    if demands.keys:
        entries: list[dict[str, Any]] = [
            {"keys": {"publicKeys": key, "rekor": {"ignoreTlog": True}, "ctlog": {"ignoreSCT": True}}} for key in demands.keys
        ]
        rules.append(_rule(demands, "summary-by-key", "Cosign", entries))
    if demands.identities:
        entries = [
            {
                "keyless": {
                    "issuer": identity.issuer,
                    **({"subjectRegExp": identity.pattern} if identity.regexp else {"subject": identity.identity}),
                    "rekor": {"url": "https://rekor.sigstore.dev"},
                }
            }
            for identity in demands.identities
        ]
        rules.append(_rule(demands, "summary-by-identity", "SigstoreBundle", entries))
    policy = {
        "apiVersion": "kyverno.io/v1",
        "kind": "ClusterPolicy",
        "metadata": {"name": demands.name},
        "spec": {
            "background": False,
            "webhookConfiguration": {"failurePolicy": "Fail", "timeoutSeconds": 30},
            "rules": rules,
        },
    }
    return Rendered(dump([policy], header), _notes(demands))


def _rule(demands: Demands, name: str, kind: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": name,
        "match": {"any": [{"resources": {"kinds": ["Pod"]}}]},
        "verifyImages": [
            {
                "type": kind,
                "imageReferences": [f"{demands.repository}{end}" for end in (":*", "@*")],
                "failureAction": "Enforce",
                "required": True,
                "mutateDigest": True,
                "verifyDigest": True,
                "useCache": False,
                "attestations": [
                    {
                        "type": _TYPE,
                        "attestors": [{"count": 1, "entries": entries}],
                        "conditions": [{"all": _conditions(demands)}],
                    }
                ],
            }
        ],
    }


def _conditions(demands: Demands) -> list[dict[str, Any]]:
    def equal(path: str, value: str) -> dict[str, Any]:
        return {"key": f"{{{{ {path} }}}}", "operator": "Equals", "value": value}

    age = "{{ time_since('', '{{ timeVerified }}', '') }}"
    return [
        equal("verificationResult", "PASSED"),
        equal("verifier.id", demands.verifier_id),
        equal("resourceUri", demands.resource_uri),
        # With its algorithm: a bare hexadecimal number could be read as a quantity.
        equal("join(':', ['sha256', policy.digest.sha256])", demands.policy_digest),
        {"key": age, "operator": "LessThanOrEquals", "value": f"{demands.max_age_s}s"},
        {"key": age, "operator": "GreaterThanOrEquals", "value": f"-{SKEW_S}s"},
        {"key": "FAILED", "operator": "AnyNotIn", "value": "{{ verifiedLevels }}"},
        *({"key": "{{ verifiedLevels }}", "operator": "AnyIn", "value": list(names)} for names in demands.alternatives),
    ]


def _notes(demands: Demands) -> tuple[str, ...]:
    notes = ["Kyverno demands that every summary of the signer that it finds passes: take away old ones before they expire."]
    if demands.keys:
        notes.append(
            "With a key Kyverno reads the tag sha256-….att only: add the summary there, cosign attach attestation "
            "--attestation sha256-….vsa.dsse.json IMAGE."
        )
    if demands.identities:
        notes.append(
            "Keyless signers are checked with the Sigstore root that Kyverno is set up with, not with your policy file's."
        )
    if demands.keys and demands.identities:
        notes.append("Keys and identities are two rules, and an image has to satisfy both: the gate is content with either.")
    return tuple(notes)
