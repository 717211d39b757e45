package rules.sbom_test

import data.lib.testing_test as t
import data.rules.sbom

complete(changes) := t.changed(t.base, {sprintf("/sbom/documents/0/completeness%s", [path]): value | some path, value in changes})

elements(changes) := t.changed(t.base, {sprintf("/sbom/documents/0/minimum_elements%s", [path]): value | some path, value in changes})

without := t.replaced("/sbom/documents", [])

cases := {
	"required": {
		"allows": t.base,
		"fires": t.with_evidence("sbom", {"/verification/state": "failed"}),
		"empty_field": {"input": without, "fires": true},
		"nothing_fires": true,
	},
	"unreadable": {
		"allows": t.with_error(t.base, "sbom", "referrer"),
		"fires": t.with_error(without, "sbom", "sbom.json"),
		"empty_field": {"input": t.with_error(without, "unknown", ""), "fires": true},
		"nothing_fires": false,
	},
	"empty": {
		"allows": t.base,
		"fires": complete({"/components": 0}),
		"empty_field": {"input": t.changed(complete({"/components": 0}), {"/sbom/documents/0/name": ""}), "fires": true},
		"nothing_fires": false,
	},
	"root_mismatch": {
		"allows": t.base,
		"fires": complete({"/root_matches_subject": false}),
		"empty_field": {"input": complete({"/root_matches_subject": null}), "fires": false},
		"nothing_fires": false,
	},
	"unidentified": {
		"allows": t.with_params(complete({"/without_version": 1}), {"sbom_require_identified": false}),
		"fires": complete({"/without_version": 1}),
		"empty_field": {"input": complete({"/invalid_purl": 1, "/unidentified": []}), "fires": true},
		"nothing_fires": false,
	},
	"scanned_package_missing": {
		"allows": t.with_params(
			complete({"/missing_from_sbom": ["pkg:deb/debian/bash@5"]}),
			{"sbom_require_scanned_packages": false},
		),
		"fires": complete({"/missing_from_sbom": ["pkg:deb/debian/bash@5"]}),
		"empty_field": {"input": complete({"/missing_from_sbom": [""]}), "fires": true},
		"nothing_fires": false,
	},
	"incomplete": {
		"allows": t.base,
		"fires": complete({"/unreachable_from_root": 2}),
		"empty_field": {"input": complete({"/aggregate": ""}), "fires": true},
		"nothing_fires": false,
	},
	"missing_elements": {
		"allows": t.with_params(t.base, {"sbom_minimum_elements": "cisa-2026"}),
		"fires": t.with_params(elements({"/missing/ntia-2021": ["supplier"]}), {"sbom_minimum_elements": "ntia-2021"}),
		"empty_field": {
			"input": t.with_params(elements({"/missing": {}}), {"sbom_minimum_elements": "bsi-tr-03183-2"}),
			"fires": true,
		},
		"nothing_fires": false,
	},
	"minimum_elements": {
		"allows": t.base,
		"fires": complete({"/without_supplier": 1}),
		"empty_field": {"input": elements({"/author": "", "/timestamp": "", "/tool": ""}), "fires": true},
		"nothing_fires": false,
	},
}

test_allows[short] if {
	some short, case in cases
	ids := t.ids(data.rules.sbom) with input as case.allows
	not sprintf("sbom.%s", [short]) in ids
}

test_fires[short] if {
	some short, case in cases
	ids := t.ids(data.rules.sbom) with input as case.fires
	sprintf("sbom.%s", [short]) in ids
}

test_empty_field[short] if {
	some short, case in cases
	ids := t.ids(data.rules.sbom) with input as case.empty_field.input
	fired := sprintf("sbom.%s", [short]) in ids
	fired == case.empty_field.fires
}

test_empty_input[short] if {
	some short, case in cases
	ids := t.ids(data.rules.sbom) with input as t.nothing
	fired := sprintf("sbom.%s", [short]) in ids
	fired == case.nothing_fires
}

test_the_good_image_has_no_result if {
	t.ids(data.rules.sbom) == set() with input as t.base
}

