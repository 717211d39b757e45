"""The capabilities file that every evaluation runs under, and how it is made (invariant 3).

``python -m gate.policy.capabilities OPA`` prints it; ``capabilities.json`` beside this module is the committed result for the
pinned OPA. What is not in the file fails to compile, so a policy that reads a clock never starts.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from gate.model.base import digest_of

PATH = Path(__file__).with_name("capabilities.json")

FORBIDDEN: frozenset[str] = frozenset(
    {
        # the network
        "http.send",
        "net.lookup_ip_addr",
        # the machine
        "opa.runtime",
        # the clock: certificate and token validity are judged against it
        "time.now_ns",
        "io.jwt.decode_verify",
        "crypto.x509.parse_and_verify_certificates",
        "crypto.x509.parse_and_verify_certificates_with_options",
        # randomness: two runs would differ
        "rand.intn",
        "uuid.rfc4122",
        "io.jwt.encode_sign",
        "io.jwt.encode_sign_raw",
        # signing requests belongs to nothing that may not send them
        "providers.aws.sign_req",
        # other modules
        "rego.parse_module",
        # output beside the result
        "print",
        "internal.print",
        "trace",
        "internal.test_case",
    }
)


def reduce(capabilities: dict[str, Any]) -> bytes:
    """The document that ``opa capabilities --current`` prints, without what is forbidden, as deterministic bytes."""
    kept = sorted((_bare(b) for b in capabilities["builtins"] if b["name"] not in FORBIDDEN), key=lambda b: str(b["name"]))
    closed = {**capabilities, "builtins": [], "allow_net": []}
    head = json.dumps(closed, sort_keys=True, ensure_ascii=False)
    lines = ",\n".join(json.dumps(builtin, sort_keys=True, ensure_ascii=False) for builtin in kept)
    return (head.replace('"builtins": []', f'"builtins": [\n{lines}\n]') + "\n").encode()


def _bare(value: Any) -> Any:
    """Without the prose, which OPA would parse again at every start (12 of 27 ms)."""
    if isinstance(value, dict):
        return {key: _bare(part) for key, part in value.items() if key not in {"description", "categories"}}
    return [_bare(part) for part in value] if isinstance(value, list) else value


@cache
def digest() -> str:
    """``sha256:…`` of the committed file; part of every verdict."""
    return digest_of(PATH.read_bytes())


if __name__ == "__main__":
    current = subprocess.run([sys.argv[1], "capabilities", "--current"], check=True, capture_output=True, timeout=60).stdout
    sys.stdout.buffer.write(reduce(json.loads(current)))
