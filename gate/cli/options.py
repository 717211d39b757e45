"""Options that several commands share."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from gate.report import FORMATS

OUTPUT_HELP = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}; to PATH, or standard output. Repeatable."

F = TypeVar("F", bound=Callable[..., object])


class Hours(click.FloatRange):
    """A number of hours above zero that ends: ``nan`` and ``inf`` are floats too, and bound nothing."""

    name = "hours"

    def __init__(self) -> None:
        super().__init__(min=0, max=1_000_000, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The hours; a usage error for what is no such number."""
        hours: float = super().convert(value, param, ctx)
        if hours != hours:  # not a number
            self.fail(f"{value} is no number of hours.", param, ctx)
        return hours


@dataclasses.dataclass(frozen=True, slots=True)
class Output:
    format: str
    path: str | None
    """Standard output when null."""


def parse_outputs(values: Sequence[str]) -> tuple[Output, ...]:
    """``FORMAT[=PATH]`` values. At most one may go to standard output."""
    outputs = []
    for value in values:
        name, _, path = value.partition("=")
        if name not in FORMATS:
            raise click.BadParameter(f"{name!r} is not one of {', '.join(FORMATS)}", param_hint="--output")
        outputs.append(Output(name, None if path in ("", "-") else path))
    if sum(1 for output in outputs if output.path is None) > 1:
        raise click.BadParameter("two formats go to standard output; give one of them a path", param_hint="--output")
    paths = [output.path for output in outputs if output.path is not None]
    if len(paths) != len(set(paths)):
        raise click.BadParameter("two formats go to the same path", param_hint="--output")
    return tuple(outputs)


def color_option(function: F) -> F:
    option = click.option(
        "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour on standard output."
    )
    return option(function)


def store_path(given: str | None, environment: Mapping[str, str] | None = None) -> Path:
    """The store: the flag, ``$GATE_STORE``, or the user's data folder."""
    env = os.environ if environment is None else environment
    named = given or env.get("GATE_STORE")
    if named and named.startswith("oci://"):
        raise click.BadParameter(
            f"{named} is in a registry; verify, replay and report take that, everything else wants a folder", param_hint="--store"
        )
    if named:
        return Path(named)
    base = env.get("XDG_DATA_HOME") or str(Path(env.get("HOME", ".")) / ".local" / "share")
    return Path(base) / "policy-gate"
