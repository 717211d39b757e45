"""What sshd and ssh of an image allow: their own defaults, changed by their configuration (sshd_config(5), ssh_config(5)).

1. Without the program a configuration does nothing, and is not read. A program without a configuration has its defaults.
2. Of several values of a keyword the first counts, through ``Include`` too. What stands in ``Match`` or ``Host`` may or may not
   apply, so it counts as allowed as well.
3. ``+``, ``-`` and ``^`` change the default list; a name with ``*`` stands for all that match.
4. The version comes out of the program itself. Where it is not one whose defaults are known, they are ``unknown``.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from gate.evidence.crypto.configs import Configs, normal
from gate.evidence.crypto.names import of_ssh
from gate.evidence.crypto.openssh_defaults import ALL, Version, defaults
from gate.evidence.filesystem.collect import shown
from gate.model.crypto import ConfiguredAlgorithm
from gate.oci.filesystem import Sink
from gate.oci.layertar import Header

PROGRAMS = "crypto_ssh"
SCRIPT = "script"
_MOST = 64 * 1024 * 1024
_BANNER = re.compile(rb"OpenSSH_(\d{1,3})\.(\d{1,3})")
_CONFIG = re.compile(rb"\0(/[A-Za-z0-9._/+-]{1,200}/sshd?_config)\0")
_OVERLAP = 256
_DEPTH = 16
"""``SERVCONF_MAX_DEPTH`` and ``READCONF_MAX_DEPTH`` of OpenSSH."""
_KEYWORDS = {name.casefold(): name for name in ALL} | {
    "pubkeyacceptedkeytypes": "PubkeyAcceptedAlgorithms",
    "requiredrsasize": "RequiredRSASize",
    "rsaminsize": "RequiredRSASize",
    "protocol": "Protocol",
}
_BLOCKS = frozenset({"match", "host"})
Scope = Literal["sshd", "ssh"]


class SshProgram(msgspec.Struct, frozen=True, gc=False):
    """What the program says of itself."""

    version: tuple[int, int] | None
    configs: tuple[str, ...]


class _SshSink:
    def __init__(self) -> None:
        self._tail = b""
        self._head = b""
        self._version: tuple[int, int] | None = None
        self._configs: set[str] = set()

    def feed(self, data: memoryview) -> None:
        """Looks for the banner and the path of the configuration."""
        self._head = self._head or bytes(data[:4])
        text = self._tail + bytes(data)
        if self._version is None and (banner := _BANNER.search(text)):
            self._version = int(banner.group(1)), int(banner.group(2))
        self._configs.update(path.decode("ascii") for path in _CONFIG.findall(text))
        self._tail = text[-_OVERLAP:]

    def result(self) -> SshProgram | str:
        """Version and paths; `SCRIPT` for a file of that name that is no program of its own."""
        if not self._head.startswith(b"\x7fELF"):
            return SCRIPT
        return SshProgram(self._version, tuple(sorted(self._configs)))


def choose_ssh(header: Header) -> Sink | None:
    """Programs named ``sshd`` or ``ssh`` that can be run."""
    return _SshSink() if is_ssh(header.path) and header.mode & 0o111 and 0 < header.size <= _MOST else None


def is_ssh(path: str) -> bool:
    """Whether a file has the name of one of the two programs."""
    return path.rpartition("/")[2] in {"sshd", "ssh"}


@dataclasses.dataclass(frozen=True, slots=True)
class _Value:
    keyword: str
    text: str
    path: str
    conditional: bool


def algorithms(program: str, found: SshProgram | None, configs: Configs, command: Sequence[str]) -> Iterator[ConfiguredAlgorithm]:
    """What the program at this path allows; ``command`` is what the image starts."""
    server = program.rpartition("/")[2] == "sshd"
    scope: Scope = "sshd" if server else "ssh"
    version = found.version if found else None
    base, known = defaults(version, server=server)
    values = list(_values(_config_files(found, configs, command, server), configs))
    if server:
        values += _from_command(command)
    for keyword, own in base.items():
        given = [value for value in values if value.keyword == keyword]
        always = next((value for value in given if not value.conditional), None)
        for value in ([always] if always else []) + [value for value in given if value.conditional]:
            by: Literal["configured", "default", "unknown"] = "configured" if known or value.text[:1] not in "+-^" else "unknown"
            yield from _listed(keyword, expand(value.text, own, ALL[keyword]), value.path, configs, scope, by, value.conditional)
        if always is None:
            yield from _listed(keyword, own, program, configs, scope, "default" if known else "unknown", False, version)
    yield from _others(values, program, configs, scope, version)


def expand(text: str, own: Sequence[str], every: Sequence[str]) -> tuple[str, ...]:
    """The names that a value comes to (3), as ``kex_assemble_names`` of OpenSSH does it."""
    sign = text[:1] if text[:1] in {"+", "-", "^"} else ""
    named = [name.strip() for name in text[len(sign) :].split(",") if name.strip()]
    if sign == "-":
        return tuple(name for name in own if not any(fnmatch.fnmatchcase(name, pattern) for pattern in named))
    whole: list[str] = []
    for name in named:
        wild = "*" in name or "?" in name
        hits = [known for known in dict.fromkeys([*every, *own]) if fnmatch.fnmatchcase(known, name)] if wild else [name]
        whole += hits or [name]
    ordered = [*own, *whole] if sign == "+" else [*whole, *own] if sign == "^" else whole
    return tuple(dict.fromkeys(ordered))


def _listed(
    keyword: str,
    names: Sequence[str],
    path: str,
    configs: Configs,
    scope: Scope,
    by: Literal["configured", "default", "unknown"],
    conditional: bool,
    version: Version | None = None,
) -> Iterator[ConfiguredAlgorithm]:
    use: Literal["process", "both"] = "process" if keyword in {"PubkeyAcceptedAlgorithms", "CASignatureAlgorithms"} else "both"
    told = f"default of OpenSSH {version[0]}.{version[1]}" if version else "default; which version it is could not be told"
    detail = "in a Match or Host block, or on the command line" if conditional else "" if by == "configured" else told
    for name in names:
        yield ConfiguredAlgorithm(
            path=shown(path),
            layer=configs.layer(path),
            scope=scope,
            setting=keyword,
            name=name[:200],
            algorithm=of_ssh(name),
            use=use,
            by=by,
            detail=detail,
        )


def _others(
    values: Sequence[_Value], program: str, configs: Configs, scope: Scope, version: Version | None
) -> Iterator[ConfiguredAlgorithm]:
    """Protocol 1, where it is asked for, and the shortest RSA key that is taken."""
    sizes = [value for value in values if value.keyword == "RequiredRSASize"]
    fixed = next((value for value in sizes if not value.conditional), None)
    own = _Value("RequiredRSASize", "1024", program, False)  # SSH_RSA_MINIMUM_MODULUS_SIZE
    for value in [fixed or own, *(value for value in sizes if value.conditional)]:
        size = int(value.text) if value.text.isdigit() and len(value.text) < 6 else 0
        yield ConfiguredAlgorithm(
            path=shown(value.path), layer=configs.layer(value.path), scope=scope, setting=value.keyword, name=value.text[:200],
            algorithm="rsa-legacy" if size < 2048 else "rsa-2048" if size < 3072 else "rsa-3072", use="process",
            by="default" if value is own else "configured", detail=_told(version) if value is own else "",
        )  # fmt: skip
    for value in values:
        if value.keyword == "Protocol" and "1" in value.text.split(","):
            yield ConfiguredAlgorithm(
                path=shown(value.path), layer=configs.layer(value.path), scope=scope, setting="Protocol", name=value.text[:200],
                algorithm="ssh1", use="both", by="configured", detail="",
            )  # fmt: skip


def _told(version: Version | None) -> str:
    return f"default of OpenSSH {version[0]}.{version[1]}" if version else "default; which version it is could not be told"


def _config_files(found: SshProgram | None, configs: Configs, command: Sequence[str], server: bool) -> list[str]:
    name = "sshd_config" if server else "ssh_config"
    own = [path for path in (found.configs if found else ()) if path.endswith(f"/{name}")] or [f"/etc/ssh/{name}"]
    words = list(command)
    if server and any(word.rpartition("/")[2] == "sshd" for word in words):
        own += [words[place + 1] for place, word in enumerate(words[:-1]) if word == "-f"]
        own += [word[2:] for word in words if word.startswith("-f") and len(word) > 2]
    if not server:
        own += [f"/{path}" for path in configs.names if path.endswith("/.ssh/config")]
    return list(dict.fromkeys(normal(path) for path in own))


def _from_command(command: Sequence[str]) -> Iterator[_Value]:
    """``-o Keyword=value`` of what the image starts: it may be replaced when the image is run."""
    words = list(command)
    if not any(word.rpartition("/")[2] == "sshd" for word in words):
        return
    for place, word in enumerate(words):
        text = words[place + 1] if word == "-o" and place + 1 < len(words) else word[2:] if word.startswith("-o") else ""
        parsed = _words(text)
        if len(parsed) > 1 and parsed[0].casefold() in _KEYWORDS:
            yield _Value(_KEYWORDS[parsed[0].casefold()], parsed[1], "", True)


def _values(paths: Sequence[str], configs: Configs) -> Iterator[_Value]:
    for number, path in enumerate(paths):
        for value in _read(path, configs, False, 0):
            # Of several configurations any may be the one in use.
            yield value if number == 0 else dataclasses.replace(value, conditional=True)


def _read(path: str, configs: Configs, conditional: bool, depth: int) -> Iterator[_Value]:
    text = configs.text(path)
    if text is None:
        return
    if depth > _DEPTH:
        configs.note("include_depth", "includes that go deeper than OpenSSH follows them", path)
        return
    inside = conditional
    for line in text.splitlines():
        words = _words(line)
        if not words:
            continue
        keyword = words[0].casefold()
        if keyword in _BLOCKS:
            always = [word.casefold() for word in words[1:]] in (["*"], ["all"])
            inside = conditional or not always
        elif keyword == "include":
            for pattern in words[1:]:
                home = "etc/ssh" if not pattern.startswith(("/", "~")) else ""
                for name in configs.matching(f"{home}/{pattern}"):
                    yield from _read(name, configs, inside, depth + 1)
        elif keyword in _KEYWORDS and len(words) > 1:
            yield _Value(_KEYWORDS[keyword], words[1], path, inside)


def _words(line: str) -> list[str]:
    """A line as OpenSSH splits it: ``Keyword value`` or ``Keyword=value``, quotes, and ``#`` at the start of a word."""
    text = line.strip()
    if not text or text.startswith("#"):
        return []
    text = re.sub(r"^([A-Za-z0-9]+)\s*=\s*", r"\1 ", text)
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return [word for word in text.replace('"', " ").split() if word]
