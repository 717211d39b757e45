# METADATA
# title: STIG baseline of an image
# description: >-
#   What each control of the baseline comes to, from the facts of the image itself. A control fails when something was found; it
#   passes only when nothing was found and everything that it is decided from was read. Categories, profiles and what each control
#   reads are data, `data.lib.hardening.baseline`.
package lib.hardening

# METADATA
# title: Whether the baseline is asked for
asked if input.decision.params.fail_on_stig != null

# METADATA
# title: The controls, by the short name of their rule
controls := data.lib.hardening.baseline.controls

# METADATA
# title: The controls that the profile selects
selected := {name | some name in data.lib.hardening.baseline.profiles[input.decision.params.stig_profile]}

# METADATA
# title: What the image allows beyond the profile
allowed := input.decision.params.stig_baseline

# METADATA
# title: What each control comes to
# description: >-
#   One of `failed`, `error` (nothing can be said), `not_applicable`, `manual`, `passed`; `not_selected` where the profile leaves it out.
status := {name: _status(name) | some name, _ in controls}

_status(name) := "not_selected" if {
	not name in selected
} else := "failed" if {
	count(failures(name)) > 0
} else := "error" if {
	count(object.get(unknown, name, set())) > 0
} else := "not_applicable" if {
	count(object.get(inapplicable, name, set())) > 0
} else := "manual" if {
	count(object.get(by_people, name, set())) > 0
} else := "passed"

# METADATA
# title: What was found of a control
failures(name) := object.get(found, name, set())

# METADATA
# title: What a control's rule denies
# description: >-
#   Nothing unless it is asked for, failed, and of the category or a worse one. Of very many findings the first 200, and one about
#   the others.
denied(name) := things if {
	_denies(name)
	things := listed(name)
} else := set()

_denies(name) if {
	asked
	status[name] == "failed"
	within(name)
}

# METADATA
# title: Whether a control is of the category asked for or a worse one
within(name) if controls[name].category <= input.decision.params.fail_on_stig

# METADATA
# title: The findings of a control, at most 201
listed(name) := all if {
	all := failures(name)
	count(all) <= 200
} else := {thing | some thing in array.slice(sorted, 0, 200)} | {rest} if {
	sorted := sort(failures(name))
	others := count(sorted) - 200
	rest := finding("(more)", sprintf("%v more", [others]), others, {"first": array.slice(sorted, 200, 300)})
}

# METADATA
# title: Why a control did not pass or fail
reasons(name) := sort(object.get(unknown, name, set())) if status[name] == "error"

reasons(name) := sort(object.get(inapplicable, name, set())) if status[name] == "not_applicable"

reasons(name) := sort(object.get(by_people, name, set())) if status[name] == "manual"

# METADATA
# title: How many controls were decided
coverage := {
	"profile": input.decision.params.stig_profile,
	"selected": count(selected),
	"evaluated": _count("passed") + _count("failed"),
	"passed": _count("passed"),
	"failed": _count("failed"),
	"error": _count("error"),
	"not_applicable": _count("not_applicable"),
	"manual": _count("manual"),
	"beyond_image": {state: number |
		some state in ["deployment", "manual"]
		number := count([1 | some entry in data.lib.hardening.baseline.beyond; entry.status == state])
	},
}

# METADATA
# title: Whether enough controls were decided
# description: Not even one decided control is too few, whatever the floor.
covered if {
	coverage.evaluated > 0
	_reaches(allowed.min_coverage)
}

_reaches(floor_) if is_null(floor_)

_reaches(floor_) if {
	is_number(floor_)
	coverage.evaluated >= floor_ * coverage.selected
}

_count(state) := count([name | some name in selected; status[name] == state])

# METADATA
# title: A finding
finding(term, text, got, about) := {"term": term, "text": text, "got": got, "data": about}

# METADATA
# title: The fields of a finding's result
fields(thing) := {"term": thing.term, "expected": "nothing found", "got": thing.got, "data": thing.data}

# METADATA
# title: A finding about a file
at(file, text) := finding(file.path, sprintf("%v%v in layer %v", [file.path, text, file.layer]), text, file)

# METADATA
# title: What keeps a control from being decided
# description: Facts that were not collected, that runtimes disagree on, or that were cut short.
unknown[name] contains "the image was not looked into" if {
	some name, control in controls
	count(control.reads) > 0
	not input.hardening.collected
}

# Files of another system are none that these controls know, so that silence about them says nothing.
unknown[name] contains sprintf("the image is for %v, and the baseline is about Linux", [system]) if {
	some name, control in controls
	count(control.reads) > 0
	system := input.subject.platform.os
	not system in {"linux", ""}
}

unknown[name] contains "runtimes disagree on what files are in the image" if {
	some name, control in controls
	"files" in control.reads
	input.hardening.collected
	not input.hardening.certain
}

unknown[name] contains "the image configuration is not known" if {
	some name, control in controls
	"config" in control.reads
	is_null(input.subject.config)
}

unknown[name] contains sprintf("%v were not read whole", [field]) if {
	some name, control in controls
	some field in input.hardening.incomplete
	field in control.reads
}

unknown[name] contains sprintf("%v %v", [diagnostic.message, diagnostic.where]) if {
	some name, control in controls
	some diagnostic in input.filesystem.diagnostics
	_matters(diagnostic.code, object.get(control, "diagnostics", []))
}

_matters(code, codes) if code in codes

_matters(code, codes) if {
	count(codes) > 0
	not code in data.lib.hardening.baseline.known_diagnostics
}
