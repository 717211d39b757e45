"""TLS settings of nginx, Apache httpd and HAProxy, read from the file that each starts with, includes followed.

1. A server block that speaks TLS and is told nothing, by itself or from around it, has its program's default.
2. A file of a program that is not in the image is read all the same: configurations are mounted into other images too.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import shlex
from collections.abc import Iterator

from gate.evidence.crypto.configs import Configs
from gate.evidence.crypto.tls import TLS13, Place, from_minimum
from gate.model.crypto import ConfiguredAlgorithm

_NGINX = re.compile(r"(?!usr/share/doc/)(.*/)?nginx\.conf")
_HTTPD = re.compile(r"(etc/httpd/conf/httpd|etc/apache2/(apache2|httpd)|usr/local/apache2/conf/httpd|etc/apache2/httpd)\.conf")
_HAPROXY = re.compile(r"(.*/)?haproxy(/.*)?\.cfg")
_DEPTH = 20
_Said = tuple[str, list[str], str, int]
"""Directive, words, file, and how many sections deep."""
_BLOCKS = 20_000
_TOKEN = re.compile(r"""\s+|\#[^\n]*|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([;{}])|((?:[^\s;{}"'\\#]|\\.|(?<=\S)\#)+)""")
_NGINX_KINDS = re.compile(r"((?:proxy_|grpc_|uwsgi_)?ssl_)(protocols|ciphers|ecdh_curve|conf_command)")


def algorithms(configs: Configs) -> Iterator[ConfiguredAlgorithm]:
    """Of every such file in the image."""
    for path in configs.names:
        if _NGINX.fullmatch(path):
            yield from _nginx(configs, path)
        elif _HTTPD.fullmatch(path):
            yield from _httpd(configs, path)
        elif _HAPROXY.fullmatch(path):
            yield from _haproxy(configs, path)


@dataclasses.dataclass(slots=True)
class _Block:
    name: str
    path: str
    directives: list[tuple[str, list[str], str]] = dataclasses.field(default_factory=list)
    blocks: list[_Block] = dataclasses.field(default_factory=list)


def _nginx(configs: Configs, path: str) -> Iterator[ConfiguredAlgorithm]:
    root = _Block("", path)
    count = [0]
    _nginx_file(configs, path, path.rpartition("/")[0], root, 0, count)
    stack: list[tuple[_Block, frozenset[str], bool]] = [(root, frozenset(), False)]
    while stack:
        block, given, certified = stack.pop()
        names = {name for name, _, _ in block.directives}
        names |= {words[0] for name, words, _ in block.directives if name == "ssl_conf_command" and words}
        certified = certified or "ssl_certificate" in names
        for name, words, where in block.directives:
            yield from _nginx_setting(Place(configs, where), name, words)
        speaks = certified or any(name == "listen" and {"ssl", "quic"} & set(words) for name, words, _ in block.directives)
        given = given | names
        if block.name == "server" and speaks:
            place = Place(configs, block.path)
            if "ssl_protocols" not in given:
                yield from place.protocols(
                    "ssl_protocols", from_minimum("TLSv1"), "unknown", "default; TLSv1.2 since nginx 1.23.4"
                )
            if "ssl_ciphers" not in given:
                yield from place.cipher_string("ssl_ciphers", "HIGH:!aNULL:!MD5", "default")
            if "Ciphersuites" not in given:
                yield from place.suites("Ciphersuites", TLS13, "default")  # ssl_ciphers says nothing of TLS 1.3
        stack += [(child, given, certified) for child in reversed(block.blocks)]


