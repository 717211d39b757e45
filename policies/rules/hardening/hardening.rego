# METADATA
# title: STIG baseline
# description: >-
#   Controls of the DISA container guide, the GPOS and container platform SRGs and CIS Docker that can be decided from the image
#   itself. They deny where `fail_on_stig` is of their category or a milder one and `stig_profile` selects them. The term is the
#   path, account or variable, so that a waiver can name one.
package rules.hardening

import data.lib.hardening
import data.lib.result

# METADATA
# title: The image was looked into
# description: >-
#   Where `fail_on_stig` is set, the files of the image have to be read; results of scanners do not stand for that. Of a bare digest
#   nothing can be read, and results are required instead. Accepted results, or the facts of the image itself, are the evidence
#   that the parameter asks for.
# custom:
#   short_name: looked
#   failure_msg: "The image was not looked into: %v"
#   solution: Give the image itself (registry, layout or tarball), and see why it could not be read.
#   severity: high
#   waivable: false
#   parameter: fail_on_stig
#   controls:
#     - {framework: NIST-800-53, id: CM-6}
#   requires_evidence:
#     - {kind: stig, when: fail_on_stig, state: accepted, on: either, select: any, facts: true}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeninglooked
no_verdict contains result.make(rego.metadata.chain(), [concat("; ", why)], {
	"expected": "facts of its files and configuration",
	"got": "none",
}) if {
	hardening.asked
	input.subject.kind in {"image", "archive"}
	not input.hardening.collected
	why := _why
}

# METADATA
# title: Every selected control could be decided
# description: >-
#   Of the category asked for and worse ones. Facts that were cut short, files that runtimes disagree on and users that nobody knows
#   leave a control open; that is no pass. The term is the control.
# custom:
#   short_name: undecided
#   failure_msg: "%v cannot be decided: %v"
#   solution: Mend what keeps the image from being read; waivers do not help.
#   severity: high
#   waivable: false
#   parameter: fail_on_stig
#   controls:
#     - {framework: NIST-800-53, id: CM-6}
#     - {framework: NIST-800-53, id: CA-7}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningundecided
no_verdict contains result.make(rego.metadata.chain(), [name, concat("; ", reasons)], {
	"term": name,
	"expected": "passed or failed",
	"got": "error",
	"data": {"reasons": reasons},
}) if {
	hardening.asked
	input.hardening.collected
	some name in hardening.selected
	hardening.status[name] == "error"
	hardening.within(name)
	reasons := hardening.reasons(name)
}

# METADATA
# title: Enough controls were decided
# description: >-
#   Less than `stig_baseline.min_coverage` of the selected controls passed or failed, or none at all.
# custom:
#   short_name: coverage_below
#   failure_msg: "%v of %v controls of %v were decided, at least %v are asked for"
#   solution: See why the others were not, or lower `stig_baseline.min_coverage`.
#   severity: high
#   waivable: false
#   parameter: fail_on_stig
#   controls:
#     - {framework: NIST-800-53, id: CA-7}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningcoverage_below
no_verdict contains result.make(
	rego.metadata.chain(),
	[seen.evaluated, seen.selected, seen.profile, hardening.allowed.min_coverage],
	{"expected": hardening.allowed.min_coverage, "got": seen.evaluated, "data": seen},
) if {
	hardening.asked
	input.hardening.collected
	seen := hardening.coverage
	not hardening.covered
}

# METADATA
# title: Controls of a milder category hold
# description: What failed and is milder than `fail_on_stig`; it is said and does not deny. The term is the control.
# custom:
#   short_name: milder
#   failure_msg: "%v failed (CAT %v, %v asked for): %v"
#   solution: Mend it when there is time, or ask for the category.
#   severity: low
#   waivable: true
#   parameter: fail_on_stig
#   controls: []
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningmilder
warn contains result.make(rego.metadata.chain(), [name, category, input.decision.params.fail_on_stig, texts], {
	"term": name,
	"expected": "nothing found",
	"got": count(hardening.failures(name)),
	"data": {"found": result.many(sort(hardening.failures(name)))},
}) if {
	hardening.asked
	some name in hardening.selected
	hardening.status[name] == "failed"
	not hardening.within(name)
	category := hardening.controls[name].category
	texts := concat("; ", array.slice(sort([thing.text | some thing in hardening.failures(name)]), 0, 5))
}

