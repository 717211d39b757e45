# METADATA
# title: STIG results
# description: >-
#   What STIG scanners and checklists say, where `fail_on_stig` asks for it. Scores, weights and exit codes are never looked at:
#   content for another system gives no failure and proves nothing, so what was evaluated counts as much as what failed.
package rules.stig

import data.lib.evidence
import data.lib.patterns
import data.lib.result

# METADATA
# title: Accepted STIG results are there
# description: >-
#   With `stig_require_results`, and with `fail_on_stig` where the image itself could not be looked into, as behind a bare digest, a
#   report that belongs to this image has to exist. Else the baseline of the image decides (domain `hardening`), and a report that
#   is there counts on top. Where nothing at all was found, the gate itself says so; here it is about reports that do not count.
# custom:
#   short_name: required
#   failure_msg: "No accepted STIG results: %v"
#   solution: >-
#     Scan this digest with `--scan stig`; or with OSCAP_EVALUATION_TARGET set to its name with digest, so that the report names it,
#     and give the results with `--evidence`, or attach them signed.
#   severity: high
#   waivable: true
#   parameter: fail_on_stig
#   controls:
#     - {framework: NIST-800-53, id: CM-6}
#     - {framework: NIST-800-53, id: CA-7}
#   requires_evidence:
#     - {kind: stig, when: stig_require_results, state: accepted, on: either, select: any}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#stigrequired
deny contains result.make(rego.metadata.chain(), [evidence.found("stig")], {
	"expected": "accepted results",
	"got": "none",
	"data": {"rejected": evidence.rejected("stig")},
}) if {
	_results_required
	input.subject.kind != "index"
	count(_reports) == 0
	count(evidence.all_of("stig")) > 0
	count(evidence.errors("stig")) == 0
}

# METADATA
# title: No open finding of the category or a more severe one
# description: >-
#   One result a STIG rule, whose term is the V-id where the report has one that is of this rule alone. `fixed` is open: the scanner repaired its own copy,
#   not the image. A result or severity that was changed by hand in the report counts as the less favourable of the two, and an
#   unknown severity is CAT I.
# custom:
#   short_name: open_findings
#   failure_msg: "%v is open (CAT %v): %v"
#   solution: Change the image as the STIG's fix text says and scan again, or waive the rule by this term with its compensating control.
#   severity: high
#   waivable: true
#   parameter: fail_on_stig
#   controls:
#     - {framework: NIST-800-53, id: CM-6}
#     - {framework: NIST-800-53, id: RA-5}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#stigopen_findings
deny contains result.make(rego.metadata.chain(), [term, category, title], {
	"term": term,
	"evidence": {about.evidence | some about in found},
	"expected": "pass",
	"got": concat(", ", {about.result | some about in found}),
	"data": {"results": found},
}) if {
	some term, found in _open
	category := min({about.category | some about in found})
	title := min({_label(about) | some about in found})
}

# METADATA
# title: Each report evaluated something
# description: >-
#   Content for another system finds nothing applicable and no scanner calls that a failure: 215 of 215 rules not applicable, exit
#   code 0. A report without one pass or fail says nothing of the image.
# custom:
#   short_name: nothing_evaluated
#   failure_msg: "%v evaluated none of its %v rules (%v not applicable)"
#   solution: Scan with content for this distribution, and not from inside a container that hides it.
#   severity: high
#   waivable: false
#   parameter: fail_on_stig
#   controls:
#     - {framework: NIST-800-53, id: CM-6}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#stignothing_evaluated
no_verdict contains result.make(
	rego.metadata.chain(),
	[_name(report), report.counts.selected, report.counts.notapplicable],
	{
		"term": _term(report),
		"evidence": [report.evidence],
		"expected": "rules that pass or fail",
		"got": 0,
		"data": {"counts": report.counts, "platforms": report.platforms},
	},
) if {
	_asked
	some report in _fitting
	report.counts.evaluated == 0
}

