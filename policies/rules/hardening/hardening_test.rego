package rules.hardening_test

import data.lib.hardening as lib
import data.lib.testing_test as t
import data.rules.hardening

# An image about which everything is known and nothing is wrong.
clean := {
	"/hardening/collected": true, "/hardening/certain": true, "/hardening/history": "told",
	"/hardening/user": {"said": "10001", "uid": 10001, "gid": 10001, "numeric": true, "reason": ""},
	"/filesystem/collected": true, "/filesystem/certain": true, "/filesystem/complete": true,
	"/filesystem/os_release": {"ID": "debian", "VERSION_ID": "13"},
	"/crypto/collected": true, "/crypto/certain": true, "/crypto/complete": true,
}

asked := {"fail_on_stig": "3", "stig_profile": "distroless"}

allowed(changes) := {"stig_baseline": object.union(t.base.decision.params.stig_baseline, changes)}

doc(changes, params) := t.changed(t.with_params(t.base, object.union(asked, params)), object.union(clean, changes))

cis := {"stig_profile": "cis-docker-4"}

gpos := {"stig_profile": "gpos"}

layer := "sha256:1111"

file(path) := {"path": path, "layer": layer, "mode": "4755", "uid": 0, "gid": 0}

shipped(kind, path) := {"kind": kind, "path": path, "layer": layer, "visible": true}

deleted(kind, path) := object.union(shipped(kind, path), {"visible": false})

loose(kind, path) := object.union(file(path), {"kind": kind, "expected": "0644 root"})

program(kind, name) := {
	"kind": kind, "name": name, "path": sprintf("usr/bin/%v", [name]), "layer": layer, "target": "", "package": "",
}

account(name, uid) := {"name": name, "uid": uid, "gid": uid, "home": "/", "shell": "/sbin/nologin", "password": "locked"}

password(scheme) := {"name": "app", "path": "etc/shadow", "layer": layer, "scheme": scheme}

step(kind, digest) := {"kind": kind, "place": 2, "layer": digest}

user(fields) := {"/hardening/user": object.union(
	{"said": "", "uid": 0, "gid": 0, "numeric": false, "reason": ""},
	fields,
)}

certificate(fields) := object.union(
	{
		"path": "etc/tls/a.pem", "layer": layer, "visible": true, "role": "end_entity", "subject": "CN=a", "issuer": "CN=a",
		"serial": "1", "fingerprint": "sha256:f", "key": "rsa", "bits": 2048, "curve": "", "signature_hash": "sha256",
		"not_before": null, "not_after": "2026-01-01T00:00:00Z", "expired": true, "expires_in_s": -1,
	},
	fields,
)

algorithm(name) := {
	"path": "etc/ssh/sshd_config", "layer": layer, "scope": "sshd", "setting": "Ciphers", "name": name, "algorithm": name,
	"use": "both", "by": "configured", "detail": "",
}

repository := {"path": "etc/apt/sources.list", "layer": layer, "setting": "trusted=yes"}

repeated := {"database": "dpkg", "name": "zlib", "path": "var/lib/dpkg/status", "versions": ["1.2", "1.3"]}

