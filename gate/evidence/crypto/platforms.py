"""Algorithms that Java, GnuTLS and Envoy are configured for.

Java and GnuTLS name what is *not* allowed: what matters and is not among it is listed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from gate.evidence.crypto.configs import Configs
from gate.evidence.crypto.tls import By, Place, from_minimum
from gate.model.crypto import ConfiguredAlgorithm

_JAVA = re.compile(r"(.*/)?(conf|lib|jre/lib)/security/java\.security|etc/java[^ ]*/security/java\.security")
_JAVA_SYSTEM = "etc/crypto-policies/back-ends/java.config"
_TLS = {
    "SSLv3": ("ssl3", ("SSLV3",)),
    "TLSv1": ("tls1.0", ("TLSV1",)),
    "TLSv1.1": ("tls1.1", ("TLSV1.1",)),
    "RC4": ("rc4", ("RC4",)),
    "DES": ("des", ("DES",)),
    "3DES_EDE_CBC": ("tdea", ("3DES_EDE_CBC", "DESEDE")),
    "anon": ("anon", ("ANON",)),
    "NULL": ("none", ("NULL",)),
    "MD5withRSA": ("hmac-md5", ("MD5WITHRSA", "MD5")),
    "TLS_RSA_*": ("rsa-key-transport", ("TLS_RSA_*", "RSA KEYEXCHANGE")),
    "ChaCha20-Poly1305": ("chacha20-poly1305", ("CHACHA20-POLY1305", "CHACHA20", "TLS_CHACHA20_POLY1305_SHA256")),
}
_CERTPATH = {"MD2": ("md2", ("MD2",)), "MD5": ("md5", ("MD5",)), "SHA1": ("sha1-signature", ("SHA1", "SHA-1"))}
_KEYS = {"DH": "dh-1024", "RSA": "rsa-legacy"}
_GNUTLS = ("etc/gnutls/config", "etc/crypto-policies/back-ends/gnutls.config")
_ENVOY = re.compile(r"(.*/)?envoy[^/]*\.(ya?ml|json)|etc/envoy/.*\.(ya?ml|json)")
_NODES = 200_000


def java(configs: Configs) -> Iterator[ConfiguredAlgorithm]:
    """``jdk.tls.disabledAlgorithms`` and ``jdk.certpath.disabledAlgorithms`` of every Java in the image."""
    system = properties(configs.text(_JAVA_SYSTEM) or "")
    for path in configs.names:
        if not _JAVA.fullmatch(path):
            continue
        own = properties(configs.text(path) or "")
        if own.get("security.useSystemPropertiesFile", "").casefold() == "true":
            own |= system
        place = Place(configs, path, "jdk")
        yield from _left_over(place, "jdk.tls.disabledAlgorithms", own, _TLS, "DH")
        for fact in _left_over(place, "jdk.certpath.disabledAlgorithms", own, _CERTPATH, "RSA"):
            yield _verifying(fact)


def _verifying(fact: ConfiguredAlgorithm) -> ConfiguredAlgorithm:
    import msgspec

    return msgspec.structs.replace(fact, use="process")


def _left_over(
    place: Place, name: str, given: Mapping[str, str], watched: Mapping[str, tuple[str, tuple[str, ...]]], key: str
) -> Iterator[ConfiguredAlgorithm]:
    by: By = "configured" if name in given else "default"
    disabled = [re.sub(r"\s+", " ", part).strip().upper() for part in given.get(name, "").split(",")]
    whole = set(disabled)
    for shown, (algorithm, names) in watched.items():
        if not whole & set(names):
            yield place.fact(name, shown, algorithm, by, "not among the disabled")
    sizes = [int(found.group(1)) for part in disabled if (found := re.fullmatch(rf"{key} KEYSIZE < (\d{{1,6}})", part))]
    if key not in whole and max(sizes, default=0) < 2048:
        yield place.fact(name, f"{key} keySize {max(sizes, default=0)}", _KEYS[key], by, "keys under 2048 bits are not disabled")


def properties(text: str) -> dict[str, str]:
    """A Java properties file; the last value of a name counts."""
    found: dict[str, str] = {}
    for line in re.sub(r"\\\r?\n[ \t]*", "", text).splitlines():
        line = line.strip()
        match = re.match(r"([^#!=:\s][^=:\s]*)\s*[=:]\s*(.*)", line)
        if match:
            found[match.group(1)] = match.group(2)
    return found


def gnutls(configs: Configs) -> Iterator[ConfiguredAlgorithm]:
    """The system-wide configuration (``gnutls.conf``): what an allow-list enables, or a block-list leaves."""
    for path in _GNUTLS:
        text = configs.text(path)
        if not text:
            continue
        place = Place(configs, path, "gnutls")
        pairs = [(key.strip().casefold(), value.strip()) for key, mark, value in _lines(text) if mark]
        allow = ("override-mode", "allowlist") in pairs
        words = {"version": "protocols", "cipher": "cipher", "group": "group"}
        for key, value in pairs:
            kind = next((word for word in words if key in {f"enabled-{word}", f"tls-enabled-{word}"}), "")
            if allow and kind == "version":
                yield from place.protocols(key, [value])
            elif allow and kind == "cipher":
                yield from place.suites(key, [_gnutls_cipher(value)])
            elif allow and kind == "group":
                yield from place.groups(key, value.casefold().removeprefix("group-"))
            elif key in {"system", "default-priority-string"} and path == _GNUTLS[0]:
                yield from _priority(place, key, value)
        if not allow:
            off = {value.casefold() for key, value in pairs if key in {"disabled-version", "tls-disabled-cipher"}}
            for version in ("TLS1.0", "TLS1.1"):
                if version.casefold() not in off:
                    yield from place.protocols("disabled-version", [version], "default", "not among the disabled")
            if "chacha20-poly1305" not in off:
                yield place.fact(
                    "tls-disabled-cipher", "CHACHA20-POLY1305", "chacha20-poly1305", "default", "not among the disabled"
                )


def _lines(text: str) -> Iterator[tuple[str, str, str]]:
    for line in text.splitlines():
        line = line.strip()
        if line and line[0] not in "#;[":
            yield line.partition("=")


def _gnutls_cipher(name: str) -> str:
    """GnuTLS's spelling as a suite of TLS 1.3, which names a cipher and nothing else."""
    text = name.upper().replace("-", "_")
    return f"TLS_{text}_SHA256" if re.match(r"(AES|CHACHA20)", text) else text


