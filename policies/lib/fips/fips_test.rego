package lib.fips_test

import data.lib.fips
import data.lib.testing_test as t

provider := {
	"path": "fips.so", "family": "openssl-fips-provider", "version": "3.1.2", "package": "", "package_version": "",
	"vendor": "", "capable": "yes", "activated": "yes", "overridden": "no", "integrity": "matches", "provider": "",
}

library := object.union(provider, {"path": "libcrypto.so.3", "family": "openssl", "version": "3.5.0", "provider": "fips.so"})

image(modules, consumers, time) := t.changed(t.base, {"/time/now": time, "/fips": {
	"collected": true, "certain": true, "complete": true, "modules": modules, "consumers": consumers, "env": [],
	"openssl": [], "crypto_policy": null, "markers": [], "diagnostics": [],
}})

user := {"path": "app", "package": "", "modules": ["libcrypto.so.3"], "reaches_fips": "yes"}

today := "2026-11-23T00:00:00Z"

state(modules, consumers) := name if {
	name := fips.image_state with input as image(modules, consumers, today)
}

found(changes, time) := about if {
	about := fips.certificate(object.union(provider, changes)) with input as t.changed(t.base, {"/time/now": time})
}

test_the_worst_part_is_the_image if {
	state([provider, library], [user]) == "validated_active"
	state([], []) == "no_crypto_detected"
	state([provider, library, object.union(provider, {"path": "x", "capable": "no"})], []) == "non_fips_crypto_present"
	state([provider], [object.union(user, {"reaches_fips": "unknown"})]) == "unknown"
	state([object.union(provider, {"activated": "host"})], []) == "capable_host_dependent"
	state([object.union(provider, {"activated": "surprise"})], []) == "unknown"
}

test_what_was_not_looked_at_is_unknown if {
	every name in ["collected", "complete", "certain"] {
		doc := t.changed(image([provider], [], today), {sprintf("/fips/%s", [name]): false})
		fips.image_state == "unknown" with input as doc
	}
}

# The real list: FIPS 140-2 ended on 2026-09-21, interim validations on days of their own, and Debian has no certificate.
test_the_sunset_day_is_the_last if {
	found({"version": "3.0.9"}, "2026-09-21T23:59:59Z").active
	not found({"version": "3.0.9"}, "2026-09-22T00:00:00Z").active
	found({"version": "3.1.2"}, today) == object.union(
		found({}, today),
		{"number": "4985", "active": true, "match": "vendor_version", "listed": true},
	)
	not found({}, "2030-03-11T00:00:00Z").active
}

test_interim_validations_end if {
	alma := {"vendor": "almalinux", "version": "3.0.7-1d2bd88ee26b3c90"}
	found(alma, "2026-10-06T00:00:00Z").active
	not found(alma, "2026-10-07T00:00:00Z").active
	found({"vendor": "rhel", "version": "3.0.7-395c1a240fbfffd8"}, today).number == "4857"
}

test_another_vendors_build_has_no_certificate if {
	found({"vendor": "debian"}, today).match == "name_only"
	found({"vendor": "alpine", "version": "3.5.1", "package_version": "3.5.1-r0"}, today).match == "none"
	found({"vendor": "ubuntu", "version": "3.0.5", "package": "openssl"}, today).match == "name_only"
	found({"vendor": "ubuntu", "version": "3.0.5", "package": "openssl-fips-module-3"}, today).active
	found({"version": "3.1.20"}, today).match == "none"
	found({"version": "3.1.2.evil"}, today).match == "vendor_version"
	found({"version": ""}, today).match == "none"
}

test_a_certificate_younger_than_the_list_is_not_listed if {
	about := found({"family": "go", "vendor": "go", "version": "v1.0.0"}, today)
	not about.listed
	not about.active
	about.number == "5247"
}

test_the_age_of_the_list if {
	fips.list_age_days == 9 with input as t.changed(t.base, {"/time/now": "2026-04-07T12:00:00Z"})
		with data.cmvp.list.as_of as "2026-03-29"
	fips.list_age_days > 10000 with input as t.base with data.cmvp.list.as_of as "yesterday"
}

test_a_provider_that_is_not_listed_validates_nothing if {
	fips.validated(library) == library with input as image([library], [], today)
	fips.validated(library) == provider with input as image([library, provider], [], today)
}

# Behind the version of a package stands whose build it is; behind that of nobody's file another version.
test_versions_of_nobodys_file_are_exact if {
	entries := {"modules": {"entries": [{
		"family": "f", "vendors": ["", "rhel"], "versions": ["3.1.2"], "packages": [], "certificates": ["1"],
	}]}}
	found := {[vendor, version] |
		some vendor in ["", "rhel"]
		some version in ["3.1.2", "3.1.2.1", "3.1.2-dev", "3.1.2+quic", "3.1.20"]
		m := {"family": "f", "vendor": vendor, "version": version, "package": "", "package_version": ""}
		fips.certificate(m).match == "vendor_version" with data.cmvp as entries
	}
	found == {
		["", "3.1.2"], ["", "3.1.2.1"], ["rhel", "3.1.2"], ["rhel", "3.1.2.1"], ["rhel", "3.1.2-dev"],
		["rhel", "3.1.2+quic"],
	}
}