def _nginx_file(configs: Configs, path: str, prefix: str, block: _Block, depth: int, count: list[int]) -> None:
    text = configs.text(path)
    if text is None:
        return
    if depth > _DEPTH:
        configs.note("include_depth", "includes that go too deep", path)
        return
    stack, words = [block], list[str]()
    for token in _TOKEN.finditer(text):
        mark = token.group(3)
        if mark is None:
            word = next((part for part in (token.group(1), token.group(2), token.group(4)) if part is not None), None)
            if word is not None:
                words.append(word)
            continue
        count[0] += 1
        if count[0] > _BLOCKS:
            configs.note("too_large", "more directives than are read", path)
            return
        if mark == "{":
            made = _Block(words[0] if words else "", path)
            stack[-1].blocks.append(made)
            stack.append(made)
        elif mark == "}":
            stack[1:] = stack[1:-1]
        elif words and words[0] == "include":
            for name in configs.matching(
                words[1] if words[1:] and words[1].startswith("/") else f"{prefix}/{' '.join(words[1:])}"
            ):
                _nginx_file(configs, name, prefix, stack[-1], depth + 1, count)
        elif words:
            stack[-1].directives.append((words[0], words[1:], path))
        words = []


def _nginx_setting(place: Place, name: str, words: list[str]) -> Iterator[ConfiguredAlgorithm]:
    found = _NGINX_KINDS.fullmatch(name)
    if found is None or not words:
        return
    kind = found.group(2)
    if kind == "protocols":
        yield from place.protocols(name, words)
    elif kind == "ciphers":
        yield from place.cipher_string(name, words[0])
    elif kind == "ecdh_curve":
        yield from place.groups(name, words[0])
    else:
        yield from openssl_command(place, words[0], " ".join(words[1:]))


def openssl_command(place: Place, name: str, value: str) -> Iterator[ConfiguredAlgorithm]:
    """One command of SSL_CONF_cmd(3), as it stands in ``openssl.cnf`` and in servers that pass it on."""
    kind = name.rpartition(".")[2].casefold()
    if kind == "minprotocol":
        yield from place.protocols(name, from_minimum(value))
    elif kind == "protocol":
        words = [word.strip() for word in value.split(",") if word.strip()]
        base = set(from_minimum("")) if not words or words[0][:1] in "+-" or words[0].casefold() == "all" else set()
        for word in words:
            bare = word.lstrip("+-")
            base = base - {bare} if word[:1] == "-" else base | ({bare} if bare.casefold() != "all" else set(from_minimum("")))
        yield from place.protocols(name, sorted(base))
    elif kind == "cipherstring":
        yield from place.cipher_string(name, value)
    elif kind == "ciphersuites":
        yield from place.suites(name, [part for part in re.split(r"[:,]", value) if part.strip()])
    elif kind in {"groups", "curves"}:
        yield from place.groups(name, value)


def _httpd(configs: Configs, path: str) -> Iterator[ConfiguredAlgorithm]:
    found: list[_Said] = []
    root = path.removesuffix("/conf/httpd.conf") if path.endswith("/conf/httpd.conf") else path.rpartition("/")[0]
    _httpd_file(configs, path, root, found, 0, 0)
    top = {name for name, _, _, inside in found if inside == 0}
    speaks = next((where for name, words, where, _ in found if name == "sslengine" and words[:1] != ["off"]), None)
    for name, words, where, _ in found:
        place = Place(configs, where)
        if name in {"sslprotocol", "sslproxyprotocol"}:
            yield from place.protocols(name, _httpd_protocols(words))
        elif name in {"sslciphersuite", "sslproxyciphersuite"} and words:
            if words[0] == "TLSv1.3":
                yield from place.suites(name, words[-1].split(":"))
            else:
                yield from place.cipher_string(name, words[-1])
        elif name == "sslopensslconfcmd" and len(words) > 1:
            yield from openssl_command(place, words[0], words[1])
    if speaks is not None:
        if "sslprotocol" not in top:
            yield from Place(configs, speaks).protocols("sslprotocol", _httpd_protocols(["all", "-SSLv3"]), "default")
        if "sslciphersuite" not in top:
            yield from Place(configs, speaks).cipher_string("sslciphersuite", "DEFAULT", "default")
        if not any(name == "sslciphersuite" and words[:1] == ["TLSv1.3"] for name, words, _, _ in found):
            yield from Place(configs, speaks).suites("Ciphersuites", TLS13, "default")