def _priority(place: Place, key: str, value: str) -> Iterator[ConfiguredAlgorithm]:
    off = {word[1:].upper() for word in value.split(":") if word[:1] in {"-", "!"}}
    for word in value.split(":"):
        bare = word.lstrip("+").upper()
        if word[:1] in {"-", "!", "%", "@"} or not bare or bare in off:
            continue
        if bare.startswith("VERS-"):
            names = from_minimum("TLSv1") if bare in {"VERS-TLS-ALL", "VERS-ALL"} else (bare.removeprefix("VERS-"),)
            yield from place.protocols(key, names)
        elif bare in {"3DES-CBC", "ARCFOUR-128", "CHACHA20-POLY1305"} or bare.startswith("CAMELLIA"):
            yield from place.suites(key, [_gnutls_cipher(bare)])
        elif bare in {"ANON-DH", "ANON-ECDH"}:
            yield place.fact(key, bare, "anon")
        elif bare == "RSA":
            yield place.fact(key, bare, "rsa-key-transport")


def envoy(configs: Configs) -> Iterator[ConfiguredAlgorithm]:
    """``tls_params`` of static configurations, and the default of a context that has none."""
    for path in configs.names:
        if not _ENVOY.fullmatch(path):
            continue
        text = configs.text(path)
        if text is None:
            continue
        try:
            document = _loaded(text)
        except (ValueError, RecursionError):
            configs.note("not_understood", "a configuration of Envoy that is no YAML or JSON", path)
            continue
        place = Place(configs, path)
        seen: set[int] = set()
        stack = [document]
        while stack and len(seen) < _NODES:
            node = stack.pop()
            if not isinstance(node, dict | list) or id(node) in seen:
                continue
            seen.add(id(node))
            stack += node.values() if isinstance(node, dict) else node
            if isinstance(node, dict):
                for name in ("common_tls_context", "commonTlsContext"):
                    if isinstance(node.get(name), dict):
                        yield from _envoy_context(place, node[name])
        if len(seen) >= _NODES:
            configs.note("too_large", "more values than are read", path)


def _loaded(text: str) -> Any:
    if text.lstrip().startswith("{"):
        return json.loads(text)
    import yaml

    try:
        return list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        raise ValueError from error


def _envoy_context(place: Place, context: dict[str, Any]) -> Iterator[ConfiguredAlgorithm]:
    params = context.get("tls_params") or context.get("tlsParams") or {}
    params = params if isinstance(params, dict) else {}

    def of(name: str) -> Any:
        head, *rest = name.split("_")
        return params.get(name, params.get(head + "".join(part.title() for part in rest)))

    least = str(of("tls_minimum_protocol_version") or "")
    yield from place.protocols(
        "tls_minimum_protocol_version", from_minimum(least.replace("_", ".") if least not in {"", "TLS_AUTO"} else "TLSv1.2"),
        "configured" if least else "default",
    )  # fmt: skip
    names = of("cipher_suites")
    if isinstance(names, list) and names:
        each = [part for name in names for part in re.split(r"[\[\]|]", str(name)) if part]
        yield from place.suites("cipher_suites", each)
    else:
        default = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                   "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305")  # fmt: skip
        yield from place.suites("cipher_suites", default, "default")
    curves = of("ecdh_curves")
    yield from place.groups("ecdh_curves", ":".join(map(str, curves)) if isinstance(curves, list) and curves else "X25519:P-256",
                            "configured" if isinstance(curves, list) and curves else "default")  # fmt: skip
