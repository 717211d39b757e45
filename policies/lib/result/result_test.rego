package lib.result_test

import data.lib.result

chain := [
	{
		"path": ["rules", "acme", "deny"],
		"annotations": {
			"title": "No latest tag",
			"custom": {"short_name": "no_latest_tag", "failure_msg": "%v is %v", "solution": "Name a version."},
		},
	},
	{"path": ["rules", "acme"]},
]

test_all_fields_are_there if {
	result.make(chain, ["app", "latest"], {}) == {
		"rule": "acme.no_latest_tag",
		"term": "",
		"msg": "app is latest",
		"evidence": [],
		"expected": null,
		"got": null,
		"fix": "Name a version.",
		"data": {},
	}
}

test_given_fields_win if {
	made := result.make(chain, ["app", "latest"], {"term": "x", "fix": "Ask ann.", "data": {"a": 1}})
	[made.term, made.fix, made.data] == ["x", "Ask ann.", {"a": 1}]
}

# Undefined would drop the result, and with it the deny.
test_a_rule_without_metadata_still_has_a_result if {
	made := result.make([{"path": ["rules", "acme", "deny"]}], [], {})
	[made.rule, made.msg] == ["acme.", "rule without METADATA"]
}

test_missing_and_null_arguments_still_have_a_message if {
	startswith(result.make(chain, [], {}).msg, "%!v")
	result.make(chain, [null, {"a": 1}], {}).msg == "null is {\"a\": 1}"
}

test_domains_may_be_nested if {
	result.id([{"path": ["rules", "acme", "images", "deny"], "annotations": {"custom": {"short_name": "x"}}}]) == "acme.images.x"
}

test_many_keeps_the_first_thousand if {
	kept := result.many(numbers.range(1, 1200))
	kept.total == 1200
	count(kept.first) == 1000
	kept.first[0] == 1
}
