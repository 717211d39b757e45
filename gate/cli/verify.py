"""``gate verify``: parse the flags, call the pipeline, render. Every policy flag is a shorthand for a parameter."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import click

from gate.cli.options import OUTPUT_HELP, F, Output, color_option, parse_outputs

HELP = """Decide whether each SUBJECT may ship.

\b
A SUBJECT is
  registry.example/app:1.4          a registry reference; the tag is resolved once
  registry.example/app@sha256:…     the same, by digest
  oci:DIR[:TAG|@DIGEST]             an OCI image layout
  image.tar                         an OCI archive or the output of docker save
  sha256:…                          a bare digest, with --evidence files

\b
Without a policy file or a profile the bundle's prod profile decides: no critical and at most 4 high
vulnerabilities, nothing known to be exploited, an SBOM with every dependency identified, signature and
provenance there and verified.

\b
Examples:
  gate verify registry.example/app:1.4 --key cosign.pub
  gate verify oci:build/image --evidence grype.json --evidence sbom.cdx.json --profile dev
  gate verify IMAGE --certificate-identity https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main \\
      --certificate-oidc-issuer https://token.actions.githubusercontent.com --trusted-root trusted_root.json
  gate verify IMAGE --policy-file security-policy.yaml --output text --output sarif=gate.sarif
  gate verify IMAGE --fail-on-stig 2 --scan stig --output cklb=app.cklb
"""

EPILOG = "Exit codes: 0 ALLOW, 1 DENY, 2 usage or policy, 3 NO VERDICT, 4 bug. They do not depend on the output format."


_SCANNERS = ("grype", "stig")


def _number(flag: str, name: str, text: str) -> Callable[[F], F]:
    return click.option(flag, name, type=click.IntRange(min=0), metavar="N", help=text)


class _Command(click.Command):
    """``--scan`` takes a scanner's name, or none: what follows it is a subject unless it is such a name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        named: list[str] = []
        for place, arg in enumerate(args):
            after = args[place + 1] if place + 1 < end else ""
            bare = arg == "--scan" and place < end and after not in _SCANNERS
            named.append("--scan=grype" if bare else arg)
        return super().parse_args(ctx, named)


