"""The name of what was demanded: one digest over the decision block, the policy bundles and whom the gate trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gate.errors import ConfigError
from gate.model.base import digest_of

if TYPE_CHECKING:
    from gate.model.input import Decision

_OF_THE_MOMENT = ("state", "problem", "expires_in_s", "source")
"""Of a waiver: what follows from its other members and the time, and where it was read from."""


def policy_digest(decision: Decision, bundle_digests: Mapping[str, str], *, trust: str = "") -> str:
    """``sha256:<hex>`` of the canonical JSON (RFC 8785) of the decision, the bundles' digests and the trust digest.

    A bundle's digest alone would let ``--max-critical 999``, or a stranger's key, wear the same name. Equal for equal
    demands, whatever the hour, the order of bundles and waivers, and the names of files. Raises ConfigError for a parameter
    that canonical JSON cannot hold (an integer beyond 2^53, NaN).
    """
    import msgspec
    import rfc8785

    block: dict[str, Any] = msgspec.to_builtins(decision)
    waivers = [{name: value for name, value in waiver.items() if name not in _OF_THE_MOMENT} for waiver in block["waivers"]]
    try:
        block["waivers"] = sorted(waivers, key=rfc8785.dumps)
        return digest_of(rfc8785.dumps({"decision": block, "bundles": sorted(bundle_digests.values()), "trust": trust}))
    except rfc8785.CanonicalizationError as error:
        raise ConfigError(
            f"the policy holds a value without a canonical form: {error}",
            why="the policy's digest is taken over canonical JSON, so that every implementation computes the same",
            fix="write large integers as strings in custom parameters",
        ) from None
