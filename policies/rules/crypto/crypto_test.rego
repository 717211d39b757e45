package rules.crypto_test

import data.lib.crypto
import data.lib.testing_test as t
import data.rules.crypto as rules

asked := {"fail_on_fips_issues": true}

facts(changes) := object.union(
	{
		"collected": true, "certain": true, "complete": true, "algorithms": [], "certificates": [], "keys": [], "cbom": [],
		"diagnostics": [],
	},
	changes,
)

looked(changes) := t.changed(t.under(asked), {"/crypto": facts(changes)})

setting(changes) := object.union(
	{
		"path": "etc/ssh/sshd_config", "layer": "sha256:1", "scope": "sshd", "setting": "Ciphers", "name": "aes256-ctr",
		"algorithm": "aes-256-ctr", "use": "both", "by": "configured", "detail": "",
	},
	changes,
)

allows(changes) := looked({"algorithms": [setting(changes)]})

cert(changes) := object.union(
	{
		"path": "app/tls.pem", "layer": "sha256:1", "visible": true, "role": "end_entity", "subject": "CN=app",
		"issuer": "CN=ca", "serial": "1", "fingerprint": "sha256:aa", "key": "rsa", "bits": 3072, "curve": "",
		"signature_hash": "sha256", "not_before": "2026-01-01T00:00:00Z", "not_after": "2027-01-01T00:00:00Z",
		"expired": false, "expires_in_s": 9999999, "packaged": null,
	},
	changes,
)

has(changes) := looked({"certificates": [cert(changes)]})

key(changes) := object.union(
	{
		"path": "app/key.pem", "layer": "sha256:1", "visible": true, "private": true, "key": "rsa", "bits": 3072,
		"curve": "", "encrypted": false,
	},
	changes,
)

holds(changes) := looked({"keys": [key(changes)]})

sbom := t.base.evidence[t.place("sbom")].id

asset(changes) := object.union(
	{
		"evidence": sbom, "name": "MD5", "kind": "algorithm", "algorithm": "md5", "certification": ["fips140-3-l1"],
		"locations": [],
	},
	changes,
)

unread(number) := t.changed(looked({}), {"/filesystem/certificates": [{
	"path": "a.pem", "layer": "", "certificates": 1, "expired": 0, "unreadable": number, "next_expiry": null,
}]})

anchors(doc, list) := t.changed(doc, {"/decision/params/stig_baseline/approved_anchors": list})

cases := {
	"not_looked_at": {
		"allows": looked({}),
		"fires": t.under(asked),
		"empty_field": {"input": looked({"collected": false}), "fires": true},
		"nothing_fires": false,
	},
	"incomplete": {
		"allows": looked({}),
		"fires": looked({"certain": false}),
		"empty_field": {"input": looked({"complete": false}), "fires": true},
		"nothing_fires": false,
	},
	"disallowed": {
		"allows": allows({}),
		"fires": allows({"name": "chacha20-poly1305@openssh.com", "algorithm": "chacha20-poly1305"}),
		"empty_field": {"input": allows({"algorithm": ""}), "fires": false},
		"nothing_fires": false,
	},
	"unknown_algorithm": {
		"allows": allows({}),
		"fires": allows({"algorithm": "in no table"}),
		"empty_field": {"input": allows({"algorithm": ""}), "fires": true},
		"nothing_fires": false,
	},
	"deprecated": {
		"allows": allows({"algorithm": "hmac-sha1"}),
		"fires": t.with_params(allows({"algorithm": "hmac-sha1"}), {"crypto_deny_deprecated": true}),
		"empty_field": {"input": t.with_params(allows({"algorithm": ""}), {"crypto_deny_deprecated": true}), "fires": false},
		"nothing_fires": false,
	},
	"on_the_way_out": {
		"allows": t.with_params(allows({"algorithm": "hmac-sha1"}), {"crypto_deny_deprecated": true}),
		"fires": allows({"algorithm": "x25519", "use": "process"}),
		"empty_field": {"input": allows({"algorithm": ""}), "fires": false},
		"nothing_fires": false,
	},
	"review": {
		"allows": allows({}),
		"fires": allows({"algorithm": "psk"}),
		"empty_field": {"input": allows({"algorithm": ""}), "fires": false},
		"nothing_fires": false,
	},
	"weak_certificate": {
		"allows": has({}),
		"fires": has({"bits": 1024}),
		"empty_field": {"input": has({"key": ""}), "fires": true},
		"nothing_fires": false,
	},
	"weak_key": {
		"allows": holds({}),
		"fires": holds({"bits": 1024}),
		"empty_field": {"input": holds({"key": "", "bits": null}), "fires": false},
		"nothing_fires": false,
	},
	"weak_signature": {
		"allows": has({"signature_hash": ""}),
		"fires": has({"signature_hash": "sha1"}),
		"empty_field": {"input": has({"signature_hash": "oid:1.2.3"}), "fires": true},
		"nothing_fires": false,
	},
	"expired": {
		"allows": has({}),
		"fires": has({"expired": true, "expires_in_s": -1}),
		"empty_field": {"input": has({"expired": true, "subject": ""}), "fires": true},
		"nothing_fires": false,
	},
	"expires_soon": {
		"allows": has({}),
		"fires": has({"expires_in_s": 86400}),
		"empty_field": {"input": has({"expired": true, "expires_in_s": -1}), "fires": false},
		"nothing_fires": false,
	},
	"old_anchor": {
		"allows": has({"role": "trust_anchor"}),
		"fires": has({"role": "trust_anchor", "expired": true}),
		"empty_field": {"input": has({"role": "trust_anchor", "key": "", "bits": null}), "fires": true},
		"nothing_fires": false,
	},
	"unapproved_anchor": {
		"allows": anchors(has({"role": "trust_anchor"}), ["sha256:aa"]),
		"fires": anchors(has({"role": "trust_anchor"}), ["sha256:bb"]),
		"empty_field": {"input": anchors(has({"role": "unknown"}), ["sha256:bb"]), "fires": true},
		"nothing_fires": false,
	},
	"foreign_anchor": {
		"allows": has({"role": "trust_anchor", "packaged": true}),
		"fires": has({"role": "trust_anchor", "packaged": false}),
		"empty_field": {"input": has({"role": "trust_anchor", "packaged": null}), "fires": false},
		"nothing_fires": false,
	},
	"unreadable": {
		"allows": unread(0),
		"fires": unread(1),
		"empty_field": {"input": looked({}), "fires": false},
		"nothing_fires": false,
	},
	"cbom": {
		"allows": looked({"cbom": [asset({"algorithm": "sha256"})]}),
		"fires": looked({"cbom": [asset({})]}),
		"empty_field": {"input": looked({"cbom": [asset({"algorithm": ""})]}), "fires": false},
		"nothing_fires": false,
	},
}

