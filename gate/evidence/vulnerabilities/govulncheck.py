"""govulncheck's JSON, protocol v1 (golang.org/x/vuln, internal/govulncheck): a stream of messages about one program.

1. It knows Go modules only, so it is a *partial* scan: what it finds counts, and it stands for no scan that is asked for.
2. A vulnerability is said of a module version up to three times: the module is required, a package of it is imported, a symbol is
   called (in a binary: linked in; of a stripped one every symbol is assumed). Only ``scan_level: symbol`` looks that far, and
   only a record that lists what is vulnerable lets "not called" mean something.
3. The format names no image and no file, and has no end mark: a run that was killed between two messages looks like one that
   found nothing more. "Not called" is therefore never more than a proposal for a person (`gate.vex.triage`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from gate.errors import EvidenceInvalid, FormatRefused, LimitExceeded
from gate.evidence.interface import Reading, ReportedFinding, ScanFacts
from gate.evidence.jsonguard import guard
from gate.evidence.vulnerabilities import osv
from gate.evidence.vulnerabilities import vocabulary as words
from gate.evidence.vulnerabilities.ecosystems import package_of
from gate.evidence.vulnerabilities.lenient import Lenient, Notes, elements, members
from gate.limits import Limits
from gate.model.evidence import Producer
from gate.model.findings import Fix

_HEAD = re.compile(rb'(?:\xef\xbb\xbf)?\s*\[?\s*\{\s*"config"\s*:\s*\{')
_SPACE = re.compile(r"[ \t\r\n]*")
_MODES = ("source", "binary")
_KINDS = frozenset({"config", "SBOM", "progress", "osv", "finding"})
_DEVEL = "(devel)"


class _Config(msgspec.Struct):
    protocol_version: str
    scanner_version: str | None = None
    db_last_modified: str | None = None
    scan_level: str | None = None
    scan_mode: str | None = None


class _Module(msgspec.Struct):
    path: str
    version: str | None = None


class _Sbom(msgspec.Struct):
    modules: list[_Module] | None = None


class _Frame(msgspec.Struct):
    module: str
    version: str | None = None
    package: str | None = None
    function: str | None = None


class _Finding(msgspec.Struct):
    osv: str
    trace: list[_Frame]
    """From the vulnerable symbol to the program's own code: the first frame says what is vulnerable."""
    fixed_version: str | None = None


_config = Lenient(_Config)
_sbom = Lenient(_Sbom)
_finding = Lenient(_Finding)
_Place = tuple[str, str, str]
"""Vulnerability, module, version."""


def is_govulncheck(head: bytes) -> bool:
    """Whether the first 4 KiB begin as its stream does, or as that stream in an array (``jq -s``)."""
    head = head[:4096]
    return b'"protocol_version"' in head and _HEAD.match(head) is not None


class GovulncheckReader:
    """`gate.evidence.interface.Reader` for govulncheck."""

    name = "govulncheck"

    def recognises(self, head: bytes, media_type: str) -> bool:
        return is_govulncheck(head)

    def read(self, data: bytes, limits: Limits) -> Reading:
        """Raises EvidenceInvalid, LimitExceeded, FormatRefused (another protocol, a mode that looks for no vulnerabilities)."""
        notes = Notes()
        config: _Config | None = None
        modules: dict[tuple[str, str], None] = {}
        records: dict[str, osv.Record] = {}
        found: dict[_Place, list[_Finding]] = {}
        for where, kind, body in _messages(data, limits, notes):
            if kind == "config":
                if config is not None:
                    raise EvidenceInvalid(
                        f"{where} begins a second run",
                        why="two runs in one document may have looked at different programs, and at different depth",
                        fix="give each run as a document of its own",
                    )
                config = _accepted(_config.decode(body, where, notes))
            elif config is None:
                raise EvidenceInvalid(f"{where} stands before the configuration", why="what was looked at cannot be told")
            elif kind == "SBOM":
                listed = _sbom.decode(body, where, notes).modules or ()
                modules.update({(module.path, module.version or ""): None for module in listed})
            elif kind == "osv":
                record = osv.RECORD.decode(body, where, notes)
                records[record.id] = record
            elif kind == "finding":
                finding = _finding.decode(body, where, notes)
                if not finding.trace:
                    raise EvidenceInvalid(f"{where} has no trace", why="which module is vulnerable cannot be told")
                first = finding.trace[0]
                found.setdefault((finding.osv, first.module, first.version or ""), []).append(finding)
                if len(found) > limits.findings:
                    raise LimitExceeded("findings", limits.findings, "findings of a govulncheck run")
        if config is None:
            raise EvidenceInvalid("the stream has no configuration", why="it does not say what made it")
        return _reading(config, modules, records, found, notes)


READER = GovulncheckReader()


def _reading(
    config: _Config,
    modules: dict[tuple[str, str], None],
    records: dict[str, osv.Record],
    found: dict[_Place, list[_Finding]],
    notes: Notes,
) -> Reading:
    version = config.scanner_version or ""
    built = words.timestamp(config.db_last_modified, notes, "config/db_last_modified")
    findings = tuple(_reported(place, said, records.get(place[0]), config, notes) for place, said in found.items())
    notes.add("partial_scan", "govulncheck knows Go modules only: its findings count, and it stands for no scan", "config")
    if not modules and not findings:
        notes.add("nothing_listed", "the run says of no module that it looked at it", "config")
    if any(finding.reachable == "no" for finding in findings):
        notes.add(
            "no_end_mark",
            "what was found and not called is called so only if the run ended well: its exit code was 0 and nothing was cut off",
            "config",
        )
    purls = [_purl(path, release, notes) for path, release in modules if release not in ("", _DEVEL)]
    return Reading(
        kind="vulnerabilities",
        format="govulncheck",
        producer=Producer(name="govulncheck", version=version, db_built=built),
        created=None,
        names=(),
        diagnostics=notes.diagnostics(),
        scan=ScanFacts(
            scanner="govulncheck",
            findings=findings,
            packages=tuple(sorted({purl for purl in purls if purl})),
            packages_catalogued=len(modules),
            db_built=built,
            partial=True,
        ),
    )


