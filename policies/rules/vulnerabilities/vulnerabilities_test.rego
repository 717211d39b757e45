package rules.vulnerabilities_test

import data.lib.findings
import data.lib.testing_test as t
import data.rules.vulnerabilities

one(changes) := t.with_findings(1, changes)

several(number, severity) := t.with_findings(number, {"/severity/value": severity})

limited(name, severity) := {
	"allows": t.with_params(several(2, severity), {name: 2}),
	"fires": t.with_params(several(3, severity), {name: 2}),
	# A severity that is none of ours is unknown, never nothing.
	"empty_field": {
		"input": t.with_params(several(3, ""), {name: 2}),
		"fires": name in {"max_unknown", "max_vulnerabilities"},
	},
	"nothing_fires": false,
}

epss(probability) := {"probability": probability, "percentile": 0.9, "date": "2026-03-01"}

cases := {
	"required": {
		"allows": t.base,
		"fires": t.with_evidence("vulnerabilities", {"/binding": "none"}),
		"empty_field": {"input": t.replaced("/evidence", []), "fires": true},
		"nothing_fires": true,
	},
	"unreadable": {
		"allows": t.with_error(t.base, "sbom", "registry"),
		"fires": t.with_error(t.base, "vulnerabilities", "scan.json"),
		"empty_field": {"input": t.with_error(t.replaced("/evidence", []), "unknown", ""), "fires": true},
		"nothing_fires": false,
	},
	"max_critical": limited("max_critical", "critical"),
	"max_high": limited("max_high", "high"),
	"max_medium": limited("max_medium", "medium"),
	"max_low": limited("max_low", "low"),
	"max_unknown": limited("max_unknown", "unknown"),
	"max_vulnerabilities": limited("max_vulnerabilities", "none"),
	"without_vex": {
		"allows": json.patch(
			t.with_params(one({}), {"require_vex": "high"}),
			[{"op": "add", "path": "/vex/statements_used/-", "value": {
				"statement": "s", "finding": t.finding.key, "status": "affected", "author": "a", "evidence": "e",
			}}],
		),
		"fires": t.with_params(one({}), {"require_vex": "high"}),
		"empty_field": {"input": t.with_params(one({"/severity/value": ""}), {"require_vex": "critical"}), "fires": false},
		"nothing_fires": false,
	},
	"kev": {
		"allows": t.with_params(
			one({"/kev": {"date_added": "2026-01-01", "due_date": "2026-01-22", "ransomware": true}}),
			{"deny_kev": false},
		),
		"fires": one({"/kev": {"date_added": "2026-01-01", "due_date": "2026-01-22", "ransomware": false}}),
		"empty_field": {"input": one({"/kev": {"date_added": "", "due_date": "", "ransomware": false}}), "fires": true},
		"nothing_fires": false,
	},
	"malware": {
		"allows": t.with_params(one({"/malware": true}), {"deny_malware": false}),
		"fires": one({"/malware": true}),
		"empty_field": {"input": one({"/malware": true, "/package/name": "", "/package/version": ""}), "fires": true},
		"nothing_fires": false,
	},
	"epss": {
		"allows": t.with_params(one({"/epss": epss(0.5)}), {"max_epss": 0.5}),
		"fires": t.with_params(one({"/epss": epss(0.51)}), {"max_epss": 0.5}),
		"empty_field": {"input": t.with_params(one({"/epss": null}), {"max_epss": 0}), "fires": false},
		"nothing_fires": false,
	},
	"no_epss_data": {
		"allows": t.with_params(one({"/epss": epss(0)}), {"max_epss": 0.5}),
		"fires": t.with_params(one({"/epss": null}), {"max_epss": 0.5}),
		"empty_field": {"input": t.with_params(t.base, {"max_epss": 0.5}), "fires": false},
		"nothing_fires": false,
	},
	"epss_unknown": {
		"allows": t.with_params(one({"/epss": epss(0)}), {"max_epss": 0.5}),
		"fires": t.with_params(
			t.with_list([t.finding, t.changed(t.finding, {"/epss": null, "/key": "X|y"})]),
			{"max_epss": 0.5},
		),
		"empty_field": {"input": t.with_params(one({"/epss": null}), {"max_epss": 0.5}), "fires": false},
		"nothing_fires": false,
	},
	"fixable": {
		"allows": t.with_params(one({"/severity/value": "medium"}), {"deny_fixable": "high"}),
		"fires": t.with_params(one({"/severity/value": "critical"}), {"deny_fixable": "high"}),
		"empty_field": {
			"input": t.with_params(
				one({"/fix": {"state": "available", "versions": [], "available_since": null}}),
				{"deny_fixable": "high"},
			),
			"fires": true,
		},
		"nothing_fires": false,
	},
	"kev_overdue": {
		"allows": due("2026-03-01"),
		"fires": due("2026-02-28"),
		"empty_field": {"input": due(""), "fires": true},
		"nothing_fires": false,
	},
	"overdue": {
		"allows": overdue({"/first_seen": "2026-02-19T12:00:00Z"}),
		"fires": overdue({"/first_seen": "2026-02-19T11:59:59Z"}),
		"empty_field": {"input": overdue({"/first_seen": null}), "fires": true},
		"nothing_fires": false,
	},
	"scan_without_packages": {
		"allows": t.base,
		"fires": t.changed(t.base, {"/vulnerabilities/scans/0/packages_catalogued": 0, "/sbom/documents": []}),
		"empty_field": {
			"input": t.changed(t.base, {
				"/vulnerabilities/scans/0/packages_catalogued": null,
				"/sbom/documents/0/completeness/components": 0,
			}),
			"fires": true,
		},
		"nothing_fires": false,
	},
	"distro_eol": {
		"allows": t.base,
		"fires": t.replaced("/vulnerabilities/scans/0/distro_eol", true),
		"empty_field": {"input": t.replaced("/vulnerabilities/scans/0/distro_eol", null), "fires": false},
		"nothing_fires": false,
	},
	"degraded_scan": {
		"allows": t.base,
		"fires": t.replaced("/vulnerabilities/scans/0/degraded", true),
		"empty_field": {
			"input": t.changed(t.base, {"/vulnerabilities/scans/0/degraded": true, "/vulnerabilities/scans/0/scanner": ""}),
			"fires": true,
		},
		"nothing_fires": false,
	},
	"scanner_suppressed": {
		"allows": one({}),
		"fires": one({"/suppressed_by_scanner": [{"scanner": "grype", "reason": "ignored"}]}),
		"empty_field": {"input": one({"/suppressed_by_scanner": [{"scanner": "", "reason": ""}]}), "fires": true},
		"nothing_fires": false,
	},
	"disagreement": {
		"allows": t.base,
		"fires": t.replaced("/vulnerabilities/disagreements", [{
			"finding": "CVE-1|x",
			"field": "severity",
			"values": {"grype": "high", "trivy": "low"},
		}]),
		"empty_field": {
			"input": t.replaced("/vulnerabilities/disagreements", [{"finding": "", "field": "presence", "values": {}}]),
			"fires": true,
		},
		"nothing_fires": false,
	},
}

