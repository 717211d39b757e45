"""Options of the commands that sign and push."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gate.cli.options import F

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gate.oci.target import Place
    from gate.sign.interface import Signer

KEY_HELP = "cosign.key, PEM file, env://VAR, a key service or keyless (docs/keys.md); password in COSIGN_PASSWORD."


def signing_options(function: F) -> F:
    """``--key``, how registries are reached, and legacy tags."""
    for option in (
        click.option("--ca-file", metavar="PEM", help="Further certificate authorities for the registry."),
        click.option("--plain-http", is_flag=True, help="Talk to the registry without TLS."),
        click.option("--legacy-tags", is_flag=True, help="Also write cosign 2's tags sha256-….sig or .att, for old verifiers."),
        click.option("--key", required=True, metavar="KEY", help=KEY_HELP),
    ):
        function = option(function)
    return function


def split_annotations(values: tuple[str, ...]) -> dict[str, str]:
    """``KEY=VALUE`` texts; raises BadParameter."""
    found: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name or name in found:
            raise click.BadParameter(f"{value!r} is not KEY=VALUE, or the key is there twice", param_hint="--annotation")
        found[name] = text
    return found


def legacy_signature(place: Place, signer: Signer, digest: str, annotations: Mapping[str, str]) -> None:
    """Adds a signature under the tag ``sha256-….sig``; raises UsageError for a keyless signer."""
    import base64

    from gate.attest.signature import simple_signing
    from gate.errors import UsageError
    from gate.oci.attachments import SIMPLE_SIGNING
    from gate.sign.interface import BundleSigner

    if isinstance(signer, BundleSigner):
        raise UsageError("--legacy-tags is for keys", why="a keyless signature lives in its bundle", fix="drop --legacy-tags")
    payload = simple_signing(digest, place.repository, annotations)
    hints = {"dev.cosignproject.cosign/signature": base64.b64encode(signer.sign(payload)).decode()}
    place.legacy(digest, "sig", [(SIMPLE_SIGNING, payload, hints)])


def children_of(place: Place, recursive: bool, limits: Any) -> list[Any]:
    """The descriptors to sign: the image, and with ``recursive`` every manifest of an index, as cosign has it."""
    from gate.oci.media import manifest

    if not recursive:
        return [place.subject]
    data = place.source.manifest(place.subject.digest)
    return [place.subject, *manifest(data, place.subject.digest, limits).children]