def _messages(data: bytes, limits: Limits, notes: Notes) -> Iterator[tuple[str, str, msgspec.Raw]]:
    """(place, kind, body) of each message. The whole is checked as one array: encoding, depth, repeated names."""
    if not data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
        data = b"[" + b",".join(_parts(data, limits)) + b"]"
    for number, raw in enumerate(elements(guard(data, limits), "govulncheck's messages", bound=limits.components), 1):
        where = f"message {number}"
        message = members(raw, where)
        kinds = message.keys() & _KINDS
        if len(kinds) > 1 or (kinds and len(message) > 1):
            said = ", ".join(sorted(message)[:8])
            raise EvidenceInvalid(f"{where} is of several kinds: {said}", why="it has to be one of them")
        if not kinds:
            notes.add("unknown_message", "a message is of a kind that is not known, and was passed over", where)
        for kind in kinds:
            yield where, kind, message[kind]


def _parts(data: bytes, limits: Limits) -> list[bytes]:
    """The JSON values that follow each other. What breaks off in one is no report: the rest of it may hold anything."""
    if len(data) > limits.document_bytes:
        raise LimitExceeded("document_bytes", limits.document_bytes, f"stream of {len(data)} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EvidenceInvalid(f"the document is not UTF-8: {error.reason}") from None
    decoder, place = json.JSONDecoder(), _end(text, 0)
    parts: list[bytes] = []
    while place < len(text):
        try:
            _, end = decoder.raw_decode(text, place)
        except json.JSONDecodeError as error:
            raise EvidenceInvalid(
                f"message {len(parts) + 1} of the stream is not whole: {error.msg} at character {error.pos}",
                why="the run was probably killed or its output cut off, and what is missing may be any finding",
                fix="run govulncheck again, and look at its exit code: with -format json it is 0 whatever was found",
            ) from None
        except RecursionError:
            raise LimitExceeded("json_depth", limits.json_depth, "nesting of a govulncheck message") from None
        except ValueError as error:  # an integer of more digits than Python converts
            raise EvidenceInvalid(f"message {len(parts) + 1} of the stream cannot be read: {error}") from None
        parts.append(text[place:end].encode())
        place = _end(text, end)
    return parts


def _end(text: str, place: int) -> int:
    """Past the white space."""
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _accepted(config: _Config) -> _Config:
    if re.fullmatch(r"v1(\.\d+)*", config.protocol_version) is None:
        raise FormatRefused(
            f"this is govulncheck's JSON of protocol {config.protocol_version[:40]!r}, which is not read",
            why="protocol v1 is read; another may mean something else by the same names",
            fix="write it with a current govulncheck: govulncheck -format json",
        )
    if (config.scan_mode or "source") not in _MODES:
        raise FormatRefused(
            f"this is govulncheck's JSON of the mode {config.scan_mode!r}, which is not read",
            why=f"it is read where something was looked at: {' and '.join(_MODES)}",
            fix="govulncheck -mode binary -format json PROGRAM, or govulncheck -format json ./...",
        )
    return config


def _reported(place: _Place, said: list[_Finding], record: osv.Record | None, config: _Config, notes: Notes) -> ReportedFinding:
    name, module, version = place
    where = f"finding {name[:60]}"
    if record is None:
        notes.add("record_missing", "a finding names a vulnerability whose record is not in the stream", where)
        record = osv.Record(id=name)
    own = words.vulnerability_id(name, where)
    aliases = words.alias_ids(own, osv.aliases_of(record, None))
    severity, source = osv.severity_of(record, None, (own, *aliases), notes, where)
    versions = tuple(dict.fromkeys(item.fixed_version for item in said if item.fixed_version))
    return ReportedFinding(
        id=own,
        aliases=aliases,
        package=package_of("Go", module, _release(module, version), "", notes, where),
        severity=severity,
        severity_source=source,
        severities={source: severity},
        fix=Fix(state="available", versions=versions) if versions else osv.fix_of(record, module),
        malware=osv.is_malware_record(record, (own, *aliases)),
        match="exact",
        suppressed=f"withdrawn {record.withdrawn[:40]}" if record.withdrawn else "",
        reachable=_reachable(module, version, said, record, config),
        url="",
    )


def _reachable(module: str, version: str, said: list[_Finding], record: osv.Record, config: _Config) -> str:
    if any(item.trace[0].function for item in said):
        return "yes"
    knows = any(
        affected.package is not None
        and affected.package.name == module
        and affected.ecosystem_specific is not None
        and _lists(affected.ecosystem_specific.imports)
        for affected in record.affected or ()
    )
    return "no" if config.scan_level == "symbol" and version not in ("", _DEVEL) and knows else "unknown"


def _lists(imports: Any) -> bool:
    """Whether the record names the packages that are vulnerable: without them, nothing is known of the others."""
    return isinstance(imports, list) and bool(imports) and all(isinstance(one, dict) and one.get("path") for one in imports)


def _release(module: str, version: str) -> str:
    """The standard library's version as other tools write it: neither ``go1.22.1`` nor ``v1.22.1``."""
    return version.removeprefix("go").removeprefix("v") if module in ("stdlib", "toolchain") else version


def _purl(module: str, version: str, notes: Notes) -> str:
    return package_of("Go", module, _release(module, version), "", notes, f"module {module[:60]}").purl
