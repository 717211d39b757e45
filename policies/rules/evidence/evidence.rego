# METADATA
# title: Evidence
# description: >-
#   Evidence as such: whether it is fresh, bound to the image and verified, and whether there is a collector for what is asked
#   for. What no rule needs only warns.
package rules.evidence

import data.lib.evidence
import data.lib.result

# METADATA
# title: Required evidence is fresh
# description: >-
#   With `max_evidence_age_days`, at least one accepted scan, and one set of static-analysis results where they are required,
#   is at most that old. An age that is not known, or in the future, is not fresh. Signatures and SBOMs do not grow stale.
# custom:
#   short_name: stale
#   failure_msg: "No %v evidence is known to be at most %v days old (youngest: %v)"
#   solution: Make it again, and pass or attach the new document.
#   severity: high
#   waivable: false
#   parameter: max_evidence_age_days
#   controls:
#     - {framework: NIST-800-53, id: RA-5(2)}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#evidencestale
no_verdict contains result.make(rego.metadata.chain(), [kind, days, _youngest(kind)], {
	"term": kind,
	"evidence": evidence.ids(kind),
	"expected": days,
	"got": _youngest(kind),
}) if {
	days := input.decision.params.max_evidence_age_days
	days != null
	some kind in _required
	count(evidence.ids(kind)) > 0
	count([e | some e in _accepted(kind); _is_fresh(e.age_s, days)]) == 0
}

# METADATA
# title: No stale evidence is used
# description: Accepted evidence beyond `max_evidence_age_days`, or of unknown age, beside fresh evidence or where none is required.
# custom:
#   short_name: stale_item
#   failure_msg: "%v (%v) is older than %v days, or of unknown age"
#   solution: Nothing has to be done where a newer document is there; remove the old one to keep the record clear.
#   severity: low
#   waivable: true
#   parameter: max_evidence_age_days
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#evidencestale_item
warn contains result.make(rego.metadata.chain(), [e.source, e.kind, days], {
	"term": e.id,
	"evidence": [e.id],
	"expected": days,
	"got": e.age_s,
}) if {
	days := input.decision.params.max_evidence_age_days
	days != null
	some kind in _aging
	some e in _accepted(kind)
	not _is_fresh(e.age_s, days)
}

# METADATA
# title: Some scan used a fresh database
# description: >-
#   With `max_db_age_days`, at least one accepted scan used a vulnerability database that is at most that old now. A scan that
#   does not tell its database's age cannot show that it is fresh.
# custom:
#   short_name: stale_database
#   failure_msg: "No scan is known to use a vulnerability database at most %v days old (%v)"
#   solution: Update the scanner's database and scan again; `gate verify --scan` records its age.
#   severity: high
#   waivable: false
#   parameter: max_db_age_days
#   controls:
#     - {framework: NIST-800-53, id: RA-5(2)}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#evidencestale_database
no_verdict contains result.make(rego.metadata.chain(), [days, concat("; ", {_database(s) | some s in _scans})], {
	"evidence": {s.evidence | some s in _scans},
	"expected": days,
	"got": [s.db_built | some s in _scans],
}) if {
	days := input.decision.params.max_db_age_days
	days != null
	not input.decision.params.require_scan == false
	count(_scans) > 0
	count([s | some s in _scans; _is_fresh(s.db_age_s, days)]) == 0
}

# METADATA
# title: There is a collector for what is asked for
# description: >-
#   FIPS or STIG facts are asked for, and there are none: the image's files could not be looked at (a bare digest, or layers that
#   cannot be had), and no results were given. Nothing can be said.
# custom:
#   short_name: no_collector
#   failure_msg: "%v asks for %v facts, and none were collected"
#   solution: >-
#     Name the image itself, in a registry, layout or archive that holds its layers; give STIG results with `--evidence`
#     (docs/compliance-scanners.md); or turn the parameter off.
#   severity: high
#   waivable: false
#   controls:
#     - {framework: NIST-800-53, id: CM-6}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#evidenceno_collector
no_verdict contains result.make(rego.metadata.chain(), [parameter, kind], {
	"term": kind,
	"expected": "collected facts",
	"got": "none",
}) if {
	input.subject.kind != "index"
	some kind, parameter in _uncollected
}

# METADATA
# title: No evidence failed verification
# description: A signature was checked against a trust entry that applies to it, and is bad. Where it is required, that denies by itself.
# custom:
#   short_name: failed
#   failure_msg: "%v (%v) failed verification: %v"
#   solution: Find out who attached it. It is either damaged, signed with another key, or forged.
#   severity: high
#   waivable: true
#   controls:
#     - {framework: NIST-800-53, id: SI-7}
#   applies_to: [image, index, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#evidencefailed
warn contains result.make(rego.metadata.chain(), [e.source, e.kind, e.verification.reason], {
	"term": e.id,
	"evidence": [e.id],
	"expected": "verified",
	"got": e.verification.state,
}) if {
	some e in input.evidence
	e.verification.state == "failed"
}

