"""Other tools' ignore files, read for drafts of waivers: what a waiver can hold, and by name what it cannot.

Nothing here decides: what comes out has no owner, and is a draft. An entry that says more than "this vulnerability (in this
package) until then" is not made wider to fit: path globs, wildcards and conditions are reported instead.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gate.errors import ConfigError
from gate.policy.yamlfile import Source, parse_source

_ID = re.compile(r"([A-Z][A-Z0-9]*|openSUSE)-[A-Za-z0-9][A-Za-z0-9:._-]*|[a-z]+:[A-Za-z0-9][A-Za-z0-9:._-]*")
_NO_VULNERABILITY = re.compile(r"(AVD|KSV|KCV|DKL|CIS)-.*")
_ARGUMENT = re.compile(r"""--ignore-vuln["'\s,=]+([A-Za-z][A-Za-z0-9._:-]*)""")
_PYTHON_LIST = re.compile(r"""ignore[-_]vulns?\s*=\s*\[([^\]]*)\]""")
_PURL_TYPES = {"python": "pypi", "npm": "npm", "gem": "gem", "go-module": "golang", "rust-crate": "cargo", "dotnet": "nuget"}
"""grype's package types whose purl is the name alone; a distribution's needs a namespace that the file does not say."""


@dataclasses.dataclass(frozen=True, slots=True)
class Ignored:
    """One entry that a waiver can hold."""

    place: str
    """``file:line``, or the path of the entry."""
    id: str
    packages: tuple[str, ...] = ()
    """purls without qualifiers, with or without version; empty for any."""
    package_name: str = ""
    """A package that is named without enough to write its purl; a verdict has to tell which it is."""
    package_version: str = ""
    reason: str = ""
    expires: str = ""
    """A date or RFC 3339; empty where the file gives none."""


@dataclasses.dataclass(frozen=True, slots=True)
class NotHeld:
    """One entry that no waiver can hold."""

    place: str
    what: str
    why: str


Entry = Ignored | NotHeld


def read_ignores(name: str, data: bytes, kind: str | None, max_bytes: int) -> tuple[Entry, ...]:
    """The entries of a file, by its name or the kind given. Raises ConfigError for one that is not recognised or malformed."""
    chosen = kind or kind_of(name)
    if chosen is None:
        raise ConfigError(f"{name}: which tool's file this is cannot be told by its name", fix=f"--format {'|'.join(READERS)}")
    if len(data) > max_bytes:
        raise ConfigError(f"{name}: larger than {max_bytes} bytes", why="every reader is bounded")
    return tuple(READERS[chosen](name, data))


def kind_of(name: str) -> str | None:
    """The kind by file name; None when it says nothing."""
    base = name.replace("\\", "/").rpartition("/")[2].lower()
    for pattern, kind in _NAMES:
        if re.fullmatch(pattern, base):
            return kind
    return None


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8 text (byte {error.start})") from None


def _yaml(name: str, data: bytes) -> tuple[Source, Mapping[str, Any]]:
    source = parse_source(data, name=name, max_bytes=len(data))
    value = {} if source.value is None else source.value
    if not isinstance(value, dict):
        raise ConfigError(f"{name}: not a mapping")
    return source, value


def _entry(place: str, identifier: Any, **more: Any) -> Entry:
    """An entry, unless its id names nothing or too much, or its end cannot be read."""
    text = identifier if isinstance(identifier, str) else ""
    if "*" in text or not _ID.fullmatch(text):
        return NotHeld(place, str(identifier)[:200], "not the id of one vulnerability")
    if _NO_VULNERABILITY.fullmatch(text):
        return NotHeld(place, text, "a misconfiguration check, which the gate does not run")
    raw = more.pop("expires", "")
    expires = _date(raw)
    if raw not in ("", None) and not expires:
        return NotHeld(place, text, f"its end {str(raw)[:40]!r} cannot be read")
    reason = more.pop("reason", "")
    return Ignored(place, text, reason=reason.strip() if isinstance(reason, str) else "", expires=expires, **more)


