# METADATA
# title: Source analysis
# description: Limits on static-analysis (SAST) results. What the document marks as suppressed does not count, and is reported.
package rules.source

import data.lib.evidence
import data.lib.result

# METADATA
# title: Static-analysis results are there
# description: With `require_sast`, an accepted result document that belongs to this image has to exist.
# custom:
#   short_name: required
#   failure_msg: "No accepted static-analysis results: %v"
#   solution: Run the analyser in the build and pass its SARIF with `--evidence`, or attach it signed.
#   severity: medium
#   waivable: true
#   parameter: require_sast
#   controls:
#     - {framework: NIST-800-53, id: SA-11(1)}
#     - {framework: NIST-SSDF, id: PW.7.2}
#   requires_evidence:
#     - {kind: sast, when: require_sast, state: accepted, on: either, select: any}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#sourcerequired
deny contains result.make(rego.metadata.chain(), [evidence.found("sast")], {
	"expected": "accepted results",
	"got": "none",
	"data": {"rejected": evidence.rejected("sast")},
}) if {
	not input.decision.params.require_sast == false
	input.subject.kind != "index"
	count(_runs) == 0
	count(evidence.errors("sast")) == 0
}

# METADATA
# title: Static-analysis results could be read
# description: A document that could not be read may hold any result.
# custom:
#   short_name: unreadable
#   failure_msg: "Static-analysis results could not be read (%v: %v)"
#   solution: Repair or remove the document named in `data`, or retry.
#   severity: medium
#   waivable: false
#   controls:
#     - {framework: NIST-800-53, id: SA-11(1)}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#sourceunreadable
no_verdict contains result.make(rego.metadata.chain(), [err.source, err.reason], {
	"term": err.source,
	"expected": "a readable document",
	"got": err.code,
	"data": err,
}) if {
	some err in evidence.errors("sast")
	_blocks(err)
}

# METADATA
# title: At most max_sast_errors errors
# description: SARIF results of level `error` in all accepted documents.
# custom:
#   short_name: max_errors
#   failure_msg: "%v static-analysis errors, at most %v allowed"
#   solution: Mend them, or suppress single ones in the source with a justification.
#   severity: high
#   waivable: true
#   parameter: max_sast_errors
#   controls:
#     - {framework: NIST-800-53, id: SA-11(1)}
#     - {framework: NIST-SSDF, id: PW.7.2}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#sourcemax_errors
deny contains _over(rego.metadata.chain(), "error", input.decision.params.max_sast_errors)

# METADATA
# title: At most max_sast_warnings warnings
# description: SARIF results of level `warning` in all accepted documents.
# custom:
#   short_name: max_warnings
#   failure_msg: "%v static-analysis warnings, at most %v allowed"
#   solution: Mend them, or suppress single ones in the source with a justification.
#   severity: medium
#   waivable: true
#   parameter: max_sast_warnings
#   controls:
#     - {framework: NIST-800-53, id: SA-11(1)}
#     - {framework: NIST-SSDF, id: PW.7.2}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#sourcemax_warnings
deny contains _over(rego.metadata.chain(), "warning", input.decision.params.max_sast_warnings)

# METADATA
# title: No result is suppressed
# description: Results that the document marks as suppressed, with an accepted justification or none.
# custom:
#   short_name: suppressed
#   failure_msg: "%v static-analysis results are marked as suppressed and do not count"
#   solution: Review the justifications.
#   severity: info
#   waivable: true
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#sourcesuppressed
warn contains result.make(rego.metadata.chain(), [count(hidden)], {
	"got": count(hidden),
	"data": {"results": result.many([_about(f) | some f in hidden])},
}) if {
	hidden := [f | some f in _findings; f.suppressed != ""]
	count(hidden) > 0
}

# METADATA
# title: The analysed revision is the one that was built
# description: The results name another commit than the accepted provenance.
# custom:
#   short_name: revision
#   failure_msg: "%v analysed revision %v; the image was built from %v"
#   solution: Analyse the commit that is built, in the same pipeline.
#   severity: medium
#   waivable: true
#   controls:
#     - {framework: NIST-800-53, id: SA-11(1)}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#sourcerevision
warn contains result.make(rego.metadata.chain(), [run.tool, run.revision, concat(", ", built)], {
	"term": run.evidence,
	"evidence": [run.evidence],
	"expected": built,
	"got": run.revision,
}) if {
	built := {s.source_digest |
		some s in input.provenance.statements
		s.evidence in evidence.ids("provenance")
		s.source_digest != ""
	}
	count(built) > 0
	some run in _runs
	run.revision != ""
	not run.revision in built
}

_over(chain, level, limit) := over if {
	limit != null
	counted := [f | some f in _findings; f.level == level; f.suppressed == ""]
	count(counted) > limit
	over := result.make(chain, [count(counted), limit], {
		"evidence": {f.evidence | some f in counted},
		"expected": limit,
		"got": count(counted),
		"data": {"results": result.many([_about(f) | some f in counted])},
	})
}

_about(f) := {"rule": f.rule, "location": f.location, "message": f.message, "suppressed": f.suppressed}

_runs := [r | some r in input.source.runs; r.evidence in evidence.ids("sast")]

_findings := [f | some f in input.source.findings; f.evidence in evidence.ids("sast")]

_blocks(err) if {
	err.kind == "sast"
	_asked
}

_blocks(err) if {
	err.kind == "unknown"
	not input.decision.params.require_sast == false
	count(_runs) == 0
}

_asked if not input.decision.params.require_sast == false

_asked if input.decision.params.max_sast_errors != null

_asked if input.decision.params.max_sast_warnings != null
