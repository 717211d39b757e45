"""Names of the claims in Fulcio's certificates (Fulcio, docs/oid-info.md), by the last number of their OID."""

from __future__ import annotations

from typing import Final

RAW: Final = {
    2: "github_workflow_trigger",
    3: "github_workflow_sha",
    4: "github_workflow_name",
    5: "github_workflow_repository",
    6: "github_workflow_ref",
}
"""Deprecated extensions: their value is bare UTF-8. Old certificates have only these."""
DER: Final = {
    8: "issuer",
    9: "build_signer_uri",
    10: "build_signer_digest",
    11: "runner_environment",
    12: "source_repository_uri",
    13: "source_repository_digest",
    14: "source_repository_ref",
    15: "source_repository_identifier",
    16: "source_repository_owner_uri",
    17: "source_repository_owner_identifier",
    18: "build_config_uri",
    19: "build_config_digest",
    20: "build_trigger",
    21: "run_invocation_uri",
    22: "source_repository_visibility_at_signing",
}
NAMES: Final = frozenset({*RAW.values(), *DER.values()})
