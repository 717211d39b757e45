"""SPDX relationship types, of 2.3 (clause 11.1) and 3.0 (Core), each turned to one direction: from what has to what is in it."""

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


_DEPENDS_3 = "dependsOn hasDynamicLink hasStaticLink hasPrerequisite hasOptionalDependency hasProvidedDependency usesTool"
_CONTAINS_3 = "contains hasOptionalComponent expandsTo hasDistributionArtifact hasDataFile"
_NEUTRAL_3 = (
    "affects amendedBy ancestorOf availableFrom configures coordinatedBy copiedTo descendantOf doesNotAffect exploitCreatedBy "
    "fixedBy fixedIn foundBy hasAddedFile hasAssessmentFor hasAssociatedVulnerability hasDeletedFile hasDependencyManifest "
    "hasDocumentation hasEvidence hasExample hasInput hasMetadata hasOutput hasRequirement hasSpecification hasTest hasTestCase "
    "hasVariant invokedBy modifiedBy other patchedBy publishedBy reportedBy republishedBy serializedInArtifact testedOn "
    "underInvestigationFor delegatedTo hasHost trainedOn"
)
_KNOWN_3: dict[str, Direction] = {
    "describes": Direction(DESCRIBES),
    "packagedBy": Direction(CONTAINS, reverse=True),
    "generates": Direction(DEPENDS, reverse=True),
    "hasDeclaredLicense": Direction("declared"),
    "hasConcludedLicense": Direction("concluded"),
    **{name: Direction(DEPENDS) for name in _DEPENDS_3.split()},
    **{name: Direction(CONTAINS) for name in _CONTAINS_3.split()},
    **{name: Direction(OTHER) for name in _NEUTRAL_3.split()},
}


def direction3(kind: str) -> Direction | None:
    """As `direction`, of SPDX 3; names in capitals (Microsoft's sbom-tool) are those of SPDX 3, or else of SPDX 2."""
    known = _KNOWN_3.get(kind)
    if known is None and kind.isupper():
        first, *rest = kind.lower().split("_")
        known = _KNOWN_3.get(first + "".join(part.capitalize() for part in rest)) or _KNOWN.get(kind)
    return known
