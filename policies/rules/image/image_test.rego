package rules.image_test

import data.lib.testing_test as t
import data.rules.image

config(changes) := t.changed(t.base, {sprintf("/subject/config%s", [path]): value | some path, value in changes})

on(name, digest, origin) := t.replaced("/subject/base", {"name": name, "digest": digest, "origin": origin})

debian := {"allowed_bases": ["docker.io/library/debian"]}

cases := {
	"no_config": {
		"allows": t.replaced("/subject/config", null),
		"fires": t.with_params(t.replaced("/subject/config", null), {"deny_root_user": true}),
		"empty_field": {
			"input": t.with_params(t.replaced("/subject/config", null), {"required_labels": ["a"], "max_image_age_days": 1}),
			"fires": true,
		},
		"nothing_fires": false,
	},
	"root_user": {
		"allows": t.under({"deny_root_user": true}),
		"fires": t.with_params(config({"/user": "root"}), {"deny_root_user": true}),
		"empty_field": {"input": t.with_params(config({"/user": ""}), {"deny_root_user": true}), "fires": true},
		"nothing_fires": false,
	},
	"runs_as_root": {
		"allows": t.base,
		"fires": config({"/user": "0:0"}),
		"empty_field": {"input": config({"/user": ""}), "fires": true},
		"nothing_fires": false,
	},
	"label": {
		"allows": t.under({"required_labels": ["org.opencontainers.image.source"]}),
		"fires": t.under({"required_labels": ["maintainer"]}),
		"empty_field": {
			"input": t.with_params(config({"/labels": {"maintainer": " "}}), {"required_labels": ["maintainer"]}),
			"fires": true,
		},
		"nothing_fires": false,
	},
	"age": {
		"allows": t.with_params(config({"/created": "2026-02-27T12:00:00Z"}), {"max_image_age_days": 2}),
		"fires": t.with_params(config({"/created": "2026-02-27T11:59:59Z"}), {"max_image_age_days": 2}),
		"empty_field": {"input": t.with_params(config({"/created": null}), {"max_image_age_days": 2}), "fires": false},
		"nothing_fires": false,
	},
	"age_unknown": {
		"allows": t.under({"max_image_age_days": 2}),
		"fires": t.with_params(config({"/created": "1970-01-01T00:00:00Z"}), {"max_image_age_days": 2}),
		"empty_field": {"input": t.with_params(config({"/created": null}), {"max_image_age_days": 2}), "fires": true},
		"nothing_fires": false,
	},
	"base": {
		"allows": t.under(debian),
		"fires": t.under({"allowed_bases": ["docker.io/library/alpine"]}),
		"empty_field": {"input": t.with_params(on("", null, "none"), debian), "fires": true},
		"nothing_fires": false,
	},
	"base_variant": {
		"allows": t.base,
		"fires": on("cgr.dev/acme/python:3.14-Dev", null, "annotation"),
		"empty_field": {"input": on("", null, "none"), "fires": false},
		"nothing_fires": false,
	},
	"base_unknown": {
		"allows": on("", "sha256:1", "layers"),
		"fires": on("", null, "none"),
		"empty_field": {"input": on("", null, "label"), "fires": true},
		"nothing_fires": true,
	},
}

test_allows[short] if {
	some short, case in cases
	ids := t.ids(data.rules.image) with input as case.allows
	not sprintf("image.%s", [short]) in ids
}

test_fires[short] if {
	some short, case in cases
	ids := t.ids(data.rules.image) with input as case.fires
	sprintf("image.%s", [short]) in ids
}

test_empty_field[short] if {
	some short, case in cases
	ids := t.ids(data.rules.image) with input as case.empty_field.input
	fired := sprintf("image.%s", [short]) in ids
	fired == case.empty_field.fires
}

test_empty_input[short] if {
	some short, case in cases
	ids := t.ids(data.rules.image) with input as t.nothing
	fired := sprintf("image.%s", [short]) in ids
	fired == case.nothing_fires
}

