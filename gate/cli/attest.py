"""``gate attest``: sign a statement about an image."""

from __future__ import annotations

import click

from gate.cli.signer_options import signing_options


@click.command("attest", context_settings={"max_content_width": 120})
@click.argument("subject", metavar="SUBJECT")
@click.option("--type", "kind", required=True, metavar="TYPE", help="A name from the list above, or a URI.")
@click.option("--predicate", required=True, metavar="FILE", help="The document; - is standard input.")
@click.option("--predicate-schema", metavar="FILE", help="JSON Schema that the document must satisfy (extra: schema).")
@signing_options
@click.option("--push", is_flag=True, help="Push it beside the image at once.")
@click.option("--output", metavar="FILE", help="Also write the bundle to a file; - is standard output.")
@click.option("--store", metavar="DIR", help="Where it waits for `gate push`; default $GATE_STORE or ~/.local/share/policy-gate.")
def command(
    subject: str,
    kind: str,
    predicate: str,
    predicate_schema: str | None,
    key: str,
    legacy_tags: bool,
    plain_http: bool,
    ca_file: str | None,
    push: bool,
    output: str | None,
    store: str | None,
) -> int:
    """Sign a statement (in-toto v1) about an image.

    \b
    TYPE is one of
      slsaprovenance1  slsaprovenance02  spdx  cyclonedx  vuln  vulns  openvex  test-result  svr  link
      custom           anything, wrapped as `cosign attest --type custom` does
      a URI            your own; policies see the predicate as input.attestations[]

    The document keeps its own bytes inside the statement, and must be of the type that it is signed as. With --push the bundle
    hangs on the image at once; without, it waits in the store until `gate push`. Into a layout (oci:DIR) it goes at once.

    \b
    Examples:
      gate attest registry.example/app:1.4 --type cyclonedx --predicate sbom.cdx.json --key gate.key --push
      gate attest registry.example/app@sha256:… --type https://acme.example/review/v1 --predicate review.json \\
          --predicate-schema review.schema.json --key gate.key --push
    """
    import contextlib
    import os
    from pathlib import Path

    from gate.attest import statement
    from gate.attest.types import check_schema, find_type, predicate_of
    from gate.audit.outbox import Outbox, entry_of
    from gate.cli.files import emit, read_bounded, write_atomically
    from gate.cli.options import store_path
    from gate.cli.plan import registry_options
    from gate.errors import UsageError
    from gate.limits import Limits
    from gate.oci.strict import parse_json
    from gate.oci.target import open_place
    from gate.publish import bundle_referrer, dsse_layer, now
    from gate.report.escape import escape
    from gate.sign.bundle import INTOTO_PAYLOAD_TYPE, write_bundle
    from gate.sign.signer import open_signer

    limits, chosen = Limits.from_environment(), find_type(kind)
    data = read_bounded(predicate, limits.bundle_bytes // 2, "predicate").strip()
    plain_text = chosen.name == "custom" and not predicate_schema
    value = None if plain_text else parse_json(data, f"predicate {predicate}", limits)
    if predicate_schema:
        schema = parse_json(read_bounded(predicate_schema, limits.policy_file_bytes, "schema"), predicate_schema, limits)
        check_schema(value, schema)
    try:
        body = predicate_of(chosen, data, value, now=now())
    except UnicodeDecodeError:
        raise UsageError(f"predicate {predicate} is not UTF-8 text", fix="encode it, for example in base64") from None
    registry = registry_options({"plain_http": plain_http, "ca_file": ca_file})
    with contextlib.ExitStack() as stack:
        stack.callback(registry.close)
        signer = open_signer(key, os.environ)
        place = open_place(subject, registry, limits)
        stack.callback(place.source.close)
        if legacy_tags and not push:
            raise UsageError("--legacy-tags without --push", why="the store keeps bundles", fix="add --push")
        about = place.subject
        signed = statement.make([statement.subject_of(place.source.name, about.digest)], chosen.uri, body)
        bundle = write_bundle(signed, INTOTO_PAYLOAD_TYPE, signer)
        item = bundle_referrer(about, bundle, chosen.uri, now())
        if output and output != "-":
            write_atomically(output, bundle)
        if push or not place.repository:
            place.attach([item])
            if legacy_tags:
                place.legacy(about.digest, "att", [dsse_layer(bundle, chosen.uri)])
            done = f"attested, referrer {item.digest}"
        else:
            path = Path(store_path(store))
            entry = entry_of(
                item,
                repository=place.repository,
                name=chosen.name,
                predicate_type=chosen.uri,
                decision="",
                outcome="",
                kept=now(),
            )
            Outbox(path, limits).keep(item, entry)
            done = f"attested; it waits in {path} (gate push)"
    if output == "-":
        emit(bundle + b"\n")
    else:
        click.echo(f"{escape(place.source.name)}@{about.digest}  {escape(chosen.uri)} {done}")
    return 0