# METADATA
# title: Each report evaluated enough of its rules
# description: The share of selected rules that pass or fail is below `stig_min_coverage`.
# custom:
#   short_name: coverage_below
#   failure_msg: "%v evaluated %v of %v rules (%v %%), at least %v %% are asked for"
#   solution: Scan with content and profile for this distribution, or lower `stig_min_coverage` to what fitting content reaches.
#   severity: high
#   waivable: false
#   parameter: fail_on_stig
#   controls:
#     - {framework: NIST-800-53, id: CM-6}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#stigcoverage_below
no_verdict contains result.make(
	rego.metadata.chain(),
	[_name(report), report.counts.evaluated, report.counts.selected, _percent(share), _percent(floor_)],
	{
		"term": _term(report),
		"evidence": [report.evidence],
		"expected": floor_,
		"got": share,
		"data": {"counts": report.counts, "platforms": report.platforms},
	},
) if {
	_asked
	floor_ := input.decision.params.stig_min_coverage
	floor_ != null
	some report in _fitting
	report.counts.evaluated > 0
	share := report.counts.evaluated / report.counts.selected
	share < floor_
}

# METADATA
# title: The scanner is new enough to have looked
# description: >-
#   OpenSCAP before 1.4 passes "package X is not installed" on images with dpkg without having read their package database. Reports
#   whose content was applied as an rpm distribution are left alone, unless the SBOM lists dpkg packages. A version that is not
#   told, or told in two ways, is too old.
# custom:
#   short_name: scanner_too_old
#   failure_msg: "%v is by OpenSCAP %v; results count from %v on"
#   solution: Scan again with the version asked for; Debian 13 has one.
#   severity: high
#   waivable: false
#   parameter: fail_on_stig
#   controls:
#     - {framework: NIST-800-53, id: RA-5}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#stigscanner_too_old
no_verdict contains result.make(rego.metadata.chain(), [_name(report), _told(report.scanner_version), oldest], {
	"term": _term(report),
	"evidence": [report.evidence],
	"expected": oldest,
	"got": report.scanner_version,
	"data": {"platforms": report.platforms},
}) if {
	_asked
	oldest := input.decision.params.stig_min_openscap
	oldest != null
	some report in _reports
	_is_openscap(report)
	not _applied_to_rpm(report)
	not _is_new_enough(report, oldest)
}

# METADATA
# title: Every rule of the category got an answer
# description: >-
#   Rules of the category and more severe ones that ended in error, are unknown or were not checked, and that no other accepted
#   report answers: a checklist may answer what a scanner leaves to people.
# custom:
#   short_name: unknown_results
#   failure_msg: "%v leaves %v rules of CAT %v or worse without an answer: %v"
#   solution: Mend what stopped the scanner, or answer the rules in a CKL or CKLB checklist for this digest.
#   severity: medium
#   waivable: false
#   parameter: fail_on_stig
#   controls:
#     - {framework: NIST-800-53, id: CM-6}
#     - {framework: NIST-800-53, id: CA-7}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#stigunknown_results
no_verdict contains result.make(
	rego.metadata.chain(),
	[_name(report), count(left), input.decision.params.fail_on_stig, concat(", ", array.slice(terms, 0, 5))],
	{
		"term": _term(report),
		"evidence": [report.evidence],
		"expected": 0,
		"got": count(left),
		"data": {"results": result.many(left)},
	},
) if {
	_asked
	some report in _reports
	left := [_about(report, r) | some r in report.results; _is_unanswered(report, r)]
	count(left) > 0
	terms := [about.term | some about in left]
}

# METADATA
# title: A report of a benchmark that fits is there
# description: >-
#   Content without a check of the platform passes on a system that it was not written for, so `stig_benchmarks` names what fits
#   these images. Findings of other reports still deny. dockle alone is no STIG, and neither is a report by the gate itself.
# custom:
#   short_name: benchmark
#   failure_msg: "No report is of a benchmark that is asked for; there are: %v"
#   solution: Scan with a benchmark of `stig_benchmarks`, or add the id if its content is for this distribution.
#   severity: high
#   waivable: false
#   parameter: stig_benchmarks
#   controls:
#     - {framework: NIST-800-53, id: CM-6}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#stigbenchmark
no_verdict contains result.make(rego.metadata.chain(), [concat(", ", names)], {
	"evidence": {report.evidence | some report in _reports},
	"expected": input.decision.params.stig_benchmarks,
	"got": names,
}) if {
	_asked
	count(_reports) > 0
	count(_fitting) == 0
	names := sort({_name(report) | some report in _reports})
}

