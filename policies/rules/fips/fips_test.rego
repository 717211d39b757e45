package rules.fips_test

import data.lib.testing_test as t

listing := {
	"list": {
		"as_of": "2026-02-01",
		"certificates": {
			"1": {
				"module": "Good", "vendor": "V", "standard": "FIPS 140-3", "status": "active", "sunset": "2030-01-01",
				"interim": false,
			},
			"2": {
				"module": "Old", "vendor": "V", "standard": "FIPS 140-2", "status": "active", "sunset": "2026-02-28",
				"interim": false,
			},
		},
	},
	"modules": {"entries": [
		{
			"family": "openssl-fips-provider", "vendors": ["rhel"], "versions": ["3.0.7"], "packages": [],
			"certificates": ["1"],
		},
		{"family": "old", "vendors": ["rhel"], "versions": ["1"], "packages": [], "certificates": ["2"]},
		{"family": "young", "vendors": ["rhel"], "versions": ["1"], "packages": [], "certificates": ["9"]},
	]},
}

path := "usr/lib64/ossl-modules/fips.so"

module(changes) := object.union(
	{
		"path": path, "layer": "sha256:l", "sha256": "sha256:s", "family": "openssl-fips-provider", "version": "3.0.7",
		"place": "system", "package": "openssl-fips-provider", "package_version": "3.0.7-6", "vendor": "rhel",
		"capable": "yes", "installed": "yes", "integrity": "matches", "activated": "yes", "overridden": "no",
		"bypassable": false, "reasons": ["strict"], "provider": "",
	},
	changes,
)

consumer(changes) := object.union(
	{
		"path": "usr/bin/app", "layer": "sha256:l", "kind": "elf", "modules": [path], "reaches_fips": "yes",
		"package": "app", "reasons": ["linked"],
	},
	changes,
)

facts(modules, consumers) := {
	"collected": true, "certain": true, "complete": true, "modules": modules, "consumers": consumers, "env": [],
	"openssl": [], "crypto_policy": null, "markers": [], "diagnostics": [],
}

image(fips_facts, params) := t.with_params(
	t.changed(t.base, {"/fips": fips_facts}),
	object.union({"fail_on_fips_issues": true}, params),
)

of(changes) := image(facts([module(changes)], []), {})

good := image(facts([module({})], [consumer({})]), {})

variable := {
	"name": "LD_PRELOAD", "value": "/x.so", "effect": "unknown", "families": ["openssl"], "reason": "LD_PRELOAD: /x.so",
}

with_env := image(object.union(facts([module({})], []), {"env": [variable]}), {})

nobodys := {"vendor": "", "package": "", "package_version": "", "reasons": []}

plain := {"family": "libsodium", "capable": "no", "activated": "not_applicable", "reasons": []}

