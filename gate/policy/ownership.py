"""Each Rego package, ``lib.*`` included, and each part of ``data`` belongs to exactly one pack.

A second file in ``lib.evidence`` with ``is_accepted(_) if true`` would empty every deny set; a second ``data.profiles.prod``
would be another profile under an approved name. Paths overlap when one begins with the other, because a package can define
rules below itself (``package lib`` with ``evidence.is_accepted(_) if true``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gate.errors import PolicyError
from gate.policy.bundle import Name, Pack, Policy, conflict

_DATA_DEPTH = 2
"""How deep the keys of a data document count as parts of their own: ``profiles.prod``."""


def check_packages(policy: Policy, packages: Mapping[str, Name]) -> None:
    """``packages``: package by file path. Raises PolicyError for a misplaced file or for a name with two owners."""
    owners: dict[Name, tuple[Pack, str]] = {}
    for path, package in packages.items():
        _placed(policy, path, package)
        owners.setdefault(package, (policy.owner[path], "package " + ".".join(package)))
        if owners[package][0] is not policy.owner[path]:
            raise conflict("package " + ".".join(package), owners[package][0], policy.owner[path])
    for pack in policy.packs:
        for root in data_roots(pack):
            other = owners.setdefault(root, (pack, "data." + ".".join(root)))
            if other[0] is not pack:
                raise conflict("data." + ".".join(root), other[0], pack)
    for name, (pack, what) in owners.items():
        for end in range(len(name)):
            above = owners.get(name[:end])
            if above is not None and above[0] is not pack:
                raise conflict(f"{what} (inside {above[1]})", above[0], pack)


def _placed(policy: Policy, path: str, package: Name) -> None:
    parts = tuple(path.removesuffix(".rego").split("/"))
    if package and package[0] == "system":
        raise PolicyError(f"{policy.original(path)}: the package system belongs to OPA", fix="choose another name")
    if package not in (parts, parts[:-1]):
        raise PolicyError(
            f"{policy.original(path)}: holds package {'.'.join(package)}",
            why="a package's path is its file's, so that a name tells where the rule is and who owns it",
            fix=f"move it to {'/'.join(package)}/, or say package {'.'.join(parts[:-1] or parts)}",
        )


def data_roots(pack: Pack) -> Iterator[Name]:
    """The parts of ``data`` that a pack defines, two levels deep."""
    for path, value in pack.documents:
        yield from _expand(path, value)


def _expand(path: Name, value: Any) -> Iterator[Name]:
    if len(path) >= _DATA_DEPTH or (path and not isinstance(value, dict)):
        yield path
        return
    for key, part in value.items():
        yield from _expand((*path, key), part)


def data_at(policy: Policy, path: Name) -> tuple[Any, Pack] | None:
    """The value that the packs define at exactly this place of ``data``, and the pack that does; None when none does."""
    for pack in policy.packs:
        for root, document in pack.documents:
            value: Any = document
            if path[: len(root)] != root:
                continue
            for key in path[len(root) :]:
                if not isinstance(value, dict) or key not in value:
                    break
                value = value[key]
            else:
                return value, pack
    return None
