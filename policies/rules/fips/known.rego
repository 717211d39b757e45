# What files do not tell, and what a person should see.
package rules.fips

import data.lib.fips
import data.lib.result

# METADATA
# title: FIPS mode does not depend on the host
# description: >-
#   These modules turn themselves on where the kernel of the host says so, which no image can show. Red Hat's and
#   Ubuntu Pro's are made that way.
# custom:
#   short_name: host_dependent
#   failure_msg: "%v (%v %v) works in FIPS mode only on a host that does: %v"
#   solution: Run it on hosts in FIPS mode and say so with `fips_host`, or use a module that its configuration turns on.
#   severity: medium
#   waivable: false
#   parameter: fips_host
#   controls:
#     - {framework: NIST-800-53, id: SC-13}
#     - {framework: DISA-STIG, id: V-203776}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#fipshost_dependent
no_verdict contains result.make(
	rego.metadata.chain(),
	[m.path, m.family, m.version, concat("; ", m.reasons)],
	object.union(_about(part), {"expected": "yes", "got": "host"}),
) if {
	_looked
	some part in fips.modules
	part.state == "capable_host_dependent"
	m := part.module
}

# METADATA
# title: Of each module and program it is known
# description: >-
#   Files do not tell whether it works in FIPS mode; or its certificate is younger than the list in the policies, so
#   that nobody knows whether it is in force.
# custom:
#   short_name: unknown
#   failure_msg: "%v: not known: %v"
#   solution: See the reasons; refresh the list of certificates (docs/compliance.md) where it is too old.
#   severity: high
#   waivable: false
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-13}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#fipsunknown
no_verdict contains result.make(rego.metadata.chain(), [about.path, concat("; ", about.reasons)], {
	"term": about.path,
	"expected": "known",
	"got": "unknown",
	"data": about,
}) if {
	_looked
	some about in _unknown
}

_unknown contains part.module if {
	some part in fips.modules
	part.state == "unknown"
}

_unknown contains part.consumer if {
	some part in fips.consumers
	part.state == "unknown"
}

_unknown contains {"path": part.module.path, "reasons": [reason]} if {
	some part in fips.modules
	part.state == "activated_unvalidated"
	part.certificate.match == "vendor_version"
	not part.certificate.listed
	reason := sprintf("certificate %v is not in the list of %v", [part.certificate.number, fips.list_day])
}

# METADATA
# title: Some cryptography was found
# description: >-
#   None was, so nothing is wrong, and nothing is shown either: an implementation that no collector knows looks the
#   same.
# custom:
#   short_name: no_crypto
#   failure_msg: "No cryptography was found in the image (%v)"
#   solution: See that this is what you expect of the image.
#   severity: medium
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls: []
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#fipsno_crypto
warn contains result.make(rego.metadata.chain(), [fips.image_state], {"got": fips.image_state}) if {
	_looked
	count(input.fips.modules) == 0
	count(input.fips.consumers) == 0
}

# METADATA
# title: Nothing is left out by name
# description: "`fips_allowed_modules` takes these out of the judgement."
# custom:
#   short_name: allowed
#   failure_msg: "%v modules and programs are left out by fips_allowed_modules: %v"
#   solution: See that none of them protects what FIPS is asked for.
#   severity: info
#   waivable: true
#   parameter: fips_allowed_modules
#   controls: []
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#fipsallowed
warn contains result.make(rego.metadata.chain(), [count(paths), concat(", ", array.slice(paths, 0, 5))], {
	"got": count(paths),
	"data": {"paths": result.many(paths)},
}) if {
	_looked
	parts := array.concat([m | some m in input.fips.modules], [c | some c in input.fips.consumers])
	paths := sort({part.path | some part in parts; fips.is_allowed(part)})
	count(paths) > 0
}

# METADATA
# title: No active module can be gone around
# description: >-
#   The default provider is loaded beside the FIPS provider: a program that asks for `fips=no` gets what is not
#   approved.
# custom:
#   short_name: bypassable
#   failure_msg: "%v (%v %v) can be gone around: %v"
#   solution: Leave `default` out of the active providers; `base` brings the encoders.
#   severity: medium
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-13}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#fipsbypassable
warn contains result.make(
	rego.metadata.chain(),
	[m.path, m.family, m.version, concat("; ", m.reasons)],
	object.union(_about(part), {"expected": false, "got": true}),
) if {
	_looked
	some part in fips.modules
	m := part.module
	m.bypassable
}

# METADATA
# title: No variable of the image changes which cryptography runs
# description: What Env switches off is denied where a module of that family is there; this lists the rest.
# custom:
#   short_name: env
#   failure_msg: "%v (%v, for %v)"
#   solution: Take the variable out of the image if it is not needed.
#   severity: low
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: CM-6}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#fipsenv
warn contains result.make(rego.metadata.chain(), [item.reason, item.effect, concat(", ", item.families)], {
	"term": item.name,
	"got": item.value,
	"data": item,
}) if {
	_looked
	some item in input.fips.env
	item.effect != "enables"
}

# METADATA
# title: The list of certificates is fresh
# description: >-
#   Certificates younger than the list are not in it, and revocations neither. Sunset dates are judged at the time of
#   the decision, however old the list is.
# custom:
#   short_name: stale_list
#   failure_msg: "The list of CMVP certificates is of %v, %v days old; at most %v are asked for"
#   solution: Refresh it with tools/cmvp.py (docs/compliance.md), and have the policies released.
#   severity: medium
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-13}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#fipsstale_list
warn contains result.make(rego.metadata.chain(), [fips.list_day, fips.list_age_days, days], {
	"expected": days,
	"got": fips.list_age_days,
}) if {
	_looked
	days := input.decision.params.max_cmvp_age_days
	days != null
	fips.list_age_days > days
}