cases := {
	"incomplete": {
		"allows": good,
		"fires": image(object.union(facts([module({})], []), {"complete": false}), {}),
		"empty_field": {"input": image(object.union(facts([], []), {"certain": false}), {}), "fires": true},
		"nothing_fires": false,
	},
	"overridden": {
		"allows": good,
		"fires": of({"overridden": "yes"}),
		"empty_field": {"input": of({"overridden": "yes", "reasons": []}), "fires": true},
		"nothing_fires": false,
	},
	"tampered": {
		"allows": good,
		"fires": of({"integrity": "differs", "activated": "broken"}),
		"empty_field": {"input": of({"integrity": "differs", "reasons": []}), "fires": true},
		"nothing_fires": false,
	},
	"not_activated": {
		"allows": good,
		"fires": of({"activated": "no"}),
		"empty_field": {"input": of({"activated": "broken", "reasons": []}), "fires": true},
		"nothing_fires": false,
	},
	"not_validated": {
		"allows": good,
		"fires": of({"vendor": "debian"}),
		"empty_field": {"input": of(nobodys), "fires": true},
		"nothing_fires": false,
	},
	"certificate_expired": {
		"allows": good,
		"fires": of({"family": "old", "version": "1.2"}),
		"empty_field": {"input": of({"family": "old", "version": "", "package_version": ""}), "fires": false},
		"nothing_fires": false,
	},
	"non_fips_crypto": {
		"allows": good,
		"fires": of({"capable": "no", "activated": "no"}),
		"empty_field": {"input": of(plain), "fires": true},
		"nothing_fires": false,
	},
	"not_reached": {
		"allows": good,
		"fires": image(facts([module({})], [consumer({"reaches_fips": "no"})]), {}),
		"empty_field": {
			"input": image(facts([], [consumer({"modules": [], "reaches_fips": "broken", "reasons": []})]), {}),
			"fires": true,
		},
		"nothing_fires": false,
	},
	"host_dependent": {
		"allows": image(facts([module({"activated": "host"})], []), {"fips_host": true}),
		"fires": of({"activated": "host"}),
		"empty_field": {"input": of({"activated": "host", "reasons": []}), "fires": true},
		"nothing_fires": false,
	},
	"unknown": {
		"allows": good,
		"fires": of({"overridden": "unknown"}),
		"empty_field": {
			"input": image(facts([], [consumer({"modules": [], "reaches_fips": "yes", "reasons": []})]), {}),
			"fires": true,
		},
		"nothing_fires": false,
	},
	"no_crypto": {
		"allows": good,
		"fires": image(facts([], []), {}),
		"empty_field": {"input": image(object.union(facts([], []), {"complete": false}), {}), "fires": true},
		"nothing_fires": false,
	},
	"allowed": {
		"allows": good,
		"fires": image(facts([module({})], []), {"fips_allowed_modules": [path]}),
		"empty_field": {"input": image(facts([module({})], []), {"fips_allowed_modules": [""]}), "fires": false},
		"nothing_fires": false,
	},
	"bypassable": {
		"allows": good,
		"fires": of({"bypassable": true}),
		"empty_field": {"input": of({"bypassable": true, "reasons": []}), "fires": true},
		"nothing_fires": false,
	},
	"env": {
		"allows": good,
		"fires": with_env,
		"empty_field": {
			"input": t.changed(with_env, {"/fips/env/0/families": [], "/fips/env/0/value": ""}),
			"fires": true,
		},
		"nothing_fires": false,
	},
	"stale_list": {
		"allows": image(facts([module({})], []), {"max_cmvp_age_days": 40}),
		"fires": image(facts([module({})], []), {"max_cmvp_age_days": 10}),
		"empty_field": {"input": image(facts([module({})], []), {"max_cmvp_age_days": null}), "fires": false},
		"nothing_fires": false,
	},
}

ids(doc) := found if {
	found := t.ids(data.rules.fips) with input as doc with data.cmvp as listing
}

test_allows[short] if {
	some short, case in cases
	not sprintf("fips.%s", [short]) in ids(case.allows)
}

test_fires[short] if {
	some short, case in cases
	sprintf("fips.%s", [short]) in ids(case.fires)
}

test_empty_field[short] if {
	some short, case in cases
	fired := sprintf("fips.%s", [short]) in ids(case.empty_field.input)
	fired == case.empty_field.fires
}

test_empty_input[short] if {
	some short, case in cases
	fired := sprintf("fips.%s", [short]) in ids(t.with_params(t.nothing, {"fail_on_fips_issues": true}))
	fired == case.nothing_fires
}

test_a_good_image_has_no_finding if {
	count(ids(good)) == 0
}

test_asked_of_nothing_else if {
	count(ids(t.with_params(of({"activated": "no"}), {"fail_on_fips_issues": false}))) == 0
	count(ids(t.changed(of({"activated": "no"}), {"/subject/kind": "index"}))) == 0
}

# Without a list of certificates nothing is validated, and that is said.
test_without_a_list if {
	doc := image(facts([module({})], []), {"max_cmvp_age_days": 100})
	found := t.ids(data.rules.fips) with input as doc with data.cmvp as {}
	found == {"fips.not_validated", "fips.stale_list"}
}

