# Certificates, keys and trust anchors.
package rules.crypto

import data.lib.crypto
import data.lib.patterns
import data.lib.result

# METADATA
# title: No certificate with a weak key
# description: >-
#   RSA below `crypto_min_rsa_bits`, curves below 224 bits, DSA, and keys of a kind that nobody knows. Trust anchors are told apart
#   by place: their keys only verify, so they are warned about. The term is the fingerprint.
# custom:
#   short_name: weak_certificate
#   failure_msg: "The certificate of %v in %v has the key %v"
#   solution: Issue it again with RSA of 3072 bits or P-256 and above, or waive its fingerprint.
#   severity: high
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-12}
#     - {framework: NIST-800-53, id: SC-13}
#     - {framework: NIST-800-53, id: IA-5(2)}
#     - {framework: CCI, id: CCI-000185}
#     - {framework: DISA-SRG, id: V-203622}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#cryptoweak_certificate
deny contains result.make(rego.metadata.chain(), [_who(c), c.path, _key(c)], _of(found, _key(c))) if {
	some found in _others
	c := _first(found)
	_is_weak(c)
}

# METADATA
# title: No weak key
# description: Private and public keys in files, as far as they can be read. The term is the path.
# custom:
#   short_name: weak_key
#   failure_msg: "%v holds the key %v"
#   solution: Make a new key of RSA with 3072 bits or P-256 and above, or waive the path.
#   severity: high
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-12}
#     - {framework: NIST-800-53, id: SC-13}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#cryptoweak_key
deny contains result.make(rego.metadata.chain(), [k.path, _key(k)], {
	"term": k.path,
	"expected": "an approved key",
	"got": _key(k),
	"data": {"layer": k.layer, "private": k.private},
}) if {
	_asked
	some k in input.crypto.keys
	k.visible
	_told(k)
	_is_weak(k)
}

# METADATA
# title: No certificate signed with a weak hash
# description: >-
#   SHA-1, MD5, or a signature that nobody knows, on anything but a trust anchor: nobody verifies the signature that an anchor has on
#   itself. The term is the fingerprint.
# custom:
#   short_name: weak_signature
#   failure_msg: "The certificate of %v in %v is signed with %v"
#   solution: Have it issued again with SHA-256 or better, or waive its fingerprint.
#   severity: high
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-13}
#     - {framework: NIST-800-53, id: IA-5(2)}
#     - {framework: CCI, id: CCI-000185}
#     - {framework: DISA-SRG, id: V-203622}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#cryptoweak_signature
deny contains result.make(rego.metadata.chain(), [_who(c), c.path, c.signature_hash], _of(found, c.signature_hash)) if {
	some found in _others
	c := _first(found)
	crypto.status(crypto.signed_with(c.signature_hash), "apply") in {"disallowed", "unknown"}
}

# METADATA
# title: No expired certificate
# description: At the time of the decision, trust anchors apart. The term is the fingerprint.
# custom:
#   short_name: expired
#   failure_msg: "The certificate of %v in %v expired at %v"
#   solution: Put the new certificate into the image, or better mount it when the image is run.
#   severity: high
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: IA-5(2)}
#     - {framework: NIST-800-53, id: SC-17}
#     - {framework: CCI, id: CCI-000185}
#     - {framework: DISA-SRG, id: V-203622}
#     - {framework: DISA-SRG, id: V-233284}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#cryptoexpired
deny contains result.make(rego.metadata.chain(), [_who(c), c.path, c.not_after], _of(found, c.not_after)) if {
	some found in _others
	c := _first(found)
	c.expired
}

# METADATA
# title: Certificates that expire soon
# description: Within `crypto_expiry_warn_days`, trust anchors apart.
# custom:
#   short_name: expires_soon
#   failure_msg: "The certificate of %v in %v expires at %v"
#   solution: Have it issued again in time.
#   severity: low
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-17}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#cryptoexpires_soon
warn contains result.make(rego.metadata.chain(), [_who(c), c.path, c.not_after], _of(found, c.not_after)) if {
	some found in _others
	c := _first(found)
	not c.expired
	c.expires_in_s < input.decision.params.crypto_expiry_warn_days * 86400
}

