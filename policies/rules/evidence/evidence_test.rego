package rules.evidence_test

import data.lib.evidence as lib
import data.lib.testing_test as t
import data.rules.evidence

day := 86400

scan(changes) := t.with_evidence("vulnerabilities", changes)

database(age) := t.replaced("/vulnerabilities/scans/0/db_age_s", age)

scan_id := t.base.evidence[t.place("vulnerabilities")].id

cases := {
	"stale": {
		"allows": scan({"/age_s": 30 * day}),
		"fires": scan({"/age_s": (30 * day) + 1}),
		"empty_field": {"input": scan({"/age_s": null}), "fires": true},
		"nothing_fires": false,
	},
	"stale_item": {
		"allows": t.base,
		"fires": t.with_params(scan({"/age_s": 31 * day}), {"require_scan": false}),
		"empty_field": {"input": scan({"/age_s": null}), "fires": true},
		"nothing_fires": false,
	},
	"stale_database": {
		"allows": database(5 * day),
		"fires": database((5 * day) + 1),
		"empty_field": {"input": t.changed(database(null), {"/vulnerabilities/scans/0/db_built": null}), "fires": true},
		"nothing_fires": false,
	},
	"no_collector": {
		"allows": t.changed(t.under({"fail_on_fips_issues": true}), {"/fips/collected": true}),
		"fires": t.under({"fail_on_fips_issues": true}),
		"empty_field": {"input": t.with_params(t.nothing, {"fail_on_stig": "1"}), "fires": true},
		"nothing_fires": false,
	},
	"failed": {
		"allows": t.base,
		"fires": t.with_evidence("sbom", {"/verification/state": "failed", "/verification/reason": "bad signature"}),
		"empty_field": {
			"input": t.with_evidence("sbom", {"/verification/state": "failed", "/verification/reason": null, "/source": ""}),
			"fires": true,
		},
		"nothing_fires": false,
	},
	"rejected": {
		"allows": t.base,
		"fires": t.with_evidence("sbom", {"/binding": "none"}),
		"empty_field": {
			"input": t.with_evidence("sbom", {"/verification/roles": [], "/verification/reason": null, "/source": ""}),
			"fires": true,
		},
		"nothing_fires": false,
	},
	"error": {
		"allows": t.base,
		"fires": t.with_error(t.base, "approval", "registry"),
		"empty_field": {"input": t.with_error(t.base, "unknown", ""), "fires": true},
		"nothing_fires": false,
	},
	"unread": {
		"allows": attached_error,
		"fires": t.with_error(t.base, "unknown", "grype.json"),
		"empty_field": {"input": t.with_error(t.base, "vex", ""), "fires": true},
		"nothing_fires": false,
	},
}

# A signed attachment that cannot be read is known to be there, and no rule asked for it.
attached_error := t.changed(t.base, {"/errors": [object.union(
	t.error("vex", "referrer"),
	{"evidence": t.base.evidence[t.place("sbom")].id},
)]})

test_allows[short] if {
	some short, case in cases
	ids := t.ids(data.rules.evidence) with input as case.allows
	not sprintf("evidence.%s", [short]) in ids
}

test_fires[short] if {
	some short, case in cases
	ids := t.ids(data.rules.evidence) with input as case.fires
	sprintf("evidence.%s", [short]) in ids
}

test_empty_field[short] if {
	some short, case in cases
	ids := t.ids(data.rules.evidence) with input as case.empty_field.input
	fired := sprintf("evidence.%s", [short]) in ids
	fired == case.empty_field.fires
}

test_empty_input[short] if {
	some short, case in cases
	ids := t.ids(data.rules.evidence) with input as t.nothing
	fired := sprintf("evidence.%s", [short]) in ids
	fired == case.nothing_fires
}

test_the_good_image_has_no_result if {
	t.ids(data.rules.evidence) == set() with input as t.base
}

test_whole_result if {
	evidence.no_verdict == {{
		"rule": "evidence.stale_database",
		"term": "",
		"msg": "No scan is known to use a vulnerability database at most 5 days old (grype: age not told)",
		"evidence": {scan_id},
		"expected": 5,
		"got": [null],
		"fix": "Update the scanner's database and scan again; `gate verify --scan` records its age.",
		"data": {},
	}} with input as t.changed(database(null), {"/vulnerabilities/scans/0/db_built": null})
}

test_ages_in_the_future_beyond_skew_are_unknown if {
	count(evidence.no_verdict) == 0 with input as database(-300)
	count(evidence.no_verdict) == 1 with input as database(-301)
	count(evidence.no_verdict) == 1 with input as scan({"/age_s": -301})
}

