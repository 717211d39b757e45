# METADATA
# title: Vulnerabilities
# description: >-
#   Limits on known vulnerabilities, and findings that are never acceptable. A finding is one alias cluster in one package
#   version. VEX that the profile accepts removes a finding from every count; a waiver removes it from the rule it names.
package rules.vulnerabilities

import data.lib.evidence
import data.lib.findings
import data.lib.result
import data.lib.times

# METADATA
# title: A vulnerability scan is there
# description: With `require_scan`, an accepted scan of this image has to exist. Looked for completely and absent is a deny.
# custom:
#   short_name: required
#   failure_msg: "No accepted vulnerability scan of this image: %v"
#   solution: >-
#     Scan this digest, for example `gate verify --scan`, or pass the report with `--evidence`. A report has to name this
#     digest, and has to be signed where the profile says so.
#   severity: high
#   waivable: true
#   parameter: require_scan
#   controls:
#     - {framework: NIST-800-53, id: RA-5}
#     - {framework: NIST-SSDF, id: RV.1.1}
#   requires_evidence:
#     - {kind: vulnerabilities, when: require_scan, state: accepted, on: either, select: any}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesrequired
deny contains result.make(rego.metadata.chain(), [evidence.found("vulnerabilities")], {
	"expected": "an accepted scan",
	"got": "none",
	"data": {"rejected": evidence.rejected("vulnerabilities")},
}) if {
	not input.decision.params.require_scan == false
	input.subject.kind != "index"
	count(_scans) == 0
	count(evidence.errors("vulnerabilities")) == 0
}

# METADATA
# title: Every scan could be read
# description: A scan that could not be read may hold any finding, so nothing can be said.
# custom:
#   short_name: unreadable
#   failure_msg: "A vulnerability scan could not be read (%v: %v)"
#   solution: Repair or remove the document named in `data`, or retry when the service it comes from can be reached.
#   severity: high
#   waivable: false
#   controls:
#     - {framework: NIST-800-53, id: RA-5}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesunreadable
no_verdict contains result.make(rego.metadata.chain(), [err.source, err.reason], {
	"term": err.source,
	"expected": "a readable document",
	"got": err.code,
	"data": err,
}) if {
	some err in evidence.errors("vulnerabilities")
	_blocks(err)
}

# METADATA
# title: At most max_critical critical findings
# description: Malware counts as critical, whatever severity its advisory has.
# custom:
#   short_name: max_critical
#   failure_msg: "%v critical vulnerabilities, at most %v allowed"
#   solution: Upgrade the packages named first in the report, state what does not apply in VEX, or waive single findings.
#   severity: critical
#   waivable: true
#   parameter: max_critical
#   controls:
#     - {framework: NIST-800-53, id: SI-2}
#     - {framework: NIST-800-53, id: RA-5}
#     - {framework: NIST-SSDF, id: RV.2.2}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesmax_critical
deny contains _over(rego.metadata.chain(), findings.by_severity.critical, input.decision.params.max_critical)

# METADATA
# title: At most max_high high findings
# description: Counted one per alias cluster and package version, after VEX and waivers.
# custom:
#   short_name: max_high
#   failure_msg: "%v high vulnerabilities, at most %v allowed"
#   solution: Upgrade the packages named first in the report, state what does not apply in VEX, or waive single findings.
#   severity: high
#   waivable: true
#   parameter: max_high
#   controls:
#     - {framework: NIST-800-53, id: SI-2}
#     - {framework: NIST-800-53, id: RA-5}
#     - {framework: NIST-SSDF, id: RV.2.2}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesmax_high
deny contains _over(rego.metadata.chain(), findings.by_severity.high, input.decision.params.max_high)

