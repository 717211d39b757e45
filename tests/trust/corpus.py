"""Real signatures of the corpus folder (GATE_CORPUS); tests that need it are skipped by name without it."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gate.trust.entry import IdentityRule, Trust, TrustEntry
from gate.trust.root import TrustedRoot, load_trusted_root
from tests.conformance.client import ASSETS, SIGNATURES

GITHUB = "https://token.actions.githubusercontent.com"
needs_corpus = pytest.mark.skipif(not SIGNATURES.is_dir(), reason=f"no corpus folder (GATE_CORPUS): {SIGNATURES} is absent")


@functools.cache
def production() -> tuple[TrustedRoot, ...]:
    """Sigstore's public instance."""
    return load_trusted_root((SIGNATURES / "trusted-roots" / "prod" / "trusted_root.json").read_bytes())


def trust(identity: str, issuer: str = GITHUB, *, roots: tuple[TrustedRoot, ...] | None = None, **changes: Any) -> Trust:
    """Trust in identities that match the pattern, under production."""
    rule = IdentityRule(identity=identity, issuer=issuer, regexp=True)
    entry = TrustEntry(name="corpus", roles=("*",), identities=(rule,), roots=production() if roots is None else roots, **changes)
    return Trust((entry,))


def blob(layout: Path, digest: str) -> bytes:
    """A blob of an OCI layout, rehashed."""
    data = (layout / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()
    assert hashlib.sha256(data).hexdigest() == digest.removeprefix("sha256:")
    return data


def layers(layout: Path, marker: str = "") -> Iterator[tuple[dict[str, Any], bytes]]:
    """Descriptors and blobs of the layers of every manifest whose index entry contains the marker."""
    for entry in json.loads((layout / "index.json").read_bytes())["manifests"]:
        if marker in json.dumps(entry):
            for layer in json.loads(blob(layout, entry["digest"])).get("layers", []):
                yield layer, blob(layout, layer["digest"])


def good_cases() -> list[str]:
    """Conformance cases that must verify."""
    if not ASSETS.is_dir():
        return []
    return sorted(path.name for path in ASSETS.iterdir() if path.is_dir() and not path.name.endswith("_fail"))
