"""``gate attestations``: what is attached to an image, who signed it, and its bytes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from gate.cli.options import F

if TYPE_CHECKING:
    from gate.limits import Limits
    from gate.oci.attachments import Attachment, InventoryItem
    from gate.trust.entry import Trust
    from gate.trust.envelope import Envelope


@click.group("attestations")
def command() -> None:
    """List, verify and download what is attached to an image."""


def _common(function: F) -> F:
    for option in (
        click.option("--ca-file", metavar="PEM", help="Further certificate authorities for the registry."),
        click.option("--plain-http", is_flag=True, help="Talk to the registry without TLS."),
        click.option("--type", "kind", metavar="TYPE", help="Only this type: a name of `gate attest`, signature, or a URI."),
        click.argument("image", metavar="IMAGE"),
    ):
        function = option(function)
    return function


@dataclasses.dataclass(frozen=True, slots=True)
class _Found:
    """One attached document and what was made of it."""

    attachment: Attachment
    envelope: Envelope | None
    predicate_type: str
    about: bool
    """Whether what is signed names the image's digest."""
    problem: str
    signer: str

    def matches(self, wanted: str) -> bool:
        """Documents come with a version after their type's name; types by which somebody decides are exact."""
        from gate.attest.types import RESERVED

        versioned = wanted not in RESERVED and self.predicate_type.startswith(f"{wanted}/")
        return not wanted or self.predicate_type == wanted or versioned


@dataclasses.dataclass(frozen=True, slots=True)
class _Looked:
    name: str
    digest: str
    found: tuple[_Found, ...]
    inventory: tuple[InventoryItem, ...]


def _look(image: str, plain_http: bool, ca_file: str | None, trust: Trust) -> _Looked:
    """Everything attached to the image, opened with the trust given."""
    import contextlib

    from gate.cli.plan import registry_options
    from gate.limits import Limits
    from gate.oci.source import open_source

    limits = Limits.from_environment()
    registry = registry_options({"plain_http": plain_http, "ca_file": ca_file})
    with contextlib.closing(registry), contextlib.closing(open_source(image, options=registry, limits=limits)) as source:
        digest = source.resolve().digest
        attached = source.collect(digest)
    found = tuple(_open(item, digest, trust, limits) for item in attached.items)
    return _Looked(source.name, digest, found, attached.inventory)


def _open(item: Attachment, digest: str, trust: Trust, limits: Limits) -> _Found:
    from gate.attest.types import SIGN
    from gate.errors import EvidenceError
    from gate.trust.envelope import describe_signer, open_envelope

    if item.problem is not None:
        return _Found(item, None, "", False, item.problem.what, "")
    try:
        envelope = open_envelope(
            item.data,
            annotations=item.annotations,
            media_type=item.media_type,
            trust=trust,
            limits=limits,
            artifact_digest=digest,
        )
        signer = describe_signer(item.data, item.annotations, limits) or ""
    except EvidenceError as error:
        return _Found(item, None, "", False, error.what, "")
    if envelope is None:
        return _Found(item, None, "", False, "not signed", "")
    if envelope.statement is not None:
        about = envelope.statement.is_about(digest)
        return _Found(item, envelope, envelope.statement.predicate_type, about, "" if about else "about another digest", signer)
    about = envelope.message_digest == digest
    kind = SIGN if envelope.form in {"simple-signing", "message"} else ""
    return _Found(item, envelope, kind, about, "" if about else "about another digest", signer)


def _wanted(kind: str | None) -> str:
    from gate.attest import types
    from gate.errors import UsageError

    names = {"signature": types.SIGN, "vsa": types.VSA}
    if not kind or kind in names:
        return names.get(kind or "", "")
    if kind in types.RESERVED:
        return kind
    try:
        return types.find_type(kind).uri
    except UsageError as error:
        raise UsageError(error.what, fix=f"{error.fix}; also signature, vsa") from None


@command.command("list", context_settings={"max_content_width": 120})
@_common
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_(image: str, kind: str | None, plain_http: bool, ca_file: str | None, output: str) -> int:
    """List what is attached to an image. Nothing is verified: signers are what the documents say.

    \b
    Example:
      gate attestations list registry.example/app:1.4
    """
    from gate.cli.files import emit
    from gate.model.base import to_json
    from gate.report.escape import escape
    from gate.trust.entry import Trust

    wanted = _wanted(kind)
    looked = _look(image, plain_http, ca_file, Trust(entries=()))
    chosen = [item for item in looked.found if item.matches(wanted)]
    if output == "json":
        emit(to_json({"digest": looked.digest, "attestations": [_row(item) for item in chosen]}) + b"\n")
        return 0
    click.echo(f"{escape(looked.name)}@{looked.digest}")
    for item in chosen:
        signer = f"  {item.signer}" if item.signer else ""
        problem = f"  ({item.problem})" if item.problem else ""
        click.echo(f"  {escape((item.predicate_type or item.attachment.media_type or '?') + signer + problem)}")
        click.echo(f"    {escape(item.attachment.source)}")
    for listed in () if wanted else looked.inventory:
        click.echo(f"  {escape(listed.media_type or '?')}  {escape(listed.reason)}\n    {escape(listed.source)}")
    if not chosen:
        click.echo("  nothing signed is attached; was the image mirrored without its signatures? (gate copy takes them along)")
    return 0


