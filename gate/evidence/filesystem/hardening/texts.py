"""Secrets in the image configuration, and steps of its history. Pure; values are looked at and never kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gate.model.hardening import BuildStep, SecretText
from gate.model.input import ImageConfig

TEXT = 64 * 1024
"""Of one step or value; longer ones are looked at up to here, and said to be cut."""
_NAME = re.compile(
    r"(?i)(pass(word|wd|phrase)|secret|token|credential|[a-z0-9]_(pass|pwd)$|^pass$|"
    r"(access|account|api|app|auth|client|deploy|encryption|jwt|master|private|session|signing|ssh|storage)_?key)"
)
_HARMLESS = re.compile(
    r"(?i)(_(file|path|dir|url|uri|name|type|id|ttl|length|expiry|algorithm|header|issuer))$|^(gpg_key|tokenizers?_.*)$"
)
_NO_VALUE = re.compile(
    r"(?i)|true|false|yes|no|on|off|none|null|[0-9]{1,3}|\*+|<[^>]*>|\$\{?[a-z_][a-z0-9_]*\}?|\$[({].*|`.*|%\w+%|\{\{.*"
)
"""Nothing, switches, small numbers, placeholders and variables of a shell."""
_PATH = re.compile(r"/[\w.@/-]*")
_LONGEST = 4096
"""Characters of a path (PATH_MAX of Linux)."""
_RANDOM = re.compile(r"(?=[^/]{0,99}[a-z])(?=[^/]{0,99}[A-Z])(?=[^/]{0,99}[0-9])[^/]{16}")
"""Part of a path that looks like base64, in which one of 64 texts begins with a slash."""
_VALUES = {
    "private key": re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY"),
    "aws access key": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "github token": re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22})"),
    "gitlab token": re.compile(r"\bglpat-[A-Za-z0-9_-]{20}"),
    "slack token": re.compile(r"\bxox[abeprs]-[A-Za-z0-9-]{10}"),
    "google api key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}"),
    "stripe key": re.compile(r"\b[rs]k_live_[0-9A-Za-z]{16}"),
    "npm token": re.compile(r"\bnpm_[A-Za-z0-9]{36}|_authToken=[^\s$\"'][^\s\"']{7}"),
    "jwt": re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\."),
    "password in an address": re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@$]{1,64}:[^\s/@$*<{]{3,128}@"),
    "authorization header": re.compile(r"(?i)\bauthorization: *(bearer|basic) +[a-z0-9+/=._-]{8}"),
    "password option": re.compile(r"(?i)(?<!\S)--?(password|passwd|token|secret)[= ]+(?![-$\"'<{])[^\s]{3}"),
    "credentials of curl": re.compile(r"\bcurl\b[^|;&]{0,500}\s(-u|--user)[ =]+[^\s:$-][^\s:$]*:[^\s$]{3}"),
}
_ASSIGNED = re.compile(r"(?<![A-Za-z0-9_$-])([A-Za-z_][A-Za-z0-9_.]{1,99})=(\"[^\"]{0,999}\"|'[^']{0,999}'|[^\s;&|]{0,999})")
_NOP = r"(?:[^#]{0,200}#\(nop\))"
"""How the first builder of Docker begins what is no RUN: the shell that SHELL names, and a comment."""
_ADD = re.compile(rf"^(?:{_NOP} *)?ADD +(.*)$", re.S)
_NO_RUN = re.compile(rf"{_NOP}|(COPY|ENV|LABEL|CMD|ENTRYPOINT|WORKDIR|ARG|USER) ")
_ADDRESS = re.compile(r"(?i)\b(https?|ftp|git|ssh)://|\bgit@")
_APT, _APK, _DNF = (re.compile(rf"\b({names})\b") for names in ("apt-get|apt|aptitude", "apk", "dnf|yum|microdnf|tdnf"))
_UPDATE = ((_APT, re.compile(r"\bupdate\b")), (_APK, re.compile(r"\bupdate\b")), (_DNF, re.compile(r"\bmakecache\b")))
_INSTALL = (
    (_APT, re.compile(r"\b(install|upgrade|dist-upgrade|full-upgrade|build-dep|satisfy)\b")),
    (_APK, re.compile(r"\b(add|upgrade)\b")),
    (_DNF, re.compile(r"\b(install|upgrade|update)\b")),
)
"""Program, and what it is told to do in the same command; two looks, as one pattern would be quadratic in a hostile history."""
_UNVERIFIED = re.compile(
    r"--allow-unauthenticated|--force-yes|--nogpgcheck|--no-gpg-checks?|--allow-untrusted|--allow-insecure-repositories|"
    r"--nosignature|--setopt=\S{0,100}gpgcheck=(0|false|no|off)\b|"
    r"(?i:(AllowUnauthenticated|AllowInsecureRepositories|AllowWeakRepositories)=[\"']?(true|1|yes|on|with|enable))"
)


def _kinds(text: str) -> Iterator[str]:
    for kind, pattern in _VALUES.items():
        if pattern.search(text):
            yield kind


def _is_secret(name: str, value: str) -> bool:
    value = value.strip().strip("\"'")
    if not _NAME.search(name) or _HARMLESS.search(name) or _NO_VALUE.fullmatch(value):
        return False
    return len(value) > _LONGEST or not _PATH.fullmatch(value) or _RANDOM.search(value) is not None


def secret_texts(config: ImageConfig) -> tuple[tuple[SecretText, ...], bool]:
    """Secrets by place, each once; and whether every text was looked at whole."""
    found: set[tuple[str, str, str]] = set()
    whole = True

    def look(where: str, name: str, text: str) -> None:
        nonlocal whole
        whole = whole and len(text) <= TEXT
        found.update((where, name, kind) for kind in _kinds(text[:TEXT]))

    for item in config.env:
        name, _, value = item.partition("=")
        look("env", name, value)
        if _is_secret(name, value):
            found.add(("env", name, "named"))
    for name, value in config.labels.items():
        look("label", name, value)
        if _is_secret(name.rpartition(".")[2], value) and not name.startswith("org.opencontainers."):
            found.add(("label", name, "named"))
    for place, word in enumerate((*config.entrypoint, *config.cmd, *(config.healthcheck or ()))):
        look("command", str(place), word)
        found.update(("command", str(place), "named") for name, value in _assigned(word) if _is_secret(name, value))
    for place, step in enumerate(config.history):
        text = step.created_by
        look("history", str(place), text)
        found.update(("history", str(place), "named") for name, value in _assigned(text) if _is_secret(name, value))
    facts = tuple(
        SecretText(where=where, name=name, kind=kind)  # type: ignore[arg-type]  # one of the four words by construction
        for where, name, kind in sorted(found)
    )
    return facts, whole


def _assigned(text: str) -> Iterator[tuple[str, str]]:
    """``NAME=value`` as ENV, ARG, the values of ARG before a RUN (``|1 NAME=value``), and shells write them."""
    for match in _ASSIGNED.finditer(text[:TEXT]):
        yield match[1].lstrip("-"), match[2]


def _does(text: str, what: Iterable[tuple[re.Pattern[str], re.Pattern[str]]]) -> bool:
    for command in re.split(r"[;&|]", text):
        for program, verb in what:
            named = program.search(command)
            if named is not None and verb.search(command, named.end()):
                return True
    return False


def build_steps(config: ImageConfig, layers: tuple[str, ...]) -> tuple[str, tuple[BuildStep, ...]]:
    """Whether the history tells of each layer, and its steps of interest; ``layers`` are their digests in order.

    Only the step that makes the lowest layer and fills the root is the base's own ADD.
    """
    made = [entry for entry in config.history if not entry.empty_layer]
    told = "missing" if not config.history else "told"
    if config.history and (len(made) != len(layers) or any(not entry.created_by.strip() for entry in made)):
        told = "differs"
    steps: list[BuildStep] = []
    number = -1
    for place, entry in enumerate(config.history):
        number += not entry.empty_layer
        layer = layers[number] if told == "told" and not entry.empty_layer else ""
        text = entry.created_by[:TEXT].strip()
        add = _ADD.match(text)
        if add:
            arguments = add[1].removesuffix("# buildkit").strip()
            base = number == 0 and not entry.empty_layer and arguments.endswith((" /", " in /"))
            if _ADDRESS.search(arguments):
                steps.append(BuildStep(kind="add_url", place=place, layer=layer))
            elif not base:
                steps.append(BuildStep(kind="add", place=place, layer=layer))
        elif not _NO_RUN.match(text):
            if _does(text, _UPDATE) and not _does(text, _INSTALL):
                steps.append(BuildStep(kind="update_alone", place=place, layer=layer))
            if _UNVERIFIED.search(text):
                steps.append(BuildStep(kind="unverified_install", place=place, layer=layer))
    return told, tuple(steps)
