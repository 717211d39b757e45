"""What verifying costs in modules: a key needs neither certificates nor timestamps."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from tests.trust.simulator import plain_dsse, public

PROGRAM = """
import sys
from pathlib import Path
import gate.trust.entry, gate.trust.envelope, gate.trust.root
light = sorted(name for name in sys.modules if name.split(".")[0] in {"cryptography", "rfc3161_client", "nacl", "httpx", "yaml"})
assert not light, light
from gate.limits import DEFAULT
from gate.trust.keys import load_public_key
from gate.trust.entry import Trust, TrustEntry
key = load_public_key(Path(sys.argv[1]).read_bytes())
trust = Trust((TrustEntry(name="k", roles=("*",), keys=(key,)),))
data = Path(sys.argv[2]).read_bytes()
envelope = gate.trust.envelope.open_envelope(data, annotations={}, media_type="", trust=trust, limits=DEFAULT)
assert envelope.verification.state == "verified", envelope.verification
heavy = [name for name in ("rfc3161_client", "cryptography.x509", "nacl", "gate.trust.certificate") if name in sys.modules]
assert not heavy, heavy
"""


def test_a_key_needs_no_certificate_machinery(tmp_path: Path) -> None:
    """Importing the entry point loads no cryptography, and a key then needs neither x509 nor rfc3161_client nor PyNaCl."""
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "key.pub").write_bytes(public(key).pem)
    (tmp_path / "envelope.json").write_text(json.dumps(plain_dsse(key)))
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "key.pub"), str(tmp_path / "envelope.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
