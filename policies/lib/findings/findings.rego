# METADATA
# title: Findings that count
# description: >-
#   Worked out once for all rules. A finding counts unless VEX that the profile accepts says not affected or fixed (malware
#   counts whatever it says), or only rejected scans report it. Complete rules with comprehensions: a rule that is looked up for each finding is quadratic.
package lib.findings

import data.lib.evidence

# METADATA
# title: The findings that count, in the order of the input
# description: What a scanner itself suppressed counts; what a waiver names counts here, and each rule's result is waived.
counting := [f |
	some f in _reported
	not _suppressed(f)
]

# METADATA
# title: The findings that count, by severity
# description: Malware is critical whatever its advisory says; a severity that is none of ours is unknown.
by_severity := object.union(
	{s: [f | some f in counting; f.severity.value == s] | some s in severities},
	{
		"critical": [f | some f in counting; _is_critical(f)],
		"unknown": [f | some f in counting; not f.severity.value in _known],
	},
)

# METADATA
# title: Severities from most to least severe
severities := ["critical", "high", "medium", "low", "negligible", "none", "unknown"]

# METADATA
# title: The severities at or above one
# description: Unknown is never below anything; asked for itself, it stands for all.
at_or_above(severity) := {s | some i, s in severities; i <= _rank[severity]} | {"unknown"}

_rank := {s: i | some i, s in severities}

_known := {s | some s in severities; s != "unknown"}

_is_critical(f) if f.severity.value == "critical"

_is_critical(f) if f.malware

# No statement makes malware harmless.
_suppressed(f) if {
	f.malware == false
	f.vex.counts == true
	f.vex.status in {"not_affected", "fixed"}
}

# A finding without reporters, or of a scan that is not listed, counts.
_reported := input.vulnerabilities.findings if count(_rejected) == 0

_reported := [f |
	some f in input.vulnerabilities.findings
	not _only_rejected({id | some id in f.reported_by})
] if {
	count(_rejected) > 0
}

_rejected := {e.id | some e in evidence.all_of("vulnerabilities")} - evidence.counted("vulnerabilities")

_only_rejected(reporters) if {
	count(reporters) > 0
	count(reporters - _rejected) == 0
}
