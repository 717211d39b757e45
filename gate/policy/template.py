"""The policy file that ``gate init`` writes, and the JSON Schema of ``gate.policy/v1``."""

from __future__ import annotations

from typing import Any

import msgspec

from gate.model.parameters import Parameters
from gate.model.policy_file import PolicyFile
from gate.policy.parameters import BY_NAME

TEMPLATE = """\
# What `gate verify` demands of an image, per environment. Check it with `gate config check security-policy.yaml`,
# see what is in force and why with `gate config show`. Unknown keys are errors. Flags win over this file,
# this file over the profile; where a bundle is pinned by digest, both may only tighten.
schema: gate.policy/v1

# Taken when --environment is not given.
default_environment: prod

environments:
  prod:
    # A profile of the bundle (prod, dev), or a file of your own: ./profiles/mine.yaml
    profile: prod
    # Only what differs from the profile. `gate config show` lists every parameter.
    params:
      max_critical: 0
      max_high: 4
      # Days from first sight to the deadline:
      # remediation_days: {critical: 7, high: 30, medium: 90, low: null, negligible: null, unknown: 7, kev: 3}
      # Who may build, and from where; exact, or a prefix ending in *:
      # allowed_builders: ["https://github.com/slsa-framework/slsa-github-generator/*"]
      # allowed_sources: ["https://github.com/acme/*"]
    # Rules to ask: "*", "@collection", "domain", "domain.rule"; left out, the profile's.
    # select: ["@prod"]
    # exclude: [source]
    # How a rule acts while it is being introduced: report turns its denies into warnings.
    # enforcement: {sbom.identified: report}
    # Risks that somebody accepted until a date (gate.waivers/v1):
    # waivers: [waivers.yaml]
    # Statements about what does not affect you (OpenVEX), and whose count:
    # vex: {files: [vex/app.openvex.json], authors: ["security@acme.example"]}
    # Packs of your own, pinned with the digest that `gate policy check --bundle rules/acme` shows:
    # bundles: ["rules/acme@sha256:…"]

  dev:
    profile: dev

# Who may sign which evidence. Without an entry nothing counts as verified.
trust:
  entries: []
  # - name: release workflow
  #   roles: [signature, provenance, sbom]
  #   identity: https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main
  #   issuer: https://token.actions.githubusercontent.com
  #   trusted_root: {path: trusted_root.json}
  # - name: scanner
  #   roles: [vulnerabilities]
  #   key: keys/scanner.pub
  #   # a bare key needs no transparency log
"""


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of ``gate.policy/v1``, with the parameters spelled out under ``params``."""
    (root,), definitions = msgspec.json.schema_components([PolicyFile], ref_template="#/$defs/{name}")
    (_,), parameters = msgspec.json.schema_components([Parameters], ref_template="#/$defs/{name}")
    params = parameters["Parameters"]
    params.pop("required")  # the profile has the rest
    for name, spec in BY_NAME.items():
        params["properties"][name]["description"] = spec.help
    merged = {**definitions, **parameters}
    merged["EnvironmentSpec"]["properties"]["params"] = {"$ref": "#/$defs/Parameters"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:policy-gate:schema:gate.policy-v1",
        "title": "gate.policy/v1",
        **root,
        "$defs": {name: merged[name] for name in sorted(merged)},
    }
