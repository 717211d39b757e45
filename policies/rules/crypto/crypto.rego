# METADATA
# title: Cryptography
# description: >-
#   Algorithms that the image is configured for, and the certificates and keys in it, where `fail_on_fips_issues` asks. What counts
#   as approved is `data.lib.crypto.algorithms` on the day of the decision. What a CBOM claims never makes a rule pass.
package rules.crypto

import data.lib.crypto
import data.lib.evidence
import data.lib.result

# METADATA
# title: The image was looked into
# description: Nothing can be said of algorithms, certificates and keys without the image's own files.
# custom:
#   short_name: not_looked_at
#   failure_msg: "The image's files were not looked at for algorithms, certificates and keys"
#   solution: Give the image itself (registry, layout or tarball) instead of a bare digest.
#   severity: high
#   waivable: false
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-13}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#cryptonot_looked_at
no_verdict contains result.make(rego.metadata.chain(), [], {"expected": "facts", "got": "none"}) if {
	_asked
	not input.crypto.collected
}

# METADATA
# title: Everything was looked at
# description: >-
#   A configuration or include that could not be read, a list that was cut, or an image of which two runtimes see different files:
#   what is not known may be anything.
# custom:
#   short_name: incomplete
#   failure_msg: "Not all of the image's cryptography is known: %v"
#   solution: Mend what the diagnostics name (`gate inspect IMAGE` shows them) and build the image again.
#   severity: high
#   waivable: false
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-13}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#cryptoincomplete
no_verdict contains result.make(rego.metadata.chain(), [concat(", ", reasons)], {
	"expected": "all facts",
	"got": "some",
	"data": {"diagnostics": input.crypto.diagnostics},
}) if {
	_asked
	input.crypto.collected
	_partial
	disagreed := {"runtimes disagree on its files" | not input.crypto.certain}
	reasons := {d.code | some d in input.crypto.diagnostics} | disagreed
}

# METADATA
# title: No disallowed algorithm is allowed by a configuration
# description: >-
#   One result a name, whose term is `path|setting|name`. What a program allows because nobody configured it counts too: OpenSSH's
#   own default has chacha20-poly1305. Defaults of TLS alone are spared where every OpenSSL configuration is strict, for the FIPS
#   provider has no such algorithm.
# custom:
#   short_name: disallowed
#   failure_msg: "%v allows %v (%v, %v)"
#   solution: Name the approved algorithms in the configuration (docs/compliance.md has the lists), or waive this term.
#   severity: high
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: AC-17(2)}
#     - {framework: NIST-800-53, id: MA-4(6)}
#     - {framework: NIST-800-53, id: SC-13}
#     - {framework: CCI, id: CCI-000068}
#     - {framework: CCI, id: CCI-001453}
#     - {framework: CCI, id: CCI-002890}
#     - {framework: CCI, id: CCI-003123}
#     - {framework: DISA-SRG, id: V-203603}
#     - {framework: DISA-SRG, id: V-203669}
#     - {framework: DISA-SRG, id: V-203736}
#     - {framework: DISA-SRG, id: V-203737}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#cryptodisallowed
deny contains result.make(
	rego.metadata.chain(),
	[_where(a), a.name, a.setting, a.by],
	_about(term, found, "disallowed"),
) if {
	some term, found in _by_status.disallowed
	a := _first(found)
}

# METADATA
# title: No algorithm that nobody knows
# description: A name that is in no table may stand for anything. Dropbear does not even say what it allows.
# custom:
#   short_name: unknown_algorithm
#   failure_msg: "%v allows %v (%v), and nobody knows what that is"
#   solution: Take the name out of the configuration, or waive this term once somebody has looked at it.
#   severity: medium
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-13}
#     - {framework: NIST-800-53, id: AC-17(2)}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#cryptounknown_algorithm
deny contains result.make(rego.metadata.chain(), [_where(a), a.name, a.setting], _about(term, found, "unknown")) if {
	some term, found in _by_status.unknown
	a := _first(found)
}

