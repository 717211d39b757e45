package rules.provenance_test

import data.lib.patterns
import data.lib.testing_test as t
import data.rules.provenance

statement(changes) := t.changed(t.base, {sprintf("/provenance/statements/0%s", [path]): value | some path, value in changes})

without := t.replaced("/provenance/statements", [])

link(evidence) := t.replaced("/provenance/broken_links", [{"kind": "build", "evidence": evidence, "reason": "no such document"}])

image(level) := t.link("image", {"level": level})

commit(level) := t.link("commit", {"level": level, "parent": 1})

gap(kind, track) := {"kind": kind, "track": track, "reason": "not there"}

chained(nodes, params) := t.with_params(t.replaced("/provenance/chain", nodes), params)

cases := {
	"build_level": {
		"allows": chained([image(3)], {"min_build_level": 3}),
		"fires": chained([image(2)], {"min_build_level": 3}),
		"empty_field": {"input": chained([image(null)], {"min_build_level": 1}), "fires": true},
		"nothing_fires": false,
	},
	"source_level": {
		"allows": chained([image(3), commit(3)], {"min_source_level": 3}),
		"fires": chained([image(3), commit(3), commit(2)], {"min_source_level": 3}),
		"empty_field": {"input": chained([image(3), commit(null)], {"min_source_level": 1}), "fires": true},
		"nothing_fires": false,
	},
	"chain_broken": {
		"allows": chained(
			[t.link("image", {"gaps": [gap("no_source_vsa", "source")]})],
			{"min_build_level": 1},
		),
		"fires": chained([t.link("image", {"gaps": [gap("no_provenance", "build")]})], {"min_build_level": 1}),
		"empty_field": {
			"input": chained([t.link("provenance", {"name": "", "gaps": [gap("", "source")]})], {"min_source_level": 1}),
			"fires": true,
		},
		"nothing_fires": false,
	},
	"base_unproven": {
		"allows": chained([t.link("dependency", {"gaps": [gap("no_provenance", "dependency")]})], {}),
		"fires": chained([t.link("dependency", {"gaps": [gap("no_provenance", "dependency")]})], {"min_build_level": 1}),
		"empty_field": {
			"input": chained([t.link("dependency", {"name": "", "gaps": [gap("", "dependency")]})], {"min_build_level": 1}),
			"fires": true,
		},
		"nothing_fires": false,
	},
	"required": {
		"allows": t.base,
		"fires": t.with_evidence("provenance", {"/verification/state": "unverified"}),
		"empty_field": {"input": without, "fires": true},
		"nothing_fires": true,
	},
	"unreadable": {
		"allows": t.with_error(t.base, "provenance", "registry"),
		"fires": t.with_error(without, "provenance", "registry"),
		"empty_field": {"input": t.with_error(without, "unknown", ""), "fires": true},
		"nothing_fires": false,
	},
	"builder": {
		"allows": t.under({"allowed_builders": ["https://builder.example/*"]}),
		"fires": t.under({"allowed_builders": ["https://builder.example/v"]}),
		"empty_field": {"input": statement({"/builder": ""}), "fires": true},
		"nothing_fires": false,
	},
	"source": {
		"allows": t.under({"allowed_sources": ["https://github.com/acme/app"]}),
		"fires": t.under({"allowed_sources": ["https://github.com/acme/other"]}),
		"empty_field": {
			"input": t.with_params(statement({"/source_uri": ""}), {"allowed_sources": ["https://github.com/acme/*"]}),
			"fires": true,
		},
		"nothing_fires": false,
	},
	"build_type": {
		"allows": t.under({"allowed_build_types": ["https://build.example/type/v1"]}),
		"fires": t.under({"allowed_build_types": ["https://build.example/type/v2"]}),
		"empty_field": {
			"input": t.with_params(statement({"/build_type": ""}), {"allowed_build_types": ["https://build.example/*"]}),
			"fires": true,
		},
		"nothing_fires": false,
	},
	"certificate_mismatch": {
		"allows": t.base,
		"fires": statement({"/certificate_mismatches": ["source_repository_uri"]}),
		"empty_field": {"input": statement({"/certificate_mismatches": [""]}), "fires": true},
		"nothing_fires": false,
	},
	"broken_link": {
		"allows": t.base,
		"fires": link(t.base.evidence[t.place("provenance")].id),
		"empty_field": {"input": link(""), "fires": true},
		"nothing_fires": false,
	},
	"no_source_digest": {
		"allows": t.base,
		"fires": statement({"/source_digest": ""}),
		"empty_field": {"input": statement({"/source_digest": "", "/source_uri": ""}), "fires": true},
		"nothing_fires": false,
	},
}

test_allows[short] if {
	some short, case in cases
	ids := t.ids(data.rules.provenance) with input as case.allows
	not sprintf("provenance.%s", [short]) in ids
}

test_fires[short] if {
	some short, case in cases
	ids := t.ids(data.rules.provenance) with input as case.fires
	sprintf("provenance.%s", [short]) in ids
}

test_empty_field[short] if {
	some short, case in cases
	ids := t.ids(data.rules.provenance) with input as case.empty_field.input
	fired := sprintf("provenance.%s", [short]) in ids
	fired == case.empty_field.fires
}

