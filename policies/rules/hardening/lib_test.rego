package lib.hardening_test

import data.lib.hardening
import data.lib.testing_test as t
import data.rules.hardening_test as h

# What a control comes to: the traps, one by one.
states := {
	"no_such_user": ["root_user", "error", h.user({"said": "app", "uid": null, "reason": "no line"}), {}],
	"root_by_name": ["root_user", "failed", h.user({"said": "app", "reason": "is uid 0"}), {}],
	"not_one_of_the_users": ["root_user", "failed", {}, h.allowed({"users": ["app"]})],
	"one_of_the_users_by_number": ["root_user", "passed", {}, h.allowed({"users": ["10001"]})],
	"named_and_allowed_by_number": ["root_user", "passed", h.user({"said": "app", "uid": 5, "gid": 5}), h.allowed({"users": ["5"]})],
	"none_of_the_users": ["root_user", "failed", h.user({"said": "x", "uid": 6, "gid": 6}), h.allowed({"users": ["app", "5"]})],
	"one_of_the_users_by_name": [
		"root_user", "passed", h.user({"said": "app", "uid": 5, "gid": 5}),
		h.allowed({"users": ["app"]}),
	],
	"allowed_setuid": [
		"setuid", "passed", {"/filesystem/setuid": [h.file("usr/bin/su")]},
		h.allowed({"allowed_setuid": ["usr/bin/su"]}),
	],
	"other_setuid": [
		"setuid", "failed", {"/filesystem/setuid": [h.file("bin/su")]},
		h.allowed({"allowed_setuid": ["usr/bin/su"]}),
	],
	"setuid_list_cut": ["setuid", "error", {"/filesystem/diagnostics": [diagnostic("list_cut")]}, {}],
	"odd_capability": ["capabilities", "error", {"/filesystem/diagnostics": [diagnostic("odd_capability")]}, {}],
	"a_code_that_is_new": ["private_key", "error", {"/filesystem/diagnostics": [diagnostic("brand_new")]}, {}],
	"a_code_about_something_else": ["private_key", "passed", {"/filesystem/diagnostics": [diagnostic("odd_account")]}, {}],
	"allowed_shell": ["shell", "passed", {"/hardening/programs": [h.program("interpreter", "python3.11")]}, h.allowed({"allowed_programs": ["python3*"]})],
	"remote_access_is_never_allowed": ["remote_access", "failed", {"/hardening/programs": [h.program("remote_access", "sshd")]}, h.allowed({"allowed_programs": ["sshd"]})],
	"allowed_key": [
		"private_key", "passed", {"/filesystem/private_keys": [key("usr/lib/python3/test/k.pem", "private key")]},
		h.allowed({"allowed_keys": ["usr/lib/*"]}),
	],
	"java_anchors_are_no_keys": ["private_key", "passed", {"/filesystem/private_keys": [key("usr/lib/jvm/lib/security/cacerts", "key store")]}, {}],
	"a_key_store_elsewhere": ["private_key", "failed", {"/filesystem/private_keys": [key("opt/cacerts", "key store")]}, {}],
	"two_names_one_uid": ["duplicate_ids", "failed", {"/filesystem/accounts": [h.account("a", 5), h.account("b", 5)]}, {}],
	"one_name_two_uids": ["duplicate_ids", "failed", {"/filesystem/accounts": [h.account("a", 5), h.account("a", 6)]}, {}],
	"two_names_one_gid": ["duplicate_ids", "failed", {"/hardening/groups": [{"name": "a", "gid": 5}, {"name": "b", "gid": 5}]}, {}],
	"own_ids": ["duplicate_ids", "passed", {"/filesystem/accounts": [h.account("root", 0), h.account("b", 5)]}, {}],
	"odd_passwd": ["duplicate_ids", "error", {"/hardening/incomplete": ["accounts"]}, {}],
	"healthcheck_none": ["healthcheck", "failed", {"/subject/config/healthcheck": ["NONE"]}, h.cis],
	"healthcheck": ["healthcheck", "passed", {"/subject/config/healthcheck": ["CMD", "true"]}, h.cis],
	"healthcheck_of_a_tarball": ["healthcheck", "failed", {"/subject/config/healthcheck": [], "/subject/kind": "archive"}, h.cis],
	"latest": ["reference", "failed", {"/subject/reference": "registry.example:5000/app:latest"}, {}],
	"latest_with_digest": ["reference", "passed", {"/subject/reference": "r.example/app:latest@sha256:aa"}, {}],
	"layout": ["reference", "not_applicable", {"/subject/reference": "oci:build/image"}, {}],
	"port_range": ["ports", "failed", {"/subject/config/exposed_ports": ["80-90/tcp"]}, {}],
	"allowed_port": ["ports", "passed", {"/subject/config/exposed_ports": ["443/tcp", "8080/tcp"]}, h.allowed({"allowed_ports": ["443/tcp"]})],
	"port_by_variable": ["ports", "error", {"/subject/config/exposed_ports": ["$PORT"]}, {}],
	"volume_in_disguise": ["volumes", "failed", {"/subject/config/volumes": ["/srv/..//etc/./"]}, {}],
	"volume_of_everything": ["volumes", "failed", {"/subject/config/volumes": ["/"]}, {}],
	"volume_upwards": ["volumes", "error", {"/subject/config/volumes": ["/a/b/../../etc"]}, {}],
	"override_by_the_command": ["env_override", "failed", {"/subject/config/entrypoint": ["env", "LD_PRELOAD=/x.so", "app"]}, {}],
	"override_by_a_shell": ["env_override", "failed", {"/subject/config/cmd": ["sh", "-c", "OPENSSL_CONF=/dev/null app"]}, {}],
	"argument_that_is_no_override": ["env_override", "passed", {"/subject/config/cmd": ["app", "--GODEBUG=x"]}, {}],
	"windows": ["password", "error", {"/subject/platform": {"os": "windows", "architecture": "amd64", "variant": ""}}, {}],
	"linux": ["password", "passed", {"/subject/platform": {"os": "linux", "architecture": "amd64", "variant": ""}}, {}],
	"os_release_unread": ["supported_release", "error", {"/hardening/incomplete": ["os_release"]}, {}],
	"base_only_claimed": ["base", "manual", {"/subject/base": {"name": "d", "digest": "sha256:aa", "origin": "label"}}, {}],
	"add_from_an_address": ["add", "failed", {"/hardening/steps": [h.step("add_url", "")]}, h.cis],
	"update_alone": ["package_cache", "failed", {"/hardening/steps": [h.step("update_alone", h.layer)]}, {}],
	"unverified_install": ["unsigned_packages", "failed", {"/hardening/steps": [h.step("unverified_install", h.layer)]}, {}],
	"verified_packages": ["unsigned_packages", "passed", {"/hardening/repository_files": 1}, {}],
	"release_with_patch_level": ["supported_release", "passed", {"/filesystem/os_release": {"ID": "rhel", "VERSION_ID": "9.4"}}, {}],
	"release_on_its_last_day": ["supported_release", "passed", {"/time/now": "2026-06-30T23:59:59Z", "/filesystem/os_release": {"ID": "amzn", "VERSION_ID": "2"}}, {}],
	"release_a_day_later": ["supported_release", "failed", {"/time/now": "2026-07-01T00:00:00Z", "/filesystem/os_release": {"ID": "amzn", "VERSION_ID": "2"}}, {}],
	"release_by_its_own_word": ["supported_release", "failed", {"/filesystem/os_release": {"ID": "own", "VERSION_ID": "1", "SUPPORT_END": "2025-01-01"}}, {}],
	"release_that_nobody_knows": ["supported_release", "manual", {"/filesystem/os_release": {"ID": "own", "VERSION_ID": "1"}}, {}],
	"rolling_release": ["supported_release", "passed", {"/filesystem/os_release": {"ID": "wolfi", "VERSION_ID": "20230201"}}, {}],
	"packages_without_os_release": ["supported_release", "error", {"/filesystem/os_release": {"ID": "", "VERSION_ID": ""}, "/hardening/package_databases": ["dpkg"]}, {}],
	"rpm_versions_by_sbom": ["old_versions", "failed", rpms(["1.0", "2.0"]), {}],
	"rpm_by_sbom": ["old_versions", "passed", rpms(["1.0"]), {}],
	"signature_unreadable": ["signature", "error", {"/signatures": [], "/errors": [t.error("signature", "referrers")]}, h.cis],
	"signed": ["signature", "passed", {}, h.cis],
	"anchor_not_approved": ["trust_anchors", "failed", anchor, h.allowed({"approved_anchors": ["sha256:0"]})],
	"anchor_approved": ["trust_anchors", "passed", anchor, h.allowed({"approved_anchors": ["sha256:f"]})],
	"anchors_for_people": ["trust_anchors", "manual", anchor, {}],
	"sshd_without_algorithms": ["ssh_crypto", "error", {"/hardening/programs": [h.program("remote_access", "sshd")]}, {}],
	"approved_ssh": ["ssh_crypto", "passed", {"/crypto/algorithms": [h.algorithm("aes-256-gcm")]}, {}],
	"certificate_without_dates": [
		"certificate", "error",
		{"/crypto/certificates": [h.certificate({"expired": false, "not_after": null})]}, {},
	],
	"crypto_incomplete": ["certificate", "error", {"/crypto/complete": false}, {}],
	"locked_user_of_the_container": ["interactive_account", "passed", {"/hardening/interactive": [{"name": "app", "uid": 10001, "shell": "/bin/sh", "path": "bin/sh", "layer": h.layer}]}, {}],
	"not_in_the_profile": ["add", "not_selected", {"/hardening/steps": [h.step("add", "")]}, {}],
}

