# Deadlines that somebody else sets.
package rules.vulnerabilities

import data.lib.findings

# METADATA
# title: Nothing exploited past its due date
# description: >-
#   With `kev_due_dates`, a finding in CISA's catalogue denies once the catalogue's own due date has passed. An entry without a
#   date that can be read counts as past it.
# custom:
#   short_name: kev_overdue
#   failure_msg: "%v in %v %v is known to be exploited and was due on %v"
#   solution: Upgrade the package now, or remove it. Where neither is possible, state in VEX why it does not apply.
#   severity: critical
#   waivable: true
#   parameter: kev_due_dates
#   controls:
#     - {framework: NIST-800-53, id: SI-2}
#     - {framework: NIST-SSDF, id: RV.2.2}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#vulnerabilitieskev_overdue
deny contains _single(
	rego.metadata.chain(), f,
	[f.id, f.package.name, f.package.version, _date(f.kev.due_date)],
	{"expected": f.kev.due_date, "got": _today, "data": {"severity": f.severity.value}},
) if {
	input.decision.params.kev_due_dates == true
	some f in findings.counting
	f.kev != null
	not _due(f.kev.due_date)
}

# The due date itself is still in time. Dates sort as text.
_due(date) if {
	regex.match(`^\d{4}-\d{2}-\d{2}$`, date)
	date >= _today
}

_today := substring(input.time.now, 0, 10)

_date("") := "an unknown day"

_date(date) := date if date != ""
