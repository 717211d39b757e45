"""The SLSA verification summary: made by `make_vsa`, checked by `verify_vsa`."""

from __future__ import annotations

from gate.attest.vsa_make import make_vsa
from gate.attest.vsa_verify import VsaResult, verify_vsa

__all__ = ["VsaResult", "make_vsa", "verify_vsa"]
