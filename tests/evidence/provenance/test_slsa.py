"""SLSA provenance: one fact from v0.2 and v1, compared with the certificate; gaps are named."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import EvidenceInvalid, FormatRefused
from gate.evidence.provenance.links import broken_links
from gate.evidence.provenance.slsa import V02, V1, canonical_source, cross_check, read_provenance
from gate.model.evidence import Verification
from tests.vex import corpus
from tests.vex.fuzz import patient

COMMIT = "ebff8dfbd609b7b22237c7719ce07f2dc7934f5f"
REPOSITORY = "https://github.com/Org/repo"
BUILDER = "https://github.com/Org/repo/.github/workflows/build.yaml@refs/heads/main"
VERIFIED = Verification(state="verified", roles=("provenance",), trust_entry="github")
CLAIMS = {
    "source_repository_uri": REPOSITORY,
    "source_repository_digest": COMMIT,
    "source_repository_ref": "refs/heads/main",
    "build_signer_uri": BUILDER,
    "runner_environment": "github-hosted",
    "run_invocation_uri": f"{REPOSITORY}/actions/runs/1/attempts/1",
}


def _v1(**external: Any) -> dict[str, Any]:
    return {
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": external or {"workflow": {"ref": "refs/heads/main", "repository": REPOSITORY}},
            "resolvedDependencies": [{"uri": f"git+{REPOSITORY}@refs/heads/main", "digest": {"gitCommit": COMMIT}}],
        },
        "runDetails": {
            "builder": {"id": BUILDER},
            "metadata": {"invocationId": f"{REPOSITORY}/actions/runs/1/attempts/1", "finishedOn": "2025-01-01T00:00:00Z"},
        },
    }


def _v02(**fields: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "builder": {"id": BUILDER},
        "buildType": "https://example.com/container@v1",
        "invocation": {
            "configSource": {"uri": f"git+{REPOSITORY}@refs/heads/main", "digest": {"sha1": COMMIT}, "entryPoint": "x"}
        },
        "metadata": {"buildInvocationID": "7-1", "buildStartedOn": "2025-01-01T00:00:00Z"},
        "materials": [{"uri": f"git+{REPOSITORY}@refs/heads/main", "digest": {"sha1": COMMIT}}],
    }
    return body | fields


@pytest.mark.parametrize(("kind", "body"), [(V1, _v1()), (V02, _v02())])
def test_both_versions_give_one_fact(kind: str, body: dict[str, Any]) -> None:
    """Builder, source, commit and ref come out alike; the certificate of that build agrees."""
    fact = read_provenance(kind, body, CLAIMS)
    assert (fact.builder, fact.source_uri, fact.source_digest, fact.source_ref) == (
        BUILDER,
        REPOSITORY,
        COMMIT,
        "refs/heads/main",
    )
    assert fact.certificate_mismatches == ()
    assert broken_links(fact, VERIFIED) == ()


@pytest.mark.parametrize(
    ("name", "builder", "commit"),
    [
        (
            "signatures/sigstore-conformance/test/assets/bundle-verify/happy-path-intoto-in-dsse-v3/bundle.sigstore.json",
            "https://github.com/loosebazooka/aa-test/.github/workflows/provenance.yaml@refs/heads/main",
            COMMIT,
        ),
        (
            "signatures/slsa-verifier/gha_generic_container/v1.4.0/container_workflow_dispatch/blobs/sha256/"
            "784c5bd14237b9a979fd0251f01dcc7956f06da243ca1e9c52470c410e53c654",
            "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml@refs/tags/v1.4.0",
            "904e2c3e02725e314cf6cf141c4700081298dcbd",
        ),
    ],
)
def test_real_provenance(name: str, builder: str, commit: str) -> None:
    """GitHub's attestation (v1) and the container generator's (v0.2)."""
    document = json.loads(corpus.document(name))
    statement = json.loads(base64.b64decode(document.get("dsseEnvelope", document)["payload"]))
    fact = read_provenance(statement["predicateType"], statement["predicate"], {})
    assert (fact.builder, fact.source_digest, fact.source_ref) == (builder, commit, "refs/heads/main")
    assert fact.source_uri.startswith("https://github.com/")


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("git+https://github.com/Org/repo@refs/heads/main", REPOSITORY),
        ("https://github.com/Org/repo.git", REPOSITORY),
        ("git+https://github.com/Org/repo.git@refs/tags/v1#sub", REPOSITORY),
        ("https://user:secret@GitHub.com/Org/repo/", REPOSITORY),
        ("git@github.com:Org/repo.git", REPOSITORY),
        ("ssh://git@github.com/Org/repo.git", REPOSITORY),
        ("git+ssh://git@github.com/Org/repo@refs/heads/x", REPOSITORY),
        ("https://github.com/Org/repo?x=1", REPOSITORY),
        ("http://github.com/Org/repo", "http://github.com/Org/repo"),
        ("https://github.com/Org/repo-evil", "https://github.com/Org/repo-evil"),
        ("https://github.com.evil.example/Org/repo", "https://github.com.evil.example/Org/repo"),
        ("https://evil.example@github.com/Org/repo", REPOSITORY),
        ("https://evil.example/github.com@Org/repo", "https://evil.example/github.com"),
        ("gs://bucket/source.tgz", "gs://bucket/source.tgz"),
        ("", ""),
        ("not a uri", "not a uri"),
        ("https://github.com", "https://github.com"),
        ("https://github.com/Org/../evil/repo", "https://github.com/evil/repo"),
    ],
)
def test_canonical_source(written: str, canonical: str) -> None:
    """One spelling for one repository, and never another's."""
    assert canonical_source(written) == canonical


