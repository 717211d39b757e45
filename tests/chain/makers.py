"""A build, its commits and its bases, signed by an instance of Sigstore in memory; each test breaks one link."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
from typing import Any

from gate.evidence.collect import Opened, Opener
from gate.evidence.interface import Document
from gate.evidence.provenance.chain import Items, build_chain
from gate.limits import DEFAULT
from gate.model.input import ChainNode
from gate.trust.entry import IdentityRule, LevelRule, Trust, TrustEntry
from tests.trust.simulator import NOW, Signer, Sigstore, utf8

REPOSITORY = "https://forge.example/acme/app"
BUILDER = "https://forge.example/builders/container/.ci/build.yml@refs/tags/v2"
VERIFIER = "https://forge.example/source-verifier"
BUILD_SIGNER = "https://forge.example/builders/container/.ci/build.yml@refs/tags/v2"
SOURCE_SIGNER = "https://forge.example/source-actions/.ci/compute.yml@refs/heads/main"
ISSUER = "https://token.forge.example"
MAIN = "refs/heads/main"
IMAGE, BASE = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def commit_object(parents: tuple[str, ...], number: int) -> tuple[str, bytes]:
    """A git commit object and its name."""
    lines = ["tree " + "1" * 40, *(f"parent {parent}" for parent in parents)]
    lines += [
        f"author A <a@b> {1_760_000_000 + number} +0000",
        f"committer C <c@d> {1_760_000_000 + number} +0000",
        "",
        f"change {number}",
    ]
    raw = "\n".join(lines).encode()
    return hashlib.sha1(b"commit %d\0" % len(raw) + raw, usedforsecurity=False).hexdigest(), raw


def history(length: int) -> tuple[list[str], dict[str, bytes]]:
    """Commit names, newest first, and their objects."""
    names: list[str] = []
    objects: dict[str, bytes] = {}
    for number in range(length):
        name, raw = commit_object((names[-1],) if names else (), number)
        names.append(name)
        objects[name] = raw
    return names[::-1], objects


NAMES, OBJECTS = history(4)
COMMIT = NAMES[0]


def provenance(digest: str = IMAGE, *, builder: str = BUILDER, commit: str = COMMIT, **more: Any) -> dict[str, Any]:
    """SLSA v1 provenance of an image; ``bases`` are further dependencies, ``ref`` and ``repository`` what was built."""
    repository, ref = more.get("repository", REPOSITORY), more.get("ref", MAIN)
    source = {"uri": f"git+{repository}@{ref}", "digest": {"gitCommit": commit} if commit else {}}
    return statement(
        {"sha256": digest.removeprefix("sha256:")},
        "https://slsa.dev/provenance/v1",
        {
            "buildDefinition": {
                "buildType": "https://forge.example/workflow/v1",
                "externalParameters": {"workflow": {"repository": repository, "ref": ref}},
                "resolvedDependencies": [source, *more.get("bases", [])],
            },
            "runDetails": {"builder": {"id": builder}, "metadata": {}},
        },
    )


def summary(commit: str = COMMIT, *, levels: tuple[str, ...] = ("SLSA_SOURCE_LEVEL_3",), **more: Any) -> dict[str, Any]:
    """A source-track summary; ``snake`` writes the refs as older tools do."""
    refs = {("source_refs" if more.get("snake") else "sourceRefs"): list(more.get("refs", (MAIN,)))}
    return statement(
        more.get("subject", {"gitCommit": commit}),
        "https://slsa.dev/verification_summary/v1",
        {
            "verifier": {"id": more.get("verifier", VERIFIER)},
            "timeVerified": more.get("time", "2026-03-01T11:00:00Z"),
            "resourceUri": more.get("resource", f"git+{REPOSITORY}"),
            "verificationResult": more.get("result", "PASSED"),
            "verifiedLevels": list(levels),
        },
        annotations=refs,
    )


def revision(commit: str, previous: str, *, snake: bool = False, branch: str = MAIN) -> dict[str, Any]:
    """Source provenance in either spelling."""
    names = ("prev_commit", "repo_uri") if snake else ("prevCommit", "repoUri")
    return statement(
        {"gitCommit": commit},
        "https://github.com/slsa-framework/slsa-source-poc/source-provenance/v1-draft",
        {names[0]: previous, names[1]: REPOSITORY, "branch": branch, "controls": []},
    )


def statement(digest: dict[str, str], kind: str, predicate: Any, *, annotations: dict[str, Any] | None = None) -> dict[str, Any]:
    """An in-toto statement about one subject."""
    subject: dict[str, Any] = {"name": "x", "digest": digest}
    if annotations:
        subject["annotations"] = annotations
    return {"_type": "https://in-toto.io/Statement/v1", "subject": [subject], "predicateType": kind, "predicate": predicate}


class World:
    """Who signs, and who trusts whom."""

    def __init__(self) -> None:
        self.sim = Sigstore()
        self.build = self.signer(BUILD_SIGNER, **_claims())
        self.source = self.signer(SOURCE_SIGNER)
        self.stranger = self.signer("https://forge.example/mallory/x/.ci/x.yml@refs/heads/main")

    def signer(self, name: str, **claims: str) -> Signer:
        """A short-lived certificate for a workflow, with Fulcio's extensions by number."""
        from cryptography import x509

        extensions = {"8": utf8(ISSUER), **{number.removeprefix("n"): utf8(value) for number, value in claims.items()}}
        return self.sim.signer(names=[x509.UniformResourceIdentifier(name)], issuer=ISSUER, extensions=extensions)

    def trust(self, *, level: int = 3, source_level: int = 3, **changes: Any) -> Trust:
        """The builder speaks for itself at a level, the source verifier for its summaries."""
        root = (self.sim.root(),)
        build = TrustEntry(
            name="build",
            roles=("provenance",),
            identities=(IdentityRule(BUILD_SIGNER, ISSUER),),
            roots=root,
            builders=(LevelRule(BUILDER, level),),
        )
        source = TrustEntry(
            name="source",
            roles=("vsa", "attestation"),
            identities=(IdentityRule(SOURCE_SIGNER, ISSUER),),
            roots=root,
            verifiers=(LevelRule(VERIFIER, source_level),),
        )
        return Trust(
            (dataclasses.replace(build, **changes.get("build", {})), dataclasses.replace(source, **changes.get("source", {})))
        )

    def bundle(self, signer: Signer, made: dict[str, Any]) -> bytes:
        """The statement in a bundle, logged and signed."""
        return json.dumps(self.sim.dsse(signer, json.dumps(made).encode())).encode()

    def past(self) -> list[bytes]:
        """Summaries and source provenance of the whole history, both spellings in turn."""
        made = []
        for number, name in enumerate(NAMES):
            previous = NAMES[number + 1] if number + 1 < len(NAMES) else ""
            made += [
                self.bundle(self.source, summary(name, snake=bool(number % 2))),
                self.bundle(self.source, revision(name, previous, snake=bool(number % 2))),
            ]
        return made

    def good(self) -> list[bytes]:
        """All that a whole chain of the image needs."""
        return [self.bundle(self.build, provenance()), self.bundle(self.source, summary())]


