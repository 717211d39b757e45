"""Carrying out ``gate verify``: decide, keep, sign, report, hand over. Nothing is reported before it is on disk."""

from __future__ import annotations

import contextlib
import datetime
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gate.audit.history import Sighting
from gate.audit.store import Kind, Record, Store
from gate.cli.files import append, write_atomically
from gate.cli.messages import progress, warn
from gate.cli.options import Output
from gate.cli.plan import Prepared, prepare, registry_options
from gate.cli.render import write_outputs
from gate.cli.signing import Signing
from gate.cli.start import Started
from gate.cli.stores import keep_outside, local_path, remote_name
from gate.errors import EngineError, EvidenceError, GateError, UsageError
from gate.limits import Limits
from gate.model.base import to_json
from gate.model.verdict import Run, Verdict
from gate.oci.options import RegistryOptions
from gate.oci.source import ImageSource, open_source
from gate.policy import capabilities
from gate.report.escape import escape
from gate.report.interface import Failure, Report, outcome_digest
from gate.verify import Reached, verify_all

_WRITERS = 8
"""Documents that are written to the store at the same time."""


def run(options: Mapping[str, Any], outputs: Sequence[Output], limits: Limits, engine: Started) -> int:
    """Verify every subject; returns the exit code of the whole run. Whoever started the engine ends it."""
    started = _now()
    subjects = (*options["subjects"], *options["images"])
    with contextlib.ExitStack() as stack:
        registry = registry_options(options)
        stack.callback(registry.close)
        try:
            prepared = prepare(options, limits, stack, engine)
        except UsageError as error:
            raise _with_identities(error, options, subjects, registry, limits) from None
        signing = Signing.of(options, outputs)
        keep_outside((output.path for output in outputs), local_path(options["store"]))
        sources = [stack.enter_context(contextlib.closing(_open(text, registry, limits))) for text in subjects]
        store = Store(local_path(options["store"]), limits)
        with progress(f"verifying {len(sources)} subject{'s' * (len(sources) > 1)}", quiet=options["quiet"]):
            report, records = _verify(sources, prepared, store, started, signing)
    if options["exit_zero"]:
        warn("--exit-zero: a DENY does not stop this step; it is recorded, and never becomes a PASSED summary")
    signing.sign(report, prepared.policy, store, limits)
    _hand_over(report, options)
    write_outputs(
        report,
        outputs,
        color=options["color"],
        verbose=options["verbose"],
        policy_path=options["policy_file"] or "",
        vsa=signing.written,
    )
    with contextlib.closing(registry_options(options)) as registry:
        _publish(store, records, options["store"], registry, limits)
        signing.publish(store, registry, limits)
    return report.exit_code


def _publish(store: Store, records: Sequence[Record], named: str | None, registry: RegistryOptions, limits: Limits) -> None:
    """Brings the verdicts to ``--store oci://``, where one is named; they are in the local store already."""
    remote = remote_name(named)
    if remote is None:
        return
    from gate.audit.remote import RemoteStore

    place = RemoteStore(remote, registry, limits)
    for record in records:
        place.publish(store, record)
        print(f"stored {record.outcome} in {escape(place.name)}", file=sys.stderr)


def _open(text: str, registry: RegistryOptions, limits: Limits) -> ImageSource:
    return open_source(text, options=registry, limits=limits)


def _verify(
    sources: Sequence[ImageSource], prepared: Prepared, store: Store, started: str, signing: Signing
) -> tuple[Report, list[Record]]:
    verdicts: list[Verdict] = []
    records: list[Record] = []
    failures: list[Failure] = []
    sightings: list[Sighting] = []
    with ThreadPoolExecutor(_WRITERS, thread_name_prefix="gate-store") as writers:
        shared = writers.submit(_put_policy, store, prepared)
        # once for all subjects, and while OPA works
        files = {item.id: writers.submit(store.put, "evidence", item.document.data) for item in prepared.plan.files}
        for source, answer in zip(sources, verify_all(sources, prepared.plan), strict=True):
            if isinstance(answer, (EvidenceError, EngineError)):  # exit 3: it must not hide that another subject is denied
                reason = answer.what + (f": {answer.why}" if answer.why else "")
                failures.append(Failure(subject=source.reference, exit_code=answer.exit_code, reason=reason, fix=answer.fix))
            elif isinstance(answer, Exception):
                raise answer
            else:
                print(f"resolved {escape(source.reference)} to {source.resolve().digest}", file=sys.stderr)
                for reached in answer:
                    verdict, record = _keep(reached, prepared, store, writers, files, shared.result(), started)
                    verdicts.append(verdict)
                    records.append(record)
                    sightings += reached.sightings
                    signing.saw(source, reached.judged.outcome.subject.digest)
    if prepared.history is not None:
        prepared.history.record(sightings, prepared.plan.limits)
    return Report(verdicts=tuple(verdicts), failures=tuple(failures)), records