# METADATA
# title: All evidence is accepted
# description: Evidence that is not verified or not bound as the parameter `accept` says; it neither satisfies nor denies.
# custom:
#   short_name: rejected
#   failure_msg: "%v (%v) is not used: %v"
#   solution: Sign it by a trust entry with this role, and let it name this digest; or remove it.
#   severity: low
#   waivable: true
#   parameter: accept
#   controls: []
#   applies_to: [image, index, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#evidencerejected
warn contains result.make(rego.metadata.chain(), [e.source, e.kind, evidence.why_rejected(e)], {
	"term": e.id,
	"evidence": [e.id],
	"expected": "accepted",
	"got": {"state": e.verification.state, "binding": e.binding, "origin": e.origin, "reason": e.verification.reason},
}) if {
	some e in input.evidence
	e.verification.state != "failed"
	not e.id in evidence.counted(e.kind)
	not e.id in _chained
}

# METADATA
# title: Everything could be read
# description: All that could not be read. Errors about evidence that a rule needs also give no verdict, in that rule's domain.
# custom:
#   short_name: error
#   failure_msg: "Not read: %v (%v): %v"
#   solution: Look at `data`; remove the document, or repair it.
#   severity: low
#   waivable: true
#   controls: []
#   applies_to: [image, index, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#evidenceerror
warn contains result.make(rego.metadata.chain(), [err.source, err.kind, err.reason], {
	"term": err.source,
	"evidence": [id | id := err.evidence; id != null],
	"got": err.code,
	"data": err,
}) if {
	some err in input.errors
}

# Statements about commits and base images: bound to nothing here, and links of the chain of provenance.
_chained := {node.evidence | some node in input.provenance.chain}

# Kinds whose truth changes while the image stays the same.
_aging := {"vulnerabilities", "sast", "fips", "stig", "approval"}

_required contains "vulnerabilities" if not input.decision.params.require_scan == false

_required contains "sast" if not input.decision.params.require_sast == false

_accepted(kind) := [e | some e in evidence.all_of(kind); e.id in evidence.ids(kind)]

# Null sorts below every number: without the lower bound an unknown age would be fresh.
_is_fresh(age_s, days) if {
	age_s >= 0 - input.decision.params.clock_skew_seconds
	age_s <= ((days * 24) * 60) * 60
}

_youngest(kind) := sprintf("%v days", [floor(min(ages) / 86400)]) if {
	ages := {e.age_s | some e in _accepted(kind); e.age_s != null; e.age_s >= 0}
	count(ages) > 0
}

_youngest(kind) := "unknown" if count({e.age_s | some e in _accepted(kind); e.age_s != null; e.age_s >= 0}) == 0

_scans := [s | some s in input.vulnerabilities.scans; s.evidence in evidence.ids("vulnerabilities")]

_database(s) := sprintf("%v: built %v", [s.scanner, s.db_built]) if s.db_built != null

_database(s) := sprintf("%v: age not told", [s.scanner]) if is_null(s.db_built)

_uncollected["fips"] := "fail_on_fips_issues" if {
	not input.decision.params.fail_on_fips_issues == false
	not input.fips.collected
}

_uncollected["stig"] := "fail_on_stig" if {
	input.decision.params.fail_on_stig != null
	not input.stig.collected
	not input.hardening.collected
}

# METADATA
# title: What the caller gave, and what hangs on the image, could be read
# description: >-
#   A document that the caller named and that cannot be read, or a list of attachments that cannot be had, may hold what would
#   deny; whatever else was found, that cannot be told.
# custom:
#   short_name: unread
#   failure_msg: "Not read: %v (%v): %v"
#   solution: Repair the document and give it again, leave it out, or retry when the registry answers.
#   severity: high
#   waivable: false
#   controls: []
#   applies_to: [image, index, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#evidenceunread
no_verdict contains result.make(rego.metadata.chain(), [err.source, err.kind, err.reason], object.union(
	{
		"term": err.source,
		"evidence": [id | id := err.evidence; id != null],
		"got": err.code,
		"data": err,
	},
	_own_fix(err),
)) if {
	some err in evidence.unread
}

# The error's own remedy, where it has one, says more than the rule can.
_own_fix(err) := {"fix": err.fix} if {
	is_string(err.fix)
	err.fix != ""
} else := {}