days(changes) := object.union(
	{"critical": null, "high": null, "medium": null, "low": null, "negligible": null, "unknown": null, "kev": null},
	changes,
)

overdue(changes) := t.with_params(one(changes), {"remediation_days": days({"high": 10})})

test_allows[short] if {
	some short, case in cases
	ids := t.ids(data.rules.vulnerabilities) with input as case.allows
	not sprintf("vulnerabilities.%s", [short]) in ids
}

test_fires[short] if {
	some short, case in cases
	ids := t.ids(data.rules.vulnerabilities) with input as case.fires
	sprintf("vulnerabilities.%s", [short]) in ids
}

test_empty_field[short] if {
	some short, case in cases
	ids := t.ids(data.rules.vulnerabilities) with input as case.empty_field.input
	fired := sprintf("vulnerabilities.%s", [short]) in ids
	fired == case.empty_field.fires
}

test_empty_input[short] if {
	some short, case in cases
	ids := t.ids(data.rules.vulnerabilities) with input as t.nothing
	fired := sprintf("vulnerabilities.%s", [short]) in ids
	fired == case.nothing_fires
}

test_the_good_image_has_no_result if {
	t.ids(data.rules.vulnerabilities) == set() with input as t.base
}

test_whole_result_of_a_limit if {
	doc := several(5, "high")
	vulnerabilities.deny == {{
		"rule": "vulnerabilities.max_high",
		"term": "",
		"msg": "5 high vulnerabilities, at most 4 allowed",
		"evidence": {t.base.vulnerabilities.scans[0].evidence},
		"expected": 4,
		"got": 5,
		"fix": "Upgrade the packages named first in the report, state what does not apply in VEX, or waive single findings.",
		"data": {"findings": {"total": 5, "first": [f.key | some f in doc.vulnerabilities.findings]}},
	}} with input as doc
}

