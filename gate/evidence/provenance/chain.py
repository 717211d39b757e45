"""The chain from an image to its sources and bases: which links hold, to which level, and where it is broken and how.

    image D ── provenance P, by a trusted (signer, builder) pair; the level is the pair's, never the document's
                 ├── commit C, as P names it and the signing certificate confirms
                 │     ├── summary of C by a trusted (signer, verifier) pair: repository, branch, level
                 │     └── how C came to be: each commit's predecessor is its first parent
                 └── base images, each with provenance or a summary of its own; deeper ones in turn

Pure: statements come from a `Shelf`. Only what a trust entry vouches for, in that role, makes or breaks a link. What is merely
attached is looked at to say *why* a link is missing, and never breaks one that holds (anybody can attach).
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, Protocol

import msgspec

from gate.errors import EvidenceError
from gate.evidence.collect import Opened
from gate.evidence.provenance.history import History, walk_back
from gate.evidence.provenance.source import Summary, read_summary
from gate.model.evidence import Verification
from gate.model.input import ChainNode, Gap, Material, ProvenanceFact
from gate.trust.entry import Trust

Track = Literal["build", "source", "dependency"]
_IMAGES: Final = ("pkg:docker/", "pkg:oci/", "docker://", "docker-image://", "oci://")
"""How builders write the addresses of images among their dependencies."""
_BASES: Final = 64
_NODES: Final = 1000


class Shelf(Protocol):
    """Where statements are found."""

    def about(self, subject: str) -> Sequence[Opened]:
        """Statements that name the subject (``sha256:…``, ``gitCommit:…``), signed or not."""

    def attached(self, digest: str) -> Sequence[Opened]:
        """Statements that hang on the image, whatever they are about."""

    def commit(self, name: str) -> bytes | None:
        """The content of a commit object; null when it is not at hand."""


class Items:
    """A shelf of statements that are all at hand."""

    def __init__(self, opened: Iterable[Opened], commits: Mapping[str, bytes] | None = None) -> None:
        self._about: dict[str, dict[str, Opened]] = {}
        self._attached: dict[str, list[Opened]] = {}
        self._commits = commits or {}
        for item in opened:
            for subject in item.subjects:
                self._about.setdefault(subject, {}).setdefault(item.id, item)
            if item.document.attached_to:
                self._attached.setdefault(item.document.attached_to, []).append(item)

    def about(self, subject: str) -> Sequence[Opened]:
        return tuple(self._about.get(subject, {}).values())

    def attached(self, digest: str) -> Sequence[Opened]:
        return self._attached.get(digest, ())

    def commit(self, name: str) -> bytes | None:
        return self._commits.get(name)


def build_chain(
    name: str,
    digests: Sequence[str],
    shelf: Shelf,
    trust: Trust,
    *,
    now: datetime.datetime,
    skew_s: int = 300,
    depth: int = 5,
    history: int = 0,
) -> tuple[ChainNode, ...]:
    """The chain of an image that is known under these digests (its own first, then its index's).

    ``depth`` bounds how far bases of bases are followed, ``history`` how many commits back the source is followed. Never raises
    for what statements hold.
    """
    walk = _Walk(shelf, trust, now + datetime.timedelta(seconds=skew_s), depth, history)
    walk.image(name, tuple(digests), 0, None, ())
    return tuple(msgspec.convert(dataclasses.asdict(node), ChainNode) for node in walk.nodes)


def trusted_level(verification: Verification, trust: Trust, role: str, id_: str) -> int | None:
    """The level for which an entry that accepted the signature is trusted to speak for that builder or verifier; null for none.

    A name that two entries share is nobody's.
    """
    if verification.state != "verified" or not id_:
        return None
    levels = [0]
    for name in verification.entries:
        named = [entry for entry in trust.entries if entry.name == name]
        if len(named) == 1 and vouches(named[0].roles, role):
            rules = named[0].builders if role == "provenance" else named[0].verifiers
            levels += [rule.level for rule in rules if rule.matches(id_)]
    return max(levels) or None


def vouches(roles: Iterable[str], role: str) -> bool:
    """Whether roles include one."""
    return bool({role, "*"} & set(roles))


@dataclasses.dataclass(slots=True)
class _Node:
    kind: str
    name: str
    digest: str
    depth: int
    parent: int | None
    evidence: str = ""
    level: int | None = None
    signer: str = ""
    detail: str = ""
    gaps: list[dict[str, str]] = dataclasses.field(default_factory=list)

    def gap(self, kind: str, track: Track, reason: str) -> None:
        self.gaps.append({"kind": kind, "track": track, "reason": reason})


class _Walk:
    def __init__(self, shelf: Shelf, trust: Trust, latest: datetime.datetime, depth: int, history: int) -> None:
        self._shelf = shelf
        self._trust = trust
        self._latest = latest
        self._depth = depth
        self._history = history
        self.nodes: list[_Node] = []

    def _add(self, node: _Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def image(self, name: str, digests: tuple[str, ...], depth: int, parent: int | None, path: tuple[str, ...]) -> None:
        node = _Node("image" if depth == 0 else "dependency", name, digests[0], depth, parent)
        place = self._add(node)
        track: Track = "build" if depth == 0 else "dependency"
        if digests[0] in path:
            return node.gap("cycle", track, "it is a base of itself, which no build can have made")
        if depth > self._depth or len(self.nodes) > _NODES:
            return node.gap("depth", track, f"bases are followed to depth {self._depth} and no further")
        found = _distinct(item for digest in digests for item in self._shelf.about(digest))
        provenance = [item for item in found if item.kind == "provenance" and item.reading and item.reading.provenance]
        trusted = [item for item in provenance if _is_trusted(item, "provenance")]
        levels = [self._provenance(item, depth, place, track, (*path, digests[0])) for item in trusted]
        if depth > 0:
            levels += [self._summary(item, digests, depth, place) for item in found if item.kind == "vsa"]
        reached = [level for level in levels if level is not None]
        node.level = max(reached, default=None)
        if not trusted and node.level is None:
            self._no_provenance(node, digests, provenance, track)

    def _no_provenance(self, node: _Node, digests: Sequence[str], provenance: Sequence[Opened], track: Track) -> None:
        if provenance:
            reasons = "; ".join(sorted({_why_untrusted(item, "provenance") for item in provenance})[:3])
            return node.gap("untrusted_signer", track, f"{len(provenance)} found, and none counts: {reasons}")
        others = [
            item for digest in digests for item in self._shelf.attached(digest) if item.kind == "provenance" and item.subjects
        ]
        if others:
            return node.gap("subject_mismatch", track, f"provenance hangs on it that is about {others[0].subjects[0]}")
        node.gap("no_provenance", track, "nothing at hand says who built it, and from what")

    def _provenance(self, item: Opened, depth: int, parent: int, track: Track, path: tuple[str, ...]) -> int | None:
        assert item.reading is not None and item.reading.provenance is not None
        fact = item.reading.provenance
        level = trusted_level(item.verification, self._trust, "provenance", fact.builder)
        node = _Node("provenance", fact.builder, item.id, depth, parent, item.id, level, _signer(item.verification))
        place = self._add(node)
        if level is None:
            entries = ", ".join(item.verification.entries)
            reason = f"no trust entry says to which level {entries} speaks for the builder {fact.builder or '(none named)'}"
            node.gap("untrusted_builder", track, reason)
        for mismatch in fact.certificate_mismatches:
            kind = "source_mismatch" if mismatch.startswith("source_") else "certificate_mismatch"
            node.gap(kind, track, mismatch)
        if node.gaps:
            node.level = None
        if not item.verification.claims:
            node.detail = "a key signed it: the commit is the builder's word, and no certificate confirms it"
        source: Track = "source" if depth == 0 else "dependency"
        if not fact.source_uri:
            node.gap("no_source", source, "it names no source repository")
        elif not fact.source_digest:
            node.gap("no_source_digest", source, f"it names no commit of {fact.source_uri}")
        else:
            self._commit(fact, depth, place, source)
        self._bases(fact, node, depth, place, path)
        return node.level

    def _commit(self, fact: ProvenanceFact, depth: int, parent: int, track: Track) -> None:
        key = f"gitCommit:{fact.source_digest}"
        node = _Node("commit", fact.source_uri, key, depth, parent, detail=fact.source_ref)
        place = self._add(node)
        found = [item for item in self._shelf.about(key) if item.kind == "vsa" and item.statement is not None]
        if not found:
            return node.gap("no_source_vsa", track, "no summary says how the commit came to be")
        usable: list[tuple[Summary, Opened, int]] = []
        problems: list[tuple[str, str]] = []
        for item in found:
            answer = self._usable(item, key)
            if isinstance(answer, tuple):
                problems.append(answer)
            else:
                usable.append((*answer.pair, answer.level))
        here = [one for one in usable if one[0].resource.lower() == fact.source_uri.lower()]
        fitting = [
            one for one in here if not fact.source_ref or fact.source_ref in one[0].refs or _is_tag_of(fact.source_ref, one[0])
        ]
        if not fitting:
            if here:
                refs = ", ".join(sorted({ref for one in here for ref in one[0].refs})) or "no ref"
                problems.insert(0, ("wrong_ref", f"built from {fact.source_ref}; the summaries are about {refs}"))
            elif usable:
                problems.insert(0, ("wrong_repository", f"built from {fact.source_uri}; summarised is {usable[0][0].resource}"))
            return node.gap(problems[0][0], track, problems[0][1])
        # The newest decides: a verifier that changed its mind is not outvoted by what it said before.
        summary, item, cap = max(fitting, key=lambda one: (one[0].verified, not one[0].passed))
        stated = summary.level("SOURCE")
        child = _Node("source_vsa", summary.verifier, item.id, depth, place, item.id, None, _signer(item.verification))
        child.detail = ", ".join(summary.levels)
        self._add(child)
        if not summary.passed:
            child.gap("source_failed", track, "the verifier says that the commit did not pass")
        elif stated is None:
            child.gap("no_source_level", track, "it states no SLSA source level")
        else:
            child.level = node.level = min(cap, stated)
        if self._history and depth == 0:
            self._past(fact, node, place, depth)

    def _usable(self, item: Opened, key: str) -> tuple[str, str] | _Usable:
        if not _is_trusted(item, "vsa"):
            return "untrusted_source_signer", _why_untrusted(item, "vsa")
        assert item.statement is not None
        try:
            summary = read_summary(item.statement, key)
        except EvidenceError as error:
            return "bad_source_vsa", error.what
        cap = trusted_level(item.verification, self._trust, "vsa", summary.verifier)
        if cap is None:
            return "untrusted_source_verifier", f"no trust entry pairs its signer with the verifier {summary.verifier!r}"
        if summary.verified > self._latest:
            return "bad_source_vsa", f"it is from the future: {summary.verified.isoformat()}"
        return _Usable((summary, item), cap)

    def _past(self, fact: ProvenanceFact, node: _Node, place: int, depth: int) -> None:
        past: History = walk_back(fact.source_digest, fact.source_uri, self._shelf, self._counts, self._history)
        if past.gaps:
            # A level that rests on a history with a hole in it is not reached.
            node.level = None
        child = _Node("source_provenance", fact.source_uri, f"gitCommit:{past.last}", depth, place, detail=past.detail)
        self._add(child)
        for reason in past.gaps:
            child.gap("source_continuity", "source", reason)

    def _counts(self, item: Opened, role: str, key: str) -> bool:
        if role == "attestation":
            return _is_trusted(item, "attestation")
        answer = self._usable(item, key)
        return isinstance(answer, _Usable) and answer.pair[0].passed and answer.pair[0].level("SOURCE") is not None

    def _summary(self, item: Opened, digests: Sequence[str], depth: int, parent: int) -> int | None:
        """A summary in place of provenance, for a base image that somebody else verified."""
        answer = next((found for digest in digests if isinstance(found := self._usable(item, digest), _Usable)), None)
        if answer is None:
            return None
        summary = answer.pair[0]
        stated = summary.level("BUILD")
        node = _Node("vsa", summary.verifier, item.id, depth, parent, item.id, None, _signer(item.verification))
        node.detail = ", ".join(summary.levels)
        self._add(node)
        if not summary.passed or stated is None:
            node.gap("base_failed", "dependency", "the summary is not PASSED with a build level")
            return None
        node.level = min(answer.level, stated)
        return node.level

    def _bases(self, fact: ProvenanceFact, node: _Node, depth: int, place: int, path: tuple[str, ...]) -> None:
        bases = {digest: one for one in fact.materials if (digest := image_digest(one))}
        rest = [one for one in fact.materials if not image_digest(one) and fact.source_digest not in one.digest.values()]
        undigested = sum(1 for one in rest if not one.digest)
        if rest:
            also = f", {undigested} of them without a digest" if undigested else ""
            node.detail = "; ".join(filter(None, (node.detail, f"{len(rest)} further dependencies{also}, not followed")))
        for digest, material in list(bases.items())[:_BASES]:
            if len(self.nodes) > _NODES:
                return node.gap("too_many_bases", "dependency", f"the chain has {_NODES} links; no further base is followed")
            self.image(material.uri, (digest,), depth + 1, place, path)
        if len(bases) > _BASES:
            node.gap("too_many_bases", "dependency", f"{len(bases)} base images; {_BASES} are followed")


@dataclasses.dataclass(frozen=True, slots=True)
class _Usable:
    pair: tuple[Summary, Opened]
    level: int
    """The highest that is believed of its verifier."""


def image_digest(material: Material) -> str:
    """``sha256:…`` of a dependency that is an image; empty for anything else, and for an image without a digest."""
    value = material.digest.get("sha256", "").lower()
    is_hex = len(value) == 64 and not set(value) - set("0123456789abcdef")
    return f"sha256:{value}" if is_hex and material.uri.startswith(_IMAGES) else ""


def _distinct(items: Iterable[Opened]) -> list[Opened]:
    return list({item.id: item for item in items}.values())


def _is_trusted(item: Opened, role: str) -> bool:
    return item.verification.state == "verified" and vouches(item.verification.roles, role)


def _why_untrusted(item: Opened, role: str) -> str:
    if item.verification.state == "verified":
        return f"{', '.join(item.verification.entries)} signed it, and does not vouch for {role}"
    return item.verification.reason or item.verification.state


def _is_tag_of(ref: str, summary: Summary) -> bool:
    """A build of a tag: summaries name branches, so a tag is held against them only where they name tags."""
    return ref.startswith("refs/tags/") and bool(summary.refs) and not any(one.startswith("refs/tags/") for one in summary.refs)


def _signer(verification: Verification) -> str:
    return verification.identity or verification.key_id or ""


def gaps_of(nodes: Iterable[ChainNode]) -> list[tuple[ChainNode, Gap]]:
    """Every gap with its node."""
    return [(node, gap) for node in nodes for gap in node.gaps]


def as_tree(nodes: Sequence[ChainNode]) -> list[dict[str, Any]]:
    """The nodes nested under ``below``."""
    built: list[dict[str, Any]] = [{**msgspec.to_builtins(node), "below": []} for node in nodes]
    roots: list[dict[str, Any]] = []
    for node, value in zip(nodes, built, strict=True):
        value.pop("parent")
        (built[node.parent]["below"] if node.parent is not None else roots).append(value)
    return roots


def reached(nodes: Sequence[ChainNode]) -> tuple[int, int]:
    """Build and source level of the whole chain, 0 for none: the best provenance's, and the worst of the commits'."""
    build = max((node.level or 0 for node in nodes if node.kind == "image"), default=0)
    return build, min((node.level or 0 for node in nodes if node.kind == "commit" and node.depth == 0), default=0)
