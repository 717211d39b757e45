"""``gate explain``: what a rule checks, what it needs, and what satisfies it."""

from __future__ import annotations

import os
from typing import Any

import click

from gate.cli.files import emit


@click.command("explain")
@click.argument("rule", required=False)
@click.option("--bundle", "bundles", multiple=True, metavar="PATH", help="A further policy pack. Repeatable.")
def command(rule: str | None, bundles: tuple[str, ...]) -> int:
    """Explain RULE from its metadata; without RULE, list all rules.

    \b
    Examples:
      gate explain
      gate explain vulnerabilities.max_high
      gate explain acme.no_latest_tag --bundle ./acme-pack
    """
    from gate.errors import UsageError
    from gate.limits import Limits
    from gate.policy.bundle import load_policy, parse_spec
    from gate.policy.decoding import did_you_mean
    from gate.policy.engine import Engine
    from gate.policy.opa import find_opa

    limits = Limits.from_environment()
    policy = load_policy([parse_spec(text) for text in bundles], limits)
    with find_opa(os.environ) as binary, Engine(binary, policy, limits) as engine:
        rules = engine.inventory.rules
    if rule is None:
        width = max(len(name) for name in rules)
        emit("".join(f"{name:<{width}}  {rules[name].title}\n" for name in sorted(rules)).encode())
        return 0
    if rule not in rules:
        raise UsageError(f"there is no rule {rule}", why=did_you_mean(rule, rules), fix="gate explain lists all rules")
    emit("\n".join(_explain(rules[rule])).encode() + b"\n")
    return 0


def _explain(meta: Any) -> list[str]:
    from gate.report.escape import escape

    custom = meta.custom
    effect = {"deny": "denies", "warn": "warns", "no_verdict": "gives no verdict"}.get(meta.set, "explains itself")
    lines = [f"{meta.id}  {escape(meta.title)}", "", *(escape(line) for line in meta.description.strip().splitlines()), ""]
    lines.append(f"it {effect}; severity {custom.severity}; {'can' if custom.waivable else 'cannot'} be waived")
    for need in custom.requires_evidence:
        when = f" when {need.when} is set" if need.when else ""
        lines.append(f"needs {need.kind} ({need.state}, on the {need.on}, {need.select}){when}")
    if custom.parameter:
        lines.append(f"parameter: {custom.parameter}")
    if custom.depends_on:
        lines.append(f"depends on: {', '.join(custom.depends_on)}")
    if custom.controls:
        lines.append("controls: " + ", ".join(f"{control.framework} {control.id}" for control in custom.controls))
    lines += [f"collections: {', '.join(custom.collections)}", f"defined in: {escape(meta.location)}", ""]
    return [*lines, "how to satisfy it:", *(f"  {escape(line)}" for line in custom.solution.strip().splitlines())]
