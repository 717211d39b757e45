"""``gate verify-vsa``: what a deploy step runs. Milliseconds, no policy, no OPA."""

from __future__ import annotations

import click

from gate.cli.options import Hours


@click.command("verify-vsa", context_settings={"max_content_width": 120})
@click.argument("file", metavar="FILE")
@click.option("--digest", required=True, metavar="sha256:…", help="Digest of the image about to run.")
@click.option("--verifier-id", required=True, metavar="URI", help="Whose summary counts; paired with the key.")
@click.option("--resource-uri", required=True, metavar="URI", help="The image's name, as the summary must say it.")
@click.option(
    "--policy-digest", required=True, metavar="sha256:…", help="The policy that it must have passed (`policy` in the report)."
)
@click.option("--max-age", required=True, metavar="HOURS", type=Hours(), help="Oldest summary that counts.")
@click.option("--level", "levels", multiple=True, metavar="LEVEL", help="A verified level that must be claimed. Repeatable.")
@click.option("--key", "keys", multiple=True, metavar="PEM", help="Public key of the verifier. Repeatable.")
@click.option("--certificate-identity", metavar="IDENTITY", help="Exact identity of a keyless verifier.")
@click.option("--certificate-identity-regexp", metavar="REGEXP", help="The same as a pattern; it must match as a whole.")
@click.option("--certificate-oidc-issuer", metavar="URL", help="Issuer of that identity.")
@click.option("--trusted-root", metavar="FILE", help="Sigstore trusted root that keyless signatures are checked with.")
def command(
    file: str,
    digest: str,
    verifier_id: str,
    resource_uri: str,
    policy_digest: str,
    max_age: float,
    levels: tuple[str, ...],
    keys: tuple[str, ...],
    certificate_identity: str | None,
    certificate_identity_regexp: str | None,
    certificate_oidc_issuer: str | None,
    trusted_root: str | None,
) -> int:
    """Check a signed verification summary (Sigstore bundle or DSSE) before a deploy.

    Every option is a demand; there is no default that could be left out by mistake. Exit code 0 when all hold, 1 when one
    does not or the file holds no summary, 2 for a flag or path that cannot be used, 3 for a form or size that is not read.

    \b
    Example:
      gate verify-vsa app.vsa.sigstore.json --key gate.pub --digest sha256:… --verifier-id https://your.org/gate \\
          --resource-uri oci://registry.example/app --policy-digest sha256:… --max-age 24
    """
    import datetime

    from gate.attest.vsa_verify import verify_vsa
    from gate.cli.files import read_bounded
    from gate.cli.messages import complain
    from gate.cli.trust import trust_from_flags
    from gate.errors import EvidenceInvalid, FormatRefused, LimitExceeded, UsageError
    from gate.limits import Limits
    from gate.report.escape import escape

    limits = Limits.from_environment()
    trust = trust_from_flags(
        keys=keys,
        identity=certificate_identity,
        identity_regexp=certificate_identity_regexp,
        issuer=certificate_oidc_issuer,
        trusted_root=trusted_root,
    )
    if not trust.entries:
        raise UsageError("nobody is trusted to have made the summary", fix="add --key gate.pub, or a certificate identity")
    try:
        found = verify_vsa(
            read_bounded(file, limits.bundle_bytes, "summary"),
            trust=trust,
            verifier_id=verifier_id,
            resource_uri=resource_uri,
            subject_digest=digest,
            policy_digest=policy_digest,
            max_age_s=int(max_age * 3600),
            now=datetime.datetime.now(datetime.UTC),
            levels=levels,
            limits=limits,
        )
    except (FormatRefused, LimitExceeded):
        raise
    except EvidenceInvalid as error:
        complain(error.what, why=error.why, fix=error.fix)
        return 1
    click.echo(f"PASSED  {found.subject_digest}")
    click.echo(f"  {escape(found.resource_uri)}, verified {escape(found.time_verified)} by {escape(found.verifier_id)}")
    click.echo(f"  levels: {', '.join(map(escape, found.levels))}; policy {found.policy_digest}")
    return 0