# What makes each control fail, and what it comes to when the field that it looks at is empty.
controls := {
	"root_user": {"fires": user({}), "empty": {"/hardening/user": null}, "is": "error"},
	"secret_text": {
		"fires": {"/hardening/secret_texts": [{"where": "env", "name": "DB_PASSWORD", "kind": "named"}]},
		"empty": {"/hardening/secret_texts": []}, "is": "passed",
	},
	"add": {"fires": {"/hardening/steps": [step("add", layer)]}, "empty": {"/hardening/history": "missing"}, "is": "manual", "under": cis},
	"package_cache": {
		"fires": {"/hardening/caches": [object.union(shipped("apt", "var/lib/apt/lists/x"), {"files": 1, "bytes": 2})]},
		"empty": {"/hardening/history": "differs"}, "is": "manual",
	},
	"healthcheck": {
		"fires": {"/subject/media_type": "application/vnd.docker.distribution.manifest.v2+json"},
		"empty": {"/subject/config/healthcheck": null}, "is": "not_applicable", "under": cis,
	},
	"reference": {
		"fires": {"/subject/reference": "registry.example:5000/app"},
		"empty": {"/subject/reference": ""}, "is": "not_applicable",
	},
	"base": {
		"fires": {"/subject/base": {"name": "debian", "digest": null, "origin": "label"}},
		"empty": {"/subject/base": {"name": "", "digest": null, "origin": "none"}}, "is": "manual",
	},
	"signature": {"fires": {"/signatures": []}, "empty": {"/signatures/0/evidence": ""}, "is": "failed", "under": cis},
	"ports": {"fires": {"/subject/config/exposed_ports": ["22/tcp"]}, "empty": {"/subject/config/exposed_ports": [""]}, "is": "error"},
	"volumes": {"fires": {"/subject/config/volumes": ["/etc/"]}, "empty": {"/subject/config/volumes": []}, "is": "passed"},
	"env_override": {"fires": {"/subject/config/env": ["LD_PRELOAD=/x.so"]}, "empty": {"/subject/config/env": []}, "is": "passed"},
	"setuid": {"fires": {"/filesystem/setuid": [file("usr/bin/su")]}, "empty": {"/filesystem/setuid": []}, "is": "passed"},
	"capabilities": {
		"fires": {"/filesystem/capabilities": [
			{"path": "p", "layer": layer, "permitted": ["cap_net_raw"], "inheritable": [], "effective": true},
		]},
		"empty": {"/filesystem/capabilities": [
			{"path": "p", "layer": layer, "permitted": [], "inheritable": [], "effective": false},
		]},
		"is": "passed",
	},
	"world_writable": {
		"fires": {"/filesystem/world_writable": [file("srv/x")]},
		"empty": {"/filesystem/world_writable": [file("dev/shm")]}, "is": "passed",
	},
	"unowned": {
		"fires": {"/hardening/unowned": [object.union(file("x"), {"uid": 999})]},
		"empty": {"/hardening/unowned": [object.union(file("x"), {"uid": 10001})]}, "is": "passed",
	},
	"account_files": {"fires": {"/hardening/loose": [loose("account", "etc/shadow")]}, "empty": {"/hardening/loose": []}, "is": "passed"},
	"system_files": {"fires": {"/hardening/loose": [loose("system", "lib/x")]}, "empty": {"/hardening/loose": []}, "is": "passed"},
	"log_files": {"fires": {"/hardening/loose": [loose("log", "var/log/x")]}, "empty": {"/hardening/loose": []}, "is": "passed"},
	"device": {"fires": {"/hardening/devices": [deleted("block", "srv/sda")]}, "empty": {"/hardening/devices": []}, "is": "passed"},
	"scanner_influence": {
		"fires": {"/hardening/influence": [shipped("container marker", "run/.containerenv")]},
		"empty": {"/hardening/influence": []}, "is": "passed",
	},
	"package_manager": {
		"fires": {"/hardening/programs": [program("package_manager", "apt")]},
		"empty": {"/hardening/programs": []}, "is": "passed",
	},
	"shell": {
		"fires": {"/hardening/programs": [object.union(program("shell", "bash"), {"target": "usr/bin/x"})]},
		"empty": {"/hardening/programs": []}, "is": "passed",
	},
	"remote_access": {
		"fires": {"/hardening/programs": [object.union(program("remote_access", "telnetd"), {"package": "telnetd"})]},
		"empty": {"/hardening/programs": []}, "is": "passed",
	},
	"privilege_program": {
		"fires": {"/hardening/programs": [program("privilege", "sudo")]},
		"empty": {"/hardening/programs": []}, "is": "passed",
	},
	"old_versions": {
		"fires": {"/hardening/repeated_packages": [repeated]},
		"empty": {"/hardening/unread_databases": ["var/lib/rpm/Packages"]}, "is": "error",
	},
	"supported_release": {
		"fires": {"/filesystem/os_release": {"ID": "alpine", "VERSION_ID": "3.10.9"}},
		"empty": {"/filesystem/os_release": {"ID": "", "VERSION_ID": ""}}, "is": "not_applicable",
	},
	"unsigned_packages": {
		"fires": {"/hardening/repositories": [repository]},
		"empty": {"/hardening/repositories": []}, "is": "not_applicable",
	},
	"password": {"fires": {"/hardening/passwords": [password("sha512")]}, "empty": {"/hardening/passwords": []}, "is": "passed"},
	"duplicate_ids": {
		"fires": {"/filesystem/accounts": [account("root", 0), account("toor", 0)]},
		"empty": {"/filesystem/accounts": []}, "is": "passed",
	},
	"interactive_account": {
		"fires": {"/hardening/interactive": [{"name": "a", "uid": 1, "shell": "", "path": "bin/sh", "layer": layer}]},
		"empty": {"/hardening/interactive": []}, "is": "passed",
	},
	"weak_password_hash": {
		"fires": {"/hardening/passwords": [password("des")]},
		"empty": {"/hardening/passwords": [password("sha512")]}, "is": "passed",
	},
	"private_key": {
		"fires": {"/filesystem/private_keys": [
			{"path": "k", "layer": layer, "kind": "private key", "encrypted": null, "visible": false},
		]},
		"empty": {"/filesystem/private_keys": []}, "is": "passed",
	},
	"credential_file": {
		"fires": {"/hardening/secret_files": [deleted("netrc", "root/.netrc")]},
		"empty": {"/hardening/secret_files": []}, "is": "passed",
	},
	"ssh_crypto": {
		"fires": {"/crypto/algorithms": [algorithm("rc4")]},
		"empty": {"/crypto/algorithms": [algorithm("")]}, "is": "error",
	},
	"fips_module": {"fires": {}, "empty": {}, "is": "not_applicable", "under": gpos, "fips": "non_fips_crypto_present"},
	"trust_anchors": {
		"fires": {"/crypto/certificates": [certificate({"path": "usr/local/share/ca-certificates/a.crt"})]},
		"empty": {"/crypto/certificates": []}, "is": "not_applicable",
	},
	"certificate": {
		"fires": {"/crypto/certificates": [certificate({})]},
		"empty": {"/crypto/certificates": [certificate({"role": "trust_anchor"})]}, "is": "passed",
	},
}

