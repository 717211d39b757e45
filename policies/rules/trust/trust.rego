# METADATA
# title: Trust
# description: >-
#   The trusted roots that signatures are checked with. A root is renewed by whoever runs its instance of Sigstore; a site that
#   keeps an old one misses revocations, and one day cannot check what is signed anew.
package rules.trust

import data.lib.result

# METADATA
# title: Trusted roots are recent
# description: >-
#   With `max_trust_root_age_days`, every trusted root in force was current on a day at most that long ago. A root whose day nobody
#   said, or whose day is to come, is not recent.
# custom:
#   short_name: root_age
#   failure_msg: "The trusted root %v (used by %v) is of %v; at most %v days old is allowed"
#   solution: Import it again (`gate trust import DIR --as-of DAY`), and pin the new digest and day in the policy file.
#   severity: high
#   waivable: true
#   parameter: max_trust_root_age_days
#   controls:
#     - {framework: NIST-800-53, id: SC-12}
#     - {framework: NIST-800-53, id: SC-17}
#   applies_to: [image, index, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#trustroot_age
deny contains result.make(rego.metadata.chain(), [root.digest, _users(root), _day(root), days], {
	"term": root.digest,
	"expected": days,
	"got": root.age_s,
	"data": root,
}) if {
	days := input.decision.params.max_trust_root_age_days
	days != null
	some root in input.trust.roots
	not _is_recent(root.age_s, days)
}

# METADATA
# title: Trusted roots last
# description: >-
#   Within 30 days, or already, the last authority or log of some kind in a trusted root ends. What was signed before stays good;
#   what is signed after cannot be checked.
# custom:
#   short_name: root_expiring
#   failure_msg: "In the trusted root %v (used by %v) the last of the %v ends at %v"
#   solution: Import the root again; `gate trust check` lists what ends when.
#   severity: medium
#   waivable: true
#   controls:
#     - {framework: NIST-800-53, id: SC-12}
#   applies_to: [image, index, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#trustroot_expiring
warn contains result.make(rego.metadata.chain(), [root.digest, _users(root), root.expiring, root.next_expiry], {
	"term": root.digest,
	"expected": "more than 30 days",
	"got": root.next_expiry_s,
	"data": root,
}) if {
	some root in input.trust.roots
	root.next_expiry_s != null
	root.next_expiry_s < ((30 * 24) * 60) * 60
}

# Null sorts below every number: without the lower bound an unknown age would be recent.
# A day does not begin everywhere at once.
_is_recent(age_s, days) if {
	age_s >= 0 - ((24 * 60) * 60)
	age_s <= ((days * 24) * 60) * 60
}

_day(root) := root.as_of if root.as_of != null

_day(root) := "an unknown day" if is_null(root.as_of)

_users(root) := concat(", ", root.entries)