@pytest.mark.parametrize(
    ("claim", "value", "field"),
    [
        ("source_repository_uri", "https://github.com/other/repo", "source_uri"),
        ("source_repository_digest", "0" * 40, "source_digest"),
        ("source_repository_ref", "refs/heads/evil", "source_ref"),
        ("build_signer_uri", "https://github.com/x", "builder"),
        ("run_invocation_uri", "https://github.com/x/actions/runs/2", "invocation"),
    ],
)
def test_contradictions_of_the_certificate(claim: str, value: str, field: str) -> None:
    """Each forgeable field is compared; the mismatch names both values and breaks the chain."""
    fact = read_provenance(V1, _v1(), CLAIMS | {claim: value})
    assert [text.partition(":")[0] for text in fact.certificate_mismatches] == [field]
    assert value in fact.certificate_mismatches[0]
    assert [link.kind for link in broken_links(fact, VERIFIED)] == ["certificate_mismatch"]


def test_leaving_a_field_out_is_a_mismatch() -> None:
    """A document that omits what its certificate knows is not excused from the comparison."""
    fact = read_provenance(V1, {"runDetails": {}}, CLAIMS)
    assert len(fact.certificate_mismatches) == 4


def test_a_hosted_runner_as_builder_is_compared_with_the_runner_environment() -> None:
    """GitHub's first attestations name the runner, not the workflow, as the builder."""
    body = _v1()
    body["runDetails"]["builder"]["id"] = "https://github.com/actions/runner/github-hosted"
    assert read_provenance(V1, body, CLAIMS).certificate_mismatches == ()
    body["runDetails"]["builder"]["id"] = "https://github.com/actions/runner/self-hosted"
    assert len(read_provenance(V1, body, CLAIMS).certificate_mismatches) == 1


def test_case_of_a_repository_name_is_no_mismatch() -> None:
    """Hosts do not tell case apart; the fact keeps what was written."""
    fact = read_provenance(V1, _v1(), CLAIMS | {"source_repository_uri": REPOSITORY.lower()})
    assert fact.certificate_mismatches == ()
    assert fact.source_uri == REPOSITORY


def test_without_a_certificate_nothing_is_compared() -> None:
    """Key signatures carry no claims."""
    fact = read_provenance(V1, {}, {})
    assert cross_check(fact, {}) is fact


@pytest.mark.parametrize("body", [{}, {"buildDefinition": [], "runDetails": "x"}, {"runDetails": {"builder": {"id": 7}}}])
def test_missing_fields_are_empty(body: dict[str, Any]) -> None:
    """Absent or mistyped fields are empty text, and each gap is a broken link."""
    fact = read_provenance(V1, body, {})
    assert (fact.builder, fact.build_type, fact.source_uri, fact.source_digest, fact.started) == ("", "", "", "", None)
    assert [link.kind for link in broken_links(fact, VERIFIED)] == ["no_builder", "no_source", "no_source_digest"]


@pytest.mark.parametrize("digest", [{}, {"sha1": "abc"}, {"gitCommit": 7}, {"sha1": "g" * 40}, {"md5": "a" * 32}, None])
def test_what_is_no_commit_is_none(digest: Any) -> None:
    """A short or mistyped object name does not pass for a commit."""
    config = {"uri": f"git+{REPOSITORY}", "digest": digest}
    assert read_provenance(V02, _v02(invocation={"configSource": config}), {}).source_digest == ""


@pytest.mark.parametrize(
    ("external", "address"),
    [
        ({"source": {"uri": f"git+{REPOSITORY}", "digest": {"sha1": COMMIT}}}, REPOSITORY),
        ({"buildConfigSource": {"repository": f"git+{REPOSITORY}", "ref": "refs/heads/main"}}, REPOSITORY),
        ({"source": REPOSITORY}, REPOSITORY),
        ({"something": "else"}, REPOSITORY),
    ],
)
def test_sources_of_other_build_types(external: dict[str, Any], address: str) -> None:
    """Generator, Cloud Build and generic parameters; else the only repository among the dependencies."""
    fact = read_provenance(V1, _v1(**external), {})
    assert (fact.source_uri, fact.source_digest) == (address, COMMIT)