# A certificate younger than the list is neither valid nor invalid.
test_unlisted_certificates_give_no_verdict if {
	doc := of({"family": "young", "version": "1"})
	ids(doc) == {"fips.unknown"}
}

# Each module that is not fine, and each consumer, is in some result that denies or gives no verdict.
test_nothing_falls_between_the_rules if {
	plain := [{"capable": capable, "activated": activated, "overridden": overridden} |
		some capable in {"yes", "no", "unknown"}
		some activated in _activations
		some overridden in {"yes", "no", "unknown"}
	]
	flawed := [object.union(flaw, {"capable": "yes", "activated": activated, "overridden": "no"}) |
		some activated in _activations
		some flaw in [{"vendor": "debian"}, {"integrity": "differs"}, {"family": "old", "version": "1"}]
	]
	wrong := [about |
		some about in array.concat(plain, flawed)
		blocked := count(_blocking(of(about))) > 0
		_fine(about) == blocked
	]
	count(wrong) == 0
}

_activations := {"yes", "no", "host", "broken", "unknown", "not_applicable"}

_fine(about) if {
	about.capable == "yes"
	about.activated == "yes"
	about.overridden == "no"
	not object.get(about, "vendor", "") == "debian"
	not object.get(about, "integrity", "") == "differs"
	not object.get(about, "family", "") == "old"
} else := false

_blocking(doc) := {r.rule |
	some set in ["deny", "no_verdict"]
	some r in evaluated(doc)[set]
}

evaluated(doc) := found if {
	found := data.rules.fips with input as doc with data.cmvp as listing
}

test_allowed_modules_by_path_package_and_family if {
	bad := facts([module({"capable": "no", "package": "libsodium23", "family": "libsodium"})], [])
	count([entry |
		some entry in [path, concat("", ["/", path]), "usr/lib64/*", "package:libsodium23", "family:libsodium"]
		count(_blocking(image(bad, {"fips_allowed_modules": [entry]}))) != 0
	]) == 0
	count([entry |
		some entry in ["usr/lib64/ossl-modules/f", "package:", "family:", "usr/lib/*"]
		_blocking(image(bad, {"fips_allowed_modules": [entry]})) != {"fips.non_fips_crypto"}
	]) == 0
}

# A module that is denied already says why its users do not reach FIPS.
test_users_of_a_denied_module_are_not_denied_again if {
	doc := image(facts([module({"activated": "no"})], [consumer({"reaches_fips": "no"})]), {})
	_blocking(doc) == {"fips.not_activated"}
}

test_a_historical_certificate_without_a_day if {
	doc := of({"family": "old", "version": "1"})
	list := object.union(listing.list, {"certificates": {"2": {
		"module": "Old", "vendor": "V", "standard": "", "status": "historical", "sunset": null, "interim": false,
	}}})
	found := t.ids(data.rules.fips) with input as doc
		with data.cmvp as object.union(listing, {"list": list})
	found == {"fips.certificate_expired"}
}

# A module that is on without a certificate, waived or not, says nothing of a program that goes past it.
test_a_module_that_is_on_explains_no_program if {
	past := consumer({"reaches_fips": "no"})
	"fips.not_reached" in ids(image(facts([module({"vendor": "debian"})], [past]), {}))
	not "fips.not_reached" in ids(image(facts([module({"activated": "no"})], [past]), {}))
}

# The message names what the runtimes disagree about, and not what is only odd.
test_uncertain_says_why if {
	told := [{"code": code, "message": "m", "count": 1, "where": "etc/x"} | some code in ["sparse", "through_link"]]
	doc := t.changed(
		image(object.union(facts([module({})], []), {"certain": false}), {}),
		{"/filesystem/diagnostics": told},
	)
	msgs := {r.msg | some r in evaluated(doc).no_verdict}
	msgs == {"FIPS facts are uncertain: through_link etc/x"}
}