test_whole_result_of_a_single_finding if {
	vulnerabilities.deny == {{
		"rule": "vulnerabilities.kev",
		"term": concat("|", ["CVE-2026-1", t.finding.package.purl]),
		"msg": "CVE-2026-1 in pkg1 1.1 is known to be exploited (KEV since 2026-01-01)",
		"evidence": t.finding.reported_by,
		"expected": "not known to be exploited",
		"got": "2026-01-01",
		"fix": "Upgrade the package now; attackers use this one. Where no fix exists, remove the package or state in VEX why it does not apply.",
		"data": {},
	}} with input as one({"/kev": {"date_added": "2026-01-01", "due_date": "2026-01-22", "ransomware": false}})
}

# A finding that a waiver names for this rule leaves its count, and no other one.
test_waived_findings_leave_the_count_of_their_rule if {
	findings_ := array.concat(
		[t.changed(f, {"/waived_for": ["vulnerabilities.max_high"]}) | some f in t.numbered(1)],
		[f | some i, f in t.numbered(5); i > 0],
	)
	vulnerabilities.deny == set() with input as t.with_list(findings_)
	ids := {r.rule | some r in vulnerabilities.deny} with input as t.with_params(
		t.with_list(findings_),
		{"max_vulnerabilities": 4},
	)
	ids == {"vulnerabilities.max_vulnerabilities"}
}

test_a_waiver_of_another_rule_does_not_count if {
	count(vulnerabilities.deny) == 1 with input as t.with_findings(5, {"/waived_for": ["vulnerabilities", "*", "vulnerabilities.kev"]})
}

vex(status, counts) := {
	"status": status,
	"justification": "",
	"statement": "s1",
	"author": "acme",
	"evidence": "sha256:1",
	"counts": counts,
}

test_accepted_vex_suppresses[status] if {
	some status in ["not_affected", "fixed"]
	vulnerabilities.deny == set() with input as t.with_findings(5, {"/vex": vex(status, true)})
}

test_other_vex_does_not_suppress[status] if {
	some status in ["affected", "under_investigation", ""]
	count(vulnerabilities.deny) == 1 with input as t.with_findings(5, {"/vex": vex(status, true)})
}

test_vex_that_the_profile_refuses_does_not_suppress if {
	count(vulnerabilities.deny) == 1 with input as t.with_findings(5, {"/vex": vex("not_affected", false)})
}

test_findings_of_rejected_scans_alone_do_not_count if {
	doc := json.patch(t.with_findings(5, {"/reported_by": ["sha256:rejected"]}), [{
		"op": "add",
		"path": "/evidence/-",
		"value": t.changed(t.base.evidence[t.place("vulnerabilities")], {"/id": "sha256:rejected", "/binding": "none"}),
	}])
	count(findings.counting) == 0 with input as doc
	count(findings.counting) == 5 with input as t.changed(doc, {sprintf("/vulnerabilities/findings/%d/reported_by", [i]): by |
		some i in numbers.range(0, 4)
		by := ["sha256:rejected", t.base.vulnerabilities.scans[0].evidence]
	})
}

