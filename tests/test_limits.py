"""The bounds, and the variables that change them."""

from __future__ import annotations

import pytest

from gate.errors import ConfigError
from gate.limits import DEFAULT, Limits


def test_a_variable_changes_one_limit() -> None:
    """Whole numbers where the default is one, fractions of seconds where it is not."""
    changed = Limits.from_environment({"GATE_LIMIT_FINDINGS": "7", "GATE_LIMIT_HTTP_SECONDS": "0.5"})
    assert (changed.findings, changed.http_seconds, changed.workers) == (7, 0.5, DEFAULT.workers)


@pytest.mark.parametrize("value", ["", "0", "-1", "many", "nan", "inf", "1e308", "1e400"])
@pytest.mark.parametrize("name", ["ENGINE_SECONDS", "ENGINE_MEMORY_BYTES"])
def test_what_is_no_limit_is_refused(name: str, value: str) -> None:
    """Exit 2 with the variable's name; endless is no bound."""
    with pytest.raises(ConfigError, match=f"GATE_LIMIT_{name} is"):
        Limits.from_environment({f"GATE_LIMIT_{name}": value})


def test_a_limit_that_the_system_cannot_take_is_refused() -> None:
    """A number that overflows a system call is a mistake of the caller, not a bug."""
    with pytest.raises(ConfigError) as caught:
        Limits.from_environment({"GATE_LIMIT_ENGINE_MEMORY_BYTES": "9" * 26})
    assert "at most" in caught.value.why
