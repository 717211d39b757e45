"""From an image's files to `gate.model.crypto.CryptoFacts`.

1. Contents that were taken apart for the file system's facts are not taken apart again.
2. What was not looked at, or not listed, makes the facts incomplete, and says so.
"""

from __future__ import annotations

import datetime
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping

from gate.evidence.crypto import platforms, servers
from gate.evidence.crypto.configs import CONFIGS, Configs, choose_configs
from gate.evidence.crypto.openssh import PROGRAMS, SshProgram, algorithms, choose_ssh, is_ssh
from gate.evidence.crypto.roles import packaged_digests, role_of
from gate.evidence.crypto.tls import Place, from_minimum
from gate.evidence.filesystem.choose import found
from gate.evidence.filesystem.collect import COLLECTOR, shown
from gate.evidence.filesystem.secrets import Secrets
from gate.model.crypto import ConfiguredAlgorithm, CryptoCertificate, CryptoFacts, CryptoKey
from gate.model.evidence import Diagnostic
from gate.model.fips import FipsFacts
from gate.model.input import Subject
from gate.oci.filesystem import Chooser, FileSystem
from gate.oci.tree import Entry

_MOST = 20_000
_NOBODY = FipsFacts()
_DROPBEAR = re.compile(r"(.*/)?(s?bin)/(dropbear|dropbearmulti|dbclient)")


def choosers_at(now: str) -> Mapping[str, Chooser]:
    """The collectors of this package, by name."""
    return {CONFIGS: choose_configs, PROGRAMS: choose_ssh}


def facts(files: FileSystem, subject: Subject, now: str, fips: FipsFacts = _NOBODY) -> CryptoFacts:
    """The facts of a file system that was read with `choosers_at`; ``fips`` has OpenSSL's configuration."""
    configs = Configs(files)
    moment = datetime.datetime.fromisoformat(now)
    merged = sorted((entry for entry in files.entries() if entry.kind == "file"), key=lambda entry: entry.path)
    hidden = [entry for entry in files.hidden() if entry.kind == "file"]
    told: list[Diagnostic] = []

    config = subject.config
    command = (*config.entrypoint, *config.cmd) if config else ()
    names = itertools.chain(
        _ssh(merged, configs, command),
        _openssl(configs, fips),
        servers.algorithms(configs),
        platforms.java(configs),
        platforms.gnutls(configs),
        platforms.envoy(configs),
    )
    every = list(dict.fromkeys(itertools.islice(names, _MOST + 1)))
    certificates = list(_certificates(files, configs, merged, hidden, moment))
    keys = list(_keys(files, merged, hidden))
    left = sum(made.undescribed for entry in (*merged, *hidden) if (made := _secrets(entry)))
    if left:
        told.append(Diagnostic(code="undescribed", message="certificates or keys that are not described", count=left))
    for what, items in (("algorithms", every), ("certificates", certificates), ("keys", keys)):
        if len(items) > _MOST:
            told.append(Diagnostic(code="list_cut", message=f"{what}: not all are listed", count=len(items) - _MOST))
    told += configs.diagnostics
    return CryptoFacts(
        collected=True,
        certain=files.certain,
        complete=not told,
        algorithms=tuple(sorted(every[:_MOST], key=lambda a: (a.scope, a.path, a.setting, a.name, a.algorithm, a.detail, a.by))),
        certificates=tuple(certificates[:_MOST]),
        keys=tuple(keys[:_MOST]),
        diagnostics=tuple(told),
    )


def _ssh(merged: Iterable[Entry], configs: Configs, command: tuple[str, ...]) -> Iterator[ConfiguredAlgorithm]:
    for path in configs.names:
        target = configs.entry(path) if is_ssh(path) else None
        if target is None or not target.mode & 0o111 or not target.size:
            continue
        made = found(target, PROGRAMS)
        if made is None:  # under another name in its layer, sparse or huge: it is there, and which version it is nobody looked
            yield from algorithms(path, None, configs, command)
        elif isinstance(made, SshProgram) and target.path == path:
            yield from algorithms(path, made, configs, command)
    for entry in merged:
        if _DROPBEAR.fullmatch(entry.path):
            path = shown(entry.path)
            yield ConfiguredAlgorithm(
                path=path, layer=configs.layer(entry.path), scope="other", setting="dropbear", name="built-in algorithms",
                algorithm="", use="both", by="unknown", detail="what Dropbear allows is chosen when it is built",
            )  # fmt: skip


def _openssl(configs: Configs, fips: FipsFacts) -> Iterator[ConfiguredAlgorithm]:
    """``system_default_sect``, as the FIPS facts read it; before OpenSSL 3.0 the default reaches down to TLS 1.0."""
    versions = {module.path: module.version for module in fips.modules if module.family == "openssl"}
    for config in fips.openssl:
        place = Place(configs, config.path)
        for name, value in sorted(config.settings.items()):
            yield from servers.openssl_command(place, name, value)
        old = versions.get(config.used_by, "").startswith(("0.", "1."))
        told = {name.rpartition(".")[2].casefold() for name in config.settings}
        if old and not told & {"minprotocol", "protocol"}:
            yield from place.protocols("MinProtocol", from_minimum("TLSv1"), "default", "default of OpenSSL before 3.0")


def _secrets(entry: Entry) -> Secrets | None:
    made = found(entry, COLLECTOR)
    return made if isinstance(made, Secrets) else None


def _certificates(
    files: FileSystem, configs: Configs, merged: Iterable[Entry], hidden: Iterable[Entry], now: datetime.datetime
) -> Iterator[CryptoCertificate]:
    listed = [(entry, True) for entry in merged] + [(entry, False) for entry in hidden]
    have = [(entry, made, visible) for entry, visible in listed if (made := _secrets(entry)) is not None]
    private = {key.spki for _, made, _ in have for key in made.materials if key.private and key.spki}
    recorded, known = packaged_digests(configs)
    shipped = {
        detail.fingerprint
        for entry, made, _ in have
        if recorded.get(entry.path) == made.md5
        for detail in made.details
    }  # fmt: skip
    for entry, made, visible in have:
        for detail in dict.fromkeys(made.details):
            left = detail.not_after - now
            yield CryptoCertificate(
                path=shown(entry.path),
                layer=files.layer_name(entry),
                visible=visible,
                role=role_of(entry.path, detail, detail.spki in private),
                subject=detail.subject,
                issuer=detail.issuer,
                serial=detail.serial,
                fingerprint=detail.fingerprint,
                key=detail.key,
                bits=detail.bits,
                curve=detail.curve,
                signature_hash=detail.signature_hash,
                not_before=_text(detail.not_before),
                not_after=_text(detail.not_after),
                expired=detail.not_after < now,
                expires_in_s=int(left.total_seconds()),
                packaged=detail.fingerprint in shipped if known else None,
            )


def _keys(files: FileSystem, merged: Iterable[Entry], hidden: Iterable[Entry]) -> Iterator[CryptoKey]:
    for entries, visible in ((merged, True), (hidden, False)):
        for entry in entries:
            made = _secrets(entry)
            for key in dict.fromkeys(made.materials if made else ()):
                yield CryptoKey(
                    path=shown(entry.path),
                    layer=files.layer_name(entry),
                    visible=visible,
                    private=key.private,
                    key=key.key,
                    bits=key.bits,
                    curve=key.curve,
                    encrypted=key.encrypted,
                )


def _text(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment.year >= 1000 else f"{moment.year:04d}-01-01T00:00:00Z"
