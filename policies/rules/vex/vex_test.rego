package rules.vex_test

import data.lib.testing_test as t
import data.rules.vex

problem(kind) := {"statement": "s1", "finding": "CVE-1|x", "kind": kind, "detail": "two answers", "evidence": "sha256:vex"}

blank(kind) := {"statement": "", "finding": "", "kind": kind, "detail": "", "evidence": ""}

cases := {
	"conflict": {
		"allows": t.base,
		"fires": t.replaced("/vex/conflicts", [problem("conflict")]),
		"empty_field": {"input": t.replaced("/vex/conflicts", [blank("conflict")]), "fires": true},
		"nothing_fires": false,
	},
	"unmatched": {
		"allows": t.base,
		"fires": t.replaced("/vex/unmatched", [problem("unmatched")]),
		"empty_field": {"input": t.replaced("/vex/unmatched", [blank("unmatched")]), "fires": true},
		"nothing_fires": false,
	},
	"rejected": {
		"allows": t.base,
		"fires": t.replaced("/vex/rejected", [problem("untrusted")]),
		"empty_field": {"input": t.replaced("/vex/rejected", [blank("untrusted")]), "fires": true},
		"nothing_fires": false,
	},
	"unreadable": {
		"allows": t.with_error(t.base, "sbom", "sbom.json"),
		"fires": t.with_error(t.base, "vex", "vex.json"),
		"empty_field": {"input": t.with_error(t.base, "vex", ""), "fires": true},
		"nothing_fires": false,
	},
}

test_allows[short] if {
	some short, case in cases
	ids := t.ids(data.rules.vex) with input as case.allows
	not sprintf("vex.%s", [short]) in ids
}

test_fires[short] if {
	some short, case in cases
	ids := t.ids(data.rules.vex) with input as case.fires
	sprintf("vex.%s", [short]) in ids
}

test_empty_field[short] if {
	some short, case in cases
	ids := t.ids(data.rules.vex) with input as case.empty_field.input
	fired := sprintf("vex.%s", [short]) in ids
	fired == case.empty_field.fires
}

test_empty_input[short] if {
	some short, case in cases
	ids := t.ids(data.rules.vex) with input as t.nothing
	fired := sprintf("vex.%s", [short]) in ids
	fired == case.nothing_fires
}

test_whole_result if {
	vex.warn == {{
		"rule": "vex.unmatched",
		"term": "",
		"msg": "2 VEX statements match no finding of this image",
		"evidence": {"sha256:vex"},
		"expected": null,
		"got": 2,
		"fix": "Compare product and vulnerability of the statements in `data` with the findings.",
		"data": {"statements": {"total": 2, "first": [problem("unmatched"), problem("unmatched")]}},
	}} with input as t.replaced("/vex/unmatched", [problem("unmatched"), problem("unmatched")])
}