# Nothing is known about who reported these, so they count.
test_findings_without_a_known_reporter_count[note] if {
	some note, by in {"nobody": [], "unlisted": ["sha256:unlisted"]}
	doc := json.patch(t.with_findings(5, {"/reported_by": by}), [{
		"op": "add",
		"path": "/evidence/-",
		"value": t.changed(t.base.evidence[t.place("vulnerabilities")], {"/id": "sha256:rejected", "/binding": "none"}),
	}])
	count(findings.counting) == 5 with input as doc
}

test_malware_counts_as_critical if {
	ids := {r.rule | some r in vulnerabilities.deny} with input as one({"/malware": true, "/severity/value": "low"})
	ids == {"vulnerabilities.max_critical", "vulnerabilities.malware"}
}

test_null_is_no_limit if {
	vulnerabilities.deny == set() with input as t.with_params(several(50, "critical"), {"max_critical": null})
}

test_thousand_keys_are_kept_of_more if {
	some r in vulnerabilities.deny with input as several(1001, "high")
	r.data.findings.total == 1001
	count(r.data.findings.first) == 1000
}

test_fixable_severities[threshold] if {
	some threshold, fired in {
		"critical": {"critical", "unknown"},
		"high": {"critical", "high", "unknown"},
		"unknown": {"critical", "high", "medium", "low", "negligible", "none", "unknown"},
	}
	judged := {severity |
		some severity in ["critical", "high", "medium", "low", "negligible", "none", "unknown"]
		ids := t.ids(data.rules.vulnerabilities) with input as t.with_params(
			one({"/severity/value": severity}),
			{"deny_fixable": threshold},
		)
		"vulnerabilities.fixable" in ids
	}
	judged == fired
}

test_a_fixed_version_is_a_fix_whatever_the_state if {
	ids := t.ids(data.rules.vulnerabilities) with input as t.with_params(
		one({"/fix/state": "unknown", "/fix/versions": ["2.0"]}),
		{"deny_fixable": "high"},
	)
	"vulnerabilities.fixable" in ids
}

test_no_fix_is_not_fixable if {
	ids := t.ids(data.rules.vulnerabilities) with input as t.with_params(
		one({"/fix/state": "wont_fix", "/fix/versions": []}),
		{"deny_fixable": "high"},
	)
	not "vulnerabilities.fixable" in ids
}

test_exploited_findings_have_their_own_deadline if {
	doc := t.with_params(
		one({
			"/first_seen": "2026-02-26T00:00:00Z",
			"/kev": {"date_added": "2026-01-01", "due_date": "2026-01-22", "ransomware": false},
		}),
		{"deny_kev": false, "remediation_days": days({"high": 10, "kev": 2})},
	)
	some r in vulnerabilities.deny with input as doc
	r.rule == "vulnerabilities.overdue"
	r.expected == 2
}

test_first_sight_in_the_future_is_overdue if {
	ids := t.ids(data.rules.vulnerabilities) with input as overdue({"/first_seen": "2026-03-02T00:00:00Z"})
	"vulnerabilities.overdue" in ids
}

test_overdue_says_when_first_sight_is_unknown if {
	some r in vulnerabilities.deny with input as overdue({"/first_seen": null})
	contains(r.msg, "first seen at an unknown time")
}

test_severity_without_a_deadline_is_never_overdue if {
	ids := t.ids(data.rules.vulnerabilities) with input as overdue({"/first_seen": null, "/severity/value": "none"})
	not "vulnerabilities.overdue" in ids
}

test_a_scan_with_findings_has_looked if {
	doc := t.changed(one({}), {"/vulnerabilities/scans/0/packages_catalogued": null, "/sbom/documents": []})
	ids := t.ids(data.rules.vulnerabilities) with input as doc
	not "vulnerabilities.scan_without_packages" in ids
}

test_an_sbom_shows_that_there_are_packages if {
	ids := t.ids(data.rules.vulnerabilities) with input as t.replaced("/vulnerabilities/scans/0/packages_catalogued", null)
	not "vulnerabilities.scan_without_packages" in ids
}

test_an_unreadable_scan_is_no_verdict_and_no_deny if {
	doc := t.with_error(t.replaced("/evidence", []), "vulnerabilities", "registry")
	vulnerabilities.deny == set() with input as doc
	count(vulnerabilities.no_verdict) == 1 with input as doc
}