def _put_policy(store: Store, prepared: Prepared) -> dict[Kind, str | Sequence[str]]:
    bundles = [store.put("bundle", pack.archive, {"name": pack.name}) for pack in prepared.policy.packs]
    return {"bundle": bundles, "capabilities": store.put("capabilities", capabilities.PATH.read_bytes())}


def _keep(
    reached: Reached,
    prepared: Prepared,
    store: Store,
    writers: ThreadPoolExecutor,
    files: Mapping[str, Future[str]],
    shared: Mapping[Kind, str | Sequence[str]],
    started: str,
) -> tuple[Verdict, Record]:
    outcome = reached.judged.outcome
    # side by side: each waits for the disk, and the disk flushes many at the price of one
    inputs = writers.submit(store.put, "input", reached.judged.input_bytes)
    evidence = [files.get(name) or writers.submit(store.put, "evidence", data) for name, data in reached.evidence]
    run_of = Run(
        started=started,
        finished=_now(),
        host=socket.gethostname(),
        command=_command(),
        context=prepared.plan.run,
        store=str(store.path),
        config_sources=prepared.sources,
    )
    verdict = Verdict(schema="gate.verdict/v1", outcome=outcome, outcome_digest=outcome_digest(outcome), run=run_of)
    data = to_json(verdict)
    written = writers.submit(store.put, "verdict", data)
    refs: dict[Kind, str | Sequence[str]] = {**shared, "input": inputs.result(), "evidence": [put.result() for put in evidence]}
    written.result()
    return verdict, store.commit_verdict(data, verdict.outcome_digest, refs)


def _command() -> tuple[str, ...]:
    """The command line without what a key URI may hold in secret; nothing else in it is one (``env://`` names a variable)."""
    from gate.sign.service import redact

    return ("gate", *map(redact, sys.argv[1:]))


def _hand_over(report: Report, options: Mapping[str, Any]) -> None:
    """Digest, verdict and record for the next step, which must use the digest that was verified and not the tag.

    Of several images none: the next step would take the digest of one for that of another.
    """
    tops = [verdict for verdict in report.verdicts if verdict.outcome.subject.index_digest is None or verdict.outcome.children]
    chosen = tops or list(report.verdicts)
    values: dict[str, str] = {"decision": report.decision}
    for verdict in chosen if len(chosen) == 1 else ():
        values |= {"digest": verdict.outcome.subject.digest, "record": verdict.outcome_digest}
    if os.environ.get("GITHUB_OUTPUT"):
        append(os.environ["GITHUB_OUTPUT"], "".join(f"{name}={value}\n" for name, value in values.items()))
    if options["dotenv"]:
        names = {"decision": "GATE_VERDICT", "digest": "GATE_DIGEST", "record": "GATE_RECORD"}
        lines = "".join(f"{names[name]}={value}\n" for name, value in values.items())
        write_atomically(options["dotenv"], lines.encode())


def _with_identities(
    error: UsageError, options: Mapping[str, Any], subjects: Sequence[str], registry: RegistryOptions, limits: Limits
) -> UsageError:
    """Half an identity: say which identities the evidence claims, labelled as what they are."""
    half = bool(options["certificate_identity"] or options["certificate_identity_regexp"]) != bool(
        options["certificate_oidc_issuer"]
    )
    if not half:
        return error
    from gate.trust.envelope import describe_signer

    found: set[str] = set()
    with contextlib.suppress(GateError, OSError):
        for path in options["evidence"]:
            found.add(describe_signer(Path(path).read_bytes()[: limits.bundle_bytes], {}) or "")
    for text in subjects:
        with contextlib.suppress(GateError), contextlib.closing(_open(text, registry, limits)) as source:
            digest = source.resolve().digest
            found |= {describe_signer(item.data, item.annotations) or "" for item in source.attachments(digest)}
    names = sorted(found - {""})
    why = error.why + ("\nfound, not verified:\n" + "\n".join(names) if names else "")
    return UsageError(error.what, why=why, fix=error.fix)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
