package rules.parameters_test

import data.lib.testing_test as t
import data.rules.parameters

cases := {
	"invalid": {
		"allows": t.base,
		"fires": t.under({"max_high": "4"}),
		"empty_field": {"input": t.under({"accept": {}}), "fires": true},
		"nothing_fires": false,
	},
	"unknown": {
		"allows": t.base,
		"fires": json.patch(t.base, [{"op": "add", "path": "/decision/params/max_hihg", "value": 0}]),
		"empty_field": {"input": json.patch(t.base, [{"op": "add", "path": "/decision/params/~0", "value": null}]), "fires": true},
		"nothing_fires": false,
	},
	"loose_prefix": {
		"allows": t.under({"allowed_sources": ["https://github.com/acme/*", "https://github.com/acme"]}),
		"fires": t.under({"allowed_sources": ["https://github.com/acme*"]}),
		"empty_field": {"input": t.under({"allowed_sources": [""]}), "fires": false},
		"nothing_fires": false,
	},
}

test_allows[short] if {
	some short, case in cases
	ids := t.ids(data.rules.parameters) with input as case.allows
	not sprintf("parameters.%s", [short]) in ids
}

test_fires[short] if {
	some short, case in cases
	ids := t.ids(data.rules.parameters) with input as case.fires
	sprintf("parameters.%s", [short]) in ids
}

test_empty_field[short] if {
	some short, case in cases
	ids := t.ids(data.rules.parameters) with input as case.empty_field.input
	fired := sprintf("parameters.%s", [short]) in ids
	fired == case.empty_field.fires
}

test_empty_input[short] if {
	some short, case in cases
	ids := t.ids(data.rules.parameters) with input as t.nothing
	fired := sprintf("parameters.%s", [short]) in ids
	fired == case.nothing_fires
}

test_the_shipped_profiles_have_no_result[name] if {
	some name, doc in {"prod": t.base, "dev": t.changed(t.base, {"/decision/params": t.dev})}
	t.ids(data.rules.parameters) == set() with input as doc
}

# Whatever else is missing, an input without parameters denies: nothing known is not nothing wrong.
test_no_parameters_at_all_deny_each_of_them[note] if {
	some note, doc in {
		"no_input": {},
		"no_decision": json.patch(t.base, [{"op": "remove", "path": "/decision"}]),
		"no_params": t.changed(t.base, {"/decision/params": {}}),
	}
	count(parameters.deny) == count(t.base.decision.params) with input as doc
}

test_whole_result if {
	parameters.deny == {{
		"rule": "parameters.invalid",
		"term": "max_high",
		"msg": "The parameter max_high is \"4\"; it has to be null or a whole number, zero or more",
		"evidence": [],
		"expected": "null or a whole number, zero or more",
		"got": "4",
		"fix": "Mend the profile or the policy file; `gate config check` says where the value comes from.",
		"data": {},
	}} with input as t.under({"max_high": "4"})
}

days(changes) := object.union(t.base.decision.params.remediation_days, changes)

test_values_that_are_refused[note] if {
	some note, params in {
		"negative": {"max_critical": -1},
		"fraction": {"max_critical": 0.5},
		"boolean_limit": {"max_critical": true},
		"text_flag": {"require_sbom": "yes"},
		"null_flag": {"require_sbom": null},
		"ratio_above_one": {"max_epss": 1.1},
		"ratio_below_zero": {"max_epss": -0.1},
		"ratio_text": {"max_epss": "0.5"},
		"severity": {"deny_fixable": "High"},
		"category": {"fail_on_stig": "4"},
		"category_number": {"fail_on_stig": 1},
		"deadlines_list": {"remediation_days": []},
		"deadlines_lacking": {"remediation_days": {"critical": 1}},
		"deadlines_negative": {"remediation_days": days({"kev": -1})},
		"deadlines_extra": {"remediation_days": days({"sever": 1})},
		"accept_without_star": {"accept": {"sbom": {"verified": true, "bindings": ["signed"]}}},
		"accept_list": {"accept": []},
		"accept_text": {"accept": {"*": {"verified": "yes", "bindings": ["signed"]}}},
		"accept_nothing": {"accept": {"*": {"verified": true, "bindings": []}}},
		"accept_none": {"accept": {"*": {"verified": true, "bindings": ["none"]}}},
		"accept_text_binding": {"accept": {"*": {"verified": true, "bindings": "signed"}}},
		"accept_null": {"accept": {"*": null}},
		"empty_builder": {"allowed_builders": [""]},
		"star_builder": {"allowed_builders": ["*"]},
		"number_builder": {"allowed_builders": [1]},
		"text_for_list": {"allowed_builders": "https://a"},
		"blank_variant": {"denied_base_variants": [" "]},
		"skew_of_days": {"clock_skew_seconds": 86401},
		"null_seconds": {"clock_skew_seconds": null},
		"null_number": {"waiver_max_days": null},
		"custom_list": {"custom": []},
		"crypto_profile": {"crypto_profile": "any"},
		"elements_word": {"sbom_minimum_elements": "none"},
		"version_word": {"stig_min_openscap": "newest"},
		"version_number": {"stig_min_openscap": 1.4},
		"baseline_name": {"stig_profile": "own"},
		"baseline_empty": {"stig_baseline": {}},
		"baseline_text": {"stig_baseline": object.union(t.base.decision.params.stig_baseline, {"allowed_setuid": "a"})},
		"baseline_all": {"stig_baseline": object.union(t.base.decision.params.stig_baseline, {"allowed_keys": ["*"]})},
		"baseline_coverage": {"stig_baseline": object.union(t.base.decision.params.stig_baseline, {"min_coverage": 2})},
	}
	ids := [r.term | some r in parameters.deny] with input as t.under(params)
	ids == [name | some name, _ in params]
}

test_values_that_are_taken[note] if {
	some note, params in {
		"null_limit": {"max_critical": null},
		"zero": {"max_critical": 0},
		"ratio": {"max_epss": 0.5},
		"severity": {"deny_fixable": "unknown"},
		"category": {"fail_on_stig": "2"},
		"baseline_name": {"stig_profile": "gpos"},
		"baseline": {"stig_baseline": object.union(t.base.decision.params.stig_baseline, {"users": ["app"], "min_coverage": null})},
		"deadlines": {"remediation_days": days({"kev": 0})},
		"builders": {"allowed_builders": ["https://a/*"]},
		"version": {"stig_min_openscap": "1.4.2"},
		"elements": {"sbom_minimum_elements": "bsi-tr-03183-2"},
		"null_version": {"stig_min_openscap": null},
		"custom": {"custom": {"anything": [1]}},
	}
	parameters.deny == set() with input as t.under(params)
}

# Ends as a version does, not as a name.
test_prefixes_that_end_where_a_name_ends[entry] if {
	some entry in ["https://a/*", "https://a/b@*", "https://a/b@refs/tags/v1.*", "https://a/b"]
	parameters.warn == set() with input as t.under({"allowed_builders": [entry]})
}
