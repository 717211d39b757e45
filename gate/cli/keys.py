"""``gate keys``: make signing keys, look at them, keep their public halves, notice when they change."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gate.sign.interface import Signer
    from gate.sign.service import ServiceSigner

_KEY_BYTES = 64 * 1024
_SHOWN_VERSIONS = 32


@click.group("keys")
def command() -> None:
    """Make signing keys, show them, pin their public halves.

    \b
    A key is named by a path or a URI, as cosign does (docs/keys.md has a command for each):
      gate.key, cosign.key, key.pem       a key file; password in COSIGN_PASSWORD
      env://NAME                          the text of one, in a variable
      awskms:///alias/NAME                AWS KMS                    pip install policy-gate[aws]
      gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K        pip install policy-gate[gcp]
      azurekms://VAULT.vault.azure.net/K  Azure Key Vault            pip install policy-gate[azure]
      hashivault://NAME, openbao://NAME   Vault, OpenBao (transit)
      pkcs11:token=T;object=LABEL         a hardware module          pip install policy-gate[pkcs11]
      keyless://                          the CI job's identity      pip install policy-gate[keyless]

    \b
    Examples:
      gate keys generate
      gate keys generate --kms openbao://gate
      gate keys pin awskms:///alias/gate --output gate.pub
      gate keys rotate-check awskms:///alias/gate --pinned gate.pub
    """


@command.command("generate")
@click.option(
    "--output-key-prefix", "prefix", default="gate", show_default=True, metavar="PATH", help="PREFIX.key and PREFIX.pub."
)
@click.option("--kms", metavar="URI", help="Make the key there; only PREFIX.pub is written.")
def generate(prefix: str, kms: str | None) -> int:
    """Make a key: PREFIX.key (encrypted, cosign's format) and PREFIX.pub, or with --kms one that never leaves its service.

    The password comes from COSIGN_PASSWORD, or is asked for on a terminal. Nothing that exists is overwritten. Keys are
    ECDSA P-256.

    \b
    Examples:
      gate keys generate --output-key-prefix release-2027
      gate keys generate --kms hashivault://gate
      gate keys generate --kms 'pkcs11:token=release;object=gate'
    """
    from pathlib import Path

    from gate.errors import UsageError
    from gate.sign import keyfile

    if kms is not None:
        return _generate_there(kms, prefix)
    password = os.environ.get("COSIGN_PASSWORD")
    if password is None and not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask for the key's password",
            fix="put it into COSIGN_PASSWORD; COSIGN_PASSWORD= is none, where the folder itself is the secret",
        )
    if password is None:
        password = click.prompt("Password for the private key", hide_input=True, confirmation_prompt=True, default="", err=True)
    private, public = keyfile.generate(password.encode())
    private_path, public_path = keyfile.write_pair(Path(prefix), private, public)
    click.echo(f"{private_path}  private key, encrypted; keep it secret\n{public_path}  public key")
    return 0


def _generate_there(uri: str, prefix: str) -> int:
    from pathlib import Path

    from gate.errors import UsageError
    from gate.report.escape import escape
    from gate.sign.service import redact
    from gate.sign.signer import SERVICES, open_service, open_signer, scheme_of

    if scheme_of(uri) not in SERVICES:
        raise UsageError(
            f"--kms {redact(uri)}: no key can be made there",
            why=f"keys are made in files (without --kms), or in a service: {', '.join(SERVICES)}",
            fix="leave --kms out, or name a key as in `gate keys --help`",
        )
    service = open_service(uri, os.environ)
    path = f"{prefix}.pub"
    if Path(path).exists():  # before a key is made that nobody would have the public half of
        raise UsageError(f"{path} exists", fix="choose another --output-key-prefix, or move the old file away")
    service.create()
    signer = open_signer(uri, os.environ)
    _write_public(path, signer.public_key.pem)
    click.echo(f"{escape(service.name)}  made; {signer.public_key.kind}\n{path}  public key")
    return 0


@command.command("show")
@click.argument("key", metavar="KEY")
def show(key: str) -> int:
    """Print digest, kind and version of a key: a public key (PEM), a private key file, or the URI of a key service.

    \b
    Examples:
      gate keys show gate.pub
      gate keys show gcpkms://projects/p/locations/global/keyRings/r/cryptoKeys/gate
    """
    public = _public_file(key)
    if public is not None:
        click.echo(f"{public[0]}  {public[1]}")
        return 0
    signer = _open(key)
    versions = _versions(signer)
    click.echo(f"{signer.public_key.key_id}  {signer.public_key.kind}{f'  {versions}' if versions else ''}")
    return 0


@command.command("pin")
@click.argument("key", metavar="KEY")
@click.option("--output", required=True, metavar="FILE", help="Where the public key goes, as PEM.")
def pin(key: str, output: str) -> int:
    """Export the public half of a key once, so that it can be verified with where the key service is not.

    What verifies later (`gate verify-vsa --key FILE`, cosign) uses this file alone and never asks the service. A file that
    holds another key is never overwritten; `rotate-check` says what happened.

    \b
    Example:
      gate keys pin azurekms://acme.vault.azure.net/gate --output gate.pub
    """
    from pathlib import Path

    from gate.errors import UsageError

    signer = _open(key)
    pem = signer.public_key.pem
    if Path(output).exists():
        if _pinned(output) != signer.public_key.key_id:
            raise UsageError(
                f"{output} exists and holds another key",
                why="a pin that is replaced silently pins nothing",
                fix=f"gate keys rotate-check KEY --pinned {output}; then write the new key beside the old one",
            )
    else:
        _write_public(output, pem)
    click.echo(f"{output}  {signer.public_key.key_id}  {signer.public_key.kind}")
    return 0


@command.command("rotate-check")
@click.argument("key", metavar="KEY")
@click.option("--pinned", required=True, metavar="FILE", help="The public key that was pinned.")
def rotate_check(key: str, pinned: str) -> int:
    """Say whether a key still is the one that was pinned: exit 0 when it is, 1 when another signs now, 3 when it cannot be asked.

    \b
    Example, for a nightly job:
      gate keys rotate-check hashivault://gate --pinned gate.pub
    """
    signer = _open(key)
    wanted = _pinned(pinned)
    versions = _versions(signer)
    told = f"  {versions}" if versions else ""
    if signer.public_key.key_id == wanted:
        click.echo(f"same     {wanted}{told}")
        return 0
    old = _version_of(signer, wanted)
    click.echo(f"rotated  pinned {wanted}{f' (version {old})' if old else ''}")
    click.echo(f"         now    {signer.public_key.key_id}{told}")
    click.echo("fix: pin the new key beside the old one (gate keys pin), and trust both until the last old signature is gone")
    return 1


def _open(key: str) -> Signer:
    from gate.sign.signer import open_signer

    return open_signer(key, os.environ)


def _public_file(path: str) -> tuple[str, str] | None:
    """Digest and kind of a public key; None for anything that is to be opened as a signing key."""
    from pathlib import Path

    from gate.cli.files import read_bounded
    from gate.sign.signer import scheme_of
    from gate.trust.keys import load_public_key

    if scheme_of(path) or not Path(path).is_file():
        return None
    data = read_bounded(path, _KEY_BYTES, "key")
    if b"PRIVATE KEY-----" in data:
        return None
    from gate.sign.publickey import kind_of

    public = load_public_key(data)
    return public.key_id, kind_of(public.key)


def _pinned(path: str) -> str:
    from gate.cli.files import read_bounded
    from gate.trust.keys import load_public_key

    return load_public_key(read_bounded(path, _KEY_BYTES, "pinned key")).key_id


def _versions(signer: Signer) -> str:
    from gate.report.escape import escape
    from gate.sign.service import ServiceSigner

    if not isinstance(signer, ServiceSigner) or not signer.info.version:
        return ""
    listed = _listed(signer)
    return escape(f"version {signer.info.version}" + (f" of {', '.join(listed)}" if len(listed) > 1 else ""))


def _listed(signer: ServiceSigner) -> tuple[str, ...]:
    """The versions, newest last; none where they cannot be listed, which signing and comparing need no right for."""
    from gate.errors import SigningError

    try:
        return signer.service.versions()[-_SHOWN_VERSIONS:]
    except SigningError as error:
        from gate.cli.messages import warn

        warn(error.what)
        return ()


def _version_of(signer: Signer, key_id: str) -> str:
    """The listed version with that digest, or nothing; the newest are looked at."""
    from gate.report.escape import escape
    from gate.sign.service import ServiceSigner

    if not isinstance(signer, ServiceSigner):
        return ""
    for version in _listed(signer)[::-1]:
        if signer.service.public_key(version).key_id == key_id:
            return escape(version)
    return ""


def _write_public(path: str, pem: bytes) -> None:
    from gate.cli.files import write_atomically

    write_atomically(path, pem)
