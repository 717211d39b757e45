"""``gate export``: the admission policy that lets into a cluster what the gate lets out of CI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gate.cli.options import F, Hours

if TYPE_CHECKING:
    from gate.export.demands import Demands, Rendered
    from gate.limits import Limits


@click.group("export")
def command() -> None:
    """Make the admission policy that demands our verification summary, for a cluster."""


def _demands(function: F) -> F:
    for option in (
        click.option("--output", metavar="FILE", help="Default: standard output."),
        click.option("--name", default="policy-gate", show_default=True, help="Of the object in the cluster."),
        click.option(
            "--trusted-root", metavar="FILE", help="Sigstore trusted root of that identity, to check that it can be read."
        ),
        click.option("--certificate-oidc-issuer", metavar="URL", help="Issuer of that identity."),
        click.option("--certificate-identity-regexp", metavar="REGEXP", help="The same as a pattern; it must match as a whole."),
        click.option("--certificate-identity", metavar="IDENTITY", help="Exact identity of a keyless verifier."),
        click.option("--key", "keys", multiple=True, metavar="PEM", help="Public key of the verifier. Repeatable."),
        click.option(
            "--level", "levels", multiple=True, metavar="LEVEL", help="A verified level that must be claimed. Repeatable."
        ),
        click.option(
            "--max-age",
            required=True,
            metavar="HOURS",
            type=Hours(),
            help="Oldest summary that counts.",
        ),
        click.option("--verifier-id", required=True, metavar="URI", help="Whose summary counts; paired with the key."),
        click.option("--resource-uri", metavar="URI", help="The image's name in the summary; default oci://REPOSITORY."),
        click.option("--repository", required=True, metavar="NAME", help="The images it is about: registry.example/shop/app."),
        click.option("--waivers", multiple=True, metavar="PATH", help="A gate.waivers/v1 file that CI uses. Repeatable."),
        click.option("--param", "params", multiple=True, metavar="NAME=JSON", help="A parameter that CI sets. Repeatable."),
        click.option("--bundle", "bundles", multiple=True, metavar="PATH[@sha256:…]", help="A further policy pack that CI uses."),
        click.option("--profile", metavar="dev|prod|PATH", help="Profile that CI uses."),
        click.option("--environment", metavar="NAME", help="Environment of the policy file."),
        click.option("--policy-file", metavar="FILE", help="The policy file that CI uses; its digest is worked out."),
        click.option("--policy-digest", metavar="sha256:…", help="Instead of the policy file: `policy` in a report."),
    ):
        function = option(function)
    return function


@command.command("kyverno", context_settings={"max_content_width": 120})
@_demands
def kyverno(**options: Any) -> int:
    """A Kyverno ClusterPolicy that verifies images by our summary.

    What Kyverno cannot check, or checks in another way than the gate, is said on standard error.

    \b
    Example:
      gate export kyverno --policy-file security-policy.yaml --environment prod --key gate.pub \\
          --verifier-id https://acme.example/gate --repository registry.example/shop/app --max-age 24
    """
    from gate.export.kyverno import render

    return _write(options, lambda demands, header: render(demands, header))


@command.command("policy-controller", context_settings={"max_content_width": 120})
@_demands
def policy_controller(**options: Any) -> int:
    """A ClusterImagePolicy for Sigstore's policy-controller, with the demands in Rego.

    \b
    Example:
      gate export policy-controller --policy-file security-policy.yaml --environment prod --key gate.pub \\
          --verifier-id https://acme.example/gate --repository registry.example/shop/app --max-age 24
    """
    from gate.export.policy_controller import render

    return _write(options, lambda demands, header: render(demands, header))


@command.command("gatekeeper", context_settings={"max_content_width": 120})
@_demands
@click.option("--provider", metavar="NAME", help="External data provider that verifies summaries (needed).")
def gatekeeper(**options: Any) -> int:
    """A ConstraintTemplate and constraint for Gatekeeper, which needs an external data provider to read attestations.

    \b
    Example:
      gate export gatekeeper --provider summaries --policy-file security-policy.yaml --environment prod --key gate.pub \\
          --verifier-id https://acme.example/gate --repository registry.example/shop/app --max-age 24
    """
    from gate.export.gatekeeper import render

    return _write(options, lambda demands, header: render(demands, header, options["provider"] or ""))


def _write(options: dict[str, Any], render: Any) -> int:
    from gate import __version__
    from gate.cli.files import emit, write_atomically
    from gate.cli.messages import warn
    from gate.limits import Limits

    demands = _read(options, Limits.from_environment())
    header = (
        f"Made by gate {__version__} export. Admits {demands.repository} only with a verification summary of\n"
        f"{demands.verifier_id} for policy {demands.policy_digest}.\n"
        "Make it again when the policy changes: CI and cluster then cannot drift apart."
    )
    made: Rendered = render(demands, header)
    for note in made.notes:
        warn(note)
    if options["output"] and options["output"] != "-":
        write_atomically(options["output"], made.text.encode())
    else:
        emit(made.text.encode())
    return 0


def _read(options: dict[str, Any], limits: Limits) -> Demands:
    """The demands. Raises UsageError and ConfigError."""
    from gate.cli.trust import trust_from_flags
    from gate.export.demands import Demands, Identity

    trust = trust_from_flags(
        keys=options["keys"],
        identity=options["certificate_identity"],
        identity_regexp=options["certificate_identity_regexp"],
        issuer=options["certificate_oidc_issuer"],
        trusted_root=options["trusted_root"],
    )
    identities = tuple(Identity(rule.identity, rule.issuer, rule.regexp) for entry in trust.entries for rule in entry.identities)
    return Demands(
        name=options["name"],
        repository=options["repository"],
        # as the gate read them: a file may hold more than the one key that it takes
        keys=tuple(key.pem.decode() for entry in trust.entries for key in entry.keys),
        identities=identities,
        verifier_id=options["verifier_id"],
        resource_uri=options["resource_uri"] or f"oci://{options['repository']}",
        policy_digest=_policy_digest(options, limits),
        max_age_s=int(options["max_age"] * 3600),
        levels=options["levels"],
    )


def _policy_digest(options: dict[str, Any], limits: Limits) -> str:
    """The digest that CI's summaries carry: the same files and flags, worked out in the same way."""
    import contextlib

    from gate.attest.policy_digest import policy_digest
    from gate.cli.plan import prepare
    from gate.errors import UsageError

    given: str | None = options["policy_digest"]
    chosen = ("policy_file", "environment", "profile", "bundles", "params", "waivers")
    if given:
        if any(options[name] for name in chosen):
            raise UsageError("--policy-digest together with a policy", fix="give one of them")
        return given
    if not options["policy_file"] and not options["profile"]:
        raise UsageError(
            "neither a policy nor its digest is given",
            why="a summary that passed any policy at all says nothing",
            fix="add --policy-file security-policy.yaml, or --policy-digest from a report",
        )
    with contextlib.ExitStack() as stack:
        wanted = {name: options[name] for name in chosen}
        prepared = prepare(wanted, limits, stack)
        prepared.plan.engine.check()
        return policy_digest(prepared.plan.decision, prepared.policy.digests, trust=prepared.plan.trust.digest)
