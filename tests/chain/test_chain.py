"""Each link of the chain holds, or is broken in a way that has a name."""

from __future__ import annotations

import dataclasses
import itertools
import json
from typing import Any

import pytest

from gate.errors import ConfigError
from gate.evidence.provenance.chain import as_tree, reached
from gate.trust.entry import LevelRule
from tests.chain.makers import (
    BASE,
    BUILDER,
    COMMIT,
    IMAGE,
    MAIN,
    NAMES,
    REPOSITORY,
    VERIFIER,
    World,
    chain,
    kinds,
    node,
    opened,
    provenance,
    revision,
    summary,
)

WORLD = World()
TRUST = WORLD.trust()


def _base(digest: str = BASE, uri: str = "pkg:docker/base@1?platform=linux/amd64") -> dict[str, Any]:
    return {"uri": uri, "digest": {"sha256": digest.removeprefix("sha256:")}}


def test_a_whole_chain() -> None:
    """Image, provenance, commit and summary, each at its level, without a gap."""
    nodes = chain(TRUST, *WORLD.good())
    assert [one.kind for one in nodes] == ["image", "provenance", "commit", "source_vsa"]
    assert kinds(nodes) == []
    assert reached(nodes) == (3, 3)
    assert node(nodes, "commit").digest == f"gitCommit:{COMMIT}"
    assert [one.parent for one in nodes] == [None, 0, 1, 2]
    assert as_tree(nodes)[0]["below"][0]["below"][0]["below"][0]["name"] == VERIFIER


def test_the_level_is_the_pairs_and_never_the_documents() -> None:
    """A builder listed for level 1 reaches 1, and a summary is believed up to its verifier's level only."""
    nodes = chain(WORLD.trust(level=1, source_level=2), *WORLD.good())
    assert reached(nodes) == (1, 2)
    boasting = provenance()
    boasting["predicate"]["runDetails"]["builder"]["level"] = 4
    boasting["predicate"]["slsaBuildLevel"] = "SLSA_BUILD_LEVEL_4"
    assert reached(chain(WORLD.trust(level=1), WORLD.bundle(WORLD.build, boasting)))[0] == 1


