# METADATA
# title: VEX
# description: What became of the VEX statements that were given. The gate resolves them; nothing here changes a count.
package rules.vex

import data.lib.result

# METADATA
# title: VEX statements do not contradict each other
# description: Two statements of equal standing say different things of one finding; the less favourable one is used.
# custom:
#   short_name: conflict
#   failure_msg: "VEX statements contradict each other about %v: %v"
#   solution: Let the author withdraw or update the wrong one.
#   severity: medium
#   waivable: true
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vexconflict
warn contains result.make(rego.metadata.chain(), [problem.finding, problem.detail], {
	"term": problem.finding,
	"evidence": [problem.evidence],
	"data": problem,
}) if {
	some problem in input.vex.conflicts
}

# METADATA
# title: VEX statements are used
# description: Statements that match no finding of this image; often a wrong product, version or id.
# custom:
#   short_name: unmatched
#   failure_msg: "%v VEX statements match no finding of this image"
#   solution: Compare product and vulnerability of the statements in `data` with the findings.
#   severity: info
#   waivable: true
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vexunmatched
warn contains _summary(rego.metadata.chain(), input.vex.unmatched) if count(input.vex.unmatched) > 0

# METADATA
# title: VEX statements are accepted
# description: Statements by an author who may not suppress, not signed where that is asked for, from the future, or malformed.
# custom:
#   short_name: rejected
#   failure_msg: "%v VEX statements are not accepted, and their findings count"
#   solution: Name the author in `vex_authors`, and have the document signed by a trust entry with the role `vex`.
#   severity: medium
#   waivable: true
#   parameter: vex_authors
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vexrejected
warn contains _summary(rego.metadata.chain(), input.vex.rejected) if count(input.vex.rejected) > 0

# METADATA
# title: VEX documents could be read
# description: A document that cannot be read suppresses nothing; the findings it may have named count.
# custom:
#   short_name: unreadable
#   failure_msg: "VEX %v could not be read: %v"
#   solution: Repair the document.
#   severity: medium
#   waivable: true
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vexunreadable
warn contains result.make(rego.metadata.chain(), [err.source, err.reason], {"term": err.source, "data": err}) if {
	some err in input.errors
	err.kind == "vex"
}

_summary(chain, problems) := result.make(chain, [count(problems)], {
	"evidence": {p.evidence | some p in problems},
	"got": count(problems),
	"data": {"statements": result.many(problems)},
})
