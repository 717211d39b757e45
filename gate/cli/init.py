"""``gate init``: a policy file that explains itself."""

from __future__ import annotations

import click


@click.command("init")
@click.option(
    "--path", default="security-policy.yaml", show_default=True, metavar="FILE", help="Where to write; - is standard output."
)
def command(path: str) -> int:
    """Write a commented security-policy.yaml. An existing file is never overwritten."""
    import os
    from pathlib import Path

    from gate.cli.files import emit
    from gate.errors import StoreError, UsageError
    from gate.policy.template import TEMPLATE

    if path == "-":
        emit(TEMPLATE.encode())
        return 0
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(TEMPLATE)
    except FileExistsError:
        raise UsageError(f"{path} exists already", fix="edit it, or name another with --path") from None
    except OSError as error:
        Path(path).unlink(missing_ok=True)
        raise StoreError(f"{path} could not be written: {error.strerror or error}") from None
    click.echo(f"{path} written. Next: edit it, then gate config check --policy-file {path}")
    return 0
