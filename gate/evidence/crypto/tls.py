"""TLS settings as OpenSSL understands them: cipher strings (openssl-ciphers(1)), protocol ranges and groups, taken apart.

1. ``suites.txt`` is what OpenSSL 3.0 has without its weak ciphers. What a string asks for beyond it (RC4, 3DES, EXPORT) is listed
   all the same: another build may have it.
2. A string comes to algorithms, each listed once with the suites that bring it, however many they are.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from gate.evidence.crypto.configs import Configs
from gate.evidence.crypto.names import PROTOCOLS, of_group, of_protocol, of_suite
from gate.evidence.filesystem.collect import shown
from gate.model.crypto import ConfiguredAlgorithm

By = Literal["configured", "default", "unknown"]
Scope = Literal["tls", "jdk", "gnutls", "crypto-policies"]
_SHOWN = 3
_SYSTEM = "etc/crypto-policies/back-ends/openssl.config"
TLS13 = ("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256")
"""What OpenSSL allows in TLS 1.3 unless ``Ciphersuites`` says otherwise."""


class Place:
    """Where a setting stands; makes the facts of it."""

    def __init__(self, configs: Configs, path: str, scope: Scope = "tls") -> None:
        self.configs, self.path, self.scope = configs, path, scope

    def fact(self, setting: str, name: str, algorithm: str, by: By = "configured", detail: str = "") -> ConfiguredAlgorithm:
        """One algorithm."""
        return ConfiguredAlgorithm(
            path=shown(self.path),
            layer=self.configs.layer(self.path),
            scope=self.scope,
            setting=setting,
            name=name[:200],
            algorithm=algorithm,
            use="both",
            by=by,
            detail=detail[:500],
        )

    def suites(self, setting: str, names: Iterable[str], by: By = "configured", said: str = "") -> Iterator[ConfiguredAlgorithm]:
        """The algorithms of suites (2)."""
        brought: dict[str, list[str]] = {}
        for name in names:
            for key in of_suite(name):
                brought.setdefault(key or f"?{name}", []).append(name)
        for key, by_suites in sorted(brought.items()):
            more = f" and {len(by_suites) - _SHOWN} more" if len(by_suites) > _SHOWN else ""
            listed = ", ".join(by_suites[:_SHOWN]) + more
            unknown = key.startswith("?")
            yield self.fact(
                setting, key[1:] if unknown else key, "" if unknown else key, by, f"{listed}{f', of {said}' if said else ''}"
            )

    def cipher_string(self, setting: str, text: str, by: By = "configured") -> Iterator[ConfiguredAlgorithm]:
        """The algorithms of a cipher string for TLS 1.2 and before; ``PROFILE=SYSTEM`` is what RHEL's crypto-policies say."""
        if text.strip() == "PROFILE=SYSTEM":
            text = self.configs.text(_SYSTEM) or text
        names, extra = evaluate(text)
        yield from self.suites(setting, names, by, text)
        for word, key in extra:
            yield self.fact(setting, word, key, by, f"of {text}")

    def protocols(
        self, setting: str, names: Iterable[str], by: By = "configured", detail: str = ""
    ) -> Iterator[ConfiguredAlgorithm]:
        """Protocol versions."""
        for name in names:
            yield self.fact(setting, name, of_protocol(name), by, detail)

    def groups(self, setting: str, text: str, by: By = "configured") -> Iterator[ConfiguredAlgorithm]:
        """Named groups, parted by colons, commas or slashes."""
        for name in re.split(r"[:,/\s]+", text.strip()):
            if name and not name.startswith("-") and name.strip("?*") != "":
                yield self.fact(setting, name, of_group(name), by)


def from_minimum(name: str, most: str = "") -> tuple[str, ...]:
    """The versions from a least one to a greatest; a name that nobody knows, or ``None``, stands for all of them."""
    ages = [of_protocol(version) for version in PROTOCOLS]
    low = ages.index(of_protocol(name)) if of_protocol(name) in ages else 0
    high = ages.index(of_protocol(most)) if of_protocol(most) in ages else len(ages) - 1
    return PROTOCOLS[low : high + 1]


class _Suite:
    __slots__ = ("auth", "exchange", "flags", "mac", "name", "protocol", "sealed")

    def __init__(self, row: str) -> None:
        self.name, self.protocol, self.exchange, self.auth, self.sealed, self.mac, self.flags = row.split()


@functools.cache
def _suites() -> tuple[_Suite, ...]:
    text = (Path(__file__).parent / "suites.txt").read_text("ascii")
    return tuple(_Suite(row) for row in text.splitlines())


_Test = Callable[[_Suite], bool]


def _kx(*names: str) -> _Test:
    return lambda s: s.exchange in names


def _au(*names: str) -> _Test:
    return lambda s: s.auth in names


def _enc(*starts: str) -> _Test:
    return lambda s: s.sealed.startswith(starts)


def _mac(name: str) -> _Test:
    return lambda s: s.mac == name


def _both(first: _Test, second: _Test) -> _Test:
    return lambda s: first(s) and second(s)


def _is_new(s: _Suite) -> bool:
    return s.protocol == "TLSv1.3"


