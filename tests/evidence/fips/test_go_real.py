"""Real, stripped Go programs: the facts are what they say of themselves when they run."""

from __future__ import annotations

import subprocess

import pytest

from tests.evidence.fips.elves import see
from tests.evidence.fips.go_program import PLACE
from tests.evidence.fips.roots import module
from tests.oci.layering import File

VALUES = (
    None, "fips140=off", "fips140=", "fips140=on", "fips140=off,fips140=on", "fips140=on,fips140=off", "x=1, fips140=off",
    "FIPS140=off",
)  # fmt: skip


@pytest.mark.parametrize("name", ["frozen", "plain"])
def test_the_mode_is_what_the_program_says(name: str) -> None:
    """By `GODEBUG`, with blanks, twice, and empty; and without the right to execute."""
    if not (PLACE / name).is_file():
        pytest.skip("no Go programs (python -m tests.evidence.fips.go_program)")
    data = (PLACE / name).read_bytes()
    for value in VALUES:
        env = [] if value is None else [f"GODEBUG={value}"]
        found = module(see([File("app", data, mode=0o644)], env), "app")
        said = subprocess.run(
            [PLACE / name], env=dict(item.split("=", 1) for item in env), capture_output=True, text=True, check=True, timeout=30
        )
        on = (found.activated, found.overridden) == ("yes", "no") and found.capable == "yes"
        assert on == (said.stdout.strip() == "true"), (value, found)
        assert (found.version == "v1.0.0") == (name == "frozen")
