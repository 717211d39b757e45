package rules.stig_test

import data.lib.testing_test as t
import data.rules.stig

asked := {"fail_on_stig": "2"}

item := t.changed(t.base.evidence[t.place("sbom")], {"/id": "sha256:stig", "/kind": "stig"})

debian := "cpe:/o:debian:debian_linux:12"

counts(changes) := object.union(
	{
		"selected": 10, "evaluated": 5, "passed": 5, "failed": 0, "fixed": 0, "error": 0, "unknown": 0,
		"notchecked": 0, "notapplicable": 5, "notselected": 0, "informational": 0,
	},
	changes,
)

found(changes) := object.union(
	{
		"rule": "SV-1r1_rule", "term": "V-1", "vuln_id": "V-1", "srg": ["SRG-OS-000480-GPOS-00227"],
		"version": "DEB-12-1", "title": "No telnet", "cci": ["CCI-000366"], "nist": ["CM-6 b"], "severity": "medium",
		"category": "2", "result": "pass", "said": "", "override": "", "comment": "",
	},
	changes,
)

report(changes) := object.union(
	{
		"evidence": "sha256:stig", "place": 0, "format": "xccdf", "scanner": "openscap", "scanner_version": "1.4.2",
		"benchmark": "DEBIAN-12", "benchmark_version": "0.1.76", "profile": "standard", "target": "vm",
		"platforms": [debian], "finished": "2026-03-01T00:00:00Z", "counts": counts({}), "results": [found({})],
	},
	changes,
)

scanned(reports) := t.changed(t.base, {
	"/evidence": array.concat(t.base.evidence, [item]),
	"/stig": {"collected": true, "scanner_results": reports},
})

under(reports, params) := t.with_params(scanned(reports), object.union(asked, params))

results(list) := under([report({"results": list})], {})

# A report that the gate made by a scan, with one note on how the image was unpacked.
unpacked(code, origin) := t.changed(under([report({})], {}), {
	sprintf("/evidence/%d/origin", [count(t.base.evidence)]): origin,
	sprintf("/evidence/%d/diagnostics", [count(t.base.evidence)]): [{"code": code, "message": "m", "count": 3, "where": ""}],
})

rejected(doc) := t.changed(doc, {sprintf("/evidence/%d/binding", [count(t.base.evidence)]): "none"})

empty := report({
	"scanner": "", "scanner_version": "", "benchmark": "", "profile": "", "target": "", "platforms": [], "results": [],
	"counts": counts({"selected": 0, "evaluated": 0, "passed": 0, "notapplicable": 0}),
})

vacuous := report({"counts": counts({"selected": 215, "evaluated": 0, "passed": 0, "notapplicable": 215}), "results": []})

cases := {
	"required": {
		"allows": under([report({})], {}),
		"fires": rejected(under([report({})], {})),
		"empty_field": {"input": t.with_params(t.nothing, asked), "fires": false},
		"nothing_fires": false,
	},
	"open_findings": {
		"allows": results([found({"result": "fail", "category": "3"})]),
		"fires": results([found({"result": "fail"})]),
		"empty_field": {"input": results([found({"result": "fail", "title": "", "rule": "", "term": ""})]), "fires": true},
		"nothing_fires": false,
	},
	"unpacked": {
		"allows": unpacked("left_out", "computed"),
		"fires": unpacked("owner_not_kept", "computed"),
		"empty_field": {"input": unpacked("", ""), "fires": false},
		"nothing_fires": false,
	},
	"nothing_evaluated": {
		"allows": under([report({})], {}),
		"fires": under([vacuous], {}),
		"empty_field": {"input": under([empty], {}), "fires": true},
		"nothing_fires": false,
	},
	"coverage_below": {
		"allows": under([report({})], {"stig_min_coverage": 0.5}),
		"fires": under([report({})], {"stig_min_coverage": 0.51}),
		"empty_field": {"input": under([report({})], {"stig_min_coverage": null}), "fires": false},
		"nothing_fires": false,
	},
	"scanner_too_old": {
		"allows": under([report({})], {"stig_min_openscap": "1.4"}),
		"fires": under([report({"scanner_version": "1.3.7"})], {"stig_min_openscap": "1.4"}),
		"empty_field": {"input": under([report({"scanner": "", "scanner_version": ""})], {}), "fires": true},
		"nothing_fires": false,
	},
	"unknown_results": {
		"allows": results([found({"result": "error", "category": "3"})]),
		"fires": results([found({"result": "error"})]),
		"empty_field": {"input": under([report({"benchmark": "", "results": [found({"result": "unknown"})]})], {}), "fires": true},
		"nothing_fires": false,
	},
	"benchmark": {
		"allows": under([report({})], {"stig_benchmarks": ["DEBIAN-*"]}),
		"fires": under([report({})], {"stig_benchmarks": ["UBUNTU_22-04"]}),
		"empty_field": {"input": under([report({"benchmark": ""})], {"stig_benchmarks": ["DEBIAN-12"]}), "fires": true},
		"nothing_fires": false,
	},
	"by_hand": {
		"allows": under([report({})], {}),
		"fires": results([found({"override": "fail made pass by me: fine"})]),
		"empty_field": {"input": results([found({"comment": ""})]), "fires": false},
		"nothing_fires": false,
	},
}