test_allows[short] if {
	some short, case in cases
	ids := t.ids(data.rules.crypto) with input as case.allows
	not sprintf("crypto.%s", [short]) in ids
}

test_fires[short] if {
	some short, case in cases
	ids := t.ids(data.rules.crypto) with input as case.fires
	sprintf("crypto.%s", [short]) in ids
}

test_empty_field[short] if {
	some short, case in cases
	ids := t.ids(data.rules.crypto) with input as case.empty_field.input
	fired := sprintf("crypto.%s", [short]) in ids
	fired == case.empty_field.fires
}

test_empty_input[short] if {
	some short, case in cases
	ids := t.ids(data.rules.crypto) with input as t.nothing
	fired := sprintf("crypto.%s", [short]) in ids
	fired == case.nothing_fires
}

test_nothing_is_said_unasked[short] if {
	some short, case in cases
	ids := t.ids(data.rules.crypto) with input as t.with_params(case.fires, {"fail_on_fips_issues": false})
	ids == set()
}

test_an_index_is_judged_by_its_platforms if {
	t.ids(data.rules.crypto) == set() with input as t.changed(has({"expired": true}), {"/subject/kind": "index"})
}

test_one_result_for_a_certificate_in_many_files if {
	both := looked({"certificates": [cert({"expired": true}), cert({"expired": true, "path": "b.pem"})]})
	found := [r | some r in rules.deny] with input as both
	count(found) == 1
	found[0].term == "sha256:aa"
	found[0].data.paths == ["app/tls.pem", "b.pem"]
}

test_roots_that_sign_themselves_with_sha1_are_no_finding if {
	t.ids(data.rules.crypto) == set() with input as has({"role": "trust_anchor", "signature_hash": "sha1"})
	"crypto.weak_signature" in t.ids(data.rules.crypto) with input as has({"role": "unknown", "signature_hash": "sha1"})
}

test_deleted_certificates_and_keys_are_used_by_nobody if {
	t.ids(data.rules.crypto) == set() with input as has({"visible": false, "expired": true})
	t.ids(data.rules.crypto) == set() with input as holds({"visible": false, "bits": 512})
}

test_a_certification_level_passes_nothing if {
	doc := looked({"cbom": [asset({"algorithm": "aes-256-gcm"})], "algorithms": [setting({"algorithm": "rc4"})]})
	"crypto.disallowed" in t.ids(data.rules.crypto) with input as doc
}

test_a_cbom_that_is_not_accepted_says_nothing if {
	t.ids(data.rules.crypto) == set() with input as looked({"cbom": [asset({"evidence": "sha256:other"})]})
}

