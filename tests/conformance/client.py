"""What a client of the conformance suite does: open the bundle, then compare the subject, as every caller must."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from gate.limits import DEFAULT
from gate.trust.entry import IdentityRule, Trust, TrustEntry
from gate.trust.envelope import open_envelope
from gate.trust.keys import load_public_key
from gate.trust.root import load_trusted_root

CORPUS = Path(os.environ.get("GATE_CORPUS") or Path(__file__).resolve().parents[3] / "shared" / "corpus")
SIGNATURES = CORPUS / "signatures"
ASSETS = SIGNATURES / "sigstore-conformance" / "test" / "assets" / "bundle-verify"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def verify_bundle(
    bundle: Path,
    artifact: str,
    *,
    identity: str | None = None,
    issuer: str | None = None,
    trusted_root: Path | None = None,
    key: Path | None = None,
    staging: bool = False,
) -> str | None:
    """None when it verifies, else why not; raises GateError for a malformed bundle or root."""
    if _DIGEST.fullmatch(artifact) and not Path(artifact).exists():
        data, digest = None, artifact
    else:
        data = Path(artifact).read_bytes()
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
    envelope = open_envelope(
        bundle.read_bytes(),
        annotations={},
        media_type="application/vnd.dev.sigstore.bundle.v0.3+json",
        trust=Trust((_entry(identity, issuer, trusted_root, key, staging),)),
        limits=DEFAULT,
        artifact=data,
        artifact_digest=digest,
    )
    if envelope is None:
        return "not a bundle"
    if envelope.verification.state != "verified":
        return envelope.verification.reason or envelope.verification.state
    if envelope.statement is not None:
        return None if envelope.statement.is_about(digest) else "the statement is about something else"
    return None if envelope.message_digest == digest else f"the bundle is about {envelope.message_digest}"


def _entry(identity: str | None, issuer: str | None, trusted_root: Path | None, key: Path | None, staging: bool) -> TrustEntry:
    if key is not None:
        roots = load_trusted_root(trusted_root.read_bytes()) if trusted_root else ()
        return TrustEntry(name="conformance", roles=("*",), keys=(load_public_key(key.read_bytes()),), roots=roots)
    path = trusted_root or SIGNATURES / "trusted-roots" / ("staging" if staging else "prod") / "trusted_root.json"
    rule = IdentityRule(identity=identity or "", issuer=issuer or "")
    return TrustEntry(name="conformance", roles=("*",), identities=(rule,), roots=load_trusted_root(path.read_bytes()))
