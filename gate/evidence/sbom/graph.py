"""Reachability and cycles over integer nodes, without recursion: an SBOM may be one chain of 100,000 components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Edges = Mapping[int, Sequence[int]]


def reachable(edges: Edges, starts: Sequence[int], size: int) -> bytearray:
    """One byte a node: 1 where a path from a start leads, the starts included."""
    seen = bytearray(size)
    stack = list(starts)
    while stack:
        node = stack.pop()
        if not seen[node]:
            seen[node] = 1
            stack.extend(edges.get(node, ()))
    return seen


def cycles(edges: Edges, size: int) -> int:
    """Groups of nodes that depend on each other (strongly connected components), a node that depends on itself included."""
    rest = _without_ends(edges, size)
    return _components(edges, rest) if rest else 0


def _without_ends(edges: Edges, size: int) -> set[int]:
    """Peel nodes that nothing depends on; in a document without cycles, which is the rule, nothing is left."""
    incoming = [0] * size
    for targets in edges.values():
        for target in targets:
            incoming[target] += 1
    stack = [node for node in range(size) if not incoming[node]]
    left = size
    peeled = bytearray(size)
    while stack:
        node = stack.pop()
        peeled[node] = 1
        left -= 1
        for target in edges.get(node, ()):
            incoming[target] -= 1
            if not incoming[target]:
                stack.append(target)
    return {node for node in range(size) if not peeled[node]} if left else set()


def _components(edges: Edges, nodes: set[int]) -> int:
    """Tarjan's algorithm with an explicit stack (SIAM J. Comput. 1972)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    on_path: set[int] = set()
    path: list[int] = []
    found = 0
    for start in nodes:
        if start in index:
            continue
        work = [(start, iter(edges.get(start, ())))]
        index[start] = low[start] = len(index)
        path.append(start)
        on_path.add(start)
        while work:
            node, targets = work[-1]
            target = next(targets, None)
            if target is None:
                work.pop()
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])
                if low[node] == index[node]:
                    found += _close(node, path, on_path, edges)
            elif target in nodes and target not in index:
                index[target] = low[target] = len(index)
                path.append(target)
                on_path.add(target)
                work.append((target, iter(edges.get(target, ()))))
            elif target in on_path:
                low[node] = min(low[node], index[target])
    return found


def _close(node: int, path: list[int], on_path: set[int], edges: Edges) -> int:
    size = 0
    while True:
        member = path.pop()
        on_path.discard(member)
        size += 1
        if member == node:
            break
    return 1 if size > 1 or node in edges.get(node, ()) else 0