diagnostic(code) := {"code": code, "message": "odd", "count": 1, "where": ""}

key(path, kind) := {"path": path, "layer": h.layer, "kind": kind, "encrypted": null, "visible": true}

anchor := {"/crypto/certificates": [h.certificate({"role": "trust_anchor", "path": "etc/ssl/certs/a.pem"})]}

rpms(versions) := {
	"/hardening/unread_databases": ["var/lib/rpm/rpmdb.sqlite"],
	"/sbom/components": [component |
		some version in versions
		purl := sprintf("pkg:rpm/rhel/zlib@%v?arch=x86_64", [version])
		component := object.union(t.base.sbom.components[0], {"purl": purl, "version": version})
	],
}

test_states[note] if {
	some note, case in states
	[name, expected, changes, params] := case
	state := hardening.status[name] with input as h.doc(changes, params)
		with data.lib.fips.image_state as "no_crypto_detected"
	state == expected
}

test_fips_states[state] if {
	some state, expected in {
		"validated_active": "passed", "capable_host_dependent": "manual", "no_crypto_detected": "not_applicable",
		"unknown": "error", "capable_not_activated": "failed", "activated_unvalidated": "failed",
	}
	found := hardening.status.fips_module with input as h.doc({}, h.gpos) with data.lib.fips.image_state as state
	found == expected
}

