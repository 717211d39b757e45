"""From flags to a `gate.verify.Plan`: everything is read and checked before the first subject is looked at."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gate.cli.ci import run_context
from gate.cli.files import read_bounded
from gate.cli.histories import Kept, kept
from gate.cli.start import Chosen, Started, choose, start
from gate.cli.start import flags_of as flags_of
from gate.cli.trust import pinned_trust, trust_from_flags, trust_from_spec
from gate.errors import EvidenceUnavailable, UsageError
from gate.evidence.collect import Opener
from gate.evidence.interface import Document
from gate.limits import Limits
from gate.model.base import digest_of
from gate.model.input import Subject, Time
from gate.oci.options import RegistryOptions
from gate.oci.source import ImageSource, split_path
from gate.policy.bundle import Policy
from gate.policy.config import Effective, resolve
from gate.trust.entry import Trust
from gate.verify import Plan

if TYPE_CHECKING:
    from gate.vex.repository import Repository


_FIRST_YEAR, _LAST_YEAR = 1970, 9000
"""Ages and deadlines are counted from the time of the run, and must not leave the calendar."""


@dataclasses.dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, and what the command itself needs to know besides."""

    plan: Plan
    policy: Policy
    effective: Effective
    sources: tuple[str, ...]
    """``path@digest`` of every file that had a say."""
    history: Kept | None = None


def policy_of(options: Mapping[str, Any], limits: Limits) -> tuple[Policy, Effective]:
    """The packs, and what is in force. Raises ConfigError and PolicyError."""
    chosen = choose(options, limits)
    return chosen.policy, effective_of(chosen, options, limits)


def effective_of(chosen: Chosen, options: Mapping[str, Any], limits: Limits) -> Effective:
    """What is in force. Raises ConfigError."""
    return resolve(chosen.file, options.get("environment"), chosen.flags, chosen.policy, limits)


def trust_of(options: Mapping[str, Any], effective: Effective) -> Trust:
    """Whom the pinned pack trusts; where it names nobody, whom the policy file and the flags do. Raises ConfigError."""
    root = options.get("trusted_root")
    named = options.get("certificate_identity") or options.get("certificate_identity_regexp")
    pack = effective.pack_trust
    given = trust_from_flags(
        keys=options.get("keys", ()),
        identity=options.get("certificate_identity"),
        identity_regexp=options.get("certificate_identity_regexp"),
        issuer=options.get("certificate_oidc_issuer"),
        trusted_root=root if named or not pack.entries else None,
    )
    outside = Trust(entries=(*trust_from_spec(effective.trust, effective.folder).entries, *given.entries))
    if not pack.entries:
        return outside
    files = [effective.folder / entry.trusted_root.path for entry in effective.trust.entries if entry.trusted_root]
    return pinned_trust(pack, outside, [*files, *([Path(root)] if root else [])])


def vex_signers(effective: Effective) -> frozenset[str] | None:
    """The trust entries whose VEX may suppress; None for all, and for files that nobody signed (invariant 7)."""
    return frozenset(entry.name for entry in effective.pack_trust.entries) if effective.pinned else None