test_whole_result_of_missing_packages if {
	sbom.deny == {{
		"rule": "sbom.scanned_package_missing",
		"term": "pkg:deb/debian/bash@5",
		"msg": "pkg:deb/debian/bash@5 was seen by a scanner and is in no SBOM",
		"evidence": [t.base.sbom.documents[0].evidence],
		"expected": "listed",
		"got": "missing",
		"fix": "Generate the SBOM from the finished image, after the last layer, with the same cataloguers as the scanner.",
		"data": {"packages": ["pkg:deb/debian/bash@5"]},
	}} with input as complete({"/missing_from_sbom": ["pkg:deb/debian/bash@5"]})
}

test_many_missing_packages_are_one_result if {
	some r in sbom.deny with input as complete({"/missing_from_sbom": [sprintf("pkg:deb/debian/p%d@1", [i]) |
		some i in numbers.range(1, 51)
	]})
	r.term == ""
	r.data.packages.total == 51
	r.msg == "A part of the image (51 packages) was seen by a scanner and is in no SBOM"
}

test_fifty_missing_packages_are_fifty_results if {
	count(sbom.deny) == 50 with input as complete({"/missing_from_sbom": [sprintf("pkg:deb/debian/p%d@1", [i]) |
		some i in numbers.range(1, 50)
	]})
}

test_an_sbom_of_files_alone_is_empty if {
	some r in sbom.deny with input as complete({"/files_only": true})
	r.rule == "sbom.empty"
}

test_each_lack_of_identity_denies[field] if {
	some field in ["/without_name", "/without_version", "/without_purl", "/invalid_purl"]
	some r in sbom.deny with input as complete({field: 1})
	r.rule == "sbom.unidentified"
}

test_the_evidence_id_stands_in_for_a_missing_name if {
	some r in sbom.deny with input as t.changed(complete({"/components": 0}), {"/sbom/documents/0/name": ""})
	startswith(r.msg, "The SBOM sha256:")
}

# Nobody vouches for it, so it neither satisfies nor is judged.
test_a_rejected_sbom_is_not_judged if {
	doc := t.changed(
		t.with_evidence("sbom", {"/binding": "asserted"}),
		{"/sbom/documents/0/completeness/components": 0},
	)
	{r.rule | some r in sbom.deny} == {"sbom.required"} with input as doc
	{r.rule | some r in sbom.deny} == set() with input as t.with_params(doc, {"require_sbom": false})
}

test_absence_is_not_established_by_an_error if {
	sbom.deny == set() with input as t.with_error(without, "sbom", "registry")
}

test_every_gap_is_named if {
	some r in sbom.warn with input as complete({
		"/unreachable_from_root": 1,
		"/dangling_refs": 1,
		"/duplicate_refs": 1,
		"/root_present": false,
		"/aggregate": "unknown",
	})
	count(r.got) == 5
}

test_nothing_is_asked_of_an_sbom_that_is_not_required[note] if {
	some note, doc in {
		"empty": complete({"/components": 0}),
		"root": complete({"/root_matches_subject": false}),
		"missing": without,
	}
	sbom.deny == set() with input as t.with_params(doc, {"require_sbom": false})
}

test_an_index_is_judged_by_its_platforms if {
	sbom.deny == set() with input as t.changed(without, {"/subject/kind": "index"})
}

test_missing_elements_only_warn_unless_asked if {
	sbom.deny == set() with input as elements({"/missing/ntia-2021": ["supplier"]})
}

test_a_standard_that_was_not_assessed_is_missing if {
	some r in sbom.deny with input as t.with_params(elements({"/missing": {}}), {"sbom_minimum_elements": "ntia-2021"})
	r.got == {"not assessed"}
}

# The signature of the author is outside the document: an SBOM that nobody signed lacks it, whatever it says of itself.
test_cisa_asks_for_a_verified_signature if {
	doc := t.with_params(t.with_evidence("sbom", {"/verification/state": "unverified", "/origin": "file"}), {
		"sbom_minimum_elements": "cisa-2026",
		"accept": {"*": {"verified": false, "bindings": ["signed", "embedded"]}},
	})
	{r.got | some r in sbom.deny} == {{"author_signature"}} with input as doc
	sbom.deny == set() with input as t.with_params(doc, {"sbom_minimum_elements": "ntia-2021"})
}
