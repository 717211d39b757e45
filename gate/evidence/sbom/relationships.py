"""SPDX 2.3 relationship types (clause 11.1), each turned to one direction: from what has to what is in it."""

from __future__ import annotations

from typing import Final, NamedTuple

DESCRIBES: Final = "DESCRIBES"
CONTAINS: Final = "CONTAINS"
DEPENDS: Final = "DEPENDS_ON"
OTHER: Final = "OTHER"


class Direction(NamedTuple):
    meaning: str
    reverse: bool = False
    """The related element has or needs the first one."""
    misspelt: bool = False


_OF = (
    "DEPENDENCY_OF BUILD_DEPENDENCY_OF DEV_DEPENDENCY_OF OPTIONAL_DEPENDENCY_OF PROVIDED_DEPENDENCY_OF TEST_DEPENDENCY_OF "
    "RUNTIME_DEPENDENCY_OF BUILD_TOOL_OF DEV_TOOL_OF TEST_TOOL_OF PREREQUISITE_FOR GENERATES DEPENDENCY_MANIFEST_OF"
)
"""``A … B``: B needs A. ``A GENERATES B``: B was made from A."""
_ON = "DEPENDS_ON HAS_PREREQUISITE DYNAMIC_LINK STATIC_LINK GENERATED_FROM"
_NEUTRAL = (
    "AMENDS ANCESTOR_OF COPY_OF DATA_FILE_OF DESCENDANT_OF DOCUMENTATION_OF EXAMPLE_OF FILE_ADDED FILE_DELETED FILE_MODIFIED "
    "METAFILE_OF OTHER PATCH_APPLIED PATCH_FOR REQUIREMENT_DESCRIPTION_FOR SPECIFICATION_FOR TEST_CASE_OF TEST_OF VARIANT_OF"
)
_KNOWN: dict[str, Direction] = {
    "DESCRIBES": Direction(DESCRIBES),
    "DESCRIBED_BY": Direction(DESCRIBES, reverse=True),
    "DESCRIBE": Direction(DESCRIBES, misspelt=True),  # trivy up to 0.36
    "CONTAINS": Direction(CONTAINS),
    "CONTAINED_BY": Direction(CONTAINS, reverse=True),
    "PACKAGE_OF": Direction(CONTAINS, reverse=True),
    "OPTIONAL_COMPONENT_OF": Direction(CONTAINS, reverse=True),
    "EXPANDED_FROM_ARCHIVE": Direction(CONTAINS, reverse=True),
    "DISTRIBUTION_ARTIFACT": Direction(CONTAINS),
    **{name: Direction(DEPENDS, reverse=True) for name in _OF.split()},
    **{name: Direction(DEPENDS) for name in _ON.split()},
    **{name: Direction(OTHER) for name in _NEUTRAL.split()},
}


def direction(kind: str) -> Direction | None:
    """What the type means and which way it points; None for a type that SPDX 2 does not have."""
    return _KNOWN.get(kind)
