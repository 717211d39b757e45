# Findings that are not acceptable even once.
package rules.vulnerabilities

import data.lib.findings
import data.lib.result
import data.lib.times

# METADATA
# title: No known exploited vulnerability
# description: The finding is in CISA's catalogue of known exploited vulnerabilities (KEV), as the scan or the offline file says.
# custom:
#   short_name: kev
#   failure_msg: "%v in %v %v is known to be exploited (KEV since %v)"
#   solution: Upgrade the package now; attackers use this one. Where no fix exists, remove the package or state in VEX why it does not apply.
#   severity: critical
#   waivable: true
#   parameter: deny_kev
#   controls:
#     - {framework: NIST-800-53, id: SI-2}
#     - {framework: NIST-800-53, id: RA-5}
#     - {framework: NIST-SSDF, id: RV.2.2}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#vulnerabilitieskev
deny contains _single(rego.metadata.chain(), f, [f.id, f.package.name, f.package.version, f.kev.date_added], {
	"expected": "not known to be exploited",
	"got": f.kev.date_added,
}) if {
	not input.decision.params.deny_kev == false
	some f in findings.counting
	f.kev != null
}

# METADATA
# title: No malware
# description: An advisory says that this package version itself is malicious. There is no reason to accept that.
# custom:
#   short_name: malware
#   failure_msg: "%v: %v %v is malicious"
#   solution: Remove the package, rebuild from trusted sources, and treat every system that ran it as compromised.
#   severity: critical
#   waivable: false
#   parameter: deny_malware
#   controls:
#     - {framework: NIST-800-53, id: SI-3}
#     - {framework: NIST-800-53, id: SR-11}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesmalware
deny contains _single(rego.metadata.chain(), f, [f.id, f.package.name, f.package.version], {
	"expected": "no malicious package",
	"got": f.id,
}) if {
	not input.decision.params.deny_malware == false
	some f in findings.counting
	f.malware
}

# METADATA
# title: No finding above max_epss
# description: EPSS is the probability that a vulnerability is exploited in the next 30 days.
# custom:
#   short_name: epss
#   failure_msg: "%v in %v %v is likely to be exploited: EPSS %v, at most %v allowed"
#   solution: Upgrade the package, or state in VEX why it does not apply.
#   severity: high
#   waivable: true
#   parameter: max_epss
#   controls:
#     - {framework: NIST-800-53, id: RA-5}
#     - {framework: NIST-SSDF, id: RV.2.1}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#vulnerabilitiesepss
deny contains _single(
	rego.metadata.chain(), f,
	[f.id, f.package.name, f.package.version, f.epss.probability, limit],
	{"expected": limit, "got": f.epss.probability},
) if {
	limit := input.decision.params.max_epss
	limit != null
	some f in findings.counting
	f.epss.probability > limit
}

# METADATA
# title: EPSS is known for some finding
# description: With `max_epss` and not one probability among the findings, no EPSS data was given at all and nothing was judged.
# custom:
#   short_name: no_epss_data
#   failure_msg: max_epss is set, but none of %v findings has an EPSS probability
#   solution: Use a scanner that reports EPSS, or give a dated EPSS file with `--epss`.
#   severity: medium
#   waivable: false
#   parameter: max_epss
#   controls:
#     - {framework: NIST-SSDF, id: RV.2.1}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#vulnerabilitiesno_epss_data
no_verdict contains result.make(rego.metadata.chain(), [count(findings.counting)], {
	"expected": "EPSS data",
	"got": "none",
}) if {
	input.decision.params.max_epss != null
	count(findings.counting) > 0
	count([f | some f in findings.counting; f.epss != null]) == 0
}

# METADATA
# title: EPSS is known for every finding
# description: Advisories without a CVE, and very new ones, have no probability; `max_epss` says nothing about them.
# custom:
#   short_name: epss_unknown
#   failure_msg: "%v of %v findings have no EPSS probability and are not covered by max_epss"
#   solution: Cover them by the limits on severity.
#   severity: info
#   waivable: true
#   parameter: max_epss
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#vulnerabilitiesepss_unknown
warn contains result.make(rego.metadata.chain(), [count(unknown), total], {
	"got": count(unknown),
	"data": {"findings": result.many(unknown)},
}) if {
	input.decision.params.max_epss != null
	total := count(findings.counting)
	unknown := [f.key | some f in findings.counting; is_null(f.epss)]
	count(unknown) > 0
	count(unknown) < total
}

# METADATA
# title: Nothing severe that has a fix
# description: With `deny_fixable`, findings of that severity and above, and those of unknown severity, whose fix is released.
# custom:
#   short_name: fixable
#   failure_msg: "%v in %v %v (%v) is fixed in %v"
#   solution: Upgrade the package to a fixed version; the text report names the shortest set of upgrades.
#   severity: high
#   waivable: true
#   parameter: deny_fixable
#   controls:
#     - {framework: NIST-800-53, id: SI-2}
#     - {framework: NIST-SSDF, id: RV.2.2}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#vulnerabilitiesfixable
deny contains _single(
	rego.metadata.chain(), f,
	[f.id, f.package.name, f.package.version, f.severity.value, concat(", ", f.fix.versions)],
	{"expected": "no released fix", "got": f.fix.versions, "data": {"severity": f.severity.value}},
) if {
	threshold := input.decision.params.deny_fixable
	threshold != null
	judged := findings.at_or_above(threshold)
	some f in findings.counting
	_has_fix(f.fix)
	f.severity.value in judged
}

# METADATA
# title: Nothing past its deadline
# description: >-
#   `remediation_days` gives days from first sight to the deadline, by severity and for exploited findings. A finding whose
#   first sight is not known counts as the oldest.
# custom:
#   short_name: overdue
#   failure_msg: "%v in %v %v (%v) should have been fixed within %v days; first seen %v"
#   solution: Upgrade the package, state in VEX why it does not apply, or waive the finding until a date.
#   severity: high
#   waivable: true
#   parameter: remediation_days
#   controls:
#     - {framework: NIST-800-53, id: SI-2(3)}
#     - {framework: NIST-SSDF, id: RV.2.2}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#vulnerabilitiesoverdue
deny contains _single(
	rego.metadata.chain(), f,
	[f.id, f.package.name, f.package.version, f.severity.value, days, _seen(f.first_seen)],
	{"expected": days, "got": f.first_seen, "data": {"severity": f.severity.value}},
) if {
	count(_since) > 0
	some f in findings.counting
	days := _days(f)
	not _in_time(f.first_seen, _since[days])
}

_single(chain, f, args, fields) := result.make(
	chain, args,
	object.union({"term": f.key, "evidence": f.reported_by}, fields),
)

_has_fix(fix) if fix.state == "available"

_has_fix(fix) if count(fix.versions) > 0

_since := {days: times.days_ago(days) | some days in input.decision.params.remediation_days; days != null}

# Two sets, since a severity without a deadline must not take that of exploited findings with it.
_days(f) := min(_severity_days(f.severity.value) | _kev_days(f.kev))

_severity_days(severity) := {days | days := input.decision.params.remediation_days[severity]; days != null}

_kev_days(kev) := {days | kev != null; days := input.decision.params.remediation_days.kev; days != null}

# Null sorts below every text, so a first sight that is not known is never in time.
_in_time(first_seen, since) if {
	first_seen >= since
	first_seen <= times.seconds_ahead(input.decision.params.clock_skew_seconds)
}

_seen(null) := "at an unknown time"

_seen(first_seen) := first_seen if first_seen != null