@command.command("verify", context_settings={"max_content_width": 120})
@_common
@click.option("--key", "keys", multiple=True, metavar="PEM", help="Public key of a signer. Repeatable.")
@click.option("--certificate-identity", metavar="IDENTITY", help="Exact identity of a keyless signer.")
@click.option("--certificate-identity-regexp", metavar="REGEXP", help="The same as a pattern; it must match as a whole.")
@click.option("--certificate-oidc-issuer", metavar="URL", help="Issuer of that identity.")
@click.option("--trusted-root", metavar="FILE", help="Sigstore trusted root that keyless signatures are checked with.")
def verify(
    image: str,
    kind: str | None,
    plain_http: bool,
    ca_file: str | None,
    keys: tuple[str, ...],
    certificate_identity: str | None,
    certificate_identity_regexp: str | None,
    certificate_oidc_issuer: str | None,
    trusted_root: str | None,
) -> int:
    """Verify what is attached to an image. Exit code 0 when at least one of the type verifies and is about the image, else 1.

    Without --type a signature is asked for: an SBOM by the right signer is none. What does not verify is listed with its reason.

    \b
    Examples:
      gate attestations verify registry.example/app:1.4 --key gate.pub
      gate attestations verify registry.example/app:1.4 --type cyclonedx --key gate.pub
    """
    from gate.attest.types import SIGN
    from gate.cli.messages import complain
    from gate.cli.trust import trust_from_flags
    from gate.errors import UsageError
    from gate.report.escape import escape

    wanted = _wanted(kind) or SIGN
    trust = trust_from_flags(
        keys=keys,
        identity=certificate_identity,
        identity_regexp=certificate_identity_regexp,
        issuer=certificate_oidc_issuer,
        trusted_root=trusted_root,
    )
    if not trust.entries:
        raise UsageError("nobody is trusted to have signed", fix="add --key gate.pub, or a certificate identity")
    looked = _look(image, plain_http, ca_file, trust)
    click.echo(f"{escape(looked.name)}@{looked.digest}")
    good = 0
    for item in looked.found:
        if item.envelope is not None and not item.matches(wanted):
            continue
        state, why = "refused", item.problem
        if item.envelope is not None and not why:
            checked = item.envelope.verification
            state, why = checked.state, checked.reason or ""
            if state == "verified":
                good += 1
                why = checked.identity or checked.key_id or ""
        click.echo(f"  {state}  {escape(item.predicate_type or '?')}  {escape(why)}\n    {escape(item.attachment.source)}")
    if not good:
        complain(
            f"no {wanted} of {looked.digest} is verified", fix="gate attestations list shows what is attached and who claims it"
        )
        return 1
    return 0


@command.command("download", context_settings={"max_content_width": 120})
@_common
@click.option("--predicate", "bare", is_flag=True, help="The predicates alone, not the signed envelopes.")
@click.option("--output", metavar="FILE", help="Default: standard output.")
def download(image: str, kind: str | None, plain_http: bool, ca_file: str | None, bare: bool, output: str | None) -> int:
    """Write what is attached to an image as JSON lines. Nothing is verified; `gate verify --evidence` takes the file.

    \b
    Example:
      gate attestations download registry.example/app:1.4 --type vulns --output scans.jsonl
    """
    from gate.cli.files import emit, write_atomically
    from gate.errors import EvidenceUnavailable
    from gate.trust.entry import Trust

    looked = _look(image, plain_http, ca_file, Trust(entries=()))
    wanted = _wanted(kind)
    data = b"".join(_lines(looked, wanted, bare))
    if not data:
        raise EvidenceUnavailable(
            f"nothing {'of type ' + wanted if wanted else 'signed'} is attached to {looked.digest}",
            fix="gate attestations list shows what is; was the image mirrored without its signatures?",
        )
    if output and output != "-":
        write_atomically(output, data)
    else:
        emit(data)
    return 0


def _lines(looked: _Looked, wanted: str, bare: bool) -> Iterator[bytes]:
    import msgspec

    from gate.model.base import to_json

    for item in looked.found:
        if item.envelope is None or not item.matches(wanted):
            continue
        if not bare:
            yield msgspec.json.format(item.attachment.data, indent=-1) + b"\n"
        elif item.envelope.statement is not None:
            yield to_json(item.envelope.statement.predicate) + b"\n"


def _row(item: _Found) -> dict[str, Any]:
    return {
        "predicateType": item.predicate_type,
        "mediaType": item.attachment.media_type,
        "source": item.attachment.source,
        "claimedSigner": item.signer,
        "aboutTheImage": item.about,
        "problem": item.problem,
    }