test_whole_result if {
	image.deny == {{
		"rule": "image.root_user",
		"term": "",
		"msg": "The image runs as root (user: not set)",
		"evidence": [],
		"expected": "a user other than root",
		"got": "",
		"fix": "Set a numeric USER in the last stage of the build.",
		"data": {},
	}} with input as t.with_params(config({"/user": ""}), {"deny_root_user": true})
}

test_users_that_are_root[user] if {
	some user in ["root", "0", "00", "root:app", "0:1000", " 0 ", ":1000", "+0"]
	count(image.deny) == 1 with input as t.with_params(config({"/user": user}), {"deny_root_user": true})
}

test_users_that_are_not_root[user] if {
	some user in ["1000", "app", "65532:0", "1000:root", "10"]
	image.deny == set() with input as t.with_params(config({"/user": user}), {"deny_root_user": true})
}

test_a_missing_configuration_names_who_asks if {
	some r in image.no_verdict with input as t.with_params(
		t.replaced("/subject/config", null),
		{"deny_root_user": true, "required_labels": ["a"], "max_image_age_days": 1},
	)
	r.data.parameters == {"deny_root_user", "required_labels", "max_image_age_days"}
}

test_times_that_say_nothing[created] if {
	some created in [
		"1980-01-01T00:00:01Z",
		"0001-01-01T00:00:00Z",
		"2026-03-02T00:00:00Z",
		"yesterday",
		"2026-02-28T00:00:00+02:00",
		"",
	]
	count(image.no_verdict) == 1 with input as t.with_params(config({"/created": created}), {"max_image_age_days": 2})
}

test_fractions_of_seconds_are_known if {
	image.no_verdict == set() with input as t.with_params(
		config({"/created": "2026-02-28T00:00:00.123456789Z"}),
		{"max_image_age_days": 2},
	)
}

# An annotation or a label is only what the image says of itself.
test_bases_that_are_not_proven[origin] if {
	some origin in ["annotation", "label", "none"]
	count(image.deny) == 1 with input as t.with_params(on("docker.io/library/debian:13", "sha256:1", origin), debian)
}

test_bases_by_name_and_digest[note] if {
	some note, case in {
		"digest": [on("", "sha256:1", "layers"), ["sha256:1"]],
		"tag": [on("docker.io/library/debian:13", null, "layers"), ["docker.io/library/debian"]],
		"tag_and_digest": [on("docker.io/library/debian:13@sha256:1", null, "layers"), ["docker.io/library/debian"]],
		"port": [on("registry.example:5000/debian", null, "layers"), ["registry.example:5000/debian"]],
	}
	image.deny == set() with input as t.with_params(case[0], {"allowed_bases": case[1]})
}

test_a_repository_that_begins_alike_is_another if {
	count(image.deny) == 1 with input as t.with_params(on("docker.io/library/debian-evil:13", null, "layers"), debian)
}

# Only the last part of the name and the tag tell the variant; a namespace does not.
test_variants_are_looked_for_in_the_last_part if {
	image.deny == set() with input as on("registry.example/team-dev/python:3.14", null, "annotation")
	count(image.deny) == 1 with input as on("registry.example/team/python-builder@sha256:1", null, "annotation")
}

test_an_unknown_base_is_named_unknown if {
	some r in image.deny with input as t.with_params(on("", null, "none"), debian)
	r.msg == "The base image unknown is not allowed (known from: none)"
}

test_an_index_is_judged_by_its_platforms if {
	doc := t.with_params(
		t.changed(t.nothing, {"/subject/kind": "index"}),
		{"deny_root_user": true, "allowed_bases": ["x"], "max_image_age_days": 1},
	)
	t.ids(data.rules.image) == set() with input as doc
}

test_root_is_one_result[note] if {
	some note, case in {"denied": [true, "image.root_user"], "warned": [false, "image.runs_as_root"]}
	ids := t.ids(data.rules.image) with input as t.with_params(config({"/user": ""}), {"deny_root_user": case[0]})
	ids == {case[1]}
}

test_null_is_no_limit_on_age if {
	t.ids(data.rules.image) == set() with input as config({"/created": null})
}

test_a_base_with_a_name_is_known if {
	t.ids(data.rules.image) == set() with input as on("debian:13", null, "label")
}
