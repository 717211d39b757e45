package rules.vex_test

import data.lib.testing_test as t
import data.rules.vex

problem(kind) := {"statement": "s1", "finding": "CVE-1|x", "kind": kind, "detail": "two answers", "evidence": "sha256:vex"}

# By a document that somebody answers for: any signed item of the base image will do.
given(kind) := object.union(problem(kind), {"evidence": t.base.evidence[0].id})

asking(name, path, problems) := t.with_params(t.replaced(path, problems), {name: true})

blank(kind) := {"statement": "", "finding": "", "kind": kind, "detail": "", "evidence": ""}

cases := {
	"conflicting": {
		"allows": asking("vex_deny_conflict", "/vex/conflicts", [problem("conflict")]),
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
	"claimed_author": {
		"allows": t.base,
		"fires": t.replaced("/vex/claimed", [problem("claimed")]),
		"empty_field": {"input": t.replaced("/vex/claimed", [blank("claimed")]), "fires": true},
		"nothing_fires": false,
	},
	"unlisted": {
		"allows": t.base,
		"fires": t.replaced("/vex/unlisted", 1),
		"empty_field": {"input": t.replaced("/vex/unlisted", -1), "fires": false},
		"nothing_fires": false,
	},
	"conflict": {
		"allows": t.replaced("/vex/conflicts", [problem("conflict")]),
		"fires": asking("vex_deny_conflict", "/vex/conflicts", [problem("conflict")]),
		"empty_field": {"input": asking("vex_deny_conflict", "/vex/conflicts", [blank("conflict")]), "fires": true},
		"nothing_fires": false,
	},
	"unmatched_statement": {
		"allows": t.replaced("/vex/unmatched", [given("unmatched")]),
		"fires": asking("vex_deny_unmatched", "/vex/unmatched", [given("unmatched")]),
		"empty_field": {"input": asking("vex_deny_unmatched", "/vex/unmatched", [blank("unmatched")]), "fires": false},
		"nothing_fires": false,
	},
	"untrusted_author": {
		"allows": asking("vex_deny_untrusted", "/vex/rejected", [given("future"), problem("untrusted")]),
		"fires": asking("vex_deny_untrusted", "/vex/rejected", [given("untrusted")]),
		"empty_field": {"input": asking("vex_deny_untrusted", "/vex/rejected", [blank("untrusted")]), "fires": false},
		"nothing_fires": false,
	},
	"review_overdue": {
		"allows": t.with_params(t.replaced("/vex/overdue", [problem("expired")]), {"vex_deny_overdue": false}),
		"fires": asking("vex_deny_overdue", "/vex/overdue", [problem("expired")]),
		"empty_field": {"input": asking("vex_deny_overdue", "/vex/overdue", [blank("expired")]), "fires": true},
		"nothing_fires": false,
	},
	"review_due": {
		"allows": asking("vex_deny_overdue", "/vex/overdue", [problem("expired")]),
		"fires": t.with_params(t.replaced("/vex/overdue", [problem("expired")]), {"vex_deny_overdue": false}),
		"empty_field": {
			"input": t.with_params(t.replaced("/vex/overdue", [blank("expired")]), {"vex_deny_overdue": false}),
			"fires": true,
		},
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

# Whoever names a document answers for it, signed or not; what only hangs on the image blocks nothing.
test_who_answers_for_a_document[note] if {
	some note, case in {
		"a file": {"origin": "file", "state": "unverified", "fires": true},
		"made here": {"origin": "computed", "state": "unverified", "fires": true},
		"signed": {"origin": "attestation", "state": "verified", "fires": true},
		"attached unsigned": {"origin": "attestation", "state": "unverified", "fires": false},
		"attached, badly signed": {"origin": "referrer", "state": "failed", "fires": false},
	}
	doc := json.patch(asking("vex_deny_untrusted", "/vex/rejected", [given("untrusted")]), [
		{"op": "replace", "path": "/evidence/0/origin", "value": case.origin},
		{"op": "replace", "path": "/evidence/0/verification/state", "value": case.state},
	])
	ids := t.ids(data.rules.vex) with input as doc
	fired := "vex.untrusted_author" in ids
	fired == case.fires
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
