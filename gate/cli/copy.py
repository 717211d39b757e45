"""``gate copy``: an image with everything attached to it, from one place to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import click

if TYPE_CHECKING:
    from gate.oci.layout import LayoutSource
    from gate.oci.media import Descriptor
    from gate.oci.registry import RegistrySource

    Source: TypeAlias = RegistrySource | LayoutSource


@click.command("copy", context_settings={"max_content_width": 120})
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="DST")
@click.option("--image-only", is_flag=True, help="Leave signatures and attestations behind.")
@click.option("--plain-http", is_flag=True, help="Talk to the registries without TLS.")
@click.option("--ca-file", metavar="PEM", help="Further certificate authorities for the registries.")
@click.option("--quiet", is_flag=True, help="No progress on standard error.")
def command(source: str, target: str, image_only: bool, plain_http: bool, ca_file: str | None, quiet: bool) -> int:
    """Copy an image with its platforms, signatures and attestations.

    SRC and DST are registry references, or image layouts (oci:DIR[:TAG]); SRC may also be an OCI archive. Blobs stream
    through, checked by digest, a few at a time. What the target has is not sent again, so a copy that was broken off is taken
    up by running it again. The tag is set last: whoever pulls by it finds the signatures too.

    \b
    Copied are referrers (and what refers to them), and cosign's tags sha256-….sig, .att and .sbom. In a registry without the
    referrers API the fallback tag sha256-… is kept. What is listed as attached, and by its own word is not, is left out.

    \b
    Examples:
      gate copy registry.example/app:1.4 mirror.example/app:1.4
      gate copy registry.example/app@sha256:… oci:app-1.4          take it through an air gap
      gate copy oci:app-1.4 registry.inside/app:1.4
    """
    return run(source, target, attached=not image_only, plain_http=plain_http, ca_file=ca_file, quiet=quiet)


def run(
    source: str,
    target: str,
    *,
    attached: bool,
    plain_http: bool,
    ca_file: str | None,
    quiet: bool,
    may: Callable[[Source, Descriptor], bool] = lambda origin, root: True,
) -> int:
    """Copies, and says on standard output what was copied; the first line is ``NAME@DIGEST``.

    What ``may`` was asked about is what is copied: a tag or layout that changes meanwhile does not matter. 1 when it says no.
    """
    import contextlib

    from gate.cli.messages import progress, warn
    from gate.cli.plan import registry_options
    from gate.limits import Limits
    from gate.oci.copy import copy
    from gate.oci.target import open_origin, open_target
    from gate.report.escape import escape

    limits = Limits.from_environment()
    registry = registry_options({"plain_http": plain_http, "ca_file": ca_file})
    with contextlib.ExitStack() as stack:
        stack.callback(registry.close)
        origin = stack.enter_context(contextlib.closing(open_origin(source, registry, limits)))
        root = origin.resolve()
        if not may(origin, root):
            return 1
        place, tag, name = open_target(target, registry, limits, origin=origin)
        with progress(f"copying {source}", quiet=quiet):
            done = copy(origin, root, place, tag, attached=attached)
    for text in done.left_out:
        warn(f"left out: {text}")
    click.echo(f"{escape(name)}@{done.digest}")
    megabytes = done.bytes_sent / 1_000_000
    click.echo(
        f"  {done.manifests} manifests and {done.blobs_sent} blobs sent ({megabytes:.1f} MB), {done.blobs_there} blobs were there"
    )
    if attached:
        tags = f", {len(done.legacy_tags)} legacy tags" if done.legacy_tags else ""
        click.echo(f"  attached: {done.referrers} referrers{tags}")
    return 0
