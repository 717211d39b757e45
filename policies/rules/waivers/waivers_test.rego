package rules.waivers_test

import data.lib.testing_test as t
import data.rules.waivers

waiver(state, expires_in_s) := {
	"id": "W-1",
	"rule": "vulnerabilities.max_high",
	"term": "",
	"scope": {"images": [], "digests": [], "packages": []},
	"reason": "accepted",
	"owner": "ann",
	"ticket": "SEC-1",
	"created": "2026-01-01T00:00:00Z",
	"expires": "2026-04-01T00:00:00Z",
	"approved_by": "",
	"source": "waivers.yaml",
	"state": state,
	"problem": "no ticket",
	"expires_in_s": expires_in_s,
	"draft": false,
	"baseline": false,
}

blank := t.changed(waiver("", null), {"/id": "", "/owner": "", "/problem": "", "/expires": ""})

with_waivers(list) := t.replaced("/decision/waivers", list)

far := with_waivers([waiver("active", 1209601)])

cases := {
	"invalid": {
		"allows": far,
		"fires": with_waivers([waiver("invalid", null)]),
		"empty_field": {"input": with_waivers([t.changed(blank, {"/state": "invalid"})]), "fires": true},
		"nothing_fires": false,
	},
	"draft": {
		"allows": far,
		"fires": with_waivers([waiver("draft", null)]),
		"empty_field": {"input": with_waivers([t.changed(blank, {"/state": "draft"})]), "fires": true},
		"nothing_fires": false,
	},
	"expired": {
		"allows": far,
		"fires": with_waivers([waiver("expired", -1)]),
		"empty_field": {"input": with_waivers([t.changed(blank, {"/state": "expired"})]), "fires": true},
		"nothing_fires": false,
	},
	"expiring": {
		"allows": far,
		"fires": with_waivers([waiver("active", 1209600)]),
		"empty_field": {"input": with_waivers([waiver("active", null)]), "fires": true},
		"nothing_fires": false,
	},
}

test_allows[short] if {
	some short, case in cases
	ids := t.ids(data.rules.waivers) with input as case.allows
	not sprintf("waivers.%s", [short]) in ids
}

test_fires[short] if {
	some short, case in cases
	ids := t.ids(data.rules.waivers) with input as case.fires
	sprintf("waivers.%s", [short]) in ids
}

test_empty_field[short] if {
	some short, case in cases
	ids := t.ids(data.rules.waivers) with input as case.empty_field.input
	fired := sprintf("waivers.%s", [short]) in ids
	fired == case.empty_field.fires
}

test_empty_input[short] if {
	some short, case in cases
	ids := t.ids(data.rules.waivers) with input as t.nothing
	fired := sprintf("waivers.%s", [short]) in ids
	fired == case.nothing_fires
}

test_whole_result if {
	waivers.warn == {{
		"rule": "waivers.invalid",
		"term": "W-1",
		"msg": "Waiver W-1 is invalid and not applied: no ticket",
		"evidence": [],
		"expected": null,
		"got": "invalid",
		"fix": "Mend the waiver; every one needs id, rule, reason, owner, ticket and an end within the maximum lifetime.",
		"data": {
			"rule": "vulnerabilities.max_high",
			"term": "",
			"owner": "ann",
			"ticket": "SEC-1",
			"expires": "2026-04-01T00:00:00Z",
		},
	}} with input as with_waivers([waiver("invalid", null)])
}

test_pending_waivers_are_quiet if {
	waivers.warn == set() with input as with_waivers([waiver("pending", 100)])
}
