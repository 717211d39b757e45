"""The one exception that says "this does not verify"; it never leaves `gate.trust.verifier`."""

from __future__ import annotations


class Rejected(Exception):
    """A check was made and did not hold. ``check`` is the name that would be in ``Verification.checks`` had it held."""

    def __init__(self, check: str, reason: str) -> None:
        super().__init__(f"{check}: {reason}")
        self.check = check
        self.reason = reason
