# METADATA
# title: Parameters
# description: >-
#   A limit of the wrong type compares as true or false by its type, and an empty pattern allows everything. So every parameter
#   is checked before it is believed; none of these results can be waived.
package rules.parameters

import data.lib.result

# METADATA
# title: Every parameter is there and has its type
# description: A parameter that is missing, of another type, out of range or with empty entries denies, whatever the other rules say.
# custom:
#   short_name: invalid
#   failure_msg: "The parameter %v is %v; it has to be %v"
#   solution: Mend the profile or the policy file; `gate config check` says where the value comes from.
#   severity: critical
#   waivable: false
#   controls:
#     - {framework: NIST-800-53, id: CM-6}
#   applies_to: [image, index, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#parametersinvalid
deny contains result.make(rego.metadata.chain(), [name, json.marshal(value), _wanted[type]], {
	"term": name,
	"expected": _wanted[type],
	"got": value,
}) if {
	some name, type in _types
	value := object.get(_params, name, "missing")
	not _valid(type, value)
}

# METADATA
# title: Every parameter is known
# description: A name that no rule reads is a misspelt one, and the limit that was meant is not applied.
# custom:
#   short_name: unknown
#   failure_msg: "The parameter %v is not known"
#   solution: Correct its name; parameters of your own rules belong under `custom`.
#   severity: critical
#   waivable: false
#   controls:
#     - {framework: NIST-800-53, id: CM-6}
#   applies_to: [image, index, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#parametersunknown
deny contains result.make(rego.metadata.chain(), [name], {"term": name, "expected": "a known name", "got": name}) if {
	some name in (object.keys(_params) - object.keys(_types))
}

# METADATA
# title: A prefix ends where a name ends
# description: "`https://github.com/acme*` also allows `https://github.com/acme-evil/x`; `https://github.com/acme/*` does not."
# custom:
#   short_name: loose_prefix
#   failure_msg: "The entry %v of %v also allows names that merely begin alike"
#   solution: End it in `/*` or `@*`.
#   severity: medium
#   waivable: false
#   controls: []
#   applies_to: [image, index, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#parametersloose_prefix
warn contains result.make(rego.metadata.chain(), [entry, name], {"term": entry, "got": entry}) if {
	some name in ["allowed_builders", "allowed_sources", "allowed_build_types"]
	some entry in object.get(_params, name, [])
	regex.match(`[A-Za-z0-9_-]\*$`, entry)
}

# Also for an input without any decision, so that nothing at all denies too.
_params := object.get(input, ["decision", "params"], {})

_types := {
	"max_critical": "limit",
	"max_high": "limit",
	"max_medium": "limit",
	"max_low": "limit",
	"max_unknown": "limit",
	"max_vulnerabilities": "limit",
	"deny_kev": "flag",
	"deny_malware": "flag",
	"max_epss": "ratio",
	"deny_fixable": "severity",
	"remediation_days": "deadlines",
	"require_scan": "flag",
	"require_signature": "flag",
	"require_sbom": "flag",
	"require_provenance": "flag",
	"require_sast": "flag",
	"fail_on_fips_issues": "flag",
	"fail_on_stig": "category",
	"accept": "acceptance",
	"sbom_require_identified": "flag",
	"sbom_require_scanned_packages": "flag",
	"sbom_minimum_elements": "elements",
	"allowed_builders": "texts",
	"allowed_sources": "texts",
	"allowed_build_types": "texts",
	"deny_root_user": "flag",
	"required_labels": "texts",
	"max_image_age_days": "limit",
	"allowed_bases": "texts",
	"denied_base_variants": "texts",
	"max_sast_errors": "limit",
	"max_sast_warnings": "limit",
	"max_evidence_age_days": "limit",
	"max_db_age_days": "limit",
	"clock_skew_seconds": "seconds",
	"vex_authors": "texts",
	"vex_require_signed": "flag",
	"waiver_max_days": "number",
	"waiver_warn_days": "number",
	"min_build_level": "level",
	"min_source_level": "level",
	"max_trust_root_age_days": "limit",
	"require_vex": "severity",
	"vex_deny_unmatched": "flag",
	"vex_deny_untrusted": "flag",
	"vex_deny_conflict": "flag",
	"vex_deny_overdue": "flag",
	"kev_due_dates": "flag",
	"stig_benchmarks": "texts",
	"stig_min_coverage": "ratio",
	"stig_min_openscap": "version",
	"waiver_compensating_control": "flag",
	"fips_host": "flag",
	"fips_allowed_modules": "texts",
	"max_cmvp_age_days": "limit",
	"crypto_profile": "crypto_profile",
	"crypto_min_rsa_bits": "number",
	"crypto_deny_deprecated": "flag",
	"crypto_expiry_warn_days": "number",
	"stig_profile": "baseline_name",
	"stig_baseline": "baseline",
	"stig_require_results": "flag",
	"custom": "object",
}

