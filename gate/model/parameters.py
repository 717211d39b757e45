"""The parameters that first-party rules read from ``input.decision.params``. Null means: no limit, not asked for.

The tighter direction of each (invariant 7), its flag and its help text are declared in `gate.policy.parameters`.
"""

from __future__ import annotations

from typing import Any, Literal

from gate.model.base import Model
from gate.model.findings import Severity


class Acceptance(Model, frozen=True, kw_only=True):
    """Which evidence of a kind may satisfy or deny. What a rule's METADATA demands comes on top."""

    verified: bool
    """Only verified items; otherwise an unverified ``file`` or ``computed`` item is taken too, an unsigned attached one never."""
    bindings: tuple[Literal["signed", "embedded", "asserted"], ...]


class RemediationDays(Model, frozen=True, kw_only=True):
    """Days from ``first_seen`` to the deadline; null means no deadline."""

    critical: int | None = None
    high: int | None = None
    medium: int | None = None
    low: int | None = None
    negligible: int | None = None
    unknown: int | None = None
    kev: int | None = None


class StigBaseline(Model, frozen=True, kw_only=True):
    """What the STIG baseline of an image allows beyond its profile. Lists of exact texts, or prefixes that end in ``*``."""

    allowed_setuid: tuple[str, ...] = ()
    """Paths of files that may have setuid, setgid or capabilities: ``usr/bin/su``."""
    allowed_ports: tuple[str, ...] = ()
    """Privileged ports that may be exposed: ``443/tcp``."""
    allowed_keys: tuple[str, ...] = ()
    """Paths of private keys and credential files that are no secrets, such as those of tests: ``usr/lib/python3/*``."""
    allowed_programs: tuple[str, ...] = ()
    """Names of shells, interpreters, package managers and of sudo that are needed: ``sh``, ``python3*``."""
    users: tuple[str, ...] = ()
    """The only users, by name as configured or by number, that the image may run as; empty: any but root."""
    approved_anchors: tuple[str, ...] = ()
    """SHA-256 fingerprints (``sha256:…``) of the only trust anchors; empty: whether they are approved is left to people."""
    min_coverage: float | None = 0.5
    """Least share of the selected controls that have to pass or fail, 0 to 1."""


class Parameters(Model, frozen=True, kw_only=True):
    # limits: at most N
    max_critical: int | None
    max_high: int | None
    max_medium: int | None
    max_low: int | None
    max_unknown: int | None
    max_vulnerabilities: int | None
    # single findings
    deny_kev: bool
    deny_malware: bool
    max_epss: float | None
    """Deny a finding whose EPSS probability is above this, 0 to 1."""
    deny_fixable: Severity | None
    """Deny findings of this severity and above for which a fix exists."""
    remediation_days: RemediationDays
    # required evidence
    require_scan: bool
    require_signature: bool
    require_sbom: bool
    require_provenance: bool
    require_sast: bool
    fail_on_fips_issues: bool
    fail_on_stig: Literal["1", "2", "3"] | None
    accept: dict[str, Acceptance]
    """By evidence kind; a kind that is not named takes the entry ``*``, which must be there."""
    # sbom
    sbom_require_identified: bool
    """Deny on components without name, version or purl."""
    sbom_require_scanned_packages: bool
    """Deny on packages that a scanner saw and the SBOM lacks."""
    sbom_minimum_elements: Literal["ntia-2021", "cisa-2026", "bsi-tr-03183-2"] | None = None
    """Deny on SBOMs that lack elements of this standard; null warns about the commonest."""
    # provenance
    allowed_builders: tuple[str, ...]
    """Exact builder ids, or prefixes ending in ``*``; empty allows every builder that a trust entry vouches for."""
    allowed_sources: tuple[str, ...]
    allowed_build_types: tuple[str, ...]
    # image
    deny_root_user: bool
    required_labels: tuple[str, ...]
    max_image_age_days: int | None
    allowed_bases: tuple[str, ...]
    """Digests of base images, or repository names; empty does not restrict."""
    denied_base_variants: tuple[str, ...]
    """Substrings such as ``-dev`` that a production base must not have."""
    # source
    max_sast_errors: int | None
    max_sast_warnings: int | None
    # evidence
    max_evidence_age_days: int | None
    max_db_age_days: int | None
    clock_skew_seconds: int
    # vex and waivers
    vex_authors: tuple[str, ...]
    """Authors whose statements may suppress; empty means that none may under `vex_require_signed`, any without it."""
    vex_require_signed: bool
    waiver_max_days: int
    waiver_warn_days: int
    # the organisation's own
    custom: dict[str, Any]
    # the chain from source to binary, and trusted roots
    min_build_level: int | None = None
    """SLSA build level that provenance by a trusted (signer, builder) pair has to reach."""
    min_source_level: int | None = None
    """SLSA source level that a trusted summary has to state of the commit that the image was built from."""
    max_trust_root_age_days: int | None = None
    # what VEX has to reach
    require_vex: Severity | None = None
    """Deny a finding of this severity and above about which no accepted VEX statement says anything."""
    vex_deny_unmatched: bool = False
    """Deny on statements that match no finding of the image."""
    vex_deny_untrusted: bool = False
    """Deny on statements about a finding by authors who may not suppress."""
    vex_deny_conflict: bool = False
    """Deny on statements of equal standing that contradict each other."""
    vex_deny_overdue: bool = False
    """Deny on statements in use whose review date has passed."""
    # deadlines that others set
    kev_due_dates: bool = False
    """Deny a finding in CISA's catalogue once the catalogue's due date has passed."""
    # what STIG reports have to be
    stig_benchmarks: tuple[str, ...] = ()
    """Benchmark ids that fit the image, exact or ending in ``*``; empty takes any."""
    stig_min_coverage: float | None = None
    """Least share of a report's selected rules that pass or fail, 0 to 1."""
    stig_min_openscap: str | None = None
    """Oldest OpenSCAP whose results count, as ``1.4``; older ones pass rules about packages that they could not look at."""
    # waivers of controls
    waiver_compensating_control: bool = False
    """A waiver of a rule of stig, hardening, fips or crypto must name a compensating control and an approver."""
    # what a STIG baseline asks of the image itself
    stig_profile: Literal["disa-container", "cis-docker-4", "gpos", "distroless"] = "disa-container"
    """Which controls of the baseline are selected; they decide where `fail_on_stig` is set."""
    stig_baseline: StigBaseline = StigBaseline()
    stig_require_results: bool = False
    """Require the results of a STIG scanner or a checklist beside the baseline."""
    # FIPS
    fips_host: bool = False
    """Whether the hosts run in FIPS mode, so that modules that follow the kernel's flag are on."""
    fips_allowed_modules: tuple[str, ...] = ()
    """Modules and programs that are left out: a path, exact or ending in ``/*``, ``package:NAME`` or ``family:NAME``."""
    max_cmvp_age_days: int | None = None
    """Warn when the list of certificates in the policies is older."""
    # what counts as approved cryptography, where fail_on_fips_issues is set
    crypto_profile: Literal["140-3-current", "r3-ipd", "cnsa2"] = "140-3-current"
    """SP 800-131A as it is in force, its third revision in draft, or CNSA 2.0."""
    crypto_min_rsa_bits: int = 2048
    crypto_deny_deprecated: bool = False
    """Deny algorithms that are deprecated, or legacy, instead of warning about them."""
    crypto_expiry_warn_days: int = 30
    """Warn about certificates that expire within so many days."""