test_reasons_are_told if {
	found := hardening.reasons("base") with input as h.doc({"/subject/base": {"name": "", "digest": null, "origin": "none"}}, {})
	found == ["nothing tells what it is built on, or which version"]
	none := hardening.reasons("unsigned_packages") with input as h.doc({}, {})
	none == ["no package manager and no configuration of one"]
	open := hardening.reasons("setuid") with input as h.doc({"/hardening/certain": false}, {})
	count(open) == 1
}

test_very_many_findings_are_cut_and_counted if {
	many := [h.file(sprintf("usr/bin/%v", [i])) | some i in numbers.range(1, 250)]
	found := hardening.denied("setuid") with input as h.doc({"/filesystem/setuid": many}, {})
	count(found) == 201
	{thing.got | some thing in found; thing.term == "(more)"} == {50}
}

test_coverage_counts_every_selected_control if {
	seen := hardening.coverage with input as h.doc({}, {})
	seen.selected == (((seen.passed + seen.failed) + seen.error) + seen.not_applicable) + seen.manual
	seen.evaluated == seen.passed + seen.failed
	seen.beyond_image.deployment > 5
}

test_no_decided_control_is_no_coverage if {
	not hardening.covered with input as t.with_params(t.nothing, {"stig_baseline": object.union(
		t.base.decision.params.stig_baseline,
		{"min_coverage": null},
	)})
}

# A state that is not in the lattice leaves the image without one, which is no pass.
test_a_fips_state_that_nobody_knows_is_unknown if {
	known := {"/fips/collected": true, "/fips/certain": true, "/fips/complete": true}
	found := hardening.status.fips_module with input as h.doc(known, h.gpos) with data.lib.fips.modules as [{"state": "new"}]
	found == "error"
}
