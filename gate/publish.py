"""Putting attestations beside their images in a repository. Idempotent; what is not sent stays in the store."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence

import msgspec

from gate.audit.outbox import Entry, Outbox, override_of
from gate.audit.store import Store
from gate.errors import UsageError
from gate.limits import Limits
from gate.oci import reference as references
from gate.oci.attach import Attached, referrer
from gate.oci.media import Descriptor
from gate.oci.options import RegistryOptions
from gate.oci.target import attacher_for
from gate.sign.bundle import DSSE_MEDIA_TYPE, MEDIA_TYPE

VERDICT_TYPE = "application/vnd.policy-gate.verdict.v1+json"
DENIED_FIX = "repair the image; or push all the same with --push-denied, which is recorded"


def now() -> str:
    """RFC 3339, in seconds."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def bundle_referrer(subject: Descriptor, bundle: bytes, predicate_type: str, created: str) -> Attached:
    """A Sigstore bundle as cosign 3 attaches it (cosign's BUNDLE_SPEC)."""
    hints = {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": predicate_type,
        "org.opencontainers.image.created": created,
    }
    return referrer(subject, MEDIA_TYPE, bundle, hints)


def verdict_referrer(subject: Descriptor, verdict: bytes, outcome: str, created: str) -> Attached:
    """The whole verdict as a referrer. It is not signed itself: the summary beside it names its outcome."""
    hints = {"io.policy-gate.outcome": outcome, "org.opencontainers.image.created": created}
    return referrer(subject, VERDICT_TYPE, verdict, hints)


def dsse_layer(bundle: bytes, predicate_type: str) -> tuple[str, bytes, Mapping[str, str]]:
    """The layer of cosign's legacy ``.att`` tag, made of a bundle's envelope.

    Raises UsageError for a bundle with a certificate, whose parts belong into annotations that this gate does not write.
    """
    parsed = msgspec.json.decode(bundle)
    if "publicKey" not in parsed.get("verificationMaterial", {}):
        raise UsageError(
            "--legacy-tags is for keys", why="a keyless signature lives in its bundle", fix="sign with --key, or drop it"
        )
    hints = {"dev.cosignproject.cosign/signature": "", "predicateType": predicate_type}
    return DSSE_MEDIA_TYPE, msgspec.json.encode(parsed["dsseEnvelope"]), hints


def denials(store: Store) -> dict[str, str]:
    """By digest, the outcome by which the gate last denied what it has not allowed since.

    The order of entry counts, for the time that a verdict names can be set (``--effective-time``); no verdict lifts no denial.
    """
    found: dict[str, str] = {}
    for record in store.verdicts():
        if record.decision == "DENY":
            found[record.subject] = record.outcome
        elif record.decision == "ALLOW":
            found.pop(record.subject, None)
    return found


def send(
    outbox: Outbox,
    entries: Sequence[Entry],
    options: RegistryOptions,
    limits: Limits,
    *,
    repository: str = "",
    push_denied: bool = False,
    actor: str = "",
    told: Callable[[Entry, str], None] = lambda entry, target: None,
) -> list[Entry]:
    """Sends attestations, repository by repository, and marks each; returns those of denied images that were held back.

    `repository` is where those go that belong nowhere yet. What is denied goes only with `push_denied`, and that is recorded
    first. What was made while the image was not denied yet is held back too: it may say that the image passed. Raises UsageError
    for an attestation without a place, EvidenceUnavailable, EvidenceInvalid, StoreError.
    """
    since = denials(Store(outbox.path, limits))
    bad = {entry.manifest for entry in entries if entry.decision == "DENY" or entry.subject in since}
    held = [entry for entry in entries if entry.manifest in bad and not push_denied]
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry in held:
            continue
        target = entry.repository or repository
        if not target:
            raise UsageError(
                f"{entry.name} of {entry.subject} belongs to no repository yet",
                why="the image was judged from a layout or a file",
                fix="push the image, then: gate push --repository REPOSITORY",
            )
        groups.setdefault(target, []).append(entry)
    for target, group in groups.items():
        for entry in group:
            if entry.manifest in bad:
                outbox.record_override(override_of(entry, time=now(), actor=actor, target=target))
        attacher_for(references.parse(target), options, limits).attach([outbox.attached(entry) for entry in group])
        for entry in group:
            outbox.mark_sent(entry, now(), target)
            told(entry, target)
    return held
