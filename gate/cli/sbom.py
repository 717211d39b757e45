"""``gate sbom generate``: syft on the subject's digest, with the gate's own configuration."""

from __future__ import annotations

import click


@click.group("sbom")
def command() -> None:
    """Make SBOMs."""


@command.command("generate")
@click.argument("subject")
@click.option("--output", "path", required=True, metavar="FILE", help="Where to write; - is standard output.")
@click.option("--format", "form", type=click.Choice(["cyclonedx", "spdx"]), default="cyclonedx", show_default=True)
@click.option("--platform", metavar="OS/ARCH", help="The platform of an index.")
@click.option("--plain-http", is_flag=True, help="Talk to the registry without TLS.")
@click.option("--quiet", is_flag=True, help="No progress on standard error.")
def generate(subject: str, path: str, form: str, platform: str | None, plain_http: bool, quiet: bool) -> int:
    """Run syft on SUBJECT's digest and write the SBOM.

    \b
    Example:
      gate sbom generate oci:build/image --output sbom.cdx.json
    """
    import contextlib
    import os

    from gate.cli.files import emit, write_atomically
    from gate.cli.messages import progress
    from gate.cli.plan import registry_options, scan_target
    from gate.cli.tools import find_tool
    from gate.errors import UsageError
    from gate.evidence.scan import run_syft
    from gate.limits import Limits
    from gate.oci.image import load
    from gate.oci.source import open_source

    limits = Limits.from_environment()
    registry = registry_options({"plain_http": plain_http})
    with contextlib.closing(registry), contextlib.closing(open_source(subject, options=registry, limits=limits)) as source:
        image = load(source, source.resolve(), (platform,) if platform else ())
        chosen = image.children or (image,)
        if len(chosen) > 1:
            names = ", ".join(str(child.subject.platform) for child in chosen)
            raise UsageError(f"{subject} is an index of {names}", fix="choose one with --platform")
        with progress(f"syft reads {chosen[0].subject.digest}", quiet=quiet):
            data = run_syft(
                scan_target(source, chosen[0].subject),
                digest=chosen[0].subject.digest,
                syft_path=find_tool("syft", os.environ),
                limits=limits,
                environ=os.environ,
                name=chosen[0].subject.name,
                output={"cyclonedx": "cyclonedx-json@1.6", "spdx": "spdx-json@2.3"}[form],
                plain_http=plain_http,
            )
    if path == "-":
        emit(data)
    else:
        write_atomically(path, data)
        click.echo(f"{path} written for {chosen[0].subject.digest}")
    return 0