_wanted := {
	"limit": "null or a whole number, zero or more",
	"flag": "true or false",
	"ratio": "null or a number from 0 to 1",
	"severity": "null or a severity",
	"deadlines": "days, or null, for each severity and for kev",
	"category": "null, \"1\", \"2\" or \"3\"",
	"acceptance": "an object by kind with an entry \"*\", each with `verified` and at least one binding",
	"texts": "a list of texts, none empty and none \"*\"",
	"seconds": "a whole number from 0 to 86400",
	"number": "a whole number, zero or more",
	"level": "null or a whole number from 1 to 4",
	"version": "null or a version such as \"1.4\"",
	"object": "an object",
	"crypto_profile": "140-3-current, r3-ipd or cnsa2",
	"elements": "null, ntia-2021, cisa-2026 or bsi-tr-03183-2",
	"baseline_name": "disa-container, cis-docker-4, gpos or distroless",
	"baseline": "an object with lists of texts, and `min_coverage` null or from 0 to 1",
}

_valid("limit", value) if _is_limit(value)

_valid("flag", value) if is_boolean(value)

_valid("ratio", value) if _is_ratio(value)

_is_ratio(value) if is_null(value)

_is_ratio(value) if {
	is_number(value)
	value >= 0
	value <= 1
}

_valid("severity", value) if is_null(value)

_valid("severity", value) if value in {"critical", "high", "medium", "low", "negligible", "none", "unknown"}

_valid("deadlines", value) if {
	is_object(value)
	object.keys(value) == {"critical", "high", "medium", "low", "negligible", "unknown", "kev"}
	every days in value {
		_is_limit(days)
	}
}

_valid("category", value) if value in {null, "1", "2", "3"}

_valid("version", value) if is_null(value)

_valid("version", value) if {
	is_string(value)
	regex.match(`^[0-9]{1,6}(\.[0-9]{1,6}){0,3}$`, value)
}

_valid("acceptance", value) if {
	is_object(value)
	value["*"]
	every entry in value {
		_is_acceptance(entry)
	}
}

_valid("texts", value) if _is_texts(value)

_is_texts(value) if {
	is_array(value)
	every text in value {
		is_string(text)
		not trim_space(text) in {"", "*"}
	}
}

_valid("seconds", value) if {
	_is_whole(value)
	value <= 86400
}

_valid("number", value) if _is_whole(value)

_valid("object", value) if is_object(value)

_valid("crypto_profile", value) if value in {"140-3-current", "r3-ipd", "cnsa2"}

_valid("elements", value) if is_null(value)

_valid("elements", value) if value in {"ntia-2021", "cisa-2026", "bsi-tr-03183-2"}

_valid("baseline_name", value) if value in {"disa-container", "cis-docker-4", "gpos", "distroless"}

_valid("baseline", value) if {
	is_object(value)
	object.keys(value) == _lists | {"min_coverage"}
	_is_ratio(value.min_coverage)
	every name in _lists {
		_is_texts(value[name])
	}
}

_lists := {"allowed_setuid", "allowed_ports", "allowed_keys", "allowed_programs", "users", "approved_anchors"}

_valid("level", value) if value in {null, 1, 2, 3, 4}

_is_limit(value) if is_null(value)

_is_limit(value) if _is_whole(value)

_is_whole(value) if {
	is_number(value)
	value >= 0
	value == floor(value)
}

_is_acceptance(entry) if {
	is_boolean(entry.verified)
	is_array(entry.bindings)
	count(entry.bindings) > 0
	every binding in entry.bindings {
		binding in {"signed", "embedded", "asserted"}
	}
}