test_allows[short] if {
	some short, case in cases
	ids := t.ids(data.rules.stig) with input as case.allows
	not sprintf("stig.%s", [short]) in ids
}

test_fires[short] if {
	some short, case in cases
	ids := t.ids(data.rules.stig) with input as case.fires
	sprintf("stig.%s", [short]) in ids
}

test_empty_field[short] if {
	some short, case in cases
	ids := t.ids(data.rules.stig) with input as case.empty_field.input
	fired := sprintf("stig.%s", [short]) in ids
	fired == case.empty_field.fires
}

test_empty_input[short] if {
	some short, case in cases
	ids := t.ids(data.rules.stig) with input as t.nothing
	fired := sprintf("stig.%s", [short]) in ids
	fired == case.nothing_fires
}

test_nothing_is_said_unless_asked if {
	doc := t.changed(scanned([vacuous, report({"place": 1, "results": [found({"result": "fail"}), found({"override": "x"})]})]), {})
	t.ids(data.rules.stig) == set() with input as doc
}

test_a_good_report_has_no_result if {
	t.ids(data.rules.stig) == set() with input as under([report({})], {})
}

test_whole_result if {
	stig.deny == {{
		"rule": "stig.open_findings",
		"term": "V-1",
		"msg": "V-1 is open (CAT 2): No telnet",
		"evidence": {"sha256:stig"},
		"expected": "pass",
		"got": "fail",
		"fix": "Change the image as the STIG's fix text says and scan again, or waive the rule by this term with its compensating control.",
		"data": {"results": {{
			"evidence": "sha256:stig",
			"benchmark": "DEBIAN-12",
			"term": "V-1",
			"rule": "SV-1r1_rule",
			"version": "DEB-12-1",
			"title": "No telnet",
			"category": "2",
			"srg": ["SRG-OS-000480-GPOS-00227"],
			"cci": ["CCI-000366"],
			"nist": ["CM-6 b"],
			"result": "fail",
			"override": "",
			"comment": "",
		}}},
	}} with input as results([found({"result": "fail"})])
}

test_categories[note] if {
	some note, case in {
		"one_of_one": ["1", "1", 1],
		"two_of_one": ["1", "2", 0],
		"one_of_three": ["3", "1", 1],
		"three_of_three": ["3", "3", 1],
	}
	doc := t.with_params(results([found({"result": "fail", "category": case[1]})]), {"fail_on_stig": case[0]})
	count(stig.deny) == case[2] with input as doc
}

# The scanner repaired what it looked at, and the image is as it was.
test_fixed_is_open if {
	{r.got | some r in stig.deny} == {"fixed"} with input as results([found({"result": "fixed"})])
}

test_one_result_a_term if {
	other := report({"place": 1, "results": [found({"result": "fail", "rule": "b", "category": "1"})]})
	doc := under([report({"results": [found({"result": "fail"})]}), other], {})
	{[r.term, r.msg] | some r in stig.deny} == {["V-1", "V-1 is open (CAT 1): No telnet"]} with input as doc
}

test_reports_that_are_not_accepted_say_nothing if {
	doc := rejected(results([found({"result": "fail"})]))
	{r.rule | some r in stig.deny} == {"stig.required"} with input as doc
}

test_results_are_required_only_where_asked_for_or_nothing_else_is_known if {
	seen := t.changed(rejected(under([report({})], {})), {"/hardening/collected": true})
	stig.deny == set() with input as seen
	{r.rule | some r in stig.deny} == {"stig.required"} with input as t.with_params(seen, {"stig_require_results": true})
	unasked := {"stig_require_results": true, "fail_on_stig": null}
	{r.rule | some r in stig.deny} == {"stig.required"} with input as t.with_params(seen, unasked)
}

test_an_unreadable_report_is_for_others_to_say if {
	doc := t.with_error(rejected(under([], {})), "stig", "a.xml")
	stig.deny == set() with input as doc
}

test_an_index_is_judged_by_its_platforms if {
	stig.deny == set() with input as t.changed(rejected(under([report({})], {})), {"/subject/kind": "index"})
}

test_versions[note] if {
	some note, case in {
		"ten_after_four": ["1.10.0", "1.4", 0],
		"same": ["1.4", "1.4", 0],
		"shorter": ["1", "1.4", 1],
		"major": ["2.0", "1.4", 0],
		"suffix": ["1.4.0-rc1", "1.4", 0],
		"word": ["newest", "1.4", 1],
		"no_floor": ["1.0", null, 0],
	}
	doc := under([report({"scanner_version": case[0]})], {"stig_min_openscap": case[1]})
	count(stig.no_verdict) == case[2] with input as doc
}

