"""Version ranges: ``vers:<scheme>/<constraints>`` (the VERS draft of the package URL project) over versions of that scheme.

Unknown is None, never a guess: a range that cannot be decided does not let a statement suppress.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable
from urllib.parse import unquote

_CONSTRAINT = re.compile(r"(!=|<=|>=|<|>|=)?(.+)")
_NUMBERS = re.compile(r"v?(\d+(?:\.\d+)*)")
_SEMVER = re.compile(r"v?(\d+(?:\.\d+)*)(?:-([0-9A-Za-z.\-]+))?(?:\+[0-9A-Za-z.\-]+)?")
_PEP440 = re.compile(
    r"v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(a|alpha|b|beta|c|rc|pre|preview)[-_.]?(\d*))?"
    r"(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+[a-z0-9._\-]+)?",
    re.IGNORECASE,
)
_PIECES = re.compile(r"\d+|[A-Za-z]+|~|\^")
_SEMVER_TYPES = frozenset({"semver", "npm", "golang", "go", "cargo", "hex", "composer", "nuget", "swift", "github", "oci"})
_NUMERIC_TYPES = frozenset({"generic", "intdot", "gem", "conan", "bitnami", "docker"})
_FAMILIES = dict.fromkeys(_SEMVER_TYPES, "semver") | {
    "deb": "deb", "debian": "deb", "rpm": "rpm", "apk": "apk", "alpine": "apk", "pypi": "pypi", "maven": "maven", "gem": "gem",
}  # fmt: skip
_LONGEST = 300
_CONSTRAINTS = 256


def within(version: str, ranges: str, kind: str = "") -> bool | None:
    """Whether the version lies in the range: ``vers:…``, or ``=1.2`` for one version; None when that cannot be decided.

    ``kind`` is the purl type of the package, used where the range's scheme is ``generic`` or absent.
    """
    if ranges.startswith("="):
        return equal(version, ranges[1:], kind)
    scheme, _, listed = ranges.removeprefix("vers:").partition("/")
    if not ranges.startswith("vers:") or not listed or len(ranges) > _LONGEST * 20:
        return None
    scheme = scheme.lower()
    if scheme == "generic" and kind in ("deb", "rpm", "apk", "pypi", *_SEMVER_TYPES):
        scheme = kind
    constraints = [part for part in listed.replace(" ", "").split("|") if part]
    if scheme == "none":  # vers:none/* is the range that holds no version, and the only one of its scheme
        return False if constraints == ["*"] else None
    if constraints == ["*"]:
        return True
    if kind in _FAMILIES and scheme not in ("generic", "intdot") and _FAMILIES.get(scheme) != _FAMILIES[kind]:
        return None  # versions of one kind of package, ordered as those of another
    if not constraints or "*" in constraints or len(constraints) > _CONSTRAINTS:
        return None
    return _contains(version, constraints, scheme)


def equal(left: str, right: str, kind: str) -> bool:
    """Equal as text or as versions of the kind."""
    return left == right or compare(left, right, kind) == 0


def _contains(version: str, constraints: list[str], scheme: str) -> bool | None:
    """The algorithm of the draft: equal and unequal ones first, then the intervals between the others, sorted."""
    bounds: list[tuple[str, str]] = []
    excluded = False
    for part in constraints:
        match = _CONSTRAINT.fullmatch(part)
        if match is None:
            return None
        comparator, value = match[1] or "=", unquote(match[2])
        order = compare(version, value, scheme)
        if order is None:
            return None
        if comparator == "=" and order == 0:
            return True
        if comparator == "!=" and order == 0:
            excluded = True
        if comparator in ("<", "<=", ">", ">="):
            bounds.append((comparator, value))
    if excluded:
        return False
    if not bounds:
        # Only exclusions: everything else is in. Only equals: none matched.
        return any(part.startswith("!=") for part in constraints) and all(part.startswith("!=") for part in constraints)
    return _inside(version, bounds, scheme)


def _inside(version: str, bounds: list[tuple[str, str]], scheme: str) -> bool | None:
    if any(compare(first[1], second[1], scheme) is None for first, second in itertools.pairwise(bounds)):
        return None

    def order_of(first: tuple[str, str], second: tuple[str, str]) -> int:
        return compare(first[1], second[1], scheme) or 0

    bounds = sorted(bounds, key=functools.cmp_to_key(order_of))
    index = 0
    while index < len(bounds):
        comparator, value = bounds[index]
        order = compare(version, value, scheme)
        assert order is not None  # every bound was compared with the version before
        if comparator in ("<", "<="):
            if index == 0 and (order < 0 or (order == 0 and comparator == "<=")):
                return True
            if index and bounds[index - 1][0] in ("<", "<="):
                return None  # two upper bounds in a row: malformed
            index += 1
            continue
        above = order > 0 or (order == 0 and comparator == ">=")
        upper = bounds[index + 1] if index + 1 < len(bounds) else None
        if upper is None:
            return above
        if upper[0] in (">", ">="):
            return None  # two lower bounds in a row: malformed
        under = compare(version, upper[1], scheme)
        assert under is not None
        if above and (under < 0 or (under == 0 and upper[0] == "<=")):
            return True
        index += 2
    return False


def compare(left: str, right: str, kind: str) -> int | None:
    """Below, equal to or above zero; None where the kind has no order that is known here, or a version does not parse."""
    if max(len(left), len(right)) > _LONGEST:
        return None
    if left == right:
        return 0
    if kind in ("deb", "debian"):
        return _epochs(left, right, _debian)
    if kind == "rpm":
        return _epochs(left, right, _rpm)
    if kind in _SEMVER_TYPES:
        return _semver(left, right)
    if kind == "pypi":
        a, b = _pep440(left), _pep440(right)
        return None if a is None or b is None else (a > b) - (a < b)
    if kind in _NUMERIC_TYPES or kind in ("apk", "alpine", "alpm", "maven"):
        return _numbers(left, right)
    return None


def _numbers(left: str, right: str) -> int | None:
    """Dotted numbers only; apk and maven versions with suffixes have rules of their own and are left undecided."""
    a, b = _NUMBERS.fullmatch(left), _NUMBERS.fullmatch(right)
    return None if a is None or b is None else _dotted(a[1], b[1])


def _dotted(left: str, right: str) -> int:
    a, b = ([int(part) for part in text.split(".")] for text in (left, right))
    width = max(len(a), len(b))
    a, b = a + [0] * (width - len(a)), b + [0] * (width - len(b))
    return (a > b) - (a < b)


def _semver(left: str, right: str) -> int | None:
    a, b = _SEMVER.fullmatch(left), _SEMVER.fullmatch(right)
    if a is None or b is None:
        return None
    order = _dotted(a[1], b[1])
    if order or a[2] == b[2]:
        return order
    if not a[2] or not b[2]:
        return -1 if a[2] else 1
    one, two = ([(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in text.split(".")] for text in (a[2], b[2]))
    return (one > two) - (one < two)


def _pep440(version: str) -> tuple[object, ...] | None:
    """A key in the order of PEP 440; local versions are ignored."""
    match = _PEP440.fullmatch(version)
    if match is None:
        return None
    epoch, release, pre, pre_number, post_number, post, post_n, dev, dev_number = match.groups()
    numbers = [int(part) for part in release.split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    is_post = post_number is not None or post is not None
    rank = {"a": 0, "alpha": 0, "b": 1, "beta": 1}.get((pre or "").lower(), 2) if pre else (-1 if dev and not is_post else 3)
    after = int(post_number or post_n or 0) if is_post else -1
    before = int(dev_number or 0) if dev else 2**31
    return int(epoch or 0), tuple(numbers), rank, int(pre_number or 0), after, before


def _epochs(left: str, right: str, rest: Callable[[str, str], int]) -> int:
    a, b = _epoch(left), _epoch(right)
    if a[0] != b[0]:
        return -1 if a[0] < b[0] else 1
    return rest(a[1], b[1]) or rest(a[2], b[2])


def _epoch(version: str) -> tuple[int, str, str]:
    epoch, colon, tail = version.partition(":")
    if not colon or not epoch.isdecimal():
        epoch, tail = "0", version
    upstream, dash, revision = tail.rpartition("-")
    return (int(epoch), upstream, revision) if dash else (int(epoch), tail, "")


def _debian(left: str, right: str) -> int:
    """deb-version(7): letters sort before other characters and ``~`` before everything, even the end."""
    while left or right:
        a, b = re.match(r"\D*", left), re.match(r"\D*", right)
        assert a is not None and b is not None  # \D* matches the empty string
        for index in range(max(len(a[0]), len(b[0]))):
            one, two = _weight(a[0], index), _weight(b[0], index)
            if one != two:
                return -1 if one < two else 1
        left, right = left[a.end() :], right[b.end() :]
        c, d = re.match(r"\d*", left), re.match(r"\d*", right)
        assert c is not None and d is not None  # as above
        first, second = int(c[0] or 0), int(d[0] or 0)
        if first != second:
            return -1 if first < second else 1
        left, right = left[c.end() :], right[d.end() :]
    return 0


def _weight(text: str, index: int) -> int:
    if index >= len(text):
        return 0
    return -1 if text[index] == "~" else ord(text[index]) if text[index].isalpha() else ord(text[index]) + 256


def _rpm(left: str, right: str) -> int:
    """rpmvercmp: runs of digits and letters; ``~`` before everything, ``^`` after the end and before the rest."""
    a, b = _PIECES.findall(left), _PIECES.findall(right)
    for one, two in zip(a, b, strict=False):
        if one == two:
            continue
        if "~" in (one, two):
            return -1 if one == "~" else 1
        if "^" in (one, two):
            return -1 if one == "^" else 1
        if one.isdecimal() != two.isdecimal():
            return 1 if one.isdecimal() else -1
        if not one.isdecimal():
            return -1 if one < two else 1
        if int(one) != int(two):
            return -1 if int(one) < int(two) else 1
    if len(a) == len(b):
        return 0
    longer, sign = (a[len(b)], 1) if len(a) > len(b) else (b[len(a)], -1)
    return -sign if longer == "~" else sign
