"""A Gatekeeper ConstraintTemplate and its constraint.

Gatekeeper reads no registry and verifies no signature: an external data provider has to. The template therefore refuses whatever
the provider does not vouch for, compares what it says with each demand, and decides on the age itself.
"""

from __future__ import annotations

import json
from typing import Any

from gate.errors import ConfigError
from gate.export.demands import SKEW_S, Demands, Rendered
from gate.export.yamltext import dump

__all__ = ["rego", "render"]

_KIND = "PolicyGateSummary"
_NS = 1_000_000_000


def rego(demands: Demands, provider: str) -> str:
    """The template's module, in the Rego that every Gatekeeper reads (v0): a ``violation`` for each image not vouched for."""
    levels = [
        f"  levels_{number} := {_set(names)}\n  levels_{number}[said.verifiedLevels[_]]"
        for number, names in enumerate(demands.alternatives)
    ]
    return "\n".join(
        [
            "package policygate",
            "",
            f"repositories := {_set(demands.spellings)}",
            "",
            "violation[{\"msg\": msg}] {",
            "  image := images[_]",
            "  not admitted(image)",
            '  msg := sprintf("%v has no verification summary that this cluster accepts", [image])',
            "}",
            "",
            'images[image] { image := input.review.object.spec.containers[_].image; ours(image) }',
            'images[image] { image := input.review.object.spec.initContainers[_].image; ours(image) }',
            'images[image] { image := input.review.object.spec.ephemeralContainers[_].image; ours(image) }',
            "",
            "ours(image) { repositories[image] }",
            'ours(image) { repositories[repository]; startswith(image, concat("", [repository, ":"])) }',
            'ours(image) { repositories[repository]; startswith(image, concat("", [repository, "@"])) }',
            "",
            "admitted(image) {",
            '  regex.match("@sha256:[0-9a-f]{64}$", image)',
            f'  answer := external_data({{"provider": {json.dumps(provider)}, "keys": [image]}})',
            "  answer.status_code == 200",
            '  answer.system_error == ""',
            "  count(answer.errors) == 0",
            "  said := {value | entry := answer.responses[_]; entry[0] == image; value := entry[1]}[_]",
            '  said.verified == true',
            '  said.subject == concat("", ["sha256:", split(image, "@sha256:")[1]])',
            '  said.verificationResult == "PASSED"',
            f"  said.verifierId == {json.dumps(demands.verifier_id)}",
            f"  said.resourceUri == {json.dumps(demands.resource_uri)}",
            f"  said.policyDigest == {json.dumps(demands.policy_digest)}",
            *levels,
            "  age := time.now_ns() - time.parse_rfc3339_ns(said.timeVerified)",
            f"  age <= {demands.max_age_s * _NS}",
            f"  age >= -{SKEW_S * _NS}",
            "}",
            "",
        ]
    )  # fmt: skip


def _set(names: tuple[str, ...]) -> str:
    return "{" + ", ".join(map(json.dumps, names)) + "}"


def render(demands: Demands, header: str, provider: str) -> Rendered:
    """Raises ConfigError without a provider."""
    if not provider:
        raise ConfigError(
            "Gatekeeper cannot read attestations by itself",
            why="without an external data provider the template could check nothing but the form of a name",
            fix="add --provider NAME, of a Provider object that checks signatures, or export for kyverno or policy-controller",
        )
    template: dict[str, Any] = {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": _KIND.lower()},
        "spec": {
            "crd": {"spec": {"names": {"kind": _KIND}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": rego(demands, provider)}],
        },
    }
    constraint = {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": _KIND,
        "metadata": {"name": demands.name},
        "spec": {"enforcementAction": "deny", "match": {"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]}},
    }
    notes = (
        "Gatekeeper verifies no signature: the keys and identities given are the provider's to check, and are not in this file.",
        f"The provider {provider} is asked for each image by digest, and answers with verified, subject, verificationResult, "
        "verifierId, resourceUri, policyDigest, verifiedLevels and timeVerified of a summary whose signature it has checked.",
        "Gatekeeper's webhook ignores its own failures unless it is installed with failurePolicy Fail.",
    )
    return Rendered(dump([template, constraint], header), notes)