# METADATA
# title: No deprecated algorithm, where that is asked for
# description: With `crypto_deny_deprecated`; deprecated for protecting, or legacy for reading what was protected before.
# custom:
#   short_name: deprecated
#   failure_msg: "%v allows %v (%v), which is %v"
#   solution: Name the algorithms that stay approved in the configuration, or waive this term.
#   severity: medium
#   waivable: true
#   parameter: crypto_deny_deprecated
#   controls:
#     - {framework: NIST-800-53, id: SC-13}
#     - {framework: NIST-800-53, id: AC-17(2)}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#cryptodeprecated
deny contains result.make(
	rego.metadata.chain(),
	[_where(a), a.name, a.setting, status],
	_about(term, found, status),
) if {
	not input.decision.params.crypto_deny_deprecated == false
	some status in ["deprecated", "legacy"]
	some term, found in _by_status[status]
	a := _first(found)
}

# METADATA
# title: Algorithms on their way out
# description: The same as `crypto.deprecated` where that is not asked for.
# custom:
#   short_name: on_the_way_out
#   failure_msg: "%v allows %v (%v), which is %v"
#   solution: Name the algorithms that stay approved in the configuration.
#   severity: low
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-13}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#cryptoon_the_way_out
warn contains result.make(
	rego.metadata.chain(),
	[_where(a), a.name, a.setting, status],
	_about(term, found, status),
) if {
	input.decision.params.crypto_deny_deprecated == false
	some status in ["deprecated", "legacy"]
	some term, found in _by_status[status]
	a := _first(found)
}

# METADATA
# title: Algorithms whose approval the module's certificate decides
# description: A hybrid key exchange, a group that is negotiated, a pre-shared key.
# custom:
#   short_name: review
#   failure_msg: "%v allows %v (%v), and whether that is approved depends on the module"
#   solution: Read the certificate's security policy, or take the name out of the configuration.
#   severity: info
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-13}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#cryptoreview
warn contains result.make(rego.metadata.chain(), [_where(a), a.name, a.setting], _about(term, found, "review")) if {
	some term, found in _by_status.review
	a := _first(found)
}

# METADATA
# title: Disallowed algorithms that a CBOM names
# description: >-
#   What an accepted CBOM says is in use or offered. A CBOM is a claim: one that names nothing proves nothing, and its
#   `certificationLevel` has no certificate number, so it never makes anything pass.
# custom:
#   short_name: cbom
#   failure_msg: "The CBOM names %v, which is %v"
#   solution: Find out where it is used (`data` has the places), and replace it.
#   severity: medium
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-13}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#cryptocbom
warn contains result.make(rego.metadata.chain(), [asset.name, status], {
	"term": sprintf("%v|%v", [asset.kind, asset.name]),
	"evidence": [asset.evidence],
	"got": status,
	"data": {"locations": asset.locations, "certification": asset.certification},
}) if {
	_asked
	some asset in input.crypto.cbom
	asset.evidence in evidence.ids("sbom")
	asset.algorithm != ""
	status := crypto.status(asset.algorithm, "both")
	status in {"disallowed", "deprecated"}
}

_asked if {
	input.subject.kind != "index"
	not input.decision.params.fail_on_fips_issues == false
}

_partial if not input.crypto.complete

_partial if not input.crypto.certain

# Grouped once: several lines of a configuration may come to the same term.
_by_status[a.status][a.term] contains a if some a in _judged

_judged := [object.union(a, {"status": status, "term": sprintf("%v|%v|%v", [a.path, a.setting, a.name])}) |
	_asked
	some a in input.crypto.algorithms
	not _is_bounded(a)
	status := crypto.status(a.algorithm, a.use)
]

# Of a default of TLS the FIPS provider leaves what it has; a list that somebody wrote is judged as it is written.
_is_bounded(a) if {
	a.scope == "tls"
	a.by == "default"
	count(input.fips.openssl) > 0
	every config in input.fips.openssl {
		config.state == "strict"
	}
	not _some_override
}

_some_override if {
	some e in input.fips.env
	e.effect != "enables"
}

_about(term, found, status) := {
	"term": term,
	"expected": "an approved algorithm",
	"got": status,
	"data": {"settings": result.many([a | some a in found])},
}

_where(a) := sprintf("%v (%v)", [a.scope, a.path])

_first(found) := [one | some one in found][0]
