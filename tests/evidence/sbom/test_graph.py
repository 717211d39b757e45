"""Reachability and cycles, compared with the definition on small random graphs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gate.evidence.sbom.graph import cycles, reachable
from tests.vex.fuzz import patient

_NODES = st.integers(0, 7)


@patient
@given(st.dictionaries(_NODES, st.lists(_NODES, max_size=4)))
def test_both_agree_with_the_definition(edges: dict[int, list[int]]) -> None:
    """Two nodes are in one cycle when each reaches the other; a node alone when it names itself."""
    reach = {
        node: {other for target in edges.get(node, ()) for other in range(8) if reachable(edges, [target], 8)[other]}
        for node in range(8)
    }
    groups = {frozenset(other for other in range(8) if other in reach[node] and node in reach[other]) for node in range(8)} - {
        frozenset()
    }
    assert cycles(edges, 8) == len(groups)


def test_nothing_is_reachable_from_nowhere() -> None:
    """Without a start no node is reached; a start reaches itself."""
    assert not any(reachable({0: [1]}, [], 2))
    assert bytes(reachable({0: [1]}, [1], 2)) == b"\x00\x01"
