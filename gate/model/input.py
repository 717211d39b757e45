"""``gate.input/v1``: all that a policy may look at, and all that a replay needs.

Every field is always there (null or empty when nothing is known), so that ``opa check --schema`` turns a misspelt field into
an error. `to_json` gives the stored bytes; arrays are sorted by their first identifying field by `gate.assemble`.
"""

from __future__ import annotations

from typing import Any, Literal

from gate.model.base import Model
from gate.model.compliance import Filesystem
from gate.model.crypto import CryptoFacts
from gate.model.evidence import CollectionError, Evidence
from gate.model.findings import SourceFacts, Vulnerabilities
from gate.model.fips import FipsFacts
from gate.model.hardening import Hardening
from gate.model.parameters import Parameters
from gate.model.sbom import Sbom
from gate.model.stig import StigFacts
from gate.model.waiver import Waiver

SCHEMA: Literal["gate.input/v1"] = "gate.input/v1"


class Platform(Model, frozen=True, kw_only=True):
    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class History(Model, frozen=True, kw_only=True):
    created: str
    created_by: str
    empty_layer: bool


class ImageConfig(Model, frozen=True, kw_only=True):
    """The parts of the OCI image configuration that rules look at."""

    user: str
    """Empty when not set, which runs as root."""
    env: tuple[str, ...]
    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]
    exposed_ports: tuple[str, ...]
    volumes: tuple[str, ...]
    labels: dict[str, str]
    created: str | None
    history: tuple[History, ...]
    diff_ids: tuple[str, ...]
    healthcheck: tuple[str, ...] | None = None
    """``Healthcheck.Test`` of Docker's format (``NONE`` switches it off); null where there is none, as in OCI's format."""


class Layer(Model, frozen=True, kw_only=True):
    digest: str
    media_type: str
    size: int


class Base(Model, frozen=True, kw_only=True):
    """The base image and how it is known; ``provenance`` is signed, ``annotation`` and ``label`` are only said by the image."""

    name: str
    digest: str | None
    origin: Literal["provenance", "layers", "annotation", "label", "none"]


class Subject(Model, frozen=True, kw_only=True):
    name: str
    """Repository or file name, without tag and digest."""
    reference: str
    """As the caller gave it."""
    digest: str
    media_type: str
    kind: Literal["image", "index", "archive", "digest"]
    """``archive``: a daemon tarball, identified by its configuration digest; ``digest``: nothing but the digest is known."""
    platform: Platform | None
    index_digest: str | None
    config_digest: str | None
    config: ImageConfig | None
    base: Base
    layers: tuple[Layer, ...]
    annotations: dict[str, str]


class Decision(Model, frozen=True, kw_only=True):
    """Everything that was chosen, so that a replay needs nothing else."""

    profile: str
    profile_digest: str
    environment: str
    """Name of the environment in the policy file; empty without one."""
    params: Parameters
    selection: tuple[str, ...]
    """Rules asked for: ``@collection``, ``domain``, ``domain.rule``; exclusions start with ``-``."""
    enforcement: dict[str, Literal["enforce", "report"]]
    """By rule selector; what is not named is enforced."""
    exit_zero: bool
    waivers: tuple[Waiver, ...]
    engine_required: tuple[str, ...]
    """Engine digests that the bundle allows; empty when it names none."""


class RunContext(Model, frozen=True, kw_only=True):
    """Claims of the CI system's variables. Never used to choose a profile."""

    ci: str = ""
    source_ref: str = ""
    source_revision: str = ""
    actor: str = ""
    trigger: str = ""
    ticket: str = ""
    url: str = ""


class Time(Model, frozen=True, kw_only=True):
    now: str
    """RFC 3339, UTC, whole seconds, ``Z``."""
    source: Literal["clock", "override"]


class SignatureFact(Model, frozen=True, kw_only=True):
    """A statement that somebody signed *this image*; an attestation about it is not one."""

    evidence: str
    form: Literal["cosign-sign-v1", "simple-signing", "message-signature"]
    annotations: dict[str, str]
    docker_reference: str
    """What a simple-signing payload claims; informational."""


class AttestationFact(Model, frozen=True, kw_only=True):
    """A statement whose subject is this image. ``predicate`` is foreign: take its fields with ``object.get``."""

    evidence: str
    predicate_type: str
    predicate: Any


class Material(Model, frozen=True, kw_only=True):
    uri: str
    digest: dict[str, str]


class ProvenanceFact(Model, frozen=True, kw_only=True):
    """One SLSA provenance statement, v0.2 and v1 alike."""

    evidence: str
    predicate_type: str
    builder: str
    build_type: str
    source_uri: str
    """Canonical ``https://host/owner/repo`` where it can be told; else as written."""
    source_digest: str
    """Commit, hex."""
    source_ref: str
    invocation: str
    started: str | None
    finished: str | None
    parameters: Any
    """``externalParameters`` or ``invocation``: foreign."""
    materials: tuple[Material, ...]
    certificate_mismatches: tuple[str, ...]
    """Fields in which the document contradicts the signing certificate."""