def _date(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
        return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if not isinstance(value, str):
        return ""
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            return datetime.date.fromisoformat(value).isoformat()
        return _date(datetime.datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        return ""


def _lines(name: str, data: bytes, until: str) -> Iterator[Entry]:
    """One id a line, with ``exp:DATE`` or ``until=DATE`` after it; the comment above or behind it is the reason."""
    comment: list[str] = []
    for number, line in enumerate(_text(name, data).splitlines(), 1):
        body, _, behind = line.partition("#")
        words = body.split()
        if not words:
            comment = [*comment, behind.strip()] if behind else []
            continue
        ends = [word[len(until) :] for word in words[1:] if word.startswith(until)]
        others = [word for word in words[1:] if not word.startswith(until)]
        place = f"{name}:{number}"
        if others or len(ends) > 1:
            yield NotHeld(place, body.strip(), f"{(others or ends)[0]!r} says more than a waiver can")
        else:
            yield _entry(place, words[0], expires=ends[0] if ends else "", reason=behind.strip() or " ".join(comment))
        comment = []


def _trivy_yaml(name: str, data: bytes) -> Iterator[Entry]:
    source, value = _yaml(name, data)
    for section, entries in value.items():
        for index, entry in enumerate(entries if isinstance(entries, list) else [entries]):
            place = source.at((section, index))
            what = str(entry.get("id", entry) if isinstance(entry, dict) else entry)[:200]
            if section != "vulnerabilities":
                yield NotHeld(place, what, f"{section} are not what the gate's waivers are about")
            elif not isinstance(entry, dict):
                yield NotHeld(place, what, "no mapping")
            elif more := sorted(entry.keys() - {"id", "purls", "expired_at", "statement"}):
                why = "a waiver has no path globs" if more == ["paths"] else f"a waiver has no {', '.join(more)}"
                yield NotHeld(place, what, why)
            else:
                purls = entry.get("purls") or []
                if not isinstance(purls, list) or not all(
                    isinstance(p, str) and p.startswith("pkg:") and "*" not in p for p in purls
                ):
                    yield NotHeld(place, what, "its purls cannot be read")
                    continue
                packages = tuple(purl.split("?", 1)[0] for purl in purls)
                reason, end = entry.get("statement", ""), entry.get("expired_at", "")
                yield _entry(place, entry.get("id"), packages=packages, reason=reason, expires=end)


def _grype(name: str, data: bytes) -> Iterator[Entry]:
    source, value = _yaml(name, data)
    for key in ("exclude", "only-fixed", "only-notfixed", "ignore-wontfix", "ignore-states", "match-upstream-kernel-headers"):
        if value.get(key):
            yield NotHeld(source.at((key,)), key, "hides findings by a setting; the gate's scans are made without it")
    rules = value.get("ignore") or []
    for index, rule in enumerate(rules if isinstance(rules, list) else [rules]):
        place = source.at(("ignore", index))
        if not isinstance(rule, dict):
            yield NotHeld(place, str(rule)[:200], "no mapping")
            continue
        package = rule.get("package") or {}
        package = package if isinstance(package, dict) else {"?": package}
        what = ", ".join(f"{key} {part}" for key, part in rule.items())[:200]
        more = sorted(rule.keys() - {"vulnerability", "reason", "include-aliases", "package"})
        more += sorted(f"package.{key}" for key in package.keys() - {"name", "version", "type"})
        if "vulnerability" not in rule:
            yield NotHeld(place, what, "names no vulnerability: a waiver is about one")
        elif more:
            yield NotHeld(place, what, f"a waiver has no {', '.join(more)}")
        else:
            yield _grype_package(place, rule, package, what)


def _grype_package(place: str, rule: Mapping[str, Any], package: Mapping[str, Any], what: str) -> Entry:
    named = {key: str(part) for key, part in package.items()}
    if any(not re.fullmatch(r"[A-Za-z0-9@/._+~:-]+", part) for part in named.values()) or (named and "name" not in named):
        return NotHeld(place, what, "a waiver names one package, without patterns")
    kind = _PURL_TYPES.get(named.get("type", ""))
    if named and kind:
        version = f"@{named['version']}" if "version" in named else ""
        purl = f"pkg:{kind}/{named['name'].replace('@', '%40')}{version}"
        return _entry(place, rule["vulnerability"], packages=(purl,), reason=rule.get("reason", ""))
    return _entry(
        place,
        rule["vulnerability"],
        package_name=named.get("name", ""),
        package_version=named.get("version", ""),
        reason=rule.get("reason", ""),
    )


def _osv(name: str, data: bytes) -> Iterator[Entry]:
    try:
        value = tomllib.loads(_text(name, data))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{name}: not TOML: {error}") from None
    ignored = value.get("IgnoredVulns", [])
    for index, entry in enumerate(ignored if isinstance(ignored, list) else [ignored]):
        place = f"{name}: IgnoredVulns {index + 1}"
        if not isinstance(entry, dict):
            yield NotHeld(place, str(entry)[:200], "no table")
        elif more := sorted(entry.keys() - {"id", "ignoreUntil", "reason"}):
            yield NotHeld(place, str(entry.get("id"))[:200], f"a waiver has no {', '.join(more)}")
        else:
            yield _entry(place, entry.get("id"), expires=entry.get("ignoreUntil", ""), reason=entry.get("reason", ""))
    for key in sorted(value.keys() - {"IgnoredVulns"}):
        for index, entry in enumerate(value[key] if isinstance(value[key], list) else [value[key]]):
            what = str(entry.get("name", entry) if isinstance(entry, dict) else entry)[:200]
            yield NotHeld(f"{name}: {key} {index + 1}", what, f"{key} is about whole packages or settings")


def _snyk(name: str, data: bytes) -> Iterator[Entry]:
    source, value = _yaml(name, data)
    for key in ("patch", "exclude"):
        if value.get(key):
            yield NotHeld(source.at((key,)), key, "a waiver neither patches nor excludes")
    ignored = value.get("ignore") or {}
    if not isinstance(ignored, dict):
        raise ConfigError(f"{source.at(('ignore',))}: ignore is no mapping")
    for identifier, paths in ignored.items():
        for index, entry in enumerate(paths if isinstance(paths, list) else [paths]):
            place = source.at(("ignore", identifier, index))
            for path, body in entry.items() if isinstance(entry, dict) else [(str(entry), None)]:
                if path.strip() != "*":
                    yield NotHeld(place, f"{identifier} at {path}"[:200], "a waiver has no dependency paths")
                elif not isinstance(body, dict):
                    yield NotHeld(place, identifier, "no mapping")
                else:
                    yield _entry(place, identifier, expires=body.get("expires", ""), reason=body.get("reason", ""))


def _pip_audit(name: str, data: bytes) -> Iterator[Entry]:
    """``--ignore-vuln ID`` wherever arguments stand (a file of them, a workflow, pyproject.toml); ``ignore-vulns = [...]``."""
    text = _text(name, data)
    seen: set[str] = set()
    found = [(match.start(), match[1]) for match in _ARGUMENT.finditer(text)]
    for block in _PYTHON_LIST.finditer(text):
        found += [(block.start(1) + item.start(), item[1]) for item in re.finditer(r"""["']([^"']+)["']""", block[1])]
    for start, identifier in sorted(found):
        if identifier in seen:
            continue
        seen.add(identifier)
        line = text[text.rfind("\n", 0, start) + 1 : (text + "\n").index("\n", start)]
        reason = line.partition("#")[2].strip()
        yield _entry(f"{name}:{text.count(chr(10), 0, start) + 1}", identifier, reason=reason)


READERS: Mapping[str, Callable[[str, bytes], Iterator[Entry]]] = {
    "trivyignore": lambda name, data: _lines(name, data, "exp:"),
    "trivyignore-yaml": _trivy_yaml,
    "grype": _grype,
    "osv-scanner": _osv,
    "snyk": _snyk,
    "pip-audit": _pip_audit,
    "nancy": lambda name, data: _lines(name, data, "until="),
}
_NAMES = (
    (r"\.trivyignore\.ya?ml", "trivyignore-yaml"),
    (r"\.trivyignore.*", "trivyignore"),
    (r"\.?grype\.ya?ml", "grype"),
    (r"osv-scanner\.toml", "osv-scanner"),
    (r"\.snyk", "snyk"),
    (r"\.nancy-ignore.*", "nancy"),
    (r"pyproject\.toml|.*pip-audit.*", "pip-audit"),
)
