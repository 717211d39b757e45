package rules.vulnerabilities_test

import data.lib.testing_test as t
import data.rules.vulnerabilities

# `input.time.now` of the samples is 2026-03-01T12:00:00Z.
due(date) := t.with_params(
	one({"/kev": {"date_added": "2026-02-01", "due_date": date, "ransomware": false}}),
	{"deny_kev": false, "kev_due_dates": true},
)

test_the_due_date_itself_is_in_time[date] if {
	some date, late in {
		"2026-03-01": false,
		"2026-03-02": false,
		"2026-02-28": true,
		"2025-12-31": true,
		"": true,
		"soon": true,
		"9999": true,
		"2026-3-1": true,
		"2026-03-09T00:00:00Z": true,
	}
	ids := t.ids(data.rules.vulnerabilities) with input as due(date)
	fired := "vulnerabilities.kev_overdue" in ids
	fired == late
}

test_the_message_names_the_day if {
	some r in vulnerabilities.deny with input as due("2026-02-28")
	r.rule == "vulnerabilities.kev_overdue"
	contains(r.msg, "was due on 2026-02-28")
	some unknown in vulnerabilities.deny with input as due("")
	contains(unknown.msg, "was due on an unknown day")
}

test_only_where_it_is_asked_for_and_only_the_exploited if {
	off := t.with_params(due("2026-02-28"), {"kev_due_dates": false, "deny_kev": false})
	not "vulnerabilities.kev_overdue" in t.ids(data.rules.vulnerabilities) with input as off
	other := t.with_params(one({}), {"kev_due_dates": true})
	not "vulnerabilities.kev_overdue" in t.ids(data.rules.vulnerabilities) with input as other
	not "vulnerabilities.kev_overdue" in t.ids(data.rules.vulnerabilities) with input as t.nothing
}
