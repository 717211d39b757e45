"""What the image's command does to variables before its program starts: ``env NAME=value``, ``sh -c "NAME=value app"``, scripts.

1. Words before the program of ``env`` hold for it like ``Env``, and so do variables that it takes away.
2. What a shell sets holds for some of what it starts. What switches FIPS off counts for everything; what may turn it on counts
   for nothing; anything else makes a doubt.
3. A script that the command names is no more than read through: what it sets, and may set under a condition, is a doubt.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

import msgspec

from gate.evidence.fips.openssl_view import View, variables
from gate.model.input import Subject

JUDGED = (
    "OPENSSL_CONF", "OPENSSL_CONF_INCLUDE", "OPENSSL_MODULES", "OPENSSL_FORCE_FIPS_MODE", "OPENSSL_FIPS", "GODEBUG", "GOFIPS",
    "GOLANG_FIPS", "GO_OPENSSL_VERSION_OVERRIDE", "NSS_FIPS", "GNUTLS_FORCE_FIPS_MODE", "GNUTLS_SKIP_FIPS_INTEGRITY_CHECKS",
    "CLR_OPENSSL_VERSION_OVERRIDE", "WOLFSSL_FIPS", "LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "NODE_OPTIONS",
    "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS",
)  # fmt: skip
_ADDED = ("LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH")
"""Values that only add to what is looked at, so they may hold for everything."""
_ENV = re.compile(r"(.*/)?env")
_SHELL = re.compile(r"(.*/)?(sh|ash|bash|dash|ksh|zsh|busybox)")
_SET = re.compile(r"(?<![A-Za-z0-9_$.-])(" + "|".join(JUDGED) + r""")=("[^"]{0,4096}"|'[^']{0,4096}'|[^\s;&|)]*)""")
_UNSET = re.compile(r"\bunset\s+([^;&|\n]*)|\benv\s[^;&|\n]{0,200}?(?:-u\s*|--unset[= ])(\w+)")
_CLEARED = re.compile(r"\benv\s+(?:-[A-Za-z]*i|--ignore-environment|-(?=\s))|\bsu\s+(?:-|-l|--login)(?=\s|$)|\bsudo\s")
_PROPERTY = re.compile(r"-D[\w.]{0,80}fips[\w.]{0,80}=false")
_SPLIT = re.compile(r"(?:-[iv]*S|--split-string=)(.*)", re.DOTALL)
_OFF = frozenset({"", "0", "no", "false", "off"})
_WORDS = 1000
_LONGEST = 256 * 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Doubt:
    """A variable that may have another value (None: none) than ``Env`` says in what the command starts."""

    name: str
    value: str | None
    where: str


def started(view: View, subject: Subject) -> tuple[Subject, tuple[Doubt, ...]]:
    """The image with the variables that its command starts programs with, and doubts about them."""
    config = subject.config
    words = [*config.entrypoint, *config.cmd][:_WORDS] if config is not None else []
    if config is None or not words:
        return subject, ()
    env = variables(subject)
    rest = _exact(words, env)
    doubts: list[Doubt] = []
    text = "\n".join(rest)[:_LONGEST]
    if any(_ENV.fullmatch(word) or _SHELL.fullmatch(word) or re.search(r"[\s;&|]", word) for word in rest):
        for name, value in _said(text):
            if name in _ADDED or is_off(name, value):
                env[name] = value
            else:
                doubts.append(Doubt(name, value, "the image's command"))
        doubts += _taken(text, env, "the image's command")
    for word in rest:
        script = view.script(word, env.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"))
        if script is not None:
            path, body = script
            doubts += [Doubt(name, value, path) for name, value in _said(body) if name not in _ADDED]
            doubts += _taken(body, env, path)
    made = msgspec.structs.replace(config, env=tuple(f"{name}={value}" for name, value in env.items()))
    return msgspec.structs.replace(subject, config=made), tuple(dict.fromkeys(doubts))


def is_off(name: str, value: str) -> bool:
    """Whether a value can only switch FIPS off."""
    text = value.strip().lower()
    if name == "GODEBUG":
        last = [part.partition("=")[2] for part in value.split(",") if part.startswith("fips140=")][-1:]
        return bool(last) and last[0] not in {"on", "only", "auto"}
    if name in {"OPENSSL_CONF", "OPENSSL_FORCE_FIPS_MODE"}:
        return text in {"", "0"} or text.endswith("dev/null")
    return text in _OFF - {""} or bool(_PROPERTY.search(value))


def _exact(words: list[str], env: dict[str, str]) -> list[str]:
    """Applies what ``env`` at the front does (1); the words of what it starts."""
    while words and _ENV.fullmatch(words[0]):
        words = words[1:]
        while words:
            word = words[0]
            if word in {"-", "-i", "--ignore-environment"}:
                env.clear()
            elif word in {"-u", "--unset"} and len(words) > 1:
                words = words[1:]
                env.pop(words[0], None)
            elif word in {"-C", "--chdir"}:
                words = words[1:]
            elif (split := _SPLIT.match(word)) is not None:
                words = ["", *split.group(1)[:4096].split(), *words[1:]]
            elif word.startswith("--unset=") or (word.startswith("-u") and len(word) > 2):
                env.pop(word.removeprefix("--unset=").removeprefix("-u"), None)
            elif "=" in word and not word.startswith("-"):
                name, _, value = word.partition("=")
                env[name] = value
            elif not word.startswith("-") or word == "--":
                words = words[word == "--" :]
                break
            words = words[1:]
    return words


def _said(text: str) -> Iterator[tuple[str, str]]:
    for match in _SET.finditer(text[:_LONGEST]):
        value = match.group(2)
        yield match.group(1), value[1:-1] if value[:1] in {'"', "'"} else value


def _taken(text: str, env: dict[str, str], where: str) -> Iterator[Doubt]:
    """Variables of ``Env`` that are taken away again."""
    names: set[str] = set()
    for match in _UNSET.finditer(text):
        names |= set(re.findall(r"\w+", match.group(1) or match.group(2) or ""))
    if _CLEARED.search(text):
        names |= set(JUDGED)
    yield from (Doubt(name, None, where) for name in sorted(names & set(JUDGED) & env.keys()))