# METADATA
# title: At most max_medium medium findings
# description: Counted one per alias cluster and package version, after VEX and waivers.
# custom:
#   short_name: max_medium
#   failure_msg: "%v medium vulnerabilities, at most %v allowed"
#   solution: Upgrade the packages named first in the report, state what does not apply in VEX, or waive single findings.
#   severity: medium
#   waivable: true
#   parameter: max_medium
#   controls:
#     - {framework: NIST-800-53, id: SI-2}
#     - {framework: NIST-SSDF, id: RV.2.2}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesmax_medium
deny contains _over(rego.metadata.chain(), findings.by_severity.medium, input.decision.params.max_medium)

# METADATA
# title: At most max_low low findings
# description: Low alone; negligible findings and those of severity none only count in max_vulnerabilities.
# custom:
#   short_name: max_low
#   failure_msg: "%v low vulnerabilities, at most %v allowed"
#   solution: Upgrade the packages named first in the report, state what does not apply in VEX, or waive single findings.
#   severity: low
#   waivable: true
#   parameter: max_low
#   controls:
#     - {framework: NIST-800-53, id: SI-2}
#     - {framework: NIST-SSDF, id: RV.2.2}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesmax_low
deny contains _over(rego.metadata.chain(), findings.by_severity.low, input.decision.params.max_low)

# METADATA
# title: At most max_unknown findings of unknown severity
# description: A severity that no source gives may be any; these have their own limit instead of counting as the least.
# custom:
#   short_name: max_unknown
#   failure_msg: "%v vulnerabilities of unknown severity, at most %v allowed"
#   solution: >-
#     Find out the severity (a second scanner often knows it) or upgrade; else state what does not apply in VEX, or waive
#     single findings.
#   severity: high
#   waivable: true
#   parameter: max_unknown
#   controls:
#     - {framework: NIST-800-53, id: SI-2}
#     - {framework: NIST-SSDF, id: RV.2.1}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesmax_unknown
deny contains _over(rego.metadata.chain(), findings.by_severity.unknown, input.decision.params.max_unknown)

# METADATA
# title: At most max_vulnerabilities findings of any severity
# description: Everything that counts, also negligible findings and those of severity none.
# custom:
#   short_name: max_vulnerabilities
#   failure_msg: "%v vulnerabilities, at most %v allowed"
#   solution: Upgrade the packages named first in the report, or move to a smaller base image.
#   severity: medium
#   waivable: true
#   parameter: max_vulnerabilities
#   controls:
#     - {framework: NIST-800-53, id: SI-2}
#     - {framework: NIST-SSDF, id: RV.2.2}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesmax_vulnerabilities
deny contains _over(rego.metadata.chain(), findings.counting, input.decision.params.max_vulnerabilities)

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

# METADATA
# title: Some scan has looked at packages
# description: >-
#   A scan without findings proves something only if it lists packages itself, or an SBOM shows that the image has any.
#   Scanners report nothing, and no error, for images that they do not understand.
# custom:
#   short_name: scan_without_packages
#   failure_msg: "%v found nothing, and nothing shows that it looked at any package"
#   solution: Scan with package listing on (trivy `--list-all-pkgs`), or attach an SBOM of this image.
#   severity: high
#   waivable: false
#   parameter: require_scan
#   controls:
#     - {framework: NIST-800-53, id: RA-5}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesscan_without_packages
no_verdict contains result.make(rego.metadata.chain(), [concat(", ", {s.scanner | some s in _scans})], {
	"evidence": {s.evidence | some s in _scans},
	"expected": "packages looked at",
	"got": "no sign of any",
}) if {
	not input.decision.params.require_scan == false
	count(_scans) > 0
	count([s | some s in _scans; _looked(s)]) == 0
	not _sbom_has_components
}

# METADATA
# title: The distribution still gets fixes
# description: For a distribution past its end of life, scanners find little because nobody publishes advisories any more.
# custom:
#   short_name: distro_eol
#   failure_msg: "%v is past its end of life: missing findings mean little"
#   solution: Move to a supported release of the base image.
#   severity: medium
#   waivable: true
#   controls:
#     - {framework: NIST-800-53, id: SA-22}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesdistro_eol
warn contains result.make(rego.metadata.chain(), [s.distro], {
	"term": s.distro,
	"evidence": [s.evidence],
	"expected": "a supported distribution",
	"got": s.distro,
}) if {
	some s in _scans
	s.distro_eol == true
}

