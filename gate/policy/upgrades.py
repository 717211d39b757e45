"""The shortest way to green: which upgrade clears how many blocking findings. For people; no decision rests on it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cmp_to_key

from gate.model.findings import Finding
from gate.model.verdict import Upgrade

_NUMERIC = re.compile(r"v?(\d+(?:\.\d+)*)\Z")
_DEBIAN = frozenset({"deb", "rpm"})


def compare(left: str, right: str, kind: str) -> int | None:
    """Below, equal to or above zero as ``left`` sorts; None when the two cannot be compared safely."""
    if left == right:
        return 0
    if kind in _DEBIAN:
        return _debian(left, right)
    first, second = _NUMERIC.match(left.partition("+")[0]), _NUMERIC.match(right.partition("+")[0])
    if first is None or second is None:
        return None
    a, b = ([int(part) for part in match[1].split(".")] for match in (first, second))
    width = max(len(a), len(b))
    a, b = a + [0] * (width - len(a)), b + [0] * (width - len(b))
    return (a > b) - (a < b)


def _debian(left: str, right: str) -> int:
    """deb-version(7): epoch, upstream version, revision; ``~`` sorts before everything, even the end."""
    split = [_parts(text) for text in (left, right)]
    if split[0][0] != split[1][0]:
        return -1 if split[0][0] < split[1][0] else 1
    return _piece(split[0][1], split[1][1]) or _piece(split[0][2], split[1][2])


def _parts(text: str) -> tuple[int, str, str]:
    epoch, colon, rest = text.partition(":")
    if not colon or not epoch.isdecimal() or len(epoch) > 9:
        epoch, rest = "0", text
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return int(epoch), upstream, revision


def _piece(left: str, right: str) -> int:
    while left or right:
        a, b = re.match(r"\D*", left), re.match(r"\D*", right)
        assert a is not None and b is not None  # \D* matches the empty string
        for one, two in _pairs(a[0], b[0]):
            if one != two:
                return -1 if one < two else 1
        left, right = left[a.end() :], right[b.end() :]
        c, d = re.match(r"\d*", left), re.match(r"\d*", right)
        assert c is not None and d is not None  # as above
        one_number, two_number = c[0].lstrip("0"), d[0].lstrip("0")
        key_one, key_two = (len(one_number), one_number), (len(two_number), two_number)
        if key_one != key_two:
            return -1 if key_one < key_two else 1
        left, right = left[c.end() :], right[d.end() :]
    return 0


def _pairs(left: str, right: str) -> list[tuple[int, int]]:
    def order(text: str, index: int) -> int:
        if index >= len(text):
            return 0
        char = text[index]
        return -1 if char == "~" else ord(char) if char.isalpha() else ord(char) + 256

    return [(order(left, i), order(right, i)) for i in range(max(len(left), len(right)))]


def plan(blocking: Iterable[Finding]) -> tuple[Upgrade, ...]:
    """One upgrade for each package version that has blocking findings with a fix; most cleared first."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in blocking:
        if finding.fix.versions:
            package = finding.package
            groups.setdefault((package.name, package.version, package.type), []).append(finding)
    upgrades = [
        Upgrade(
            package=name,
            version=version,
            to=_target(version, kind, findings),
            clears=len(findings),
            findings=tuple(sorted(finding.key for finding in findings)),
        )
        for (name, version, kind), findings in groups.items()
    ]
    return tuple(sorted(upgrades, key=lambda upgrade: (-upgrade.clears, upgrade.package, upgrade.version, upgrade.to)))


def _target(current: str, kind: str, findings: Sequence[Finding]) -> str:
    """The smallest version that clears them all; every version named when they cannot be compared."""
    versions = sorted({version for finding in findings for version in finding.fix.versions})
    listed = " | ".join(versions)
    try:

        def order(left: str, right: str) -> int:
            return _strict(left, right, kind)

        ordered = sorted(versions, key=cmp_to_key(order))
        later = [version for version in ordered if _strict(version, current, kind) > 0]
        for target in later:
            if all(_clears(target, finding.fix.versions, kind) for finding in findings):
                return target
    except ValueError:
        pass  # some pair has no order that is safe to show: list them instead
    return listed


def _strict(left: str, right: str, kind: str) -> int:
    result = compare(left, right, kind)
    if result is None:
        raise ValueError(left)
    return result


def _clears(target: str, fixes: Sequence[str], kind: str) -> bool:
    """At or above every fix, or at or above one on the same release line."""
    if all(_strict(target, fix, kind) >= 0 for fix in fixes):
        return True
    return any(_strict(target, fix, kind) >= 0 and target.split(".")[:2] == fix.split(".")[:2] for fix in fixes)
