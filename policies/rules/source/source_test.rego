package rules.source_test

import data.lib.testing_test as t
import data.rules.source

sast := t.changed(t.base.evidence[t.place("sbom")], {"/id": "sha256:sast", "/kind": "sast"})

result(level, suppressed) := {
	"rule": "python.exec",
	"level": level,
	"message": "exec",
	"location": "app.py:1",
	"security_severity": null,
	"suppressed": suppressed,
	"evidence": "sha256:sast",
}

run(revision) := {"evidence": "sha256:sast", "tool": "semgrep", "version": "1", "results": 1, "revision": revision}

analysed(revision, results) := t.changed(t.base, {
	"/evidence": array.concat(t.base.evidence, [sast]),
	"/source": {"runs": [run(revision)], "findings": results},
})

built := t.base.provenance.statements[0].source_digest

results(level, number) := analysed(built, [result(level, "") | some _ in numbers.range(1, number)])

required := {"require_sast": true}

cases := {
	"required": {
		"allows": t.with_params(analysed(built, []), required),
		"fires": t.under(required),
		"empty_field": {"input": t.with_params(t.nothing, required), "fires": true},
		"nothing_fires": false,
	},
	"unreadable": {
		"allows": t.with_error(t.base, "sast", "a.sarif"),
		"fires": t.with_params(t.with_error(t.base, "sast", "a.sarif"), {"max_sast_errors": 0}),
		"empty_field": {"input": t.with_params(t.with_error(t.base, "unknown", ""), required), "fires": true},
		"nothing_fires": false,
	},
	"max_errors": {
		"allows": t.with_params(results("error", 2), {"max_sast_errors": 2}),
		"fires": t.with_params(results("error", 3), {"max_sast_errors": 2}),
		"empty_field": {
			"input": t.with_params(analysed("", [t.changed(result("error", ""), {"/rule": "", "/message": ""})]), {"max_sast_errors": 0}),
			"fires": true,
		},
		"nothing_fires": false,
	},
	"max_warnings": {
		"allows": t.with_params(results("warning", 2), {"max_sast_warnings": 2}),
		"fires": t.with_params(results("warning", 3), {"max_sast_warnings": 2}),
		"empty_field": {"input": t.with_params(results("", 3), {"max_sast_warnings": 0}), "fires": false},
		"nothing_fires": false,
	},
	"suppressed": {
		"allows": results("error", 1),
		"fires": analysed(built, [result("error", "false positive")]),
		"empty_field": {"input": analysed(built, [result("error", "")]), "fires": false},
		"nothing_fires": false,
	},
	"revision": {
		"allows": analysed(built, []),
		"fires": analysed("b", []),
		"empty_field": {"input": analysed("", []), "fires": false},
		"nothing_fires": false,
	},
}

test_allows[short] if {
	some short, case in cases
	ids := t.ids(data.rules.source) with input as case.allows
	not sprintf("source.%s", [short]) in ids
}

test_fires[short] if {
	some short, case in cases
	ids := t.ids(data.rules.source) with input as case.fires
	sprintf("source.%s", [short]) in ids
}

test_empty_field[short] if {
	some short, case in cases
	ids := t.ids(data.rules.source) with input as case.empty_field.input
	fired := sprintf("source.%s", [short]) in ids
	fired == case.empty_field.fires
}

test_empty_input[short] if {
	some short, case in cases
	ids := t.ids(data.rules.source) with input as t.nothing
	fired := sprintf("source.%s", [short]) in ids
	fired == case.nothing_fires
}

test_the_good_image_has_no_result if {
	t.ids(data.rules.source) == set() with input as t.base
}

test_whole_result if {
	source.deny == {{
		"rule": "source.max_errors",
		"term": "",
		"msg": "1 static-analysis errors, at most 0 allowed",
		"evidence": {"sha256:sast"},
		"expected": 0,
		"got": 1,
		"fix": "Mend them, or suppress single ones in the source with a justification.",
		"data": {"results": {"total": 1, "first": [{
			"rule": "python.exec",
			"location": "app.py:1",
			"message": "exec",
			"suppressed": "",
		}]}},
	}} with input as t.with_params(results("error", 1), {"max_sast_errors": 0})
}

test_suppressed_results_do_not_count if {
	source.deny == set() with input as t.with_params(analysed(built, [result("error", "reviewed")]), {"max_sast_errors": 0})
}

test_rejected_documents_do_not_count if {
	doc := t.changed(
		t.with_params(results("error", 3), {"max_sast_errors": 0, "require_sast": true}),
		{sprintf("/evidence/%d/binding", [count(t.base.evidence)]): "none"},
	)
	{r.rule | some r in source.deny} == {"source.required"} with input as doc
}

test_every_parameter_makes_an_unreadable_document_matter[name] if {
	some name, value in {"require_sast": true, "max_sast_errors": 5, "max_sast_warnings": 5}
	count(source.no_verdict) == 1 with input as t.with_params(t.with_error(t.base, "sast", "a.sarif"), {name: value})
}

test_absence_is_not_established_by_an_error if {
	source.deny == set() with input as t.with_params(t.with_error(t.base, "sast", "a.sarif"), required)
}

test_without_a_built_revision_there_is_nothing_to_compare if {
	doc := t.changed(analysed("b", []), {"/provenance/statements/0/source_digest": ""})
	not "source.revision" in t.ids(data.rules.source) with input as doc
}

test_an_index_is_judged_by_its_platforms if {
	source.deny == set() with input as t.with_params(t.changed(t.nothing, {"/subject/kind": "index"}), required)
}

test_provenance_that_nothing_vouches_for_names_no_revision if {
	doc := t.changed(analysed("b", []), {"/provenance/statements/0/evidence": "sha256:pushed"})
	not "source.revision" in t.ids(data.rules.source) with input as doc
}

test_errors_that_do_not_matter[note] if {
	some note, doc in {
		"other_kind": t.with_params(t.with_error(t.base, "vex", "v"), required),
		"not_asked": t.with_error(t.base, "unknown", "x"),
		"there_are_results": t.with_params(t.with_error(analysed(built, []), "unknown", "x"), required),
		"limit_alone": t.with_params(t.with_error(t.base, "unknown", "x"), {"max_sast_errors": 0}),
	}
	source.no_verdict == set() with input as doc
}
