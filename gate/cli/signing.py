"""Signing verification summaries after a verdict."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gate.cli.files import write_atomically
from gate.cli.options import Output
from gate.errors import SigningError, UsageError
from gate.report.interface import Report

if TYPE_CHECKING:
    from gate.model.verdict import Verdict
    from gate.policy.bundle import Policy
    from gate.sign.signer import Signer


class Signing:
    """What ``--attest`` and ``--output vsa`` ask for. The key is opened before anything is verified, so a typo costs nothing."""

    def __init__(self, options: Mapping[str, Any], signer: Signer | None, wanted: bool) -> None:
        self._options = options
        self._signer = signer
        self._wanted = wanted
        self.written: bytes | None = None
        """The unsigned statement of the last summary, for ``--output vsa``."""

    @classmethod
    def of(cls, options: Mapping[str, Any], outputs: Sequence[Output]) -> Signing:
        """Raises UsageError for half a request and SigningError for a key that cannot be opened."""
        attest, key = options["attest"], options["sign_key"]
        wanted = attest or any(output.format == "vsa" for output in outputs)
        if key and not attest:
            raise UsageError("--sign-key without --attest", fix="add --attest, or drop the key")
        if attest and not key:
            raise UsageError("--attest without --sign-key", fix="gate keys generate, then --sign-key gate.key")
        if wanted and not options["verifier_id"]:
            raise UsageError(
                "a verification summary needs --verifier-id",
                why="whoever reads it pairs the id with your key; there is no default",
                fix="add --verifier-id https://your.org/gate",
            )
        if not attest:
            return cls(options, None, wanted)
        from gate.sign.signer import open_signer

        return cls(options, open_signer(key, os.environ), wanted)

    def sign(self, report: Report, policy: Policy) -> None:
        """Make a summary of each decided image, sign it and write it as a bundle and as bare DSSE. Raises SigningError.

        An image without a verdict, and one that cannot have a summary, is an error only when nothing else explains the exit.
        """
        if not self._wanted:
            return
        for verdict in report.verdicts:
            if verdict.outcome.decision != "NO_VERDICT":
                self._one(verdict, policy)

    def _one(self, verdict: Verdict, policy: Policy) -> None:
        from gate.attest.vsa import make_vsa

        outcome = verdict.outcome
        resource = self._options["resource_uri"] or f"oci://{outcome.subject.name}"
        policy_uri = f"urn:policy-gate:{policy.packs[0].name.split('/')[-1]}:{outcome.policy.profile}"
        try:
            statement = make_vsa(verdict, verifier_id=self._options["verifier_id"], resource_uri=resource, policy_uri=policy_uri)
        except SigningError:
            if outcome.decision == "DENY":
                return  # exit 1 already says more than a missing FAILED summary would
            raise
        self.written = statement
        if self._signer is None:
            return
        from gate.sign.bundle import INTOTO_PAYLOAD_TYPE, write_both

        bundle, dsse = write_both(statement, INTOTO_PAYLOAD_TYPE, self._signer)
        stem = Path(self._options["attest_dir"]) / f"{outcome.subject.digest.replace(':', '-')}.vsa"
        write_atomically(f"{stem}.sigstore.json", bundle)
        write_atomically(f"{stem}.dsse.json", dsse)
