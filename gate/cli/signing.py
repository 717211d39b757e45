"""Signing after a verdict: the summary, what was found and what is inside, kept in the store until it is pushed."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gate.cli.files import write_atomically
from gate.cli.messages import complain, warn
from gate.cli.options import Output
from gate.errors import SigningError, UsageError
from gate.report.interface import Report

if TYPE_CHECKING:
    from gate.attest.produce import VexOf
    from gate.audit.outbox import Entry, Outbox
    from gate.audit.store import Store
    from gate.limits import Limits
    from gate.model.verdict import Verdict
    from gate.oci.attach import Attached
    from gate.oci.media import Descriptor
    from gate.oci.options import RegistryOptions
    from gate.oci.source import ImageSource
    from gate.policy.bundle import Policy
    from gate.sign.signer import Signer


@dataclasses.dataclass(frozen=True, slots=True)
class _Where:
    """Where an image was found, as far as something can be put beside it."""

    subject: Descriptor
    repository: str
    layout: str


class Signing:
    """What ``--attest`` and ``--output vsa`` ask for. The key is opened before anything is verified, so a typo costs nothing."""

    def __init__(self, options: Mapping[str, Any], signer: Signer | None, wanted: bool) -> None:
        self._options = options
        self._signer = signer
        self._wanted = wanted
        self._places: dict[str, _Where] = {}
        self._kept: list[tuple[Entry, _Where]] = []
        self.written: bytes | None = None
        """The unsigned statement of the last summary, for ``--output vsa``."""

    @classmethod
    def of(cls, options: Mapping[str, Any], outputs: Sequence[Output]) -> Signing:
        """Raises UsageError for half a request and SigningError for a key that cannot be opened."""
        attest, key = options["attest"], options["sign_key"]
        if options.get("resource_uri") == "":
            raise UsageError("--resource-uri is empty", fix="leave it out for the image's own name, or give a URI")
        wanted = attest or any(output.format == "vsa" for output in outputs)
        if key and not attest:
            raise UsageError("--sign-key without --attest", fix="add --attest, or drop the key")
        if options.get("push") and not attest:
            raise UsageError("--push without --attest", why="there would be nothing to push", fix="add --attest --sign-key KEY")
        if options.get("push_denied") and not options.get("push"):
            raise UsageError("--push-denied without --push", fix="add --push, or use gate push --push-denied later")
        if attest and not key:
            raise UsageError("--attest without --sign-key", fix="gate keys generate, then --sign-key gate.key")
        if wanted and not options["verifier_id"]:
            raise UsageError(
                "a verification summary needs --verifier-id",
                why="whoever reads it pairs the id with your key; there is no default",
                fix="add --verifier-id https://your.org/gate",
            )
        if not attest:
            return cls(options, None, wanted)
        from gate.sign.signer import needs_network, open_signer

        if options["offline"] and needs_network(key):
            raise UsageError(
                "--offline with a key in a service",
                why="--offline opens no socket, and this key can only be asked over one",
                fix="drop --offline, or sign with a key file or a pkcs11: token",
            )
        return cls(options, open_signer(key, os.environ), wanted)

    def saw(self, source: ImageSource, digest: str) -> None:
        """Remembers where an image was found; called while it is open."""
        if self._signer is None or source.kind != "image":
            return
        from gate.oci.layout import LayoutSource
        from gate.oci.media import Descriptor, manifest
        from gate.oci.registry import RegistrySource

        data = source.manifest(digest)
        subject = Descriptor(digest, manifest(data, digest, source.limits).media_type, len(data))
        repository = source.name if isinstance(source, RegistrySource) else ""
        layout = source.reference if isinstance(source, LayoutSource) and source.directory else ""
        self._places[digest] = _Where(subject, repository, layout)

    def sign(self, report: Report, policy: Policy, store: Store, limits: Limits) -> None:
        """Make a summary of each decided image, sign it and write it as a bundle and as bare DSSE. Raises SigningError.

        With it go the vulnerabilities, the SBOMs and the verdict, all kept in the store until they are pushed. An image without
        a verdict, and one that cannot have a summary, is an error only when nothing else explains the exit.
        """
        if not self._wanted:
            return
        for verdict in report.verdicts:
            if verdict.outcome.decision == "NO_VERDICT":
                continue
            signed = self._summary(verdict, policy)
            where = self._places.get(verdict.outcome.subject.digest)
            if self._signer is not None and where is not None:
                self._keep(verdict, where, signed, store, limits)

    def _summary(self, verdict: Verdict, policy: Policy) -> bytes | None:
        """The bundle of the summary; None when there is none."""
        from gate.attest.vsa import make_vsa

        outcome = verdict.outcome
        resource = self._options["resource_uri"] or f"oci://{outcome.subject.name}"
        policy_uri = f"urn:policy-gate:{policy.packs[0].name.split('/')[-1]}:{outcome.policy.profile}"
        try:
            statement = make_vsa(verdict, verifier_id=self._options["verifier_id"], resource_uri=resource, policy_uri=policy_uri)
        except SigningError:
            if outcome.decision == "DENY":
                return None  # exit 1 already says more than a missing FAILED summary would
            raise
        self.written = statement
        if self._signer is None:
            return None
        from gate.sign.bundle import INTOTO_PAYLOAD_TYPE, write_both

        bundle, dsse = write_both(statement, INTOTO_PAYLOAD_TYPE, self._signer)
        stem = Path(self._options["attest_dir"]) / f"{outcome.subject.digest.replace(':', '-')}.vsa"
        write_atomically(f"{stem}.sigstore.json", bundle)
        write_atomically(f"{stem}.dsse.json", dsse)
        return bundle

    def _keep(self, verdict: Verdict, where: _Where, summary: bytes | None, store: Store, limits: Limits) -> None:
        from gate.audit.outbox import Outbox, entry_of
        from gate.publish import now

        outbox, outcome = Outbox(store.path, limits), verdict.outcome
        for name, kind, item in self._items(verdict, where, summary, store, limits):
            entry = entry_of(
                item,
                repository=where.repository,
                name=name,
                predicate_type=kind,
                decision=outcome.decision,
                outcome=verdict.outcome_digest,
                kept=now(),
            )
            self._kept.append((outbox.keep(item, entry), where))

    def _items(
        self, verdict: Verdict, where: _Where, summary: bytes | None, store: Store, limits: Limits
    ) -> Iterator[tuple[str, str, Attached]]:
        import msgspec

        from gate.attest.compliance import compliance
        from gate.attest.produce import produce
        from gate.attest.types import VERDICT, VSA
        from gate.model.base import to_json
        from gate.model.input import Input
        from gate.policy.acceptance import accepted
        from gate.publish import bundle_referrer, now, verdict_referrer
        from gate.sign.bundle import INTOTO_PAYLOAD_TYPE, write_bundle

        assert self._signer is not None
        outcome = verdict.outcome
        if summary is not None:
            yield "vsa", VSA, bundle_referrer(where.subject, summary, VSA, now())
        yield "verdict", VERDICT, verdict_referrer(where.subject, to_json(verdict), verdict.outcome_digest, verdict.run.finished)
        document = msgspec.json.decode(store.get(outcome.digests.input), type=Input)
        documents = {item.id: store.get(item.id) for item in outcome.evidence if item.kind == "sbom"}
        said = produce(
            document,
            documents,
            accepted=lambda item: accepted(item, outcome.policy.params),
            limits=limits,
            vex_of=_vex_of(verdict, self._options["verifier_id"]),
        )
        for made in (*said, *compliance(document, outcome, verifier_id=self._options["verifier_id"])):
            if made.left_out:
                warn(f"no {made.name} attestation: {made.left_out}")
            else:
                bundle = write_bundle(made.payload, INTOTO_PAYLOAD_TYPE, self._signer)
                yield made.name, made.predicate_type, bundle_referrer(where.subject, bundle, made.predicate_type, now())

    def publish(self, store: Store, registry: RegistryOptions, limits: Limits) -> None:
        """``--push``: puts what was signed beside its images; of a denied image only with ``--push-denied``, which is recorded.

        Raises EvidenceUnavailable, EvidenceInvalid, StoreError; what is not sent waits in the store.
        """
        if not self._options.get("push"):
            return
        from gate.audit.outbox import Outbox
        from gate.publish import DENIED_FIX, send

        outbox, pushed = Outbox(store.path, limits), bool(self._options.get("push_denied"))
        entries = [entry for entry, where in self._kept if where.repository]
        held = send(outbox, entries, registry, limits, push_denied=pushed, actor=actor())
        held += self._into_layouts(outbox, registry, limits, pushed)
        if held:
            subjects = ", ".join(sorted({entry.subject for entry in held}))
            complain(f"the attestations of denied images are not pushed ({subjects}); they wait in the store", fix=DENIED_FIX)

    def _into_layouts(self, outbox: Outbox, registry: RegistryOptions, limits: Limits, push_denied: bool) -> list[Entry]:
        from gate.audit.outbox import override_of
        from gate.oci.target import open_place
        from gate.publish import now

        held = []
        for entry, where in self._kept:
            if not where.layout:
                continue
            if entry.decision == "DENY" and not push_denied:
                held.append(entry)
                continue
            if entry.decision == "DENY":
                outbox.record_override(override_of(entry, time=now(), actor=actor(), target=where.layout))
            open_place(where.layout, registry, limits).attach([outbox.attached(entry)])
            outbox.mark_sent(entry, now(), where.layout)
        return held


def actor() -> str:
    """Who pushes, as the CI system or this machine says it: a claim, for the record."""
    from gate.cli.ci import run_context

    claimed = run_context(os.environ).actor
    if claimed:
        return claimed
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in many containers
        return f"uid {os.getuid()}"


def _vex_of(verdict: Verdict, author: str) -> VexOf | None:
    """What makes the VEX of a decision; None where nothing was found, for OpenVEX has at least one statement."""
    if not verdict.outcome.findings:
        return None
    from gate.vex.generate import document

    return lambda _: document(verdict, author=author)