test_empty_input[short] if {
	some short, case in cases
	ids := t.ids(data.rules.provenance) with input as t.nothing
	fired := sprintf("provenance.%s", [short]) in ids
	fired == case.nothing_fires
}

test_whole_result if {
	provenance.deny == {{
		"rule": "provenance.builder",
		"term": "https://builder.example/v1",
		"msg": "Built by https://builder.example/v1, which is not allowed",
		"evidence": [t.base.evidence[t.place("provenance")].id],
		"expected": ["https://other.example"],
		"got": "https://builder.example/v1",
		"fix": "Build on an allowed platform, or add the builder's id to `allowed_builders`.",
		"data": {},
	}} with input as t.under({"allowed_builders": ["https://other.example"]})
}

test_a_missing_builder_says_so if {
	some r in provenance.deny with input as statement({"/builder": ""})
	r.msg == "Built by nobody knows what, which is not allowed"
}

# A second, better statement does not hide a bad one.
test_every_accepted_statement_is_judged if {
	bad := t.changed(t.base.provenance.statements[0], {"/builder": "https://evil.example"})
	doc := t.with_params(
		t.changed(t.base, {"/provenance/statements": [t.base.provenance.statements[0], bad]}),
		{"allowed_builders": ["https://builder.example/v1"]},
	)
	count(provenance.deny) == 1 with input as doc
}

test_statements_that_nothing_vouches_for_are_not_judged if {
	other := t.changed(t.base.provenance.statements[0], {"/builder": "", "/evidence": "sha256:pushed"})
	doc := t.changed(t.base, {"/provenance/statements": [t.base.provenance.statements[0], other]})
	provenance.deny == set() with input as doc
}

test_broken_links_of_rejected_statements_do_not_deny if {
	pushed := t.changed(t.base.evidence[t.place("provenance")], {"/id": "sha256:pushed", "/verification/state": "unverified"})
	doc := t.changed(link("sha256:pushed"), {"/evidence": array.concat(t.base.evidence, [pushed])})
	provenance.deny == set() with input as doc
}

test_absence_is_not_established_by_an_error if {
	provenance.deny == set() with input as t.with_error(without, "provenance", "registry")
}

test_patterns[note] if {
	some note, case in {
		"exact": ["https://a/b", ["https://a/b"], true],
		"prefix": ["https://a/b", ["https://a/*"], true],
		"any": ["https://a/b", [], true],
		"longer": ["https://a/b/c", ["https://a/b"], false],
		"star_alone": ["https://a/b", ["*"], false],
		"star_inside": ["https://a/b", ["https://*/b"], false],
		"empty": ["", [], false],
		"empty_pattern": ["", [""], false],
		"empty_by_prefix": ["", ["https://a/*"], false],
		"no_text": [null, ["https://a/*"], false],
	}
	allowed := {true | patterns.allowed(case[0], case[1])}
	expected := {true | case[2]}
	allowed == expected
}

test_sources_and_build_types_are_free_by_default if {
	provenance.deny == set() with input as statement({"/source_uri": "", "/build_type": ""})
}

test_not_asked_for if {
	provenance.deny == set() with input as t.with_params(without, {"require_provenance": false})
}

test_an_index_is_judged_by_its_platforms if {
	provenance.deny == set() with input as t.changed(without, {"/subject/kind": "index"})
}

test_no_chain_reaches_no_level if {
	results := provenance.deny with input as t.with_params(t.nothing, {"min_build_level": 1, "min_source_level": 1, "require_provenance": false})
	{r.rule | some r in results} == {"provenance.build_level", "provenance.source_level"}
	{r.msg | some r in results} == {
		"The build reaches SLSA build level none; at least 1 is required",
		"The source reaches SLSA source level none; at least 1 is required",
	}
}

test_the_level_reached_is_named if {
	some r in provenance.deny with input as chained([image(2)], {"min_build_level": 3})
	r.msg == "The build reaches SLSA build level 2; at least 3 is required"
}

# A base that reaches level 3 says nothing about the image on it.
test_levels_of_bases_do_not_count if {
	doc := chained([image(1), t.link("dependency", {"level": 3, "depth": 1, "parent": 0})], {"min_build_level": 3})
	{r.rule | some r in provenance.deny} == {"provenance.build_level"} with input as doc
	base := t.link("commit", {"level": 3, "depth": 1})
	other := chained([image(3), base], {"min_source_level": 3})
	{r.rule | some r in provenance.deny} == {"provenance.source_level"} with input as other
}

test_gaps_deny_where_they_are_asked_about[track] if {
	some track, param in {"build": "min_build_level", "source": "min_source_level"}
	nodes := [t.link("image", {"level": 3, "gaps": [gap("x", "build"), gap("y", "source")]}), commit(3)]
	rules := {r.got | some r in provenance.deny} with input as chained(nodes, {param: 1})
	rules == {{"build": "x", "source": "y"}[track]}
}

test_an_index_has_no_chain if {
	provenance.deny == set() with input as t.with_params(
		t.changed(t.base, {"/subject/kind": "index"}),
		{"min_build_level": 3, "min_source_level": 3},
	)
}