def test_several_repositories_leave_the_source_open() -> None:
    """Without parameters that say so, one of two repositories is not picked."""
    body = _v1(something="else")
    body["buildDefinition"]["resolvedDependencies"].append(
        {"uri": "git+https://github.com/o/base", "digest": {"gitCommit": "1" * 40}}
    )
    assert read_provenance(V1, body, {}).source_uri == ""
    two = [{"uri": f"git+https://github.com/o/{name}", "digest": {"sha1": "1" * 40}} for name in "ab"]
    assert read_provenance(V02, _v02(invocation={}, materials=two), {}).source_uri == ""


def test_the_commit_is_that_of_the_named_source() -> None:
    """The commit of another dependency is not taken for the source's."""
    body = _v1(workflow={"repository": "https://github.com/o/other", "ref": "refs/heads/main"})
    assert read_provenance(V1, body, {}).source_digest == ""


@pytest.mark.parametrize(
    ("verification", "kinds"),
    [
        (VERIFIED, []),
        (msgspec.structs.replace(VERIFIED, roles=("*",)), []),
        (msgspec.structs.replace(VERIFIED, roles=("sbom",)), ["untrusted"]),
        (Verification(state="unverified", reason="not signed"), ["untrusted"]),
        (Verification(state="failed", reason="bad"), ["untrusted"]),
    ],
)
def test_untrusted(verification: Verification, kinds: list[str]) -> None:
    """Only a verified statement by a signer of provenance is a link at all."""
    assert [link.kind for link in broken_links(read_provenance(V1, _v1(), {}), verification)] == kinds


def test_parameters_that_cannot_be_held_exactly_are_left_out() -> None:
    """An integer that OPA would round makes the parameters null; others are kept as they are."""
    assert read_provenance(V1, _v1(x=[{"n": 2**53 + 1}]), {}).parameters is None
    assert read_provenance(V1, _v1(x=2**53), {}).parameters == {"x": 2**53}


def test_materials_are_kept_as_far_as_they_say_something() -> None:
    """A material without digest is a fact, not a broken link; one that is no object says nothing."""
    fact = read_provenance(
        V02, _v02(materials=[{"uri": "pkg:docker/base"}, {"uri": "x", "digest": {"sha256": "a", "n": 1}}, {}, 7]), {}
    )
    assert [(item.uri, item.digest) for item in fact.materials] == [("pkg:docker/base", {}), ("x", {"sha256": "a"})]
    assert broken_links(fact, VERIFIED) == ()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("https://slsa.dev/provenance/v0.1", _v02()),
        (V02, _v02(recipe={"type": "x"})),
        ("https://slsa.dev/provenance/v2", _v1()),
        ("https://slsa.dev/provenance", _v1()),
    ],
)
def test_other_versions_are_refused_by_name(kind: str, body: dict[str, Any]) -> None:
    """v0.1, with its recipe, and versions that are not known."""
    with pytest.raises(FormatRefused, match="provenance"):
        read_provenance(kind, body, {})


@pytest.mark.parametrize("body", [None, [], "x", 7])
def test_a_body_that_is_no_object_is_invalid(body: Any) -> None:
    """A statement without a predicate proves nothing."""
    with pytest.raises(EvidenceInvalid):
        read_provenance(V1, body, {})


_FIELDS = (
    "buildDefinition externalParameters resolvedDependencies runDetails builder id uri digest workflow repository source "
    "materials invocation configSource metadata gitCommit"
)
_ANY = st.recursive(
    st.none() | st.integers() | st.text(max_size=8) | st.just("git+https://github.com/a/b@c"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_FIELDS.split()), inner, max_size=5),
    max_leaves=15,
)


@patient
@given(
    st.sampled_from([V1, V02]),
    st.dictionaries(st.sampled_from(["buildDefinition", "runDetails", "builder", "materials", "invocation"]), _ANY),
)
def test_any_body_gives_a_fact(kind: str, body: dict[str, Any]) -> None:
    """Nothing escapes, whatever has the wrong type where."""
    fact = read_provenance(kind, body, CLAIMS)
    assert isinstance(fact.builder, str)
    assert isinstance(broken_links(fact, VERIFIED), tuple)


@patient
@given(st.text())
def test_any_source_address_has_a_canonical_form(text: str) -> None:
    """Any text gives text; nothing is raised."""
    assert isinstance(canonical_source(f"https://{text}"), str)
    assert isinstance(canonical_source(text), str)
