"""``gate policy``: check a bundle, and see what a change would flip before it is merged."""

from __future__ import annotations

import os

import click

from gate.cli.files import emit


@click.group("policy")
def command() -> None:
    """Work on policy bundles."""


@command.command("check", short_help="Compile all packs and check their inventory.")
@click.option("--bundle", "bundles", multiple=True, metavar="PATH[@sha256:…]", help="A further policy pack. Repeatable.")
def check(bundles: tuple[str, ...]) -> int:
    """Compile the default pack and the given ones, and check their inventory: metadata, ownership, dependencies."""
    from gate.limits import Limits
    from gate.policy.bundle import load_policy, parse_spec
    from gate.policy.engine import Engine
    from gate.policy.opa import find_opa

    limits = Limits.from_environment()
    policy = load_policy([parse_spec(text) for text in bundles], limits)
    with find_opa(os.environ) as binary, Engine(binary, policy, limits) as engine:
        engine.check()
        inventory = engine.inventory
    lines = [f"{name}  {digest}" for name, digest in policy.digests.items()]
    lines.append(f"{len(inventory.rules)} rules in {len(inventory.packages)} packages: everything compiles")
    emit(("\n".join(lines) + "\n").encode())
    return 0


@command.command("impact", short_help="List the stored verdicts that a change would flip.")
@click.option("--bundle", "bundles", multiple=True, required=True, metavar="PATH", help="The changed pack. Repeatable.")
@click.option("--store", metavar="DIR", help="Where verdicts are kept; default $GATE_STORE or ~/.local/share/policy-gate.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only the newest N verdicts.")
@click.option("--quiet", is_flag=True, help="No progress on standard error.")
def impact(bundles: tuple[str, ...], store: str | None, last: int | None, quiet: bool) -> int:
    """Replay stored verdicts under changed packs and list the ones that would flip.

    A pack with the name of the default one stands in for it; others are added.

    Exit code 0 when none flips, 1 when some do, 3 when some could not be decided again.
    """
    from gate.audit.store import Store
    from gate.cli.messages import progress
    from gate.cli.options import store_path
    from gate.errors import UsageError
    from gate.limits import Limits
    from gate.policy.bundle import load_policy, parse_spec
    from gate.policy.engine import Engine
    from gate.policy.opa import find_opa
    from gate.replay import impact as replay_all
    from gate.report.escape import escape

    limits = Limits.from_environment()
    place = Store(store_path(store), limits)
    records = list(place.verdicts())[-(last or 0) :]
    if not records:
        raise UsageError(f"no verdicts in {place.path}", fix="run gate verify first, or name another store with --store")
    policy = load_policy([parse_spec(text) for text in bundles], limits)
    with (
        find_opa(os.environ) as binary,
        Engine(binary, policy, limits) as engine,
        progress(f"replaying {len(records)} verdicts", quiet=quiet),
    ):
        found = list(replay_all(place, records, engine))
    lines = []
    for item in found:
        name = f"{escape(item.record.name)}@{item.record.subject}"
        if item.after is None:
            lines.append(f"ERROR  {item.before} -> ?  {name}: {escape(item.error)}")
        elif item.flips:
            lines.append(f"FLIP   {item.before} -> {item.after}  {name}  {item.record.time}")
        if item.newly or item.cleared:
            lines += [f"         now blocks: {rule}" for rule in item.newly]
            lines += [f"         no longer blocks: {rule}" for rule in item.cleared]
    flips = sum(1 for item in found if item.after is not None and item.flips)
    errors = sum(1 for item in found if item.after is None)
    lines.append(f"{len(found)} verdicts: {flips} would flip, {errors} could not be decided, {len(found) - flips - errors} stay")
    emit(("\n".join(lines) + "\n").encode())
    return 1 if flips else 3 if errors else 0