_asked if input.decision.params.fail_on_stig != null

_results_required if {
	_asked
	not input.hardening.collected
}

_results_required if not input.decision.params.stig_require_results == false

_reports := [report | some report in input.stig.scanner_results; report.evidence in evidence.ids("stig")]

_fitting := [report | some report in _reports; _fits(report)]

_fits(report) if {
	count(input.decision.params.stig_benchmarks) == 0
	report.format != "dockle"
	_is_foreign(report)
}

_fits(report) if {
	count(input.decision.params.stig_benchmarks) > 0
	patterns.allowed(report.benchmark, input.decision.params.stig_benchmarks)
	_is_foreign(report)
}

# A report that the gate made of its own verdict proves nothing that the verdict did not; what it leaves open still denies.
_is_foreign(report) if {
	report.scanner != "gate"
	report.benchmark != "gate"
	not strings.any_prefix_match(report.benchmark, ["gate.", "xccdf_io.policy-gate_benchmark_gate"])
}

_open[term] contains about if {
	_asked
	some report in _reports
	some r in report.results
	r.result in {"fail", "fixed"}
	_within(r)
	term := r.term
	about := _about(report, r)
}

# Categories are texts of one digit, so they compare as numbers do.
_within(r) if r.category <= input.decision.params.fail_on_stig

_is_unanswered(report, r) if {
	r.result in _no_answer
	_within(r)
	not _is_answered_elsewhere(report, r)
}

_no_answer := {"error", "unknown", "notchecked"}

_is_answered_elsewhere(report, r) if {
	some other in _answers
	other.report != _term(report)
	_requirement(r) in other.terms
}

# Several rules may share a V-id: it is answered when all of them are.
_answers contains {"report": _term(report), "terms": answered - open} if {
	some report in _fitting
	answered := {_requirement(r) | some r in report.results; r.result in {"pass", "fail", "fixed", "notapplicable"}}
	open := {_requirement(r) | some r in report.results; r.result in _no_answer}
}

# What reports of different makers have in common.
_requirement(r) := r.vuln_id if r.vuln_id != ""

_requirement(r) := r.term if r.vuln_id == ""

_about(report, r) := {
	"evidence": report.evidence,
	"benchmark": report.benchmark,
	"term": r.term,
	"rule": r.rule,
	"version": r.version,
	"title": r.title,
	"category": r.category,
	"srg": r.srg,
	"cci": r.cci,
	"nist": r.nist,
	"result": r.result,
	"override": r.override,
	"comment": r.comment,
}

_label(about) := about.title if about.title != ""

_label(about) := about.rule if about.title == ""

_is_openscap(report) if report.scanner == "openscap"

# Whoever takes the scanner's name out must not get round the limit.
_is_openscap(report) if {
	report.scanner == ""
	report.format in {"xccdf", "arf"}
}

_applied_to_rpm(report) if {
	systems := [name | some name in report.platforms; startswith(name, "cpe:/o:")]
	count(systems) > 0
	every name in systems {
		regex.match(`^cpe:/o:(redhat|centos|fedoraproject|oracle|suse|opensuse|rocky|almalinux|amazon):`, name)
	}
	not _has_dpkg
}

_has_dpkg if {
	some component in input.sbom.components
	startswith(component.purl, "pkg:deb/")
}

_is_new_enough(report, oldest) if _version(report.scanner_version) >= _version(oldest)

# Undefined without leading digits, so that a version nobody can read is not new enough.
_version(text) := [to_number(part) | some part in split(found[0], ".")] if {
	found := regex.find_n(`^[0-9]{1,9}(\.[0-9]{1,9})*`, text, 1)
	count(found) > 0
}

_told(text) := text if text != ""

_told("") := "(version not told)"

_name(report) := report.benchmark if report.benchmark != ""

_name(report) := sprintf("the %v report %v", [report.format, short]) if {
	report.benchmark == ""
	short := substring(report.evidence, 0, 19)
}

_term(report) := sprintf("%v#%v", [report.evidence, report.place])

_percent(share) := round(share * 1000) / 10