test_the_floor_is_for_dpkg[note] if {
	rhel := "cpe:/o:redhat:enterprise_linux:9"
	some note, case in {
		"rpm": [[rhel, "#machine"], 0],
		"mixed": [[rhel, debian], 1],
		"unknown": [["#machine"], 1],
		"none": [[], 1],
	}
	doc := t.changed(
		under([report({"scanner_version": "1.3.7", "platforms": case[0]})], {"stig_min_openscap": "1.4"}),
		{"/sbom/components": []},
	)
	count(stig.no_verdict) == case[1] with input as doc
}

test_dpkg_packages_in_the_sbom_count_more_than_what_the_content_took_it_for if {
	old := report({"scanner_version": "1.3.7", "platforms": ["cpe:/o:redhat:enterprise_linux:9"]})
	count(stig.no_verdict) == 1 with input as under([old], {"stig_min_openscap": "1.4"})
}

test_other_scanners_have_no_floor[note] if {
	some note, changes in {
		"scc": {"scanner": "scc", "scanner_version": "5.4.2"},
		"checklist": {"scanner": "", "scanner_version": "", "format": "ckl", "results": []},
	}
	stig.no_verdict == set() with input as under([report(changes)], {"stig_min_openscap": "1.4"})
}

open_question := report({"results": [found({"result": "notchecked"}), found({"result": "pass", "rule": "b"})]})

test_a_rule_of_the_same_id_is_no_answer if {
	count(stig.no_verdict) == 1 with input as under([open_question], {})
}

test_another_report_answers[note] if {
	some note, case in {
		"pass": [[found({})], 0],
		"notapplicable": [[found({"result": "notapplicable"})], 0],
		"half": [[found({}), found({"rule": "b", "result": "error"})], 2],
		"other": [[found({"term": "V-2", "vuln_id": "V-2"})], 1],
		"by the requirement that rules share": [[found({"term": "c", "rule": "c"})], 0],
		"without a number": [[found({"term": "V-1", "vuln_id": ""})], 0],
		"informational": [[found({"result": "informational"})], 1],
	}
	answer := report({"place": 1, "format": "ckl", "scanner": "stig viewer", "results": case[0]})
	count(stig.no_verdict) == case[1] with input as under([open_question, answer], {})
}

test_a_benchmark_that_does_not_fit_answers_nothing_and_still_denies if {
	other := report({"place": 1, "benchmark": "UBUNTU", "counts": vacuous.counts, "results": [found({"result": "fail"})]})
	doc := under([report({"results": [found({"result": "error"})]}), other], {"stig_benchmarks": ["DEBIAN-12"]})
	{r.rule | some r in stig.deny} == {"stig.open_findings"} with input as doc
	{r.rule | some r in stig.no_verdict} == {"stig.unknown_results"} with input as doc
}

test_dockle_alone_is_no_stig if {
	only := report({"format": "dockle", "scanner": "dockle", "benchmark": "dockle"})
	{r.rule | some r in stig.no_verdict} == {"stig.benchmark"} with input as under([only], {})
	stig.no_verdict == set() with input as under([only, report({"place": 1})], {})
	stig.no_verdict == set() with input as under([only], {"stig_benchmarks": ["dockle"]})
}

test_the_gates_own_report_proves_nothing_and_still_denies if {
	every mark in [
		{"scanner": "gate"}, {"benchmark": "gate"}, {"benchmark": "gate.DEBIAN-12_5555.0"},
		{"benchmark": "xccdf_io.policy-gate_benchmark_gate"},
	] {
		own := report(mark)
		{r.rule | some r in stig.no_verdict} == {"stig.benchmark"} with input as under([own], {})
		{r.rule | some r in stig.no_verdict} == {"stig.benchmark"} with input as under([own], {"stig_benchmarks": [own.benchmark]})
		open := report(object.union(mark, {"results": [found({"result": "fail"})]}))
		{r.rule | some r in stig.deny} == {"stig.open_findings"} with input as under([open], {})
	}
}

test_notes_on_unpacking_count_only_for_scans_of_the_gate if {
	every code in ["owner_not_kept", "mode_not_kept", "capability_not_kept", "sparse", "container_marker_shipped"] {
		msg := "DEBIAN-12 was made on files that differ from the image's: m (3 times)"
		{r.msg | some r in stig.warn} == {msg} with input as unpacked(code, "computed")
		stig.warn == set() with input as unpacked(code, "file")
	}
}

test_what_people_entered_is_shown if {
	doc := under([report({"format": "ckl", "scanner": "stig viewer", "results": [found({"comment": "we looked"})]})], {})
	{[r.msg, r.data.given.first[0].comment] | some r in stig.warn} == {[
		"DEBIAN-12 has 0 results changed by hand and 1 given by hand",
		"we looked",
	]} with input as doc
}

test_names_and_percentages if {
	doc := under([report({"benchmark": "", "counts": counts({"selected": 215, "evaluated": 12})})], {"stig_min_coverage": 0.1})
	{r.msg | some r in stig.no_verdict} == {"the xccdf report sha256:stig evaluated 12 of 215 rules (5.6 %), at least 10 % are asked for"} with input as doc
	old := under([report({"scanner_version": ""})], {})
	{r.msg | some r in stig.no_verdict} == {"DEBIAN-12 is by OpenSCAP (version not told); results count from 1.4 on"} with input as old
}
