# What controls about cryptography and certificates come to.
package lib.hardening

import data.lib.crypto
import data.lib.fips

default _state := "unknown"

_state := fips.image_state

# Judged where FIPS is: `lib.fips` has the states and the certificates.
found.fips_module contains finding("", text, _state, {}) if {
	text := sprintf("the cryptography of the image is %v", [_state])
	not _state in {"validated_active", "capable_host_dependent", "no_crypto_detected", "unknown"}
}

inapplicable.fips_module contains "no cryptography was found" if _state == "no_crypto_detected"

by_people.fips_module contains "the host's kernel decides whether it is on" if {
	_state == "capable_host_dependent"
}

unknown.fips_module contains "the state of its cryptography is not known" if _state == "unknown"

_crypto_is_known if {
	input.crypto.collected
	input.crypto.certain
	input.crypto.complete
}

unknown[name] contains "facts about algorithms, keys and certificates are not complete" if {
	some name in ["ssh_crypto", "certificate", "trust_anchors"]
	not _crypto_is_known
}

# The signature and the dates of a trust anchor are not verified by anyone; one in use is `trust_anchors`'.
found.certificate contains at(entry, sprintf(" (%v, expired %v)", [entry.subject, entry.not_after])) if {
	some entry in input.crypto.certificates
	entry.visible
	entry.expired
	entry.role != "trust_anchor"
}

unknown.certificate contains sprintf("the dates of a certificate in %v cannot be read", [entry.path]) if {
	some entry in input.crypto.certificates
	entry.visible
	entry.role != "trust_anchor"
	is_null(entry.not_after)
}

found.trust_anchors contains finding(entry.fingerprint, text, entry.subject, entry) if {
	count(allowed.approved_anchors) > 0
	some entry in input.crypto.certificates
	entry.visible
	entry.role == "trust_anchor"
	not entry.fingerprint in allowed.approved_anchors
	text := sprintf("%v (%v) in %v, layer %v", [entry.subject, entry.fingerprint, entry.path, entry.layer])
}

# Put beside the distribution's own by whoever built the image.
found.trust_anchors contains finding(entry.fingerprint, text, entry.subject, entry) if {
	count(allowed.approved_anchors) == 0
	some entry in input.crypto.certificates
	entry.visible
	some place in _added
	startswith(entry.path, place)
	text := sprintf("%v (%v) in %v, layer %v", [entry.subject, entry.fingerprint, entry.path, entry.layer])
}

_added := ["usr/local/share/ca-certificates/", "etc/pki/ca-trust/source/anchors/", "usr/share/pki/trust/anchors/"]

by_people.trust_anchors contains "stig_baseline.approved_anchors names none" if {
	count(allowed.approved_anchors) == 0
	count([1 | some entry in input.crypto.certificates; entry.visible; entry.role == "trust_anchor"]) > 0
}

inapplicable.trust_anchors contains "there are no trust anchors" if {
	_crypto_is_known
	count([1 | some entry in input.crypto.certificates; entry.visible; entry.role == "trust_anchor"]) == 0
}

inapplicable.ssh_crypto contains "there is no ssh server or client" if {
	_crypto_is_known
	count(_ssh) == 0
	count(_servers) == 0
}

unknown.ssh_crypto contains "there is an ssh server, and its algorithms are not known" if {
	count(_ssh) == 0
	count(_servers) > 0
}

_servers := [1 | some program in input.hardening.programs; program.name in {"sshd", "dropbear", "openssh-server"}]

found.ssh_crypto contains finding(term, text, entry.name, entry) if {
	some entry in _ssh
	status := crypto.status(entry.algorithm, entry.use)
	status in {"disallowed", "legacy"}
	term := sprintf("%v %v", [entry.setting, entry.name])
	text := sprintf("%v %v (%v) in %v, layer %v", [entry.setting, entry.name, status, entry.path, entry.layer])
}

unknown.ssh_crypto contains sprintf("nobody knows the algorithm %v of %v", [entry.name, entry.setting]) if {
	some entry in _ssh
	not _is_judged(entry)
}

_is_judged(entry) if {
	crypto.status(entry.algorithm, entry.use) in {"acceptable", "deprecated", "disallowed", "legacy"}
}

_ssh := [entry | some entry in input.crypto.algorithms; entry.scope in {"sshd", "ssh"}]
