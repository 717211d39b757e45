"""SLSA provenance v0.2 and v1 as one fact; fields that can be forged are compared with the signing certificate.

A field that is missing or has a wrong type is the empty string, which no allow-list entry matches. Levels are never read from the
document: they follow from who signed it (SLSA 1.2, verifying artifacts, step 1).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from gate.errors import EvidenceInvalid, FormatRefused
from gate.model.input import Material, ProvenanceFact

V02 = "https://slsa.dev/provenance/v0.2"
V1 = "https://slsa.dev/provenance/v1"
_FAMILY = "https://slsa.dev/provenance/"
_V1 = re.compile(r"https://slsa\.dev/provenance/v1(\.\d+)?")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_COMMIT_NAMES = ("gitCommit", "sha1", "sha256")
_SCP = re.compile(r"(?:[\w.-]+@)?([\w.-]+):(?!//)(.+)")
_RUNNER = "https://github.com/actions/runner/"


def read_provenance(predicate_type: str, predicate: Any, claims: Mapping[str, str]) -> ProvenanceFact:
    """One statement's fact; ``evidence`` is empty, the caller fills it in.

    ``claims`` are the Fulcio extensions of the verified certificate, empty for key signatures. Raises EvidenceInvalid (no
    object), FormatRefused (v0.1 and unknown versions).
    """
    if not isinstance(predicate, dict):
        raise EvidenceInvalid("the provenance has no body", why="its predicate is not a JSON object")
    if "recipe" in predicate or predicate_type == f"{_FAMILY}v0.1":
        raise FormatRefused(
            "SLSA provenance v0.1 (with recipe) is not read",
            why="this version reads v0.2 and v1; v0.1 cannot say which source was built",
            fix="use a builder that writes https://slsa.dev/provenance/v1",
        )
    if predicate_type == V02:
        fact = _v02(predicate)
    elif _V1.fullmatch(predicate_type):
        fact = _v1(predicate)
    else:
        raise FormatRefused(
            f"provenance of type {predicate_type} is not read", why="this version reads SLSA provenance v0.2 and v1"
        )
    return cross_check(fact, claims)


def cross_check(fact: ProvenanceFact, claims: Mapping[str, str]) -> ProvenanceFact:
    """The same fact with every field in which it contradicts the certificate; a claim that the certificate lacks is not compared.

    A field that the certificate has and the document leaves out is a mismatch too: leaving it out must not be the way around.
    """
    if not claims:
        return fact
    found: list[str] = []

    def compare(field: str, claim: str, document: str, canonical: Any = str) -> None:
        value = claims.get(claim, "")
        if value and canonical(document) != canonical(value):
            found.append(f"{field}: the document says {document or 'nothing'}, the certificate {value}")

    # GitHub and GitLab do not tell case apart in names; a policy's allow-list does, so the fact keeps it.
    compare("source_uri", "source_repository_uri", fact.source_uri, lambda uri: canonical_source(uri).lower())
    compare("source_digest", "source_repository_digest", fact.source_digest, str.lower)
    compare("source_ref", "source_repository_ref", fact.source_ref)
    if fact.builder.startswith(_RUNNER):
        compare("builder", "runner_environment", fact.builder.removeprefix(_RUNNER))
    else:
        compare("builder", "build_signer_uri", fact.builder)
    if fact.invocation.startswith("https://"):
        compare("invocation", "run_invocation_uri", fact.invocation)
    return msgspec.structs.replace(fact, certificate_mismatches=tuple(found))


def canonical_source(uri: str) -> str:
    """``https://host/owner/repo``: without ``git+``, user, ``@ref``, ``#fragment`` and ``.git``, host in lower case.

    What is no repository address is returned as written.
    """
    text = uri.strip().removeprefix("git+")
    scp = _SCP.fullmatch(text)
    if scp and "://" not in text:
        text = f"https://{scp.group(1)}/{scp.group(2)}"
    scheme, mark, rest = text.partition("://")
    if not mark or scheme.lower() not in ("https", "http", "ssh", "git"):
        return uri
    host, slash, path = rest.partition("#")[0].partition("?")[0].partition("/")
    if not slash:
        return uri
    host = host.rpartition("@")[2].lower()
    path = path.partition("@")[0]
    # Dot segments must not carry an address out of an allowed prefix.
    path = posixpath.normpath(f"/{path}").strip("/").removesuffix(".git").strip("/")
    # http is not https: whoever sits between can answer for it.
    return f"{'http' if scheme.lower() == 'http' else 'https'}://{host}/{path}" if path else uri


def _ref_of(uri: str) -> str:
    """The ``@refs/heads/main`` of a SLSA source address; a user name before the host is none."""
    path = uri.partition("://")[2].partition("/")[2]
    return path.partition("@")[2].partition("#")[0] if "@" in path else ""


def _v02(predicate: Mapping[str, Any]) -> ProvenanceFact:
    invocation, metadata = _object(predicate, "invocation"), _object(predicate, "metadata")
    config = _object(invocation, "configSource")
    materials = _materials(predicate.get("materials"))
    source, digest = _text(config, "uri"), _commit(_object(config, "digest"))
    if not source:
        # Without configSource the source is told only where one material is a repository.
        repositories = [item for item in materials if _is_repository(item.uri)]
        if len(repositories) == 1:
            source, digest = repositories[0].uri, _commit(repositories[0].digest)
    return ProvenanceFact(
        evidence="",
        predicate_type=V02,
        builder=_text(_object(predicate, "builder"), "id"),
        build_type=_text(predicate, "buildType"),
        source_uri=canonical_source(source) if source else "",
        source_digest=digest,
        source_ref=_ref_of(source),
        invocation=_text(metadata, "buildInvocationID") or _text(metadata, "buildInvocationId"),
        started=_text(metadata, "buildStartedOn") or None,
        finished=_text(metadata, "buildFinishedOn") or None,
        parameters=_exact(invocation),
        materials=materials,
        certificate_mismatches=(),
    )


def _v1(predicate: Mapping[str, Any]) -> ProvenanceFact:
    definition, details = _object(predicate, "buildDefinition"), _object(predicate, "runDetails")
    external, metadata = _object(definition, "externalParameters"), _object(details, "metadata")
    materials = _materials(definition.get("resolvedDependencies"))
    source, ref, digest = _v1_source(external, materials)
    return ProvenanceFact(
        evidence="",
        predicate_type=V1,
        builder=_text(_object(details, "builder"), "id"),
        build_type=_text(definition, "buildType"),
        source_uri=canonical_source(source) if source else "",
        source_digest=digest,
        source_ref=ref or _ref_of(source),
        invocation=_text(metadata, "invocationId"),
        started=_text(metadata, "startedOn") or None,
        finished=_text(metadata, "finishedOn") or None,
        parameters=_exact(external),
        materials=materials,
        certificate_mismatches=(),
    )


def _v1_source(external: Mapping[str, Any], materials: tuple[Material, ...]) -> tuple[str, str, str]:
    """Address, ref and commit.

    Build types differ: GitHub has ``workflow.repository`` and ``.ref``, the container generator ``source.uri``, Cloud Build
    ``buildConfigSource.repository``. Their commit is that of the dependency with the same address. Without any of them the
    source is the only dependency that is a repository; several leave it open.
    """
    workflow, build = _object(external, "workflow"), _object(external, "buildConfigSource")
    inner = _object(external, "source")
    address = (
        _text(workflow, "repository") or _text(inner, "uri") or _text(build, "repository") or _text(external, "source")
        or _text(external, "repository")
    )  # fmt: skip
    ref = _text(workflow, "ref") or _text(build, "ref") or _text(external, "ref")
    digest = _commit(_object(inner, "digest"))
    repositories = [item for item in materials if _is_repository(item.uri) or "gitCommit" in item.digest]
    if not address:
        if len(repositories) != 1:
            return "", "", ""
        address = repositories[0].uri
    wanted = canonical_source(address)
    commits = {_commit(item.digest) for item in repositories if canonical_source(item.uri) == wanted} - {""}
    refs = {_ref_of(item.uri) for item in repositories if canonical_source(item.uri) == wanted} - {""}
    return (
        address,
        ref or _ref_of(address) or (refs.pop() if len(refs) == 1 else ""),
        digest or (commits.pop() if len(commits) == 1 else ""),
    )


def _is_repository(uri: str) -> bool:
    return uri.startswith("git+") or canonical_source(uri).startswith(("https://github.com/", "https://gitlab.com/"))


def _materials(listed: Any) -> tuple[Material, ...]:
    items: Iterable[Any] = listed if isinstance(listed, list) else ()
    found = (
        Material(
            uri=_text(item, "uri"),
            digest={name: value for name, value in _object(item, "digest").items() if isinstance(value, str)},
        )
        for item in items
        if isinstance(item, dict)
    )
    return tuple(item for item in found if item.uri or item.digest)


def _commit(digest: Mapping[str, Any]) -> str:
    """The commit id under ``gitCommit``, ``sha1`` or ``sha256``; empty when it is no object name."""
    for name in _COMMIT_NAMES:
        value = _text(digest, name).lower()
        if _COMMIT.fullmatch(value):
            return value
    return ""


def _exact(value: Mapping[str, Any]) -> Any:
    """The parameters, or null where they hold an integer that OPA would round (beyond 2^53): nothing is compared with a guess."""
    stack: list[Any] = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            stack += part.values()
        elif isinstance(part, list):
            stack += part
        elif isinstance(part, int) and abs(part) > 2**53:
            return None
    return value


def _object(item: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = item.get(name)
    return cast(Mapping[str, Any], value) if isinstance(value, dict) else {}


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""