# The nightly scan replaces the one made when the image was built, which stays attached to it.
test_one_fresh_scan_is_enough if {
	old := t.changed(t.base.evidence[t.place("vulnerabilities")], {"/id": "sha256:old", "/age_s": 90 * day})
	older := t.changed(t.base.vulnerabilities.scans[0], {"/evidence": "sha256:old", "/db_age_s": 90 * day})
	doc := t.changed(t.base, {
		"/evidence": array.concat(t.base.evidence, [old]),
		"/vulnerabilities/scans": array.concat(t.base.vulnerabilities.scans, [older]),
	})
	evidence.no_verdict == set() with input as doc
	{r.rule | some r in evidence.warn} == {"evidence.stale_item"} with input as doc
}

test_a_fresh_scan_that_is_rejected_does_not_help if {
	fresh := t.changed(t.base.evidence[t.place("vulnerabilities")], {"/id": "sha256:fresh", "/binding": "none"})
	doc := t.changed(scan({"/age_s": 90 * day}), {"/evidence": array.concat(scan({"/age_s": 90 * day}).evidence, [fresh])})
	{r.rule | some r in evidence.no_verdict} == {"evidence.stale"} with input as doc
}

test_the_youngest_is_named if {
	some r in evidence.no_verdict with input as scan({"/age_s": 31 * day})
	r.got == "31 days"
	some other in evidence.no_verdict with input as scan({"/age_s": null})
	other.got == "unknown"
}

test_required_source_analysis_has_to_be_fresh if {
	old := t.changed(t.base.evidence[t.place("sbom")], {"/id": "sha256:sast", "/kind": "sast", "/age_s": 31 * day})
	doc := t.with_params(t.changed(t.base, {"/evidence": array.concat(t.base.evidence, [old])}), {"require_sast": true})
	{r.term | some r in evidence.no_verdict} == {"sast"} with input as doc
}

# They are as true as on the day they were made.
test_signatures_and_sboms_do_not_grow_stale[kind] if {
	some kind in ["signature", "sbom", "provenance"]
	t.ids(data.rules.evidence) == set() with input as t.with_evidence(kind, {"/age_s": 5000 * day})
}

test_null_is_no_limit if {
	t.ids(data.rules.evidence) == set() with input as t.with_params(
		t.changed(scan({"/age_s": null}), {"/vulnerabilities/scans/0/db_age_s": null}),
		{"max_evidence_age_days": null, "max_db_age_days": null},
	)
}

test_both_collectors_can_be_missing if {
	{r.term | some r in evidence.no_verdict} == {"fips", "stig"} with input as t.under({
		"fail_on_fips_issues": true,
		"fail_on_stig": "2",
	})
}

test_an_index_needs_no_collector if {
	evidence.no_verdict == set() with input as t.with_params(
		t.changed(t.nothing, {"/subject/kind": "index"}),
		{"fail_on_fips_issues": true},
	)
}

# The same table is in the tests of gate/policy/acceptance.py.
test_acceptance[note] if {
	some note, case in {
		"verified": ["sbom", "referrer", "signed", "verified", ["sbom"], true],
		"any_role": ["sbom", "referrer", "signed", "verified", ["*"], true],
		"other_role": ["sbom", "referrer", "signed", "verified", ["vex"], false],
		"unverified_file": ["sbom", "file", "embedded", "unverified", [], true],
		"unverified_computed": ["sbom", "computed", "embedded", "unverified", [], true],
		"unverified_referrer": ["sbom", "referrer", "embedded", "unverified", [], false],
		"unverified_attestation": ["sbom", "attestation", "embedded", "unverified", [], false],
		"unverified_image": ["sbom", "image", "embedded", "unverified", [], false],
		"failed_file": ["sbom", "file", "embedded", "failed", ["*"], false],
		"asserted": ["sbom", "file", "asserted", "verified", ["*"], false],
		"unbound": ["sbom", "file", "none", "verified", ["*"], false],
		"own_entry": ["vex", "file", "embedded", "unverified", [], false],
		"signature": ["signature", "file", "signed", "unverified", [], false],
		"unknown_state": ["sbom", "file", "embedded", "", ["*"], false],
	}
	item := t.changed(t.base.evidence[0], {
		"/kind": case[0],
		"/origin": case[1],
		"/binding": case[2],
		"/verification/state": case[3],
		"/verification/roles": case[4],
	})
	doc := t.changed(t.base, {"/evidence": [item]})
	accepted := {true | count(lib.ids(case[0])) == 1} with input as doc
	expected := {true | case[5]}
	accepted == expected
}

test_signatures_have_to_be_verified_whatever_accept_says if {
	item := t.changed(t.base.evidence[0], {
		"/kind": "provenance",
		"/origin": "file",
		"/verification/state": "unverified",
	})
	doc := t.with_params(t.changed(t.base, {"/evidence": [item]}), {"accept": {"*": {"verified": false, "bindings": ["signed"]}}})
	lib.ids("provenance") == set() with input as doc
}