class BrokenLink(Model, frozen=True, kw_only=True):
    kind: str
    evidence: str
    reason: str


class Gap(Model, frozen=True, kw_only=True):
    """A link of the chain that does not hold."""

    kind: str
    """Stable name, as in docs/chain.md: ``no_provenance``, ``untrusted_signer``, ``no_source_vsa`` …"""
    track: Literal["build", "source", "dependency"]
    reason: str


class ChainNode(Model, frozen=True, kw_only=True):
    """One link of the chain from the image to its sources, in depth-first order; a tree through ``parent``."""

    kind: Literal["image", "provenance", "commit", "source_vsa", "source_provenance", "vsa", "dependency"]
    name: str
    digest: str
    """``sha256:…`` of an image, ``gitCommit:…`` of a commit, evidence id of a statement."""
    depth: int
    parent: int | None
    """Place of the node above; null for the image itself."""
    evidence: str
    """The statement that the node stands for; empty for images and commits."""
    level: int | None
    """Of an image and provenance the build level, of a commit and source VSA the source level; null when none is reached."""
    signer: str
    detail: str
    gaps: tuple[Gap, ...] = ()


class Provenance(Model, frozen=True, kw_only=True):
    statements: tuple[ProvenanceFact, ...] = ()
    broken_links: tuple[BrokenLink, ...] = ()
    chain: tuple[ChainNode, ...] = ()
    """The chain from the image to its sources and bases, from the evidence at hand; empty for an index."""


class VexUse(Model, frozen=True, kw_only=True):
    statement: str
    finding: str
    status: str
    author: str
    evidence: str


class VexProblem(Model, frozen=True, kw_only=True):
    statement: str
    finding: str
    kind: Literal["unmatched", "conflict", "superseded", "untrusted", "future", "invalid", "expired", "claimed"]
    detail: str
    evidence: str
    readers: tuple[str, ...] = ()
    """Orders under which a reader would have let this statement decide otherwise: ``oldest_first``, ``newest_first``."""


class VexFacts(Model, frozen=True, kw_only=True):
    statements_used: tuple[VexUse, ...] = ()
    unmatched: tuple[VexProblem, ...] = ()
    conflicts: tuple[VexProblem, ...] = ()
    superseded: tuple[VexProblem, ...] = ()
    rejected: tuple[VexProblem, ...] = ()
    overdue: tuple[VexProblem, ...] = ()
    """Statements in use whose own review date has passed; they hold until a rule says otherwise."""
    claimed: tuple[VexProblem, ...] = ()
    """Statements in use that rank by the author whom the document names, while somebody else, who is not listed, signed it."""
    unlisted: int = 0
    """Problems with documents that anyone may have attached, beyond the first hundred: they decide nothing, and are counted."""


class TrustEntryFact(Model, frozen=True, kw_only=True):
    """A trust entry in force."""

    name: str
    roles: tuple[str, ...]
    keys: tuple[str, ...]
    """Key ids."""
    identities: tuple[str, ...]
    roots: tuple[str, ...]
    """Digests of its trusted roots."""
    relaxed: tuple[str, ...]
    """Checks that it waives."""


class RootFact(Model, frozen=True, kw_only=True):
    """A trusted root in force."""

    digest: str
    entries: tuple[str, ...]
    """Names of the trust entries that use it."""
    as_of: str | None
    """The day for which whoever imported it vouches that it was current; null when nobody said."""
    age_s: int | None
    """Seconds from ``as_of`` to ``time.now``."""
    next_expiry: str | None
    """When the last current authority or log of some kind ends; null when none of them has an end."""
    next_expiry_s: int | None
    """Seconds from ``time.now`` until then; negative when it is past."""
    expiring: str
    """The kind that ends then: ``certificate authorities``, ``transparency logs`` …"""


class TrustFacts(Model, frozen=True, kw_only=True):
    """Whom this decision trusts, and how old and how durable their roots are."""

    entries: tuple[TrustEntryFact, ...] = ()
    roots: tuple[RootFact, ...] = ()


class Input(Model, frozen=True, kw_only=True):
    schema: Literal["gate.input/v1"]
    subject: Subject
    decision: Decision
    run: RunContext
    time: Time
    evidence: tuple[Evidence, ...]
    vulnerabilities: Vulnerabilities
    sbom: Sbom
    signatures: tuple[SignatureFact, ...]
    attestations: tuple[AttestationFact, ...]
    provenance: Provenance
    source: SourceFacts
    fips: FipsFacts
    stig: StigFacts
    vex: VexFacts
    errors: tuple[CollectionError, ...]
    trust: TrustFacts = TrustFacts()
    filesystem: Filesystem = Filesystem()
    """What is inside the image; collected when it is asked for."""
    crypto: CryptoFacts = CryptoFacts()
    """Configured algorithms, keys and certificates; collected together with ``filesystem``."""
    hardening: Hardening = Hardening()
    """What the STIG baseline is decided from; collected together with ``filesystem``."""
