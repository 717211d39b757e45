"""Which names mean the same vulnerability: union-find over the ids and aliases that scanners give for one package.

The scope is one package version, so a wrong alias in one place unites nothing elsewhere. Two different CVE ids are two
vulnerabilities by definition: a union that would put both into one cluster is refused, which counts high instead of low. Ids of
advisories that group several vulnerabilities never arrive here (`vocabulary.alias_ids` drops them).

What one scan reports as separate findings, and does not itself link, stays separate: another scan's claim that both are the same
is refused too, else a second scan with a bold alias could bring a count down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gate.evidence.vulnerabilities.vocabulary import is_cve, precedence

Names = tuple[str, tuple[str, ...]]
"""(id, aliases) of one reported finding."""


def cluster(names: Sequence[Names], scans: Sequence[int] = ()) -> list[tuple[str, tuple[str, ...], list[int]]]:
    """(canonical id, its other ids, positions in ``names``) of each cluster, by canonical id; the same for any order of input.

    ``scans`` says for each name which scan reported it; left out, all are of one.
    """
    if len(names) == 1:
        # One finding with at most one CVE is its own cluster; this is most of a report.
        own, aliases = names[0]
        every = sorted({own, *aliases}, key=precedence)
        if len(every) < 2 or not is_cve(every[1]):
            return [(every[0], tuple(every[1:]), [0])]
    if not any(aliases for _, aliases in names):
        same: dict[str, list[int]] = {}
        for position, (own, _) in enumerate(names):
            same.setdefault(own, []).append(position)
        return [(own, (), where) for own, where in sorted(same.items())]
    sets = _Sets()
    if len(set(scans)) > 1:
        for scan, own, part in _parts(names, scans):
            sets.tell_apart(scan, own, part)
    sets.unite_all(names)
    positions: dict[str, list[int]] = {}
    for position, (own, _) in enumerate(names):
        positions.setdefault(sets.root(own), []).append(position)
    ids = sets.members(positions)
    result: list[tuple[str, tuple[str, ...], list[int]]] = []
    for root, where in positions.items():
        every = sorted(ids[root], key=precedence)
        result.append((every[0], tuple(every[1:]), where))
    return sorted(result)


def _parts(names: Sequence[Names], scans: Sequence[int]) -> Iterator[tuple[int, str, str]]:
    """(scan, id, a name for what the scan alone takes for the same vulnerability) of each finding."""
    by_scan: dict[int, list[Names]] = {}
    for scan, name in zip(scans, names, strict=True):
        by_scan.setdefault(scan, []).append(name)
    for scan, reported in by_scan.items():
        alone = _Sets()
        alone.unite_all(reported)
        for own, _ in reported:
            yield scan, own, alone.root(own)


class _Sets:
    def __init__(self) -> None:
        self._parts: dict[str, dict[int, str]] = {}
        """By root, the part of each scan that the set holds findings of: at most one."""
        self._parent: dict[str, str] = {}
        self._cve: dict[str, str] = {}

    def root(self, name: str) -> str:
        parent = self._parent
        if name not in parent:
            parent[name] = name
            if is_cve(name):
                self._cve[name] = name
        top = name
        while parent[top] != top:
            top = parent[top]
        while parent[name] != top:
            parent[name], name = top, parent[name]
        return top

    def tell_apart(self, scan: int, name: str, part: str) -> None:
        """Before anything is united: sets with different parts of one scan never will be."""
        self._parts.setdefault(self.root(name), {})[scan] = part

    def unite_all(self, names: Iterable[Names]) -> None:
        for one, other in sorted({(own, alias) for own, aliases in names for alias in (own, *aliases)}):
            self.unite(one, other)

    def unite(self, one: str, other: str) -> None:
        one, other = self.root(one), self.root(other)
        if one == other:
            return
        mine, theirs = self._cve.get(one), self._cve.get(other)
        if mine is not None and theirs is not None:
            return
        few, many = sorted((self._parts.get(one, {}), self._parts.get(other, {})), key=len)
        if any(many.get(scan, part) != part for scan, part in few.items()):
            return
        many.update(few)
        self._parts[one] = many
        self._parent[other] = one
        if theirs is not None:
            self._cve[one] = theirs

    def members(self, roots: Iterable[str]) -> dict[str, list[str]]:
        wanted: dict[str, list[str]] = {root: [] for root in roots}
        for name in list(self._parent):
            if (root := self.root(name)) in wanted:
                wanted[root].append(name)
        return wanted