def prepare(options: Mapping[str, Any], limits: Limits, stack: contextlib.ExitStack, started: Started | None = None) -> Prepared:
    """Everything that is chosen and read before a subject is. What it opens is closed by the stack."""
    chosen, engine = started or start(options, limits, stack)
    policy, effective = chosen.policy, effective_of(chosen, options, limits)
    trust = trust_of(options, effective)
    now = time_of(options.get("effective_time"))
    sources = [f"{path}@{digest}" for path, digest in effective.sources]

    def read(path: str, what: str) -> bytes:
        data = read_bounded(path, limits.document_bytes, what)
        sources.append(f"{path}@{digest_of(data)}")
        return data

    documents = [Document(data=read(path, "evidence"), origin="file", source=path) for path in options.get("evidence", ())]
    repositories: tuple[Repository, ...] = ()
    if effective.vex:
        from gate.cli.vexfiles import load as load_vex

        vex = load_vex(map(str, effective.vex), limits, lambda path, data: sources.append(f"{path}@{digest_of(data)}"))
        documents += vex.documents
        repositories = vex.repositories
    enrichment = None
    if options.get("epss") or options.get("kev"):
        from gate.evidence.vulnerabilities.enrich import Enrichment, load_epss, load_kev

        enrichment = Enrichment()
        if options.get("epss"):
            enrichment |= load_epss(read(options["epss"], "EPSS"), limits)
        if options.get("kev"):
            enrichment |= load_kev(read(options["kev"], "KEV"), limits)
    sources += [f"{path}@{digest_of(read_bounded(str(path), limits.policy_file_bytes, 'waivers'))}" for path in effective.waivers]
    registry = registry_options(options)
    stack.callback(registry.close)
    history = kept(options, effective.params, now, registry, limits)
    sources += [history.source] if history else []
    plan = Plan(
        decision=effective.decision(effective.judged_waivers(now.now, engine.inventory, limits)),
        run=run_context(os.environ),
        time=now,
        trust=trust,
        vex_signers=vex_signers(effective),
        history=history.history if history else None,
        engine=engine,
        limits=limits,
        files=tuple(Opener(trust, limits).open_all(documents)),
        vex_repositories=repositories,
        enrichment=enrichment,
        platforms=tuple(options.get("platforms", ())),
        scan=_scanner(options, limits) if "grype" in options.get("scan", ()) else None,
        scan_stig=_stig_scanner(options, limits) if "stig" in options.get("scan", ()) else None,
        inspect=bool(options.get("inspect")),
    )
    return Prepared(plan, policy, effective, tuple(sources), history)


def registry_options(options: Mapping[str, Any]) -> RegistryOptions:
    return RegistryOptions(
        plain_http=True if options.get("plain_http") else None,
        ca_file=Path(options["ca_file"]) if options.get("ca_file") else None,
        offline=bool(options.get("offline")),
    )


def time_of(given: str | None) -> Time:
    """The evaluation time: the clock's, or the one given. Raises UsageError."""
    if given is None:
        return Time(now=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), source="clock")
    moment: datetime.datetime | None = None
    with contextlib.suppress(ValueError, OverflowError):
        moment = datetime.datetime.fromisoformat(given)
        moment = moment.astimezone(datetime.UTC) if moment.tzinfo is not None else None
    if moment is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise UsageError(
            f"--effective-time {given}: not an RFC 3339 time with a zone, of {_FIRST_YEAR} to {_LAST_YEAR}",
            fix="for example --effective-time 2026-11-23T12:00:00Z",
        )
    return Time(now=moment.strftime("%Y-%m-%dT%H:%M:%SZ"), source="override")


def _scanner(options: Mapping[str, Any], limits: Limits) -> Any:
    from gate.cli.tools import find_tool
    from gate.evidence.scan import run_grype, tool_digest

    path = find_tool("grype", os.environ)
    database = Path(options["grype_db"]) if options.get("grype_db") else None

    def scan(source: ImageSource, subject: Subject) -> Document:
        data = run_grype(
            scan_target(source, subject),
            digest=subject.digest,
            grype_path=path,
            db_path=database,
            limits=limits,
            environ=os.environ,
            offline=bool(options.get("offline")),
            plain_http=bool(options.get("plain_http")),
        )
        digest = tool_digest(path) if path else None
        return Document(data=data, origin="computed", source="--scan grype", attached_to=subject.digest, tool_digest=digest)

    return scan


def _stig_scanner(options: Mapping[str, Any], limits: Limits) -> Any:
    from gate.cli.tools import find_tool
    from gate.evidence.oscap import run_oscap

    path = find_tool("oscap", os.environ)
    content = Path(options["stig_content"]) if options.get("stig_content") else None

    def scan(source: ImageSource, subject: Subject) -> Document:
        profile = options.get("stig_profile")
        return run_oscap(source, subject, oscap=path, content=content, profile=profile, limits=limits, environ=os.environ)

    return scan


def scan_target(source: ImageSource, subject: Subject) -> str:
    """What a scanner is told to read: the repository, or the layout. Raises EvidenceUnavailable for what it cannot."""
    from gate.oci.layout import LayoutSource
    from gate.oci.registry import RegistrySource

    if isinstance(source, RegistrySource):
        return source.name
    if isinstance(source, LayoutSource):
        return f"oci-dir:{split_path(source.reference.removeprefix('oci:'))[0]}"
    raise EvidenceUnavailable(
        f"{subject.reference} cannot be scanned: it is neither in a registry nor an OCI layout",
        fix="scan it yourself and give the report with --evidence",
    )