# METADATA
# title: Trust anchors that are old
# description: Expired, or with a key that may only verify what was signed before. Every distribution ships some.
# custom:
#   short_name: old_anchor
#   failure_msg: "The trust anchor %v in %v is old: %v"
#   solution: Update the package that brings it, or take it out of the list of anchors.
#   severity: low
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-17}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#cryptoold_anchor
warn contains result.make(
	rego.metadata.chain(),
	[_who(c), c.path, concat(", ", reasons)],
	_of(found, concat(", ", reasons)),
) if {
	some found in _anchors
	c := _first(found)
	reasons := {sprintf("expired at %v", [c.not_after]) | c.expired} | {sprintf("key %v", [_key(c)]) | _is_weak(c)}
	count(reasons) > 0
}

# METADATA
# title: Only approved trust anchors
# description: >-
#   With `stig_baseline.approved_anchors`, fingerprints of the anchors that an image may have. The term is the fingerprint. Certificates whose
#   role is not known count as anchors here.
# custom:
#   short_name: unapproved_anchor
#   failure_msg: "The trust anchor %v in %v is not approved"
#   solution: Take it out of the image, or approve its fingerprint in `stig_baseline.approved_anchors`.
#   severity: high
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-17}
#     - {framework: NIST-800-53, id: SC-23(5)}
#     - {framework: CCI, id: CCI-002470}
#     - {framework: CCI, id: CCI-004909}
#     - {framework: DISA-SRG, id: V-203744}
#     - {framework: DISA-SRG, id: V-263659}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#cryptounapproved_anchor
deny contains result.make(rego.metadata.chain(), [_who(c), c.path], _of(found, fingerprint)) if {
	count(input.decision.params.stig_baseline.approved_anchors) > 0
	some fingerprint, found in _anchors_or_unknown
	not patterns.allowed(fingerprint, input.decision.params.stig_baseline.approved_anchors)
	c := _first(found)
}

# METADATA
# title: Trust anchors that no package brings
# description: >-
#   Where no anchors are named in `stig_baseline.approved_anchors`, those that are in no unchanged file of the distribution's ca-certificates. It
#   can be told of dpkg only.
# custom:
#   short_name: foreign_anchor
#   failure_msg: "The trust anchor %v in %v is not from the distribution's package"
#   solution: Look at it; where it belongs there, name the approved anchors in `stig_baseline.approved_anchors`.
#   severity: medium
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-17}
#     - {framework: NIST-800-53, id: SC-23(5)}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#cryptoforeign_anchor
warn contains result.make(rego.metadata.chain(), [_who(c), c.path], _of(found, fingerprint)) if {
	count(input.decision.params.stig_baseline.approved_anchors) == 0
	some fingerprint, found in _anchors
	c := _first(found)
	c.packaged == false
}

# METADATA
# title: Certificates that could not be read
# description: Files that say they hold certificates which nothing can read; no program can use them either.
# custom:
#   short_name: unreadable
#   failure_msg: "%v holds %v certificates that cannot be read"
#   solution: Remove the file, or write it again.
#   severity: info
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#cryptounreadable
warn contains result.make(rego.metadata.chain(), [file.path, file.unreadable], {
	"term": file.path,
	"got": file.unreadable,
}) if {
	_asked
	some file in input.filesystem.certificates
	file.unreadable > 0
}

# By fingerprint: the same certificate may be in many files.
_anchors[c.fingerprint] contains c if {
	some c in _visible
	c.role == "trust_anchor"
}

_others[c.fingerprint] contains c if {
	some c in _visible
	c.role != "trust_anchor"
}

_anchors_or_unknown[c.fingerprint] contains c if {
	some c in _visible
	c.role in {"trust_anchor", "unknown"}
}

_visible := [c | _asked; some c in input.crypto.certificates; c.visible]

_of(found, got) := {
	"term": _first(found).fingerprint,
	"got": got,
	"data": {"certificate": _first(found), "paths": sort({c.path | some c in found})},
}

_who(c) := c.subject if c.subject != ""

_who(c) := c.fingerprint if c.subject == ""

_key(k) := sprintf("%v %v", [_family(k.key), k.bits]) if k.bits != null

_key(k) := _family(k.key) if k.bits == null

_family(name) := name if name != ""

_family("") := "of an unknown kind"

# Of a sealed key, or one in a form that is not read, nothing can be said.
_told(k) if {
	k.key != ""
	k.bits != null
}

_told(k) if {
	k.key != ""
	not k.key in {"rsa", "ec"}
}

_is_weak(k) if crypto.status(crypto.key_of(k.key, k.bits, k.curve), "apply") in {"disallowed", "unknown"}

_is_weak(k) if {
	k.key == "rsa"
	not k.bits >= input.decision.params.crypto_min_rsa_bits
}