# An unknown document beside an accepted scan does not block.
test_errors_of_unknown_kind_beside_a_scan_do_not_block if {
	vulnerabilities.no_verdict == set() with input as t.with_error(t.base, "unknown", "referrer")
}

# Else anyone who can push could block.
test_errors_about_attached_unaccepted_documents_do_not_block if {
	bad := t.changed(t.base.evidence[t.place("vulnerabilities")], {
		"/id": "sha256:pushed",
		"/origin": "referrer",
		"/verification/state": "unverified",
	})
	doc := t.changed(t.base, {
		"/evidence": array.concat(t.base.evidence, [bad]),
		"/errors": [object.union(t.error("vulnerabilities", "referrer"), {"evidence": "sha256:pushed"})],
	})
	vulnerabilities.no_verdict == set() with input as doc
	count(vulnerabilities.no_verdict) == 1 with input as t.changed(doc, {sprintf("/evidence/%d/origin", [count(t.base.evidence)]): "file"})
}

test_an_index_has_no_scan_of_its_own if {
	vulnerabilities.deny == set() with input as t.changed(t.nothing, {"/subject/kind": "index"})
}

test_nothing_is_asked_without_parameters[note] if {
	some note, doc in {
		"scan": t.nothing,
		"looked": t.changed(t.base, {"/vulnerabilities/scans/0/packages_catalogued": 0, "/sbom/documents": []}),
		"unknown_error": t.with_error(t.nothing, "unknown", "x"),
		"epss": one({"/epss": null}),
		"some_epss": t.with_list([t.finding, t.changed(t.finding, {"/epss": null, "/key": "X|y"})]),
	}
	t.ids(data.rules.vulnerabilities) == set() with input as t.with_params(doc, {"require_scan": false})
}

test_an_unreadable_scan_matters_even_where_none_is_required if {
	doc := t.with_params(t.with_error(t.nothing, "vulnerabilities", "scan.json"), {"require_scan": false})
	t.ids(data.rules.vulnerabilities) == {"vulnerabilities.unreadable"} with input as doc
}

# Nobody vouches for it.
test_a_rejected_sbom_shows_no_packages if {
	doc := t.changed(t.with_evidence("sbom", {"/binding": "none"}), {"/vulnerabilities/scans/0/packages_catalogued": 0})
	"vulnerabilities.scan_without_packages" in t.ids(data.rules.vulnerabilities) with input as doc
}

test_errors_of_other_kinds_are_no_scans if {
	vulnerabilities.no_verdict == set() with input as t.with_error(t.nothing, "signature", "registry")
}

test_exploited_findings_of_no_severity_have_a_deadline if {
	doc := t.with_params(
		one({
			"/severity/value": "none",
			"/first_seen": null,
			"/kev": {"date_added": "2026-01-01", "due_date": "2026-01-22", "ransomware": false},
		}),
		{"remediation_days": days({"kev": 2})},
	)
	"vulnerabilities.overdue" in t.ids(data.rules.vulnerabilities) with input as doc
}

test_no_statement_makes_malware_harmless if {
	doc := t.changed(one({"/malware": true}), {"/vulnerabilities/findings/0/vex": {
		"status": "not_affected",
		"justification": "component_not_present",
		"statement": "s",
		"author": "a",
		"evidence": "e",
		"counts": true,
	}})
	"vulnerabilities.malware" in {r.rule | some r in vulnerabilities.deny} with input as doc
}

test_a_partial_scan_is_no_scan_and_its_findings_count if {
	# The only scan of the base is made partial: required, and what it reports is over a limit.
	doc := json.patch(t.with_params(several(3, "high"), {"max_high": 2}), [{
		"op": "add",
		"path": sprintf("/evidence/%d/partial", [t.place("vulnerabilities")]),
		"value": true,
	}])
	missing := vulnerabilities.deny with input as doc
	some r in missing
	r.rule == "vulnerabilities.required"
	contains(r.msg, "stands for no scan")
	count([one | some one in missing; one.rule == "vulnerabilities.max_high"]) == 1
}
