"""One table of the parameters: flag, help, and which direction is tighter (invariant 7).

`Parameters` has the types; this table has the meaning. A test holds that both name the same fields.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from gate.errors import ConfigError
from gate.model.findings import SEVERITIES
from gate.model.parameters import Acceptance, Parameters, RemediationDays, StigBaseline
from gate.policy.decoding import decode, did_you_mean
from gate.policy.yamlfile import Location, Source

Tighter = Literal[
    "lower",
    "higher",
    "true",
    "severity",
    "subset",
    "superset",
    "authors",
    "days",
    "accept",
    "version",
    "baseline",
    "asked",
    "fixed",
    "free",
]
"""``lower``/``higher``: numbers, null the loosest. ``true``: true is tighter. ``severity``: less severe denies more.
``subset``: fewer values, empty the loosest. ``superset``: more values. ``version``: a later one. ``authors``: fewer; empty
as `Parameters.vex_authors` says. ``baseline``: shorter lists of what is allowed. ``asked``: anything instead of null.
``fixed``: no direction is known, so any change counts as looser. ``free``: changes no decision."""


@dataclasses.dataclass(frozen=True, slots=True)
class ParameterSpec:
    """One parameter: its name in `Parameters`, its flag on ``gate verify`` if it has one, its tighter direction, its help."""

    name: str
    tighter: Tighter
    help: str
    flag: str | None = None
    requires: str | None = None
    """Kind of evidence that a value other than null and false makes required, whatever the rules say (invariant 5)."""

    @property
    def type(self) -> Any:
        """The annotated type in `Parameters`."""
        return _TYPES[self.name]


def _spec(name: str, tighter: Tighter, text: str, flag: str | None = None, requires: str | None = None) -> ParameterSpec:
    return ParameterSpec(name=name, tighter=tighter, help=text, flag=flag, requires=requires)


SPECS: tuple[ParameterSpec, ...] = (
    _spec("max_critical", "lower", "deny on more than N critical findings", "--max-critical"),
    _spec("max_high", "lower", "deny on more than N high findings", "--max-high"),
    _spec("max_medium", "lower", "deny on more than N medium findings"),
    _spec("max_low", "lower", "deny on more than N low findings"),
    _spec("max_unknown", "lower", "deny on more than N findings of unknown severity"),
    _spec("max_vulnerabilities", "lower", "deny on more than N findings of any severity", "--max-vulnerabilities"),
    _spec("deny_kev", "true", "deny findings that CISA lists as exploited"),
    _spec("deny_malware", "true", "deny packages reported as malware"),
    _spec("max_epss", "lower", "deny findings whose EPSS probability is above this (0 to 1)"),
    _spec("deny_fixable", "severity", "deny findings of this severity and above that have a fix"),
    _spec("remediation_days", "days", "days from first seen to the deadline, by severity"),
    _spec("require_scan", "true", "require a vulnerability scan", None, "vulnerabilities"),
    _spec("require_signature", "true", "require a verified signature of the image", "--require-signature", "signature"),
    _spec("require_sbom", "true", "require an SBOM", "--require-sbom", "sbom"),
    _spec("require_provenance", "true", "require verified build provenance", "--require-provenance", "provenance"),
    _spec("require_sast", "true", "require static-analysis results", None, "sast"),
    _spec("fail_on_fips_issues", "true", "require FIPS facts and deny on issues", "--fail-on-fips-issues", "fips"),
    _spec(
        "fail_on_stig", "higher", "deny on failed controls and open STIG findings up to this category", "--fail-on-stig", "stig"
    ),
    _spec("accept", "accept", "which evidence counts, by kind: verified or not, and how it is bound to the image"),
    _spec("sbom_require_identified", "true", "deny on components without name, version or purl"),
    _spec("sbom_require_scanned_packages", "true", "deny on packages that a scanner saw and the SBOM lacks"),
    _spec("sbom_minimum_elements", "asked", "deny on missing elements: ntia-2021, cisa-2026 or bsi-tr-03183-2; null only warns"),
    _spec("allowed_builders", "subset", "builder ids, exact or ending in *"),
    _spec("allowed_sources", "subset", "source repositories, exact or ending in *"),
    _spec("allowed_build_types", "subset", "build types, exact or ending in *"),
    _spec("deny_root_user", "true", "deny images that run as root"),
    _spec("required_labels", "superset", "labels that the image must have"),
    _spec("max_image_age_days", "lower", "deny images older than N days"),
    _spec("allowed_bases", "subset", "base images by digest or repository"),
    _spec("denied_base_variants", "superset", "substrings that the base image's name must not have"),
    _spec("max_sast_errors", "lower", "deny on more than N static-analysis errors"),
    _spec("max_sast_warnings", "lower", "deny on more than N static-analysis warnings"),
    _spec("max_evidence_age_days", "lower", "deny evidence older than N days"),
    _spec("max_db_age_days", "lower", "deny scans whose database is older than N days"),
    _spec("clock_skew_seconds", "lower", "how far in the future a time may lie"),
    _spec("vex_authors", "authors", "authors whose VEX statements may suppress"),
    _spec("vex_require_signed", "true", "only verified VEX may suppress"),
    _spec("waiver_max_days", "lower", "longest lifetime of a waiver"),
    _spec("waiver_warn_days", "free", "report waivers that end within N days"),
    _spec("custom", "fixed", "the organisation's own parameters"),
    _spec("min_build_level", "higher", "SLSA build level that the provenance has to reach, by the trust entries' builders"),
    _spec("min_source_level", "higher", "SLSA source level that a trusted summary has to state of the commit"),
    _spec("max_trust_root_age_days", "lower", "deny when a trusted root in force is older than N days"),
    _spec("require_vex", "severity", "deny findings of this severity and above that no accepted VEX statement speaks about"),
    _spec("vex_deny_unmatched", "true", "deny on VEX statements that match no finding"),
    _spec("vex_deny_untrusted", "true", "deny on VEX statements about a finding by authors who may not suppress"),
    _spec("vex_deny_conflict", "true", "deny on VEX statements of equal standing that contradict each other"),
    _spec("vex_deny_overdue", "true", "deny on VEX statements in use whose review date has passed"),
    _spec("kev_due_dates", "true", "deny exploited findings past the due date that CISA's catalogue gives"),
    _spec("stig_benchmarks", "subset", "STIG benchmark ids that fit the image, exact or ending in *"),
    _spec("stig_min_coverage", "higher", "least share of a STIG report's rules that pass or fail (0 to 1)"),
    _spec("stig_min_openscap", "version", "oldest OpenSCAP whose results count, as 1.4"),
    _spec(
        "waiver_compensating_control",
        "true",
        "a waiver of a rule of stig, hardening, fips or crypto must name a compensating control and an approver",
    ),
    _spec(
        "stig_profile", "fixed", "controls that fail_on_stig asks of the image: disa-container, cis-docker-4, gpos or distroless"
    ),
    _spec("stig_baseline", "baseline", "what those controls allow: paths, ports, programs, users, trust anchors, least coverage"),
    _spec("stig_require_results", "true", "require a STIG scanner's results or a checklist", None, "stig"),
    _spec("fips_host", "fixed", "hosts run in FIPS mode, so that modules that follow the kernel's flag count as on"),
    _spec("fips_allowed_modules", "fixed", "modules left out of FIPS rules: a path, exact or ending in /*, package:X, family:X"),
    _spec("max_cmvp_age_days", "lower", "warn when the list of CMVP certificates is older than N days"),
    _spec("crypto_profile", "fixed", "what counts as approved cryptography: 140-3-current, r3-ipd or cnsa2"),
    _spec("crypto_min_rsa_bits", "higher", "shortest RSA key that is not weak"),
    _spec("crypto_deny_deprecated", "true", "deny deprecated and legacy algorithms instead of warning"),
    _spec("crypto_expiry_warn_days", "free", "warn about certificates that expire within N days"),
)
FINDING_LIMITS: frozenset[str | None] = frozenset(
    {"max_critical", "max_high", "max_medium", "max_low", "max_unknown", "max_vulnerabilities", "deny_kev", "deny_malware"}
    | {"max_epss", "deny_fixable", "remediation_days", "require_vex", "kev_due_dates"}
)
"""Parameters that only a scan can show to be kept."""
_VERSION = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){0,3}")
BY_NAME: Mapping[str, ParameterSpec] = {spec.name: spec for spec in SPECS}
BY_FLAG: Mapping[str, ParameterSpec] = {spec.flag: spec for spec in SPECS if spec.flag}
_TYPES: Mapping[str, Any] = {field.name: field.type for field in msgspec.structs.fields(Parameters)}


def is_asked(value: Any) -> bool:
    """Whether a parameter asks for something: anything but null, false and the empty list. Zero is a limit, so it asks."""
    return value is not None and value is not False and value != () and value != []


def decode_params(source: Source, value: Any, *, at: Location = ()) -> dict[str, Any]:
    """The given parameters, typed; raises ConfigError on an unknown name, a wrong type or a value out of range."""
    if not isinstance(value, dict):
        raise ConfigError(f"{source.at(at)}: parameters must be a mapping")
    result: dict[str, Any] = {}
    for name, part in value.items():
        where = (*at, name)
        if name not in BY_NAME:
            raise ConfigError(
                f"{source.at(where)}: unknown parameter {name!r}",
                why="a limit that nobody knows would never be applied",
                fix=did_you_mean(name, BY_NAME) + " (parameters of your own rules go under custom:)",
            )
        result[name] = decode(source, _TYPES[name], at=where, value=part)
        _in_range(source, where, name, result[name])
    return result


def complete(source: Source, values: Mapping[str, Any]) -> Parameters:
    """All parameters of a profile; raises ConfigError naming those that it lacks."""
    optional = {field.name for field in msgspec.structs.fields(Parameters) if not field.required}
    missing = sorted(BY_NAME.keys() - values.keys() - optional)
    if missing:
        raise ConfigError(
            f"{source.name}: the profile lacks {', '.join(missing)}",
            why="a profile says every parameter, so that nothing is decided by a default that nobody wrote",
            fix="add them; null means no limit",
        )
    return Parameters(**values)


def _in_range(source: Source, where: Location, name: str, value: Any) -> None:
    low, high = (0.0, 1.0) if name in ("max_epss", "stig_min_coverage", "min_coverage") else (0.0, float("inf"))
    if name == "waiver_max_days":
        low = 1
    if name in ("min_build_level", "min_source_level"):
        low, high = 1.0, 4.0
    if isinstance(value, StigBaseline):
        for part in value.__struct_fields__:
            _in_range(source, (*where, part), part, getattr(value, part))
        return
    numbers = [value] if not isinstance(value, RemediationDays) else list(msgspec.structs.asdict(value).values())
    for number in numbers:
        if isinstance(number, int | float) and not isinstance(number, bool) and not low <= number <= high:
            wanted = f"between {low:g} and {high:g}" if high != float("inf") else f"{low:g} or more"
            raise ConfigError(f"{source.at(where)}: {name} is {number:g}", fix=f"a number {wanted}; null for no limit")
    if name == "stig_min_openscap" and value is not None and not _VERSION.fullmatch(value):
        raise ConfigError(f"{source.at(where)}: {name} is {value!r}", fix='a version in quotes, as "1.4"; null for no limit')
    if name == "accept" and "*" not in value:
        raise ConfigError(
            f"{source.at(where)}: accept lacks the entry '*'",
            why="evidence of a kind that is not named would be judged by nothing",
            fix="add '*': {verified: true, bindings: [signed, embedded]}",
        )
    if isinstance(value, tuple) and any(not item.strip() or item == "*" for item in value):
        raise ConfigError(
            f"{source.at(where)}: {name} has an entry that matches everything or nothing",
            why="an empty string or a bare * in a list of what is allowed allows all",
            fix="remove the entry; an empty list says: not restricted",
        )


def tightens(spec: ParameterSpec, old: Any, new: Any) -> bool:
    """Whether ``new`` is as tight as ``old`` or tighter. ``vex_authors`` is judged as under ``vex_require_signed``."""
    return bool(old == new or _TESTS[spec.tighter](old, new))


def looser(old: Parameters, new: Parameters) -> list[ParameterSpec]:
    """The parameters in which ``new`` would let something pass that ``old`` does not."""
    result = [spec for spec in SPECS if not tightens(spec, getattr(old, spec.name), getattr(new, spec.name))]
    any_author = not old.vex_authors and not old.vex_require_signed  # then everybody could suppress already
    return [spec for spec in result if not (spec.name == "vex_authors" and any_author)]


def _lower(old: Any, new: Any) -> bool:
    return old is None or (new is not None and new <= old)


def _higher(old: Any, new: Any) -> bool:
    return old is None or (new is not None and new >= old)


def _version(old: Any, new: Any) -> bool:
    def parts(text: str) -> list[int]:
        return [int(part) for part in text.split(".")]

    return old is None or (new is not None and parts(new) >= parts(old))


def _severity(old: Any, new: Any) -> bool:
    return old is None or (new is not None and SEVERITIES.index(new) >= SEVERITIES.index(old))


def _covers(pattern: str, item: str) -> bool:
    return pattern == item or (pattern.endswith("*") and item.startswith(pattern[:-1]))


def _subset(old: Sequence[str], new: Sequence[str]) -> bool:
    return not old or (bool(new) and all(any(_covers(pattern, item) for pattern in old) for item in new))


def _authors(old: Sequence[str], new: Sequence[str]) -> bool:
    # an empty list lets nobody suppress when signatures are required and everybody when not: never a way to tighten a filled one
    return bool(old) and bool(new) and set(new) <= set(old)


def _days(old: RemediationDays, new: RemediationDays) -> bool:
    return all(_lower(getattr(old, name), getattr(new, name)) for name in RemediationDays.__struct_fields__)


def _baseline(old: StigBaseline, new: StigBaseline) -> bool:
    # of what is allowed, an empty list is the tightest; of users and anchors it is the loosest
    fewer = ("allowed_setuid", "allowed_ports", "allowed_keys", "allowed_programs")
    return (
        all(all(any(_covers(p, item) for p in getattr(old, name)) for item in getattr(new, name)) for name in fewer)
        and all(_subset(getattr(old, name), getattr(new, name)) for name in ("users", "approved_anchors"))
        and _higher(old.min_coverage, new.min_coverage)
    )


def _accept(old: Mapping[str, Acceptance], new: Mapping[str, Acceptance]) -> bool:
    def one(before: Acceptance, after: Acceptance) -> bool:
        return (after.verified or not before.verified) and set(after.bindings) <= set(before.bindings)

    return all(one(old.get(kind, old["*"]), new.get(kind, new["*"])) for kind in old.keys() | new.keys())


_TESTS: Mapping[Tighter, Callable[[Any, Any], bool]] = {
    "lower": _lower,
    "higher": _higher,
    "true": lambda old, new: bool(new or not old),
    "severity": _severity,
    "version": _version,
    "subset": _subset,
    "superset": lambda old, new: set(new) >= set(old),
    "authors": _authors,
    "days": _days,
    "accept": _accept,
    "baseline": _baseline,
    "asked": lambda old, new: old is None,
    "fixed": lambda old, new: False,
    "free": lambda old, new: True,
}