others := {
	"looked": {
		"allows": doc({}, {}), "fires": t.under(asked),
		"empty_field": {"input": t.changed(t.under(asked), {"/errors": [t.error("unknown", "--inspect")]}), "fires": true},
	},
	"undecided": {
		"allows": doc({}, {}), "fires": doc({"/hardening/certain": false}, {}),
		"empty_field": {"input": doc({"/subject/config": null}, {}), "fires": true},
	},
	"coverage_below": {
		"allows": doc({}, {}), "fires": doc({}, allowed({"min_coverage": 1})),
		"empty_field": {"input": doc({}, allowed({"min_coverage": null})), "fires": false},
	},
	"milder": {
		"allows": doc({"/hardening/steps": [step("add_url", "")]}, cis),
		"fires": doc({"/hardening/steps": [step("add_url", "")]}, object.union(cis, {"fail_on_stig": "2"})),
		"empty_field": {"input": doc({"/hardening/steps": []}, object.union(cis, {"fail_on_stig": "2"})), "fires": false},
	},
	"root_group": {
		"allows": doc({}, {}), "fires": doc(user({"said": "10001", "uid": 10001}), {}),
		"empty_field": {"input": doc(user({"said": "10001", "uid": 10001, "gid": null}), {}), "fires": false},
	},
	"coverage": {
		"allows": t.base, "fires": doc({}, {}),
		"empty_field": {"input": t.under(asked), "fires": true},
	},
	"beyond": {
		"allows": t.base, "fires": doc({}, {}),
		"empty_field": {"input": t.under(asked), "fires": true},
	},
	# It speaks under the control's own rule.
	"not_decided": {"allows": doc({}, {}), "fires": doc({}, {}), "empty_field": {"input": t.base, "fires": false}},
}

cases[name] := {
	"allows": doc({}, params),
	"fires": doc(control.fires, params),
	"empty_field": {"input": doc(control.empty, params), "fires": control.is == "failed"},
	"nothing_fires": false,
} if {
	some name, control in controls
	params := object.get(control, "under", {})
}

cases[name] := object.union(case, {"nothing_fires": false}) if some name, case in others

