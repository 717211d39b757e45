"""``python -m tests.conformance verify-bundle …``: the client protocol of sigstore-conformance (docs/cli_protocol.md).

Exit 0 when the bundle verifies for the artifact, 1 when it does not. Nothing is fetched: without ``--trusted-root`` the root of
the corpus folder (GATE_CORPUS) is used, staging's with ``--staging``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from gate.errors import GateError
from tests.conformance.client import verify_bundle


def main(arguments: Sequence[str]) -> int:
    """Run one command of the protocol."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance")
    commands = parser.add_subparsers(dest="command", required=True)
    verify = commands.add_parser("verify-bundle")
    verify.add_argument("--staging", action="store_true")
    verify.add_argument("--bundle", type=Path, required=True)
    verify.add_argument("--certificate-identity")
    verify.add_argument("--certificate-oidc-issuer")
    verify.add_argument("--trusted-root", type=Path)
    verify.add_argument("--key", type=Path)
    verify.add_argument("artifact", metavar="FILE_OR_DIGEST")
    options = parser.parse_args(arguments)
    try:
        reason = verify_bundle(
            options.bundle,
            options.artifact,
            identity=options.certificate_identity,
            issuer=options.certificate_oidc_issuer,
            trusted_root=options.trusted_root,
            key=options.key,
            staging=options.staging,
        )
    except (GateError, OSError) as error:
        reason = str(error)
    if reason is not None:
        print(f"not verified: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
