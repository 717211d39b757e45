# METADATA
# title: Signatures
# description: >-
#   Somebody whom a trust entry names has signed this image. An attestation about the image, an SBOM say, is not a signature of it.
package rules.signatures

import data.lib.evidence
import data.lib.result

# METADATA
# title: The image is signed
# description: With `require_signature`, a verified signature over this digest by a trust entry with the role `signature`.
# custom:
#   short_name: required
#   failure_msg: "No verified signature of this image: %v"
#   solution: Sign the digest in the build (`cosign sign`), and give the gate the key or identity that is to be trusted.
#   severity: critical
#   waivable: true
#   parameter: require_signature
#   controls:
#     - {framework: NIST-800-53, id: CM-14}
#     - {framework: NIST-800-53, id: SI-7}
#     - {framework: NIST-SSDF, id: PS.2.1}
#   requires_evidence:
#     - {kind: signature, when: require_signature, state: verified, on: either, select: any}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#signaturesrequired
deny contains result.make(rego.metadata.chain(), [evidence.found("signature")], {
	"expected": "a verified signature",
	"got": "none",
	"data": {"rejected": evidence.rejected("signature")},
}) if {
	_unsigned
	count(evidence.errors("signature")) == 0
}

# METADATA
# title: Signatures could be looked for
# description: None was verified, and something kept one from being read, so its absence is not established.
# custom:
#   short_name: unreadable
#   failure_msg: "Signatures could not all be read (%v: %v)"
#   solution: Retry when the registry can be reached, or repair the document named in `data`.
#   severity: high
#   waivable: false
#   parameter: require_signature
#   controls:
#     - {framework: NIST-800-53, id: CM-14}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#signaturesunreadable
no_verdict contains result.make(rego.metadata.chain(), [err.source, err.reason], {
	"term": err.source,
	"expected": "a readable signature",
	"got": err.code,
	"data": err,
}) if {
	_unsigned
	some err in evidence.errors("signature")
}

_unsigned if {
	not input.decision.params.require_signature == false
	input.subject.kind != "index"
	count({s.evidence | some s in input.signatures} & evidence.ids("signature")) == 0
}
