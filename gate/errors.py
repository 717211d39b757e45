"""Every error the gate raises on purpose, drawn as one tree.

    GateError                       what / why / fix, and the exit code it ends in
    ├── UsageError            (2)   flags, subjects, files that the caller named
    ├── ConfigError           (2)   policy file, waiver file, profile, parameters
    ├── PolicyError           (2)   policy bundle: compile, inventory, unknown rule, ownership
    │   └── EngineMissing     (2)   no usable OPA
    ├── EvidenceError         (3)   something about evidence; catch this to fail closed
    │   ├── EvidenceInvalid   (3)   it was read in full and is bad (malformed, wrong subject, bad signature)
    │   │   ├── FormatRefused (3)   recognised, and not read by this version; the message names the format
    │   │   └── LimitExceeded (3)   a bound of gate.limits was reached; the message names the bound
    │   └── EvidenceUnavailable (3) it could not be had: network, time-out, missing tool
    ├── EngineError           (3)   OPA ran and failed: time-out, memory, killed
    ├── StoreError            (3)   the verdict, the store or an output could not be written or read back
    └── SigningError          (3)   a key could not be opened or a signature not be made

Only ``gate/__main__.py`` turns these into exit codes. Anything else that escapes is a bug and ends in 4.
"""

from __future__ import annotations


class GateError(Exception):
    """An error with an address.

    ``what`` went wrong in one line, ``why`` it matters or happened, ``fix`` what the reader can do next (a command where
    there is one). Text may hold evidence; it is escaped where it is shown (`gate.report.text.escape`).
    """

    exit_code = 4

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = fix


class UsageError(GateError):
    """The caller asked for something that cannot be asked for."""

    exit_code = 2


class ConfigError(GateError):
    """A configuration document is missing, malformed or looser than what is pinned."""

    exit_code = 2


class PolicyError(GateError):
    """The policy bundle does not compile, or is not what its inventory says."""

    exit_code = 2


class EngineMissing(PolicyError):
    """No OPA binary that this gate accepts was found."""


class EvidenceError(GateError):
    """Evidence is bad or could not be had; either way it satisfies nothing."""

    exit_code = 3


class EvidenceInvalid(EvidenceError):
    """The evidence was read in full and is bad."""


class FormatRefused(EvidenceInvalid):
    """A known format that this version does not read; refused by name, never guessed at."""


class LimitExceeded(EvidenceInvalid):
    """A bound of `gate.limits.Limits` was reached (invariant 8)."""

    def __init__(self, limit: str, bound: float, what: str) -> None:
        super().__init__(
            f"{what}: more than {limit} = {bound:g}",
            why="every reader is bounded, so that no document can exhaust the machine",
            fix=f"raise the bound with GATE_LIMIT_{limit.upper()} if the document is genuine",
        )
        self.limit = limit
        self.bound = bound


class EvidenceUnavailable(EvidenceError):
    """The evidence may exist but could not be had; retrying may help."""


class EngineError(GateError):
    """OPA was started and did not give an answer."""

    exit_code = 3


class StoreError(GateError):
    """Something that had to be kept could not be kept, or what was kept has changed."""

    exit_code = 3


class SigningError(GateError):
    """A signature that was asked for could not be made."""

    exit_code = 3
