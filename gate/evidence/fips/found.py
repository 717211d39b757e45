"""What one family of collectors finds, for `gate.evidence.fips.collect` to put together."""

from __future__ import annotations

import dataclasses

from gate.model.evidence import Diagnostic
from gate.model.fips import CryptoConsumer, CryptoModule


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """Modules and consumers of one family. Any diagnostic makes the facts incomplete: make one for what was not looked at."""

    modules: tuple[CryptoModule, ...] = ()
    consumers: tuple[CryptoConsumer, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    notes: tuple[Diagnostic, ...] = ()
    """What is said and leaves the facts complete."""