BROKEN: dict[str, tuple[list[tuple[str, dict[str, Any]]], str]] = {
    "nothing at hand": ([], "no_provenance"),
    "a stranger signed it": ([("stranger", provenance())], "untrusted_signer"),
    "the source verifier signed provenance": ([("source", provenance())], "untrusted_signer"),
    "another builder": ([("build", provenance(builder="https://other.example"))], "untrusted_builder"),
    "a builder that merely begins alike": ([("build", provenance(builder=BUILDER + ".evil"))], "untrusted_builder"),
    "another commit than the certificate's": ([("build", provenance(commit=NAMES[1]))], "source_mismatch"),
    "another repository than the certificate's": ([("build", provenance(repository=REPOSITORY + "-evil"))], "source_mismatch"),
    "no commit": ([("build", provenance(commit=""))], "no_source_digest"),
    "no summary": ([("build", provenance())], "no_source_vsa"),
    "a summary by a stranger": ([("build", provenance()), ("stranger", summary())], "untrusted_source_signer"),
    "a summary by the builder": ([("build", provenance()), ("build", summary())], "untrusted_source_signer"),
    "a summary by another verifier": (
        [("build", provenance()), ("source", summary(verifier="https://x.example"))],
        "untrusted_source_verifier",
    ),
    "a summary of another repository": (
        [("build", provenance()), ("source", summary(resource=f"git+{REPOSITORY}2"))],
        "wrong_repository",
    ),
    "a summary of another branch": ([("build", provenance()), ("source", summary(refs=("refs/heads/dev",)))], "wrong_ref"),
    "a summary without refs": ([("build", provenance()), ("source", summary(refs=()))], "wrong_ref"),
    "a summary of another commit": ([("build", provenance()), ("source", summary(NAMES[1]))], "no_source_vsa"),
    "a failed summary": ([("build", provenance()), ("source", summary(result="FAILED"))], "source_failed"),
    "a summary without a source level": (
        [("build", provenance()), ("source", summary(levels=("SLSA_BUILD_LEVEL_3",)))],
        "no_source_level",
    ),
    "a summary from the future": ([("build", provenance()), ("source", summary(time="2027-01-01T00:00:00Z"))], "bad_source_vsa"),
    "a summary without a time": ([("build", provenance()), ("source", summary(time="now"))], "bad_source_vsa"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_every_broken_link_has_a_kind(name: str) -> None:
    """One link is broken: its kind is reported, and the level that rests on it is not reached."""
    documents, kind = BROKEN[name]
    nodes = chain(TRUST, *(WORLD.bundle(getattr(WORLD, signer), made) for signer, made in documents))
    assert kind in kinds(nodes)
    track = next(gap.track for one in nodes for gap in one.gaps if gap.kind == kind)
    assert reached(nodes)[0 if track == "build" else 1] == 0


def test_provenance_about_another_image_that_hangs_on_this_one() -> None:
    """It is a mismatch, and not mere absence."""
    wrong = opened(TRUST, WORLD.bundle(WORLD.build, provenance("sha256:" + "9" * 64)), attached_to=IMAGE)
    assert kinds(chain(TRUST, extra=wrong)) == ["subject_mismatch"]


def test_what_anybody_attaches_breaks_nothing() -> None:
    """Strangers' provenance and summaries beside good ones leave the chain whole."""
    noise = [
        WORLD.bundle(WORLD.stranger, provenance(builder="https://x.example")),
        WORLD.bundle(WORLD.stranger, summary(result="FAILED")),
    ]
    nodes = chain(TRUST, *noise, *WORLD.good())
    assert kinds(nodes) == []
    assert reached(nodes) == (3, 3)


def test_a_second_trusted_statement_does_not_hide_a_bad_one() -> None:
    """Both are followed, and the gap of the worse is there."""
    bad = WORLD.bundle(WORLD.build, provenance(builder="https://other.example"))
    assert "untrusted_builder" in kinds(chain(TRUST, bad, *WORLD.good()))


def test_the_newest_summary_decides() -> None:
    """A verifier that withdraws what it said is not outvoted by an older summary, whatever the order."""
    old, new = (
        WORLD.bundle(WORLD.source, summary()),
        WORLD.bundle(WORLD.source, summary(result="FAILED", time="2026-03-01T11:30:00Z")),
    )
    for pair in ((old, new), (new, old)):
        assert kinds(chain(TRUST, WORLD.good()[0], *pair)) == ["source_failed"]


def test_a_pair_needs_both_halves_in_one_entry() -> None:
    """A builder that another entry is trusted for does not count for this signer, nor does a name that two entries share."""
    other = dataclasses.replace(TRUST.entries[1], roles=("*",), builders=(LevelRule(BUILDER, 4),), verifiers=())
    build = dataclasses.replace(TRUST.entries[0], builders=())
    trust = dataclasses.replace(TRUST, entries=(build, other))
    assert "untrusted_builder" in kinds(chain(trust, *WORLD.good()))
    twin = dataclasses.replace(TRUST.entries[1], name="build", roles=("*",))
    trust = dataclasses.replace(TRUST, entries=(*TRUST.entries, twin))
    assert "untrusted_builder" in kinds(chain(trust, *WORLD.good()))


def test_levels_count_in_their_role_only() -> None:
    """An entry without the role `provenance` speaks for no builder, though it lists one."""
    trust = WORLD.trust(build={"roles": ("sbom",)})
    assert kinds(chain(trust, *WORLD.good())) == ["untrusted_signer"]


@pytest.mark.parametrize("id_", ["", "*", "https://*", "https://forge.example/acme*", "https://*.example/x", "a*b*"])
def test_loose_builder_ids_are_refused(id_: str) -> None:
    """A pattern that would match names that merely begin alike is a configuration error."""
    with pytest.raises(ConfigError):
        LevelRule(id_, 2)


def test_builder_prefixes() -> None:
    """A prefix ends where a name ends; the star stands for at least one character."""
    rule = LevelRule("https://forge.example/builders/build.yml@refs/tags/v*", 3)
    assert rule.matches("https://forge.example/builders/build.yml@refs/tags/v2.1.0")
    assert not rule.matches("https://forge.example/builders/build.yml@refs/tags/v")
    assert not rule.matches("https://forge.example/builders/build.yml@refs/heads/main")


def test_the_index_may_be_what_provenance_names() -> None:
    """An image that is known under its own and its index's digest."""
    nodes = chain(TRUST, *WORLD.good(), digests=("sha256:" + "7" * 64, IMAGE))
    assert reached(nodes) == (3, 3)


def test_bases_with_provenance_and_with_a_summary() -> None:
    """A base has its own chain, or a summary by a trusted verifier; its levels do not become the image's."""
    other = "sha256:" + "c" * 64
    trust = WORLD.trust(level=2)
    image = provenance(bases=[_base(), _base(other, "oci://registry.example/other")])
    base = provenance(BASE)
    vouched = summary(subject={"sha256": other[7:]}, levels=("SLSA_BUILD_LEVEL_3",), resource="oci://registry.example/other")
    nodes = chain(
        trust,
        *(WORLD.bundle(WORLD.build, one) for one in (image, base)),
        WORLD.bundle(WORLD.source, summary()),
        WORLD.bundle(WORLD.source, vouched),
    )
    assert [(one.digest, one.level) for one in nodes if one.kind == "dependency"] == [(BASE, 2), (other, 3)]
    assert kinds(nodes) == []
    assert reached(nodes) == (2, 3)


def test_bases_without_evidence_are_counted_and_not_hidden() -> None:
    """Their gap is on the track of dependencies; so are other dependencies, as a number."""
    image = provenance(bases=[_base(), {"uri": "pkg:npm/x@1", "digest": {"sha512": "0" * 128}}, {"uri": "pkg:npm/y@1"}])
    nodes = chain(TRUST, WORLD.bundle(WORLD.build, image), WORLD.good()[1])
    assert [(gap.kind, gap.track) for one in nodes for gap in one.gaps] == [("no_provenance", "dependency")]
    assert "2 further dependencies, 1 of them without a digest" in node(nodes, "provenance").detail


def test_a_failed_summary_of_a_base() -> None:
    """It gives the base no level, and says so."""
    image = provenance(bases=[_base()])
    failed = summary(subject={"sha256": BASE[7:]}, levels=("SLSA_BUILD_LEVEL_3",), result="FAILED")
    nodes = chain(TRUST, WORLD.bundle(WORLD.build, image), WORLD.good()[1], WORLD.bundle(WORLD.source, failed))
    assert kinds(nodes) == ["no_provenance", "base_failed"]


def test_a_base_of_itself() -> None:
    """A cycle ends with a gap, and in finite time."""
    one, two = provenance(bases=[_base()]), provenance(BASE, bases=[_base(IMAGE)])
    nodes = chain(TRUST, *(WORLD.bundle(WORLD.build, made) for made in (one, two)), WORLD.good()[1])
    assert "cycle" in kinds(nodes)
    assert len(nodes) < 20


def test_depth_is_bounded() -> None:
    """A tower of bases is followed as deep as was asked for."""
    digests = ["sha256:" + f"{number:064x}" for number in range(1, 9)]
    tower = [WORLD.bundle(WORLD.build, provenance(IMAGE, bases=[_base(digests[0])]))]
    tower += [WORLD.bundle(WORLD.build, provenance(a, bases=[_base(b)])) for a, b in itertools.pairwise(digests)]
    nodes = chain(TRUST, *tower, WORLD.good()[1], depth=3)
    assert max(one.depth for one in nodes) == 4
    assert kinds(nodes)[-1] == "depth"


def test_many_bases_are_bounded() -> None:
    """No statement makes the gate follow more than 64 bases, nor a thousand nodes."""
    image = provenance(bases=[_base("sha256:" + f"{number:064x}") for number in range(200)])
    nodes = chain(TRUST, WORLD.bundle(WORLD.build, image), WORLD.good()[1])
    assert "too_many_bases" in kinds(nodes)
    assert len(nodes) < 100


def test_a_fan_of_fans_is_bounded() -> None:
    """Bases of bases of bases, each with many: the chain stops growing, and says so."""
    digests = ["sha256:" + f"{number:064x}" for number in range(1, 60)]
    fan = [WORLD.bundle(WORLD.build, provenance(one, bases=[_base(two) for two in digests])) for one in (IMAGE, *digests[:30])]
    nodes = chain(TRUST, *fan, depth=20)
    assert len(nodes) < 1100
    assert "too_many_bases" in kinds(nodes)


def test_history_without_a_gap() -> None:
    """Back to the first commit, in both spellings of the statements."""
    nodes = chain(TRUST, WORLD.good()[0], *WORLD.past(), history=10)
    assert kinds(nodes) == []
    assert node(nodes, "source_provenance").detail == "4 commits without a gap; back to the first commit"
    assert reached(nodes) == (3, 3)


def test_history_stops_where_it_was_asked_to() -> None:
    """Two commits back and no further."""
    assert node(chain(TRUST, WORLD.good()[0], *WORLD.past(), history=2), "source_provenance").detail.startswith(
        "2 commits without a gap"
    )


PAST = {
    "another predecessor": lambda past: [*past[:3], WORLD.bundle(WORLD.source, revision(NAMES[1], NAMES[3])), *past[4:]],
    "no source provenance": lambda past: [*past[:3], *past[4:]],
    "source provenance by a stranger": lambda past: [
        *past[:3],
        WORLD.bundle(WORLD.stranger, revision(NAMES[1], NAMES[2])),
        *past[4:],
    ],
    "no summary": lambda past: [*past[:2], *past[3:]],
    "another branch": lambda past: [
        *past[:3],
        WORLD.bundle(WORLD.source, revision(NAMES[1], NAMES[2], branch="refs/heads/x")),
        *past[4:],
    ],
}


@pytest.mark.parametrize("name", PAST)
def test_gaps_in_history(name: str) -> None:
    """A hole one commit back takes the source level away."""
    nodes = chain(TRUST, WORLD.good()[0], *PAST[name](WORLD.past()), history=10)
    assert kinds(nodes) == ["source_continuity"]
    assert NAMES[1] in node(nodes, "source_provenance").gaps[0].reason
    assert reached(nodes) == (3, 0)


def test_two_spellings_that_differ_are_refused() -> None:
    """`prevCommit` beside another `prev_commit` is nobody's word."""
    two = revision(NAMES[0], NAMES[1])
    two["predicate"]["prev_commit"] = NAMES[2]
    nodes = chain(TRUST, WORLD.good()[0], WORLD.bundle(WORLD.source, summary()), WORLD.bundle(WORLD.source, two), history=5)
    assert "say two things" in node(nodes, "source_provenance").gaps[0].reason


def test_a_tag_is_held_against_tags_only() -> None:
    """Summaries name branches; a build of a tag needs the tag only where tags are listed."""
    signer = WORLD.signer(BUILDER, n9=BUILDER, n12=REPOSITORY, n13=COMMIT, n14="refs/tags/v1")
    built = WORLD.bundle(signer, provenance(ref="refs/tags/v1"))
    assert kinds(chain(TRUST, built, WORLD.bundle(WORLD.source, summary()))) == []
    assert kinds(chain(TRUST, built, WORLD.bundle(WORLD.source, summary(refs=(MAIN, "refs/tags/v2"))))) == ["wrong_ref"]


def test_predicates_of_the_wrong_shape_never_crash() -> None:
    """Every field of every predicate as another type: a gap or not, never an exception."""
    for make, signer in ((provenance, WORLD.build), (summary, WORLD.source)):
        made = make()
        values: list[Any] = [None, 1, "x", [], {}, [[]], {"id": 1}]
        for value in values:
            for name in made["predicate"]:
                changed = json.loads(json.dumps(made))
                changed["predicate"][name] = value
                others = WORLD.good()[1:] if make is provenance else WORLD.good()[:1]
                chain(TRUST, WORLD.bundle(signer, changed), *others, history=1)
