"""``gate keys``: make a signing key, look at one."""

from __future__ import annotations

import os

import click


@click.group("keys")
def command() -> None:
    """Make and look at signing keys."""


@command.command("generate")
@click.option(
    "--output-key-prefix", "prefix", default="gate", show_default=True, metavar="PATH", help="PREFIX.key and PREFIX.pub."
)
def generate(prefix: str) -> int:
    """Write PREFIX.key (encrypted, cosign's format) and PREFIX.pub.

    The password comes from COSIGN_PASSWORD, or is asked for on a terminal. Existing files are never overwritten.
    """
    from pathlib import Path

    from gate.sign import keyfile

    password = os.environ.get("COSIGN_PASSWORD")
    if password is None:
        password = click.prompt("Password for the private key", hide_input=True, confirmation_prompt=True, default="", err=True)
    private, public = keyfile.generate(password.encode())
    private_path, public_path = keyfile.write_pair(Path(prefix), private, public)
    click.echo(f"{private_path}  private key, encrypted; keep it secret\n{public_path}  public key")
    return 0


@command.command("show")
@click.argument("key", metavar="KEY")
def show(key: str) -> int:
    """Print the digest and the type of a public key (PEM)."""
    from gate.cli.files import read_bounded
    from gate.trust.keys import load_public_key

    public = load_public_key(read_bounded(key, 64 * 1024, "key"))
    click.echo(f"{public.key_id}  {type(public.key).__name__.removeprefix('_')}")
    return 0