strict := [{"state": "strict"}]

tls(changes) := allows(object.union({"scope": "tls", "by": "default", "algorithm": "chacha20-poly1305"}, changes))

test_defaults_of_tls_under_a_strict_provider[note] if {
	some note, case in {
		"strict": {"doc": t.changed(tls({}), {"/fips/openssl": strict}), "denied": false},
		"no configuration": {"doc": tls({}), "denied": true},
		"one is not strict": {"doc": t.changed(tls({}), {"/fips/openssl": [strict[0], {"state": "default"}]}), "denied": true},
		"written": {"doc": t.changed(tls({"by": "configured"}), {"/fips/openssl": strict}), "denied": true},
		"ssh": {"doc": t.changed(tls({"scope": "sshd"}), {"/fips/openssl": strict}), "denied": true},
		"switched off": {
			"doc": t.changed(tls({}), {"/fips/openssl": strict, "/fips/env": [{"effect": "disables"}]}),
			"denied": true,
		},
	}
	ids := t.ids(data.rules.crypto) with input as case.doc
	denied := "crypto.disallowed" in ids
	denied == case.denied
}

test_weak_keys[note] if {
	some note, case in {
		"below the limit": [holds({"bits": 2048}), {"crypto_min_rsa_bits": 3072}, true],
		"at the limit": [holds({"bits": 3072}), {"crypto_min_rsa_bits": 3072}, false],
		"dsa": [holds({"key": "dsa", "bits": 3072}), {}, true],
		"short curve": [holds({"key": "ec", "bits": 192, "curve": "secp192r1"}), {}, true],
		"p-224": [holds({"key": "ec", "bits": 224, "curve": "secp224r1"}), {}, false],
		"p-256": [holds({"key": "ec", "bits": 256, "curve": "secp256r1"}), {}, false],
		"other curve": [holds({"key": "ec", "bits": 256, "curve": "brainpoolP256r1"}), {}, false],
		"ed25519": [holds({"key": "ed25519", "bits": null}), {}, false],
		"gost": [holds({"key": "oid:1.2.643", "bits": null}), {}, true],
		"sealed": [holds({"bits": null, "encrypted": true}), {}, false],
	}
	ids := t.ids(data.rules.crypto) with input as t.with_params(case[0], case[1])
	fired := "crypto.weak_key" in ids
	fired == case[2]
}

test_status[note] if {
	some note, case in {
		"today": ["aes-256-ecb", "both", {}, "2026-11-23", "acceptable"],
		"third revision": ["aes-256-ecb", "both", {"crypto_profile": "r3-ipd"}, "2026-11-23", "disallowed"],
		"third revision, unchanged": ["rc4", "both", {"crypto_profile": "r3-ipd"}, "2026-11-23", "disallowed"],
		"suite": ["aes-256-gcm", "both", {"crypto_profile": "cnsa2"}, "2026-11-23", "acceptable"],
		"suite, for now": ["ecdh-p384", "both", {"crypto_profile": "cnsa2"}, "2026-11-23", "deprecated"],
		"suite, not in it": ["aes-128-gcm", "both", {"crypto_profile": "cnsa2"}, "2026-11-23", "disallowed"],
		"suite, review": ["psk", "both", {"crypto_profile": "cnsa2"}, "2026-11-23", "review"],
		"unknown profile": ["aes-256-gcm", "both", {"crypto_profile": "any"}, "2026-11-23", "disallowed"],
		"last day": ["rsa-2048", "apply", {}, "2030-12-31", "acceptable"],
		"day after": ["rsa-2048", "apply", {}, "2031-01-01", "deprecated"],
		"day after, verifying": ["rsa-2048", "process", {}, "2031-01-01", "acceptable"],
		"sha-1 after": ["hmac-sha1", "both", {}, "2031-01-01", "disallowed"],
		"verifying": ["x25519", "process", {}, "2026-11-23", "legacy"],
		"nobody knows": ["rot13", "both", {}, "2026-11-23", "unknown"],
		"empty": ["", "both", {}, "2026-11-23", "unknown"],
	}
	found := crypto.status(case[0], case[1]) with input as t.changed(
		t.under(case[2]),
		{"/time/now": sprintf("%sT12:00:00Z", [case[3]])},
	)
	found == case[4]
}

test_the_table_is_whole if {
	every row in data.lib.crypto.algorithms.keys {
		row.apply in {"acceptable", "deprecated", "disallowed", "review"}
		row.process in {"acceptable", "legacy", "disallowed"}
		object.keys(row) - {"apply", "process", "until", "then", "r3", "cnsa1", "cnsa2"} == set()
		count({"until", "then"} & object.keys(row)) != 1
	}
}