@click.command("verify", cls=_Command, help=HELP, epilog=EPILOG, context_settings={"max_content_width": 120})
@click.argument("subjects", nargs=-1, metavar="SUBJECT...")
@click.option("--image", "images", multiple=True, metavar="SUBJECT", help="The same as SUBJECT.")
@click.option("--platform", "platforms", multiple=True, metavar="OS/ARCH", help="Only these platforms of an index.")
@click.option("--policy-file", metavar="FILE", help="A gate.policy/v1 file, such as security-policy.yaml.")
@click.option("--environment", metavar="NAME", help="Environment of the policy file.")
@click.option("--profile", metavar="dev|prod|PATH", help="Profile of the bundle, or a profile file.")
@click.option("--bundle", "bundles", multiple=True, metavar="PATH[@sha256:…]", help="A further policy pack. Repeatable.")
@click.option("--require-signature", is_flag=True, default=None, help="A verified signature on the image itself.")
@click.option("--require-sbom", is_flag=True, default=None, help="An accepted SBOM.")
@click.option("--require-provenance", is_flag=True, default=None, help="Verified SLSA provenance.")
@_number("--max-critical", "max_critical", "At most N critical vulnerabilities.")
@_number("--max-high", "max_high", "At most N high vulnerabilities.")
@_number("--max-vulnerabilities", "max_vulnerabilities", "At most N vulnerabilities in all.")
@click.option("--fail-on-fips-issues", is_flag=True, default=None, help="Deny on FIPS findings.")
@click.option("--fail-on-stig", metavar="CAT", type=click.Choice(["1", "2", "3"]), help="Deny on STIG findings of CAT or worse.")
@click.option("--param", "params", multiple=True, metavar="NAME=JSON", help="Any parameter, by name. Repeatable.")
@click.option("--waivers", multiple=True, metavar="PATH", help="A gate.waivers/v1 file. Repeatable.")
@click.option(
    "--vex",
    multiple=True,
    metavar="PATH",
    help="OpenVEX, CSAF or CycloneDX VEX (also .gz, .xz), a folder or a VEX repository. Repeatable.",
)
@click.option("--evidence", multiple=True, metavar="FILE", help="A report, SBOM, bundle or attestation. Repeatable.")
@click.option(
    "--scan",
    multiple=True,
    metavar="[grype|stig]",
    type=click.Choice(_SCANNERS),
    help="Run a scanner on the subject's digest: grype, also when none is named, or oscap for `stig`. Repeatable.",
)
@click.option("--stig-content", metavar="FILE", help="SCAP content for --scan stig; default the SSG's for the distribution.")
@click.option("--stig-profile", metavar="ID", help="Profile of that content; default its STIG, else its standard profile.")
@click.option("--inspect", is_flag=True, help="Read the image's files too: facts for rules of your own, in input.filesystem.")
@click.option("--grype-db", metavar="PATH", help="A grype database to use instead of the one that grype keeps.")
@click.option("--epss", metavar="FILE", help="EPSS scores (CSV), for findings without one.")
@click.option("--kev", metavar="FILE", help="CISA's KEV catalogue (JSON).")
@click.option("--key", "keys", multiple=True, metavar="PEM", help="Public key that signs evidence. Repeatable.")
@click.option("--certificate-identity", metavar="IDENTITY", help="Exact identity of a keyless signer.")
@click.option("--certificate-identity-regexp", metavar="REGEXP", help="The same as a pattern; it must match as a whole.")
@click.option("--certificate-oidc-issuer", metavar="URL", help="Issuer of that identity.")
@click.option("--trusted-root", metavar="FILE", help="Sigstore trusted root that keyless signatures are checked with.")
@click.option("--offline", is_flag=True, help="Open no socket: layouts, archives and digests only.")
@click.option("--plain-http", is_flag=True, help="Talk to the registry without TLS.")
@click.option("--ca-file", metavar="PEM", help="Further certificate authorities for the registry.")
@click.option("--effective-time", metavar="RFC3339", help="Decide as of then; never gives a PASSED summary.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 on DENY; recorded, and never a PASSED summary.")
@click.option("--output", "outputs", multiple=True, metavar="FORMAT[=PATH]", help=OUTPUT_HELP)
@click.option(
    "--attest", is_flag=True, help="Sign a verification summary (VSA), the findings and the SBOMs of each decided image."
)
@click.option("--sign-key", metavar="KEY", help="Key file, env://VAR, or key service URI (`gate keys --help`).")
@click.option("--verifier-id", metavar="URI", help="Who you are, as the summary says it.")
@click.option("--resource-uri", metavar="URI", help="The image's name in the summary; default from the reference.")
@click.option("--attest-dir", metavar="DIR", default=".", show_default=True, help="Where summaries are written.")
@click.option("--push", is_flag=True, help="Put what --attest signed beside the image; without it, gate push does so later.")
@click.option("--push-denied", is_flag=True, help="Push for a denied image too; recorded in the store.")
@click.option("--store", metavar="DIR|oci://REPO", help="Where verdicts are kept; default $GATE_STORE or your data folder.")
@click.option(
    "--deadlines", multiple=True, metavar="NAME", help="fedramp, pci-dss, bod-26-04, bod-22-01: days to fix. Repeatable."
)
@click.option("--history", metavar="FILE", help="When findings were first seen; read and kept. With --store it is kept there.")
@click.option("--dotenv", metavar="FILE", help="Write GATE_DIGEST, GATE_VERDICT and GATE_RECORD for the next step.")
@click.option("--verbose", is_flag=True, help="Every result, every rule.")
@click.option("--quiet", is_flag=True, help="No progress on standard error.")
@color_option
def command(**options: Any) -> int:
    from gate.errors import UsageError
    from gate.limits import Limits

    if options["dotenv"]:
        from gate.cli.files import forget
        from gate.cli.stores import keep_outside, local_path

        keep_outside([options["dotenv"]], local_path(options["store"]))
        forget(options["dotenv"])
    if not options["subjects"] and not options["images"]:
        raise UsageError("nothing to verify", fix="name an image: gate verify registry.example/app:1.4")
    outputs = parse_outputs(options["outputs"]) or (Output("text", None),)
    limits = Limits.from_environment()
    from gate.cli.start import start

    with contextlib.ExitStack() as stack:
        engine = start(options, limits, stack)
        from gate.cli.run import run  # now, not before: OPA works while this is imported

        return run(options, outputs, limits, engine)
