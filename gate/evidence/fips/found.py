"""What one family of collectors finds, for `gate.evidence.fips.collect` to put together.

1. Libraries in the directories that the loader searches by itself (`is_system_library`) are modules of `openssl` and `system`;
   those anywhere else, and code inside programs, of the family that they belong to.
2. A consumer names its modules by path. Of one that only links system modules `collect` tells ``reaches_fips`` from them, where
   the family left it ``unknown``.
"""

from __future__ import annotations

import dataclasses
import re

from gate.model.evidence import Diagnostic
from gate.model.fips import CryptoConsumer, CryptoModule

_SYSTEM = re.compile(r"(usr/(local/)?)?lib(32|64|x32)?(/[a-z0-9_]+-linux-[a-z0-9]+)?/(ossl-modules/|nss/)?[^/]+")


def is_system_library(path: str) -> bool:
    """Whether a path of the merged tree is in a directory where the loader looks by itself, or where OpenSSL keeps providers."""
    return _SYSTEM.fullmatch(path.removeprefix("/")) is not None


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """Modules and consumers of one family. Any diagnostic makes the facts incomplete: make one for what was not looked at."""

    modules: tuple[CryptoModule, ...] = ()
    consumers: tuple[CryptoConsumer, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    notes: tuple[Diagnostic, ...] = ()
    """What is said and leaves the facts complete."""