test_the_reason_of_a_rejection_is_named[text] if {
	some text, changes in {
		"verification failed: bad signature": {"/verification/state": "failed", "/verification/reason": "bad signature"},
		"bound to the image as asserted only": {"/binding": "asserted"},
		"signed by ci, who is not trusted for sbom": {"/verification/roles": ["vex"]},
		"not verified: not signed": {"/verification/state": "unverified", "/verification/reason": "not signed"},
		"it names another image": {"/binding": "none"},
	}
	found := lib.found("sbom") with input as t.with_evidence("sbom", changes)
	found == sprintf("1 found and not accepted: referrer %v (%v)", [t.base.evidence[t.place("sbom")].id, text])
}

# Somebody whom a trust entry names has made it, not just anyone who can push.
test_errors_about_verified_documents_count if {
	doc := t.changed(t.with_evidence("sbom", {"/binding": "none"}), {"/errors": [object.union(
		t.error("sbom", "referrer"),
		{"evidence": t.base.evidence[t.place("sbom")].id},
	)]})
	count(lib.errors("sbom")) == 1 with input as doc
}

test_errors_about_other_kinds_do_not_count if {
	lib.errors("sbom") == [] with input as t.with_error(t.base, "vex", "vex.json")
	count(lib.errors("sbom")) == 1 with input as t.with_error(t.base, "unknown", "registry")
}

test_accepted_items_are_not_listed_as_rejected if {
	lib.rejected("sbom") == [] with input as t.base
	lib.found("sbom") == "nothing usable was found" with input as t.base
}

# Who names a file wants it read.
test_errors_about_files_count_whatever_they_are_bound_to if {
	doc := t.changed(
		t.with_evidence("sbom", {"/binding": "none", "/origin": "file", "/verification/state": "unverified"}),
		{"/errors": [object.union(t.error("sbom", "a.json"), {"evidence": t.base.evidence[t.place("sbom")].id})]},
	)
	count(lib.errors("sbom")) == 1 with input as doc
}

test_a_stale_database_matters_only_where_a_scan_is_required if {
	evidence.no_verdict == set() with input as t.with_params(database(null), {"require_scan": false})
}

test_failed_evidence_is_reported_once if {
	ids := {r.rule | some r in evidence.warn} with input as t.with_evidence("sbom", {"/verification/state": "failed"})
	ids == {"evidence.failed"}
}

test_collected_stig_facts_are_enough if {
	evidence.no_verdict == set() with input as t.changed(t.under({"fail_on_stig": "1"}), {"/stig/collected": true})
}

test_a_named_file_that_cannot_be_read_gives_no_verdict_whatever_else_there_is if {
	doc := t.changed(
		t.with_evidence("sbom", {"/origin": "file"}),
		{"/errors": [object.union(t.error("sbom", "a.json"), {"evidence": t.base.evidence[t.place("sbom")].id})]},
	)
	{r.rule | some r in evidence.no_verdict} == {"evidence.unread"} with input as doc
}

test_the_error_s_own_remedy_is_shown[given] if {
	some given, shown in {"name a database": "name a database", "": "Repair the document and give it again, leave it out, or retry when the registry answers."}
	doc := t.changed(t.base, {"/errors": [object.union(t.error("unknown", "--scan"), {"fix": given})]})
	{r.fix | some r in evidence.no_verdict} == {shown} with input as doc
}

# What keeps an unsigned item out is that it is unsigned; how it is bound comes after.
test_an_unsigned_item_is_called_unsigned[kind] if {
	unsigned := {"/verification/state": "unverified", "/verification/reason": "not signed", "/binding": "asserted"}
	some kind, doc in {
		"provenance": t.with_evidence("provenance", object.union(unsigned, {"/origin": "file"})),
		"sbom": t.with_evidence("sbom", object.union(unsigned, {"/origin": "referrer"})),
		"vulnerabilities": t.with_params(
			t.with_evidence("vulnerabilities", object.union(unsigned, {"/origin": "file"})),
			{"accept": {"*": {"verified": true, "bindings": ["signed"]}}},
		),
	}
	{about.reason | some about in lib.rejected(kind)} == {"not verified: not signed"} with input as doc
}

test_an_unsigned_file_that_would_do_is_told_how_it_is_bound if {
	changes := {"/verification/state": "unverified", "/binding": "asserted", "/origin": "file"}
	{about.reason | some about in lib.rejected("sbom")} == {"bound to the image as asserted only"} with input as t.with_evidence("sbom", changes)
}

# They are about a commit or a base image.
test_links_of_the_chain_are_not_listed_as_rejected if {
	id := t.base.evidence[t.place("sbom")].id
	doc := t.changed(t.with_evidence("sbom", {"/binding": "none"}), {"/provenance/chain": [t.link("source_vsa", {"evidence": id})]})
	t.ids(data.rules.evidence) == set() with input as doc
}