_NAMED = _au("RSA", "ECDSA", "DSS", "PSK", "SRP")
_WORDS: dict[str, _Test] = {
    "ALL": lambda s: s.sealed != "None",
    "COMPLEMENTOFALL": lambda s: s.sealed == "None",
    "DEFAULT": lambda s: "D" in s.flags,
    "COMPLEMENTOFDEFAULT": lambda s: "D" not in s.flags and s.sealed != "None",
    "HIGH": lambda s: "H" in s.flags,
    "MEDIUM": lambda s: "M" in s.flags,
    "ANULL": _au("None"),
    "ENULL": _enc("None"),
    "NULL": _enc("None"),
    "KRSA": _kx("RSA"),
    "RSA": _kx("RSA"),
    "ARSA": _au("RSA"),
    "KDHE": _kx("DH"),
    "KEDH": _kx("DH"),
    "DH": _kx("DH"),
    "DHE": _both(_kx("DH"), _NAMED),
    "EDH": _both(_kx("DH"), _NAMED),
    "ADH": _both(_kx("DH"), _au("None")),
    "KECDHE": _kx("ECDH"),
    "KEECDH": _kx("ECDH"),
    "ECDH": _kx("ECDH"),
    "ECDHE": _both(_kx("ECDH"), _NAMED),
    "EECDH": _both(_kx("ECDH"), _NAMED),
    "AECDH": _both(_kx("ECDH"), _au("None")),
    "ADSS": _au("DSS"),
    "DSS": _au("DSS"),
    "AECDSA": _au("ECDSA"),
    "ECDSA": _au("ECDSA"),
    "PSK": lambda s: s.exchange.endswith("PSK") or s.auth == "PSK",
    "APSK": _au("PSK"),
    "KPSK": _kx("PSK"),
    "KECDHEPSK": _kx("ECDHEPSK"),
    "KDHEPSK": _kx("DHEPSK"),
    "KRSAPSK": _kx("RSAPSK"),
    "SRP": _kx("SRP"),
    "KSRP": _kx("SRP"),
    "ASRP": _au("SRP"),
    "TLSV1.2": lambda s: s.protocol == "TLSv1.2",
    "TLSV1.0": lambda s: s.protocol == "TLSv1",
    "TLSV1": lambda s: s.protocol == "TLSv1",
    "SSLV3": lambda s: s.protocol == "SSLv3",
    "AES128": lambda s: s.sealed.startswith("AES") and s.sealed.endswith("(128)"),
    "AES256": lambda s: s.sealed.startswith("AES") and s.sealed.endswith("(256)"),
    "AES": _enc("AES"),
    "AESGCM": _enc("AESGCM"),
    "AESCCM": _enc("AESCCM"),
    "AESCCM8": _enc("AESCCM8"),
    "ARIA": _enc("ARIA"),
    "ARIAGCM": _enc("ARIA"),
    "ARIA128": _enc("ARIAGCM(128)"),
    "ARIA256": _enc("ARIAGCM(256)"),
    "CHACHA20": _enc("CHACHA20"),
    "CAMELLIA": _enc("Camellia"),
    "CAMELLIA128": _enc("Camellia(128)"),
    "CAMELLIA256": _enc("Camellia(256)"),
    "MD5": _mac("MD5"),
    "SHA1": _mac("SHA1"),
    "SHA": _mac("SHA1"),
    "SHA256": _mac("SHA256"),
    "SHA384": _mac("SHA384"),
}
_ELSEWHERE = {
    "3DES": "tdea", "DES": "des", "RC4": "rc4", "RC2": "rc2", "SEED": "seed", "IDEA": "idea", "EXP": "export", "EXPORT": "export",
    "EXPORT40": "export", "EXPORT56": "export", "LOW": "des", "SSLV2": "ssl2", "GOST89": "gost", "SUITEB128": "", "SUITEB192": "",
    "SUITEB128ONLY": "",
}  # fmt: skip


def evaluate(text: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Names of suites up to TLS 1.2 that a cipher string allows, and words for what only other builds have (1), with its key."""
    suites = {s.name.upper(): s for s in _suites() if not _is_new(s)}
    chosen: dict[str, str] = {}
    killed: set[str] = set()
    extra: dict[str, str] = {}
    barred: set[str] = set()
    for token in re.split(r"[:, ;]+", text.strip().strip("\"'")):
        sign = token[:1] if token[:1] in {"!", "-", "+"} else ""
        word = token[len(sign) :].upper()
        if not word or word.startswith("@"):
            continue
        parts = word.split("+")
        hits = _hits(parts, suites)
        beyond = parts[0] if len(parts) == 1 and not hits and parts[0] not in _WORDS else ""
        if sign == "!":
            killed |= hits
            barred.add(word)
        if sign in {"!", "-"}:
            for name in hits:
                chosen.pop(name, None)
            for name in [name for name, key in extra.items() if name == word or key == _ELSEWHERE.get(word)]:
                del extra[name]
        elif not sign:
            chosen |= {name: suites[name].name for name in suites if name in hits and name not in killed}
            if beyond and beyond not in barred and not beyond.startswith("TLS_"):
                extra |= _beyond(beyond, barred)
    return list(chosen.values()), sorted(extra.items())


def _hits(parts: Sequence[str], suites: dict[str, _Suite]) -> set[str]:
    if any(part not in _WORDS and part not in suites for part in parts):
        return set()
    return {
        name
        for name, suite in suites.items()
        if all(_WORDS[part](suite) if part in _WORDS else part == name for part in parts)
    }  # fmt: skip


def _beyond(word: str, barred: set[str]) -> dict[str, str]:
    if word in _ELSEWHERE:
        return {word: _ELSEWHERE[word]} if _ELSEWHERE[word] else {}
    keys = of_suite(word)
    if any(_ELSEWHERE.get(name) in keys for name in barred if _ELSEWHERE.get(name)):
        return {}
    worst = [key for key in keys if not key.startswith(("aes-", "hmac-sha", "ecdh", "dh"))]
    return {word: worst[0] if worst else keys[0]}
