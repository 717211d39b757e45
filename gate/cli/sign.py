"""``gate sign``: resolve, sign, put the signature beside the image."""

from __future__ import annotations

import click

from gate.cli.signer_options import signing_options


@click.command("sign", context_settings={"max_content_width": 120})
@click.argument("image", metavar="IMAGE")
@signing_options
@click.option("-a", "--annotation", "annotations", multiple=True, metavar="KEY=VALUE", help="Said in the signed statement.")
@click.option("--recursive", is_flag=True, help="Of an index, sign every manifest too.")
def command(
    image: str, key: str, legacy_tags: bool, plain_http: bool, ca_file: str | None, annotations: tuple[str, ...], recursive: bool
) -> int:
    """Sign an image.

    A tag is resolved once; what is signed is the digest. The signature is a Sigstore bundle and hangs on the image as an OCI 1.1
    referrer, or under the fallback tag where the registry has no referrers API: `gate verify` and `cosign verify` find it there.
    IMAGE may be an image layout (oci:DIR): `gate push` or `gate copy` then takes the signature along. A `docker save` tarball
    is refused: it has no digest that a registry would know yet.

    \b
    Examples:
      gate keys generate && gate sign registry.example/app:1.4 --key gate.key
      gate sign oci:build/image --key gate.key && gate push oci:build/image registry.example/app:1.4
      gate sign registry.example/app@sha256:… --key awskms:///alias/release
    """
    import contextlib
    import os

    from gate.attest.signature import signature_statement
    from gate.attest.types import SIGN
    from gate.cli.plan import registry_options
    from gate.cli.signer_options import children_of, legacy_signature, split_annotations
    from gate.limits import Limits
    from gate.oci.target import open_place
    from gate.publish import bundle_referrer, now
    from gate.report.escape import escape
    from gate.sign.bundle import INTOTO_PAYLOAD_TYPE, write_bundle
    from gate.sign.interface import BundleSigner
    from gate.sign.signer import open_signer

    limits, said = Limits.from_environment(), split_annotations(annotations)
    registry = registry_options({"plain_http": plain_http, "ca_file": ca_file})
    with contextlib.ExitStack() as stack:
        stack.callback(registry.close)
        signer = open_signer(key, os.environ)
        place = open_place(image, registry, limits)
        stack.callback(place.source.close)
        for subject in children_of(place, recursive, limits):
            statement = signature_statement(subject.digest, said, named=isinstance(signer, BundleSigner))
            bundle = write_bundle(statement, INTOTO_PAYLOAD_TYPE, signer)
            item = bundle_referrer(subject, bundle, SIGN, now())
            place.attach([item])
            if legacy_tags:
                legacy_signature(place, signer, subject.digest, said)
            click.echo(f"{escape(place.source.name)}@{subject.digest}  signed, referrer {item.digest}")
    return 0
