"""The gate and sigstore-python on the same bundles: every disagreement is on the list, with the reason."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from gate.errors import GateError
from gate.trust.root import load_trusted_root
from tests.conformance.client import ASSETS, SIGNATURES, verify_bundle
from tests.conformance.test_conformance import CASES, IDENTITY, ISSUER
from tests.trust.corpus import needs_corpus, trust
from tests.trust.helpers import opened
from tests.trust.mutate import mutations

DISAGREEMENTS = {
    "intoto-with-custom-trust-root": "sigstore-python does not read intoto entries of Rekor",
    "managed-key-happy-path": "sigstore-python does not verify with keys",
    "managed-key-and-trusted-root": "sigstore-python does not verify with keys",
    "trust-root-tsa-validity-end-inclusive": "sigstore-python takes the end of a timestamp authority's validity as exclusive",
}
"""Cases that the gate accepts, as their names say, and sigstore-python 4.5 refuses. There is none of the reverse kind."""


LOOSER = {
    ("*/messageDigest", "*"): "the digest in a bundle is a hint, and the artifact was given",
    ("*/logIndex", "*"): "protobuf leaves zero out",
    ("*/inclusionProof/hashes", "*"): "protobuf leaves an empty list out",
    ("*/tlogEntries", "twice"): "sigstore-python wants exactly one entry; here the same log twice is one log",
    ("*/hint", "*"): "the hint of a key decides nothing",
    ("*/keyid", "*"): "a DSSE key id decides nothing",
}
"""Changes that the gate bears and sigstore-python does not, with the reason."""


def _oracle(bundle_path: Path, root_path: Path, artifact: bytes | None, identity: str, issuer: str) -> bool:
    """Whether sigstore-python verifies it; whatever it raises is a no."""
    from sigstore.hashes import Hashed
    from sigstore.models import Bundle, TrustedRoot
    from sigstore.verify import Verifier, policy
    from sigstore_models.common.v1 import HashAlgorithm

    try:
        verifier = Verifier(trusted_root=TrustedRoot.from_file(str(root_path)))
        bundle = Bundle.from_json(bundle_path.read_bytes())
        who = policy.Identity(identity=identity, issuer=issuer)
        if "dsseEnvelope" in json.loads(bundle_path.read_bytes()):
            kind, payload = verifier.verify_dsse(bundle, who)
            digests = [item["digest"].get("sha256") for item in json.loads(payload)["subject"]]
            return kind == "application/vnd.in-toto+json" and (
                artifact is None or hashlib.sha256(artifact).hexdigest() in digests
            )
        assert artifact is not None
        verifier.verify_artifact(Hashed(algorithm=HashAlgorithm.SHA2_256, digest=hashlib.sha256(artifact).digest()), bundle, who)
    except Exception:  # the oracle raises TypeError, pydantic and x509 errors as well as its own
        return False
    return True


def _ours(case: Path, artifact: Path, **given: Any) -> bool:
    try:
        return verify_bundle(case / "bundle.sigstore.json", str(artifact), **given) is None
    except GateError:
        return False


@needs_corpus
@pytest.mark.filterwarnings("ignore")  # the oracle's own deprecations
@pytest.mark.parametrize("name", CASES)
def test_conformance_cases(name: str) -> None:
    """Both say the same about a case, or the case is on the list and the gate is the one that agrees with its name."""
    case = ASSETS / name
    artifact = case / "artifact" if (case / "artifact").exists() else ASSETS / "a.txt"
    identity, issuer = (
        (case / file).read_text().strip() if (case / file).exists() else default
        for file, default in (("identity", IDENTITY), ("issuer", ISSUER))
    )
    own_root = case / "trusted_root.json"
    root = own_root if own_root.exists() else SIGNATURES / "trusted-roots" / "prod" / "trusted_root.json"
    key = case / "key.pub" if (case / "key.pub").exists() else None
    ours = _ours(case, artifact, identity=identity, issuer=issuer, trusted_root=own_root if own_root.exists() else None, key=key)
    theirs = _oracle(case / "bundle.sigstore.json", root, artifact.read_bytes(), identity, issuer)
    assert ours == (not name.endswith("_fail"))
    assert (ours != theirs) == (name in DISAGREEMENTS)


@needs_corpus
@pytest.mark.filterwarnings("ignore")  # the oracle's own deprecations
def test_real_bundles(tmp_path: Path) -> None:
    """Both verify real source-track bundles, and both refuse them once the payload's last bytes are changed."""
    root = SIGNATURES / "trusted-roots" / "prod" / "trusted_root.json"
    paths = sorted((SIGNATURES / "source-track" / "go-vex").glob("*.jsonl"))
    assert paths
    for path in paths[:5]:
        document = json.loads(path.read_bytes().splitlines()[0])
        for changed in (False, True):
            if changed:
                payload = base64.b64decode(document["dsseEnvelope"]["payload"])
                document["dsseEnvelope"]["payload"] = base64.b64encode(payload + b" ").decode()
            file = tmp_path / "bundle.json"
            file.write_text(json.dumps(document))
            identity = (
                "https://github.com/slsa-framework/source-actions/.github/workflows/compute_slsa_source.yml@refs/heads/main"
            )
            assert _oracle(file, root, None, identity, ISSUER) is not changed
            assert (opened(document, trust(identity.replace(".", r"\."))).verification.state == "verified") is not changed


@needs_corpus
@pytest.mark.filterwarnings("ignore")  # the oracle's own deprecations
@pytest.mark.parametrize("name", ["happy-path-v0.3", "rekor2-happy-path", "rekor2-dsse-happy-path"])
def test_mutations(name: str, tmp_path: Path) -> None:
    """On single changes of a good bundle the gate accepts nothing that sigstore-python refuses, but for what is listed."""
    case = ASSETS / name
    artifact = (case / "artifact" if (case / "artifact").exists() else ASSETS / "a.txt").read_bytes()
    root = (
        case / "trusted_root.json"
        if (case / "trusted_root.json").exists()
        else SIGNATURES / "trusted-roots/prod/trusted_root.json"
    )
    given, looser = trust(IDENTITY.replace(".", r"\."), roots=load_trusted_root(root.read_bytes())), set()
    document = json.loads((case / "bundle.sigstore.json").read_bytes())
    file = tmp_path / "bundle.json"
    for number, (path, kind, changed) in enumerate(mutations(document)):
        if kind == "bit" and number % 5:
            continue  # the oracle takes its time
        try:
            ours = opened(changed, given, artifact=artifact).verification.state == "verified"
        except GateError:
            ours = False
        if not ours:
            continue
        file.write_text(json.dumps(changed))
        if not _oracle(file, root, artifact, IDENTITY, ISSUER):
            looser.add((path, kind))
    unexpected = {one for one in looser if not any(fnmatch.fnmatch(one[0], p) and fnmatch.fnmatch(one[1], k) for p, k in LOOSER)}
    assert not unexpected


def test_the_list_has_reasons() -> None:
    """Every disagreement is explained, and is about a case that exists."""
    assert all(DISAGREEMENTS.values())
    assert not CASES or set(DISAGREEMENTS) <= set(CASES)
