# Limits on numbers of findings.
package rules.vulnerabilities

import data.lib.findings
import data.lib.result

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