# METADATA
# title: Some scan carries package versions
# description: A format such as SARIF cannot carry package versions, so duplicates, VEX and fixes are matched by text.
# custom:
#   short_name: degraded_scan
#   failure_msg: "%v was read from a format that cannot carry package versions"
#   solution: Give the scanner's own JSON instead.
#   severity: low
#   waivable: true
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesdegraded_scan
warn contains result.make(rego.metadata.chain(), [s.scanner], {"term": s.evidence, "evidence": [s.evidence]}) if {
	some s in _scans
	s.degraded
}

# METADATA
# title: No scanner hid a finding
# description: What a scanner's own ignore rules suppressed comes back as a finding and counts.
# custom:
#   short_name: scanner_suppressed
#   failure_msg: "%v findings were suppressed by a scanner's own rules; they count all the same"
#   solution: State in VEX what does not apply, or waive it here, where it has an owner and an end.
#   severity: info
#   waivable: true
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesscanner_suppressed
warn contains result.make(rego.metadata.chain(), [count(hidden)], {
	"got": count(hidden),
	"data": {"findings": result.many(hidden)},
}) if {
	hidden := [f.key | some f in findings.counting; count(f.suppressed_by_scanner) > 0]
	count(hidden) > 0
}

# METADATA
# title: Scanners agree
# description: Several scanners reported this image and say different things; the least favourable is used.
# custom:
#   short_name: disagreement
#   failure_msg: Scanners disagree in %v places
#   solution: Look at `data`; a finding that one scanner alone reports may be a wrong match, or one that the others miss.
#   severity: info
#   waivable: true
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesdisagreement
warn contains result.make(rego.metadata.chain(), [count(found)], {
	"got": count(found),
	"data": {"disagreements": result.many(found)},
}) if {
	found := input.vulnerabilities.disagreements
	count(found) > 0
}

# One result for a limit, with the findings it counted; the limit itself is what a waiver of the whole rule waives.
_over(chain, counted, limit) := over if {
	limit != null
	id := result.id(chain)
	left := [f | some f in counted; not id in f.waived_for]
	count(left) > limit
	over := result.make(chain, [count(left), limit], {
		"evidence": {e | some f in left; some e in f.reported_by},
		"expected": limit,
		"got": count(left),
		"data": {"findings": result.many([f.key | some f in left])},
	})
}

_single(chain, f, args, fields) := result.make(
	chain, args,
	object.union({"term": f.key, "evidence": f.reported_by}, fields),
)

_scans := [s | some s in input.vulnerabilities.scans; s.evidence in evidence.ids("vulnerabilities")]

# An error of unknown kind may be about a scan; with an accepted scan at hand it does not stop the verdict.
_blocks(err) if err.kind == "vulnerabilities"

_blocks(err) if {
	err.kind == "unknown"
	count(_scans) == 0
	not input.decision.params.require_scan == false
}

_has_fix(fix) if fix.state == "available"

_has_fix(fix) if count(fix.versions) > 0

_looked(s) if s.findings > 0

_looked(s) if {
	s.packages_catalogued != null
	s.packages_catalogued > 0
}

_sbom_has_components if {
	some d in input.sbom.documents
	d.evidence in evidence.ids("sbom")
	d.completeness.components > 0
}

_since := {days: times.days_ago(days) | some days in input.decision.params.remediation_days; days != null}

_days(f) := min({d |
	some d in {input.decision.params.remediation_days[f.severity.value], _kev_days(f.kev)}
	d != null
})

_kev_days(kev) := input.decision.params.remediation_days.kev if kev != null

_kev_days(null) := null

# Null sorts below every text, so a first sight that is not known is never in time.
_in_time(first_seen, since) if {
	first_seen >= since
	first_seen <= times.seconds_ahead(input.decision.params.clock_skew_seconds)
}

_seen(null) := "at an unknown time"

_seen(first_seen) := first_seen if first_seen != null
