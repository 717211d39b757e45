# METADATA
# title: Waivers
# description: >-
#   Waivers are applied by the gate, never by Rego, and their states are worked out there. These rules report what somebody has
#   to look after.
package rules.waivers

import data.lib.result

# METADATA
# title: Every waiver is valid
# description: An invalid waiver is never applied.
# custom:
#   short_name: invalid
#   failure_msg: "Waiver %v is invalid and not applied: %v"
#   solution: Mend the waiver; every one needs id, rule, reason, owner, ticket and an end within the maximum lifetime.
#   severity: medium
#   waivable: false
#   parameter: waiver_max_days
#   controls:
#     - {framework: NIST-800-53, id: CA-5}
#   applies_to: [image, index, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#waiversinvalid
warn contains _waiver(rego.metadata.chain(), w, [w.id, w.problem]) if {
	some w in input.decision.waivers
	w.state == "invalid"
}

# METADATA
# title: No waiver is a draft
# description: >-
#   A draft was written by a program, as by `gate waiver import`, and accepted by nobody. It is never applied; what it names counts.
# custom:
#   short_name: draft
#   failure_msg: "Waiver %v is a draft and not applied: %v"
#   solution: Fill in owner, ticket, reason and end, and delete the line that says draft; or delete the waiver.
#   severity: low
#   waivable: false
#   controls:
#     - {framework: NIST-800-53, id: CA-5}
#   applies_to: [image, index, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#waiversdraft
warn contains _waiver(rego.metadata.chain(), w, [w.id, w.problem]) if {
	some w in input.decision.waivers
	w.state == "draft"
}

# METADATA
# title: No waiver has expired
# description: An expired waiver is never applied; what it waived counts again.
# custom:
#   short_name: expired
#   failure_msg: "Waiver %v of %v expired on %v"
#   solution: Mend what it waived, or have the risk accepted again with a new end; else delete it.
#   severity: low
#   waivable: false
#   controls:
#     - {framework: NIST-800-53, id: CA-5}
#   applies_to: [image, index, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#waiversexpired
warn contains _waiver(rego.metadata.chain(), w, [w.id, w.owner, w.expires]) if {
	some w in input.decision.waivers
	w.state == "expired"
}

# METADATA
# title: No waiver is about to expire
# description: Active, and within `waiver_warn_days` of its end.
# custom:
#   short_name: expiring
#   failure_msg: "Waiver %v of %v expires on %v"
#   solution: Mend what it waives before then, or have the risk accepted again.
#   severity: info
#   waivable: false
#   parameter: waiver_warn_days
#   controls:
#     - {framework: NIST-800-53, id: CA-5}
#   applies_to: [image, index, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#waiversexpiring
warn contains _waiver(rego.metadata.chain(), w, [w.id, w.owner, w.expires]) if {
	some w in input.decision.waivers
	w.state == "active"
	w.expires_in_s <= ((input.decision.params.waiver_warn_days * 24) * 60) * 60
}

_waiver(chain, w, args) := result.make(chain, args, {
	"term": w.id,
	"got": w.state,
	"data": {"rule": w.rule, "term": w.term, "owner": w.owner, "ticket": w.ticket, "expires": w.expires},
})
