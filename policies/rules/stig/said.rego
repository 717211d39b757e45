# What is said of reports and decides nothing.
package rules.stig

import data.lib.result

# METADATA
# title: No result was changed or given by hand
# description: >-
#   Overrides, waivers and attestations inside a report, which do not count, and passes that a person entered in a checklist, which do.
# custom:
#   short_name: by_hand
#   failure_msg: "%v has %v results changed by hand and %v given by hand"
#   solution: Read the comments in `data`; a waiver belongs into the waiver file, where it has an owner and an end.
#   severity: info
#   waivable: true
#   parameter: fail_on_stig
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#stigby_hand
warn contains result.make(rego.metadata.chain(), [_name(report), count(changed), count(given)], {
	"term": _term(report),
	"evidence": [report.evidence],
	"got": count(changed) + count(given),
	"data": {"changed": result.many(changed), "given": result.many(given)},
}) if {
	_asked
	some report in _reports
	changed := [_about(report, r) | some r in report.results; r.override != ""]
	given := [_about(report, r) |
		report.format in {"ckl", "cklb"}
		some r in report.results
		r.result in {"pass", "notapplicable"}
	]
	count(changed) + count(given) > 0
}

# METADATA
# title: The scanner saw the files as the image has them
# description: >-
#   `--scan stig` unpacks the image. Where the gate is not root, owners are its own and passes of rules about owners say nothing; an
#   image that ships the marker of a container switches rules off. The baseline of `hardening` decides such controls from the layers.
# custom:
#   short_name: unpacked
#   failure_msg: "%v was made on files that differ from the image's: %v (%v times)"
#   solution: Run the scan as root in a machine of its own, where rules about owners matter; remove the marker from the image.
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   controls: []
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#stigunpacked
warn contains result.make(rego.metadata.chain(), [_name(report), note.message, note.count], {
	"term": sprintf("%v %v", [_term(report), note.code]),
	"evidence": [report.evidence],
	"got": note.count,
	"data": note,
}) if {
	_asked
	some report in _reports
	some item in input.evidence
	item.id == report.evidence
	item.origin == "computed"
	some note in item.diagnostics
	note.code in {"owner_not_kept", "mode_not_kept", "capability_not_kept", "sparse", "container_marker_shipped"}
}