ids(evaluated) := {r.rule | some set in ["deny", "warn", "no_verdict"]; some r in evaluated[set]} | {r.rule |
	some r in evaluated.not_applicable
	r.rule in {"hardening.coverage", "hardening.beyond"}
}

# Only denies are asked of a control, which takes a fraction of the time.
fired(name, doc_, fips) if {
	controls[name]
	found := hardening.deny with input as doc_ with data.lib.fips.image_state as fips
	sprintf("hardening.%v", [name]) in {r.rule | some r in found}
}

fired(name, doc_, fips) if {
	others[name]
	found := data.rules.hardening with input as doc_ with data.lib.fips.image_state as fips
	sprintf("hardening.%v", [name]) in ids(found)
}

test_allows[name] if {
	some name, case in cases
	not fired(name, case.allows, "no_crypto_detected")
}

test_fires[name] if {
	some name, case in object.remove(cases, ["not_decided"])
	fired(name, case.fires, object.get(controls, [name, "fips"], "no_crypto_detected"))
}

test_not_decided_fires if {
	found := {r.got | some r in hardening.not_applicable; r.rule == "hardening.add"} with input as cases.not_decided.fires
	found == {"not_selected"}
}

test_empty_field[name] if {
	some name, case in object.filter(cases, [name | some name, case in cases; case.empty_field.fires])
	fired(name, case.empty_field.input, "no_crypto_detected")
}

test_empty_field_is_left_alone[name] if {
	some name, case in object.filter(cases, [name | some name, case in cases; not case.empty_field.fires])
	not fired(name, case.empty_field.input, "no_crypto_detected")
}

test_empty_field_status[name] if {
	some name, control in controls
	case := cases[name].empty_field.input
	state := lib.status[name] with input as case with data.lib.fips.image_state as "no_crypto_detected"
	state == control.is
}

test_empty_input if {
	found := data.rules.hardening with input as t.nothing
	ids(found) == set()
}

# A failed control has one result a finding, with term, path, layer and fix.
test_a_result_says_what_and_where if {
	found := hardening.deny with input as cases.setuid.fires
	[r | some r in found] == [{
		"rule": "hardening.setuid",
		"term": "usr/bin/su",
		"msg": "A setuid or setgid file: usr/bin/su (mode 4755, uid 0) in layer sha256:1111",
		"evidence": [],
		"expected": "nothing found",
		"got": " (mode 4755, uid 0)",
		"fix": "Remove the bit (`chmod a-s`) or the package in the build.",
		"data": file("usr/bin/su"),
	}]
}

# Nothing that is not known passes, whatever the control.
test_unknown_is_never_a_pass[name] if {
	some name in [name | some name, control in lib.controls; count(control.reads) > 0]
	blind := t.with_params(t.base, object.union(asked, object.get(controls[name], "under", {})))
	state := lib.status[name] with input as blind
	state in {"error", "not_selected"}
}

# Silence of a control's own rule would be shown as a pass.
test_every_control_that_did_not_pass_says_so[note] if {
	some note, input_ in {"clean": doc({}, {}), "blind": t.under(asked), "mild": doc({"/hardening/steps": [step("add", "")]}, cis)}
	silent := {name |
		some name, state in lib.status
		not state == "passed"
		said := {r.rule | some set in ["deny", "not_applicable"]; some r in data.rules.hardening[set]}
		not sprintf("hardening.%v", [name]) in said
	} with input as input_
	silent == set()
}

test_the_clean_image_passes if {
	found := data.rules.hardening with input as doc({}, {})
	found.deny == set()
	found.no_verdict == set()
	found.warn == set()
	lib.coverage.passed > 25 with input as doc({}, {})
}

test_categories_and_profiles_name_controls if {
	every control in lib.controls {
		control.category in {"1", "2", "3"}
	}
	every list in data.lib.hardening.baseline.profiles {
		count(list) > 5
		every name in list {
			lib.controls[name]
		}
	}
	count(lib.controls) == 37
}

# A profile that nobody knows selects nothing, which is no coverage.
test_an_unknown_profile_is_no_verdict if {
	found := {r.rule | some r in hardening.no_verdict} with input as doc({}, {"stig_profile": ""})
	"hardening.coverage_below" in found
}
