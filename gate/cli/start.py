"""The first thing that ``gate verify`` does, with few imports: start the engine.

OPA reads the rules in processes of its own, while Python imports and reads what judging needs. That is also why the policy is
loaded here and not together with the rest.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gate.errors import UsageError
from gate.limits import Limits
from gate.policy.bundle import Policy, load_policy
from gate.policy.config import Flags, LoadedPolicyFile, choose_bundles, load_policy_file
from gate.policy.engine import Engine
from gate.policy.opa import find_opa
from gate.policy.yamlfile import json_value

_PARAMETERS = (
    "max_critical",
    "max_high",
    "max_vulnerabilities",
    "require_signature",
    "require_sbom",
    "require_provenance",
    "fail_on_fips_issues",
    "fail_on_stig",
)


class Chosen(NamedTuple):
    """The policy part of the command line, and the packs that it leads to."""

    file: LoadedPolicyFile | None
    flags: Flags
    policy: Policy


class Started(NamedTuple):
    """An engine that is reading the rules."""

    chosen: Chosen
    engine: Engine


def start(options: Mapping[str, Any], limits: Limits, stack: contextlib.ExitStack) -> Started:
    """Load the packs and start OPA on them; the stack ends it. Raises EngineMissing, UsageError, ConfigError and PolicyError."""
    # Nearly all that is read lives until the end; looking for cycles in it costs a tenth of the time and finds none.
    gc.set_threshold(50_000, 50, 100)
    binary = stack.enter_context(find_opa(os.environ))  # hashed from now on
    chosen = choose(options, limits)
    return Started(chosen, stack.enter_context(Engine(binary, chosen.policy, limits)))


def choose(options: Mapping[str, Any], limits: Limits) -> Chosen:
    """Raises UsageError, ConfigError and PolicyError."""
    path = options.get("policy_file")
    file = load_policy_file(Path(path), limits) if path else None
    flags = flags_of(options)
    return Chosen(file, flags, load_policy(choose_bundles(file, options.get("environment"), flags), limits))


def flags_of(options: Mapping[str, Any]) -> Flags:
    """The policy part of the flags. Raises UsageError for a malformed ``--param``."""
    params = {name: options[name] for name in _PARAMETERS if options.get(name) is not None}
    for text in options.get("params", ()):
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--param {text}: write NAME=JSON", fix="for example --param max_medium=10")
        if name in params:
            raise UsageError(f"--param {name} contradicts the flag of the same name", fix="give one of them")
        try:
            json.loads(value)
        except ValueError:
            # A bare word is a string: --param deny_fixable=high
            params[name] = value
        else:
            params[name] = json_value(value, f"--param {name}", UsageError)
    return Flags(
        profile=options.get("profile"),
        params=params,
        waivers=tuple(options.get("waivers", ())),
        vex=tuple(options.get("vex", ())),
        bundles=tuple(options.get("bundles", ())),
        exit_zero=bool(options.get("exit_zero")),
        deadlines=tuple(options.get("deadlines", ())),
    )