# METADATA
# title: The container does not start in group 0
# description: >-
#   Files of group 0 are often writable by it, and a number that passwd does not have runs in group 0. Platforms that choose the
#   user themselves want it so; this only says it.
# custom:
#   short_name: root_group
#   failure_msg: "User %q runs in group 0"
#   solution: Name a group in USER, such as `10001:10001`.
#   severity: info
#   waivable: true
#   parameter: fail_on_stig
#   controls:
#     - {framework: NIST-800-53, id: AC-6}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningroot_group
warn contains result.make(rego.metadata.chain(), [user.said], {"got": 0, "data": user}) if {
	hardening.asked
	user := input.hardening.user
	"root_user" in hardening.selected
	user.uid != 0
	user.gid == 0
}

# METADATA
# title: What the baseline comes to
# description: How many controls the profile selects, and what they came to; always said, and decides nothing.
# custom:
#   short_name: coverage
#   failure_msg: "%v: %v of %v controls decided, %v passed, %v failed, %v open, %v not applicable, %v for people; %v more depend on the deployment"
#   solution: Nothing has to be done; `hardening.beyond` lists what an image cannot show.
#   severity: info
#   waivable: false
#   parameter: fail_on_stig
#   controls: []
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningcoverage
not_applicable contains result.make(
	rego.metadata.chain(),
	[
		seen.profile, seen.evaluated, seen.selected, seen.passed, seen.failed, seen.error,
		seen.not_applicable, seen.manual, seen.beyond_image.deployment,
	],
	{"got": seen, "data": seen},
) if {
	hardening.asked
	seen := hardening.coverage
}

# METADATA
# title: What an image cannot show
# description: >-
#   Controls that are decided where the container is started, or by people. They are listed so that nobody takes silence for a pass.
# custom:
#   short_name: beyond
#   failure_msg: "%v: %v (%v)"
#   solution: Decide it where the container is deployed.
#   severity: info
#   waivable: false
#   parameter: fail_on_stig
#   controls: []
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningbeyond
not_applicable contains result.make(rego.metadata.chain(), [id, entry.title, entry.status], {
	"term": id,
	"got": entry.status,
	"data": entry,
}) if {
	hardening.asked
	some id, entry in data.lib.hardening.baseline.beyond
}

# METADATA
# title: Controls that did not pass or fail
# description: >-
#   Said under the control's own rule, so that its silence is never shown as passed: it is not selected, not applicable, left to
#   people, open, or of a milder category than the one asked for.
# custom:
#   short_name: not_decided
#   failure_msg: "%v: %v"
#   solution: See `docs/compliance.md`.
#   severity: info
#   waivable: false
#   parameter: fail_on_stig
#   controls: []
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningnot_decided
not_applicable contains result.make(rego.metadata.chain(), [state, reason], {
	"rule": sprintf("hardening.%v", [name]),
	"expected": "passed or failed",
	"got": state,
	"fix": "",
	"data": {"status": state, "category": hardening.controls[name].category},
}) if {
	hardening.asked
	some name, state in hardening.status
	reason := _reason(name, state)
}

_reason(_, "not_selected") := sprintf("the profile %v does not have it", [input.decision.params.stig_profile])

_reason(name, "failed") := sprintf("%v found, CAT %v", [number, hardening.controls[name].category]) if {
	not hardening.within(name)
	number := count(hardening.failures(name))
}

_reason(name, state) := concat("; ", hardening.reasons(name)) if state in {"error", "not_applicable", "manual"}

_why := [err.reason | some err in input.errors; err.source == "--inspect"] if {
	some err in input.errors
	err.source == "--inspect"
} else := ["nobody read it"]
