"""``gate history``: begin and look at the dates on which findings were first seen."""

from __future__ import annotations

import contextlib

import click

from gate.cli.files import emit


@click.group("history")
def command() -> None:
    """When findings were first seen, for deadlines (`remediation_days`, `--deadlines`).

    `gate verify --history FILE` and `gate verify --store PLACE` read and keep such a history. Without one every finding is of
    unknown age, which counts as the oldest; what is found before it begins stays so.
    """


@command.command("init", short_help="Begin a history: findings count from now.")
@click.argument("file", required=False, metavar="FILE")
@click.option("--store", metavar="DIR|oci://REPO", help="Begin the one that is kept with this store.")
@click.option("--plain-http", is_flag=True, help="Talk to the registry without TLS.")
def init(file: str | None, store: str | None, plain_http: bool) -> int:
    """Begin an empty history: what the next run finds is new from then on, how old it may be.

    This is a decision, not a repair: it gives today's findings a fresh deadline. One that is there already is never begun again.

    \b
    Examples:
      gate history init history.json
      gate history init --store .gate
    """
    from pathlib import Path

    from gate.audit import history
    from gate.audit.layout import Layout
    from gate.cli.plan import registry_options
    from gate.cli.stores import local_path, remote_name
    from gate.errors import UsageError
    from gate.limits import Limits
    from gate.report.escape import escape

    if bool(file) == bool(store):
        raise UsageError("name either a FILE or a --store", fix="gate history init history.json")
    limits = Limits.from_environment()
    remote = remote_name(store)
    if remote is not None:
        from gate.audit.history_remote import RemoteHistory

        with contextlib.closing(registry_options({"plain_http": plain_http})) as registry:
            place = RemoteHistory(remote, registry, limits)
            place.start()
        emit(f"{escape(place.name)}: begun\n".encode())
        return 0
    if store:
        Layout(local_path(store)).create()
    path = Path(file) if file else local_path(store) / history.FILE
    history.start(path, limits)
    emit(f"{escape(str(path))}: begun\n".encode())
    return 0


@command.command("show", short_help="Print a history, oldest first.")
@click.argument("file", metavar="FILE")
def show(file: str) -> int:
    """Print each finding of FILE by image: when it was first seen, or that its age is not known.

    \b
    Example:
      gate history show .gate/history.json
    """
    from pathlib import Path

    from gate.audit import history
    from gate.errors import UsageError
    from gate.limits import Limits
    from gate.report.escape import escape

    found = history.read(Path(file), Limits.from_environment())
    if not found.begun:
        raise UsageError(f"{file}: no such file", fix="gate verify --history FILE writes one")
    lines = []
    for image in sorted(found.images):
        dates = found.images[image]
        order = sorted(dates.items(), key=lambda item: (item[1] or "", item[0]))
        lines += [f"{date or 'unknown age':<20}  {escape(image)}  {escape(key)}" for key, date in order]
    emit(("\n".join(lines) + "\n" if lines else "").encode())
    return 0
