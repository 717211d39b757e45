package rules.trust_test

import data.lib.testing_test as t
import data.rules.trust

day := 86400

rooted(fields, params) := t.with_params(t.replaced("/trust/roots", [t.root(fields)]), params)

cases := {
	"root_age": {
		"allows": rooted({"age_s": 30 * day}, {"max_trust_root_age_days": 30}),
		"fires": rooted({"age_s": (30 * day) + 1}, {"max_trust_root_age_days": 30}),
		"empty_field": {"input": rooted({"as_of": null, "age_s": null}, {"max_trust_root_age_days": 30}), "fires": true},
		"nothing_fires": false,
	},
	"root_expiring": {
		"allows": rooted({"next_expiry": "2026-12-01T00:00:00Z", "next_expiry_s": 30 * day}, {}),
		"fires": rooted({"next_expiry": "2026-03-02T00:00:00Z", "next_expiry_s": (30 * day) - 1, "expiring": "transparency logs"}, {}),
		"empty_field": {"input": rooted({"next_expiry": "", "next_expiry_s": -1, "entries": []}, {}), "fires": true},
		"nothing_fires": false,
	},
}

test_allows[short] if {
	some short, case in cases
	ids := t.ids(data.rules.trust) with input as case.allows
	not sprintf("trust.%s", [short]) in ids
}

test_fires[short] if {
	some short, case in cases
	ids := t.ids(data.rules.trust) with input as case.fires
	sprintf("trust.%s", [short]) in ids
}

test_empty_field[short] if {
	some short, case in cases
	ids := t.ids(data.rules.trust) with input as case.empty_field.input
	fired := sprintf("trust.%s", [short]) in ids
	fired == case.empty_field.fires
}

test_empty_input[short] if {
	some short, case in cases
	ids := t.ids(data.rules.trust) with input as t.nothing
	fired := sprintf("trust.%s", [short]) in ids
	fired == case.nothing_fires
}

test_whole_result if {
	trust.deny == {{
		"rule": "trust.root_age",
		"term": t.base.subject.digest,
		"msg": sprintf("The trusted root %v (used by ci) is of 2026-02-01; at most 7 days old is allowed", [t.base.subject.digest]),
		"evidence": [],
		"expected": 7,
		"got": 2419200,
		"fix": "Import it again (`gate trust import DIR --as-of DAY`), and pin the new digest and day in the policy file.",
		"data": t.root({}),
	}} with input as rooted({}, {"max_trust_root_age_days": 7})
}

test_a_day_to_come_is_not_recent if {
	count(trust.deny) == 1 with input as rooted({"age_s": (0 - day) - 1}, {"max_trust_root_age_days": 30})
	trust.deny == set() with input as rooted({"age_s": 0 - day}, {"max_trust_root_age_days": 30})
}

test_an_unknown_day_is_said if {
	some r in trust.deny with input as rooted({"as_of": null, "age_s": null}, {"max_trust_root_age_days": 30})
	contains(r.msg, "is of an unknown day")
}

test_null_is_no_limit if {
	t.ids(data.rules.trust) == set() with input as rooted({"as_of": null, "age_s": null}, {"max_trust_root_age_days": null})
}

# One recent root does not make up for another.
test_every_root_counts if {
	doc := t.with_params(
		t.replaced("/trust/roots", [t.root({"age_s": day}), t.root({"digest": "sha256:old", "age_s": 90 * day})]),
		{"max_trust_root_age_days": 30},
	)
	{r.term | some r in trust.deny} == {"sha256:old"} with input as doc
}