def _claims() -> dict[str, str]:
    return {"n9": BUILDER, "n12": REPOSITORY, "n13": COMMIT, "n14": MAIN}


def opened(trust: Trust, *documents: bytes, attached_to: str | None = None) -> list[Opened]:
    """The documents as the gate opens them."""
    found = [
        Document(data=data, origin="attestation" if attached_to else "file", source=f"{n}.json", attached_to=attached_to)
        for n, data in enumerate(documents)
    ]
    return Opener(trust, DEFAULT).open_all(found)


def chain(trust: Trust, *documents: bytes, extra: list[Opened] | None = None, **more: Any) -> tuple[ChainNode, ...]:
    """The chain of `IMAGE` from these documents."""
    shelf = Items([*opened(trust, *documents), *(extra or [])], OBJECTS)
    now = more.pop("now", NOW + datetime.timedelta(hours=1))
    return build_chain("app", more.pop("digests", (IMAGE,)), shelf, trust, now=now, **more)


def kinds(nodes: tuple[ChainNode, ...]) -> list[str]:
    """Kinds of the gaps, in order."""
    return [gap.kind for node in nodes for gap in node.gaps]


def node(nodes: tuple[ChainNode, ...], kind: str) -> ChainNode:
    """The first node of a kind."""
    return next(one for one in nodes if one.kind == kind)
