# Findings about which nobody has said anything.
package rules.vulnerabilities

import data.lib.findings

# METADATA
# title: Every severe finding is triaged
# description: >-
#   With `require_vex`, each finding of that severity and above, and of unknown severity, needs a VEX statement by an accepted
#   author, whatever it says. The other rules then judge what was said: `affected` and `under_investigation` still count.
# custom:
#   short_name: without_vex
#   failure_msg: "%v in %v %v (%v): no accepted VEX statement says anything about it"
#   solution: Triage it with `gate vex triage --from verdict.json`, or have the document's author accepted in `vex_authors`.
#   severity: medium
#   waivable: true
#   parameter: require_vex
#   controls:
#     - {framework: NIST-800-53, id: RA-5}
#     - {framework: NIST-SSDF, id: RV.2.1}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#vulnerabilitieswithout_vex
deny contains _single(
	rego.metadata.chain(), f,
	[f.id, f.package.name, f.package.version, f.severity.value],
	{"expected": "a VEX statement", "got": "none", "data": {"severity": f.severity.value}},
) if {
	threshold := input.decision.params.require_vex
	threshold != null
	judged := findings.at_or_above(threshold)
	some f in findings.counting
	f.severity.value in judged
	not f.key in _triaged
}

# A statement that is shown with a finding but whose author nobody accepts is not among the used ones.
_triaged := {use.finding | some use in input.vex.statements_used}
