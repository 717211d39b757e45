# METADATA
# title: VEX
# description: What became of the VEX statements that were given. The gate resolves them; nothing here changes a count.
package rules.vex

import data.lib.result

# METADATA
# title: VEX statements do not contradict each other
# description: Two statements of equal standing say different things of one finding; the less favourable one is used.
# custom:
#   short_name: conflicting
#   failure_msg: "VEX statements contradict each other about %v: %v"
#   solution: Let the author withdraw or update the wrong one.
#   severity: medium
#   waivable: true
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vexconflicting
warn contains _one(rego.metadata.chain(), problem) if {
	not input.decision.params.vex_deny_conflict == true
	some problem in input.vex.conflicts
}

# METADATA
# title: No conflict between VEX statements
# description: With `vex_deny_conflict`, two statements of equal standing that say different things of one finding deny.
# custom:
#   short_name: conflict
#   failure_msg: "VEX statements contradict each other about %v: %v"
#   solution: Let the author withdraw or update the wrong one.
#   severity: medium
#   waivable: true
#   parameter: vex_deny_conflict
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vexconflict
deny contains _one(rego.metadata.chain(), problem) if {
	input.decision.params.vex_deny_conflict == true
	some problem in input.vex.conflicts
}

# METADATA
# title: Every VEX statement binds
# description: >-
#   With `vex_deny_unmatched`, a statement that matches no finding of this image denies: a wrong product, version or id makes a
#   decision that somebody took do nothing, silently. For documents of your own; vendors' speak of many images.
# custom:
#   short_name: unmatched_statement
#   failure_msg: "VEX statement %v matches nothing: %v"
#   solution: Compare product, version and vulnerability id with the findings, or remove the statement; `gate vex check` shows each.
#   severity: medium
#   waivable: true
#   parameter: vex_deny_unmatched
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vexunmatched_statement
deny contains _statement(rego.metadata.chain(), problem) if {
	input.decision.params.vex_deny_unmatched == true
	some problem in input.vex.unmatched
	_answered_for(problem.evidence)
}

# METADATA
# title: No VEX by an author who may not suppress
# description: >-
#   With `vex_deny_untrusted`, a statement about a finding by somebody who is not accepted denies. Unsigned documents that
#   anyone may have attached to the image do not: whoever can push must not be able to block a release.
# custom:
#   short_name: untrusted_author
#   failure_msg: "VEX statement %v about a finding is not accepted: %v"
#   solution: Name the author in `vex_authors`, have the document signed by a trust entry with the role `vex`, or stop giving it.
#   severity: medium
#   waivable: true
#   parameter: vex_deny_untrusted
#   controls:
#     - {framework: NIST-800-53, id: SR-4}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vexuntrusted_author
deny contains _statement(rego.metadata.chain(), problem) if {
	input.decision.params.vex_deny_untrusted == true
	some problem in input.vex.rejected
	problem.kind == "untrusted"
	_answered_for(problem.evidence)
}

# METADATA
# title: VEX statements are reviewed in time
# description: With `vex_deny_overdue`, a statement in use whose own review date has passed denies until it is looked at again.
# custom:
#   short_name: review_overdue
#   failure_msg: "VEX statement %v: %v"
#   solution: Look at the finding again, and write a new statement with a later review date or another status.
#   severity: medium
#   waivable: true
#   parameter: vex_deny_overdue
#   controls:
#     - {framework: NIST-SSDF, id: RV.2.2}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vexreview_overdue
deny contains _statement(rego.metadata.chain(), problem) if {
	input.decision.params.vex_deny_overdue == true
	some problem in input.vex.overdue
}

# METADATA
# title: VEX reviews are due
# description: Statements in use whose own review date has passed; they still hold, unless `vex_deny_overdue` says otherwise.
# custom:
#   short_name: review_due
#   failure_msg: "%v VEX statements in use are past their review date"
#   solution: Look at the findings again, and write new statements with a later review date or another status.
#   severity: low
#   waivable: true
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vexreview_due
warn contains _summary(rego.metadata.chain(), input.vex.overdue) if {
	not input.decision.params.vex_deny_overdue == true
	count(input.vex.overdue) > 0
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
# title: VEX is signed by those whose names it bears
# description: >-
#   Statements in use by an author whom `vex_authors` lists and another signed, who is not listed. The trust entry vouches for
#   the signer; that the author wrote it is the signer's word.
# custom:
#   short_name: claimed_author
#   failure_msg: "VEX statement %v: %v"
#   solution: List the signer's identity or trust entry in `vex_authors`; statements then rank by who signed them.
#   severity: low
#   waivable: true
#   parameter: vex_authors
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vexclaimed_author
warn contains _statement(rego.metadata.chain(), problem) if {
	some problem in input.vex.claimed
}

# METADATA
# title: Attached VEX is listed in full
# description: >-
#   Unsigned documents that hang on the image say more than is listed. They suppress nothing, whatever they say; what is
#   beyond the first hundred problems is counted.
# custom:
#   short_name: unlisted
#   failure_msg: "%v more problems with unsigned VEX that is attached to the image are not listed"
#   solution: Find out who attached it; name documents of your own with `--vex`, or have them signed.
#   severity: info
#   waivable: true
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vexunlisted
warn contains result.make(rego.metadata.chain(), [input.vex.unlisted], {"got": input.vex.unlisted}) if {
	input.vex.unlisted > 0
}

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

_one(chain, problem) := result.make(chain, [problem.finding, problem.detail], {
	"term": problem.finding,
	"evidence": [problem.evidence],
	"data": problem,
})

_statement(chain, problem) := result.make(chain, [problem.statement, problem.detail], {
	"term": concat("|", [part | some part in [problem.statement, problem.finding]; part != ""]),
	"evidence": [problem.evidence],
	"data": problem,
})

# The caller named the document, the gate made it, or a trusted key signed it.
_answered_for(id) if {
	some e in input.evidence
	e.id == id
	_somebodys(e)
}

_somebodys(e) if e.origin in {"file", "computed"}

_somebodys(e) if e.verification.state == "verified"

_summary(chain, problems) := result.make(chain, [count(problems)], {
	"evidence": {p.evidence | some p in problems},
	"got": count(problems),
	"data": {"statements": result.many(problems)},
})