def _httpd_protocols(words: list[str]) -> list[str]:
    """``SSLProtocol``: words with ``+`` and ``-`` change the set, a bare one begins it anew."""
    by_name = {name.casefold(): name for name in from_minimum("SSLv3")}
    chosen: set[str] = set()
    for word in words:
        sign, bare = (word[0], word[1:]) if word[:1] in {"+", "-"} else ("", word)
        names = set(by_name.values()) if bare.casefold() == "all" else {by_name.get(bare.casefold(), bare)}
        chosen = chosen - names if sign == "-" else chosen | names if sign == "+" or bare.casefold() != "all" else names
    return sorted(chosen)


def _httpd_file(configs: Configs, path: str, root: str, found: list[_Said], depth: int, inside: int) -> None:
    text = configs.text(path)
    if text is None:
        return
    if depth > _DEPTH or len(found) > _BLOCKS:
        configs.note("include_depth", "includes that go too deep", path)
        return
    for line in text.replace("\\\n", " ").splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("</"):
            inside -= _is_host(line[2:])
            continue
        if line.startswith("<"):
            inside += _is_host(line[1:])
            continue
        words = _split(line)
        name = words[0].casefold()
        if name == "serverroot" and len(words) > 1:
            root = words[1]
        elif name in {"include", "includeoptional"} and len(words) > 1:
            pattern = words[1] if words[1].startswith("/") else f"{root}/{words[1]}"
            for other in configs.matching(pattern):
                _httpd_file(configs, other, root, found, depth + 1, inside)
        elif name.startswith("ssl"):
            found.append((name, words[1:], path, inside))


def _is_host(text: str) -> int:
    """Sections other than these decide at start whether what is in them counts; it is taken to count."""
    return int(re.match(r"(virtualhost|directory|location|files|proxy|if\b)", text.casefold()) is not None)


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line) or [""]
    except ValueError:
        return line.split()


def _haproxy(configs: Configs, path: str) -> Iterator[ConfiguredAlgorithm]:
    text = configs.text(path)
    place = Place(configs, path)
    speaks, given = False, set[str]()
    for line in (text or "").splitlines():
        words = _split(line.partition("#")[0].strip())
        name = words[0]
        if name in {"bind", "server", "default-server"} and ("ssl" in words or "crt" in words):
            speaks = speaks or name == "bind"
            yield from _haproxy_words(place, name, words[1:])
        elif name.startswith(("ssl-default-bind-", "ssl-default-server-")) and len(words) > 1:
            given.add(name)
            if name.endswith("-ciphers"):
                yield from place.cipher_string(name, words[1])
            elif name.endswith("-ciphersuites"):
                yield from place.suites(name, words[1].split(":"))
            elif name.endswith("-curves"):
                yield from place.groups(name, words[1])
            elif name.endswith("-options"):
                yield from _haproxy_words(place, name, words[1:])
    if speaks and "ssl-default-bind-ciphers" not in given:
        yield from place.cipher_string("ssl-default-bind-ciphers", "DEFAULT", "default")
    if speaks and "ssl-default-bind-ciphersuites" not in given:
        yield from place.suites("ssl-default-bind-ciphersuites", TLS13, "default")


def _haproxy_words(place: Place, name: str, words: list[str]) -> Iterator[ConfiguredAlgorithm]:
    pairs = dict(itertools.pairwise(words))
    if "ciphers" in pairs:
        yield from place.cipher_string(f"{name} ciphers", pairs["ciphers"])
    if "ciphersuites" in pairs:
        yield from place.suites(f"{name} ciphersuites", pairs["ciphersuites"].split(":"))
    if "curves" in pairs:
        yield from place.groups(f"{name} curves", pairs["curves"])
    forced = [word for word in words if word.startswith("force-")]
    least = {"force-sslv3": "SSLv3", "force-tlsv10": "TLSv1", "force-tlsv11": "TLSv1.1"}
    if "ssl-min-ver" in pairs:
        yield from place.protocols(f"{name} ssl-min-ver", from_minimum(pairs["ssl-min-ver"]))
    for word in forced:
        if word in least:
            yield from place.protocols(f"{name} {word}", [least[word]])
