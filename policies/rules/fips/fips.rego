# METADATA
# title: FIPS 140
# description: >-
#   Which cryptography the image has, whether a validated module does the work, and what stands in the way, where
#   `fail_on_fips_issues` asks for it. What files cannot tell gives no verdict, and never passes.
package rules.fips

import data.lib.fips
import data.lib.result

# METADATA
# title: What is in the image is known
# description: >-
#   The image was looked at as a whole and every runtime sees the same files. Otherwise something that was not looked
#   at may be cryptography.
# custom:
#   short_name: incomplete
#   failure_msg: "FIPS facts are %v: %v"
#   solution: See `input.fips.diagnostics` and `input.filesystem.diagnostics`; build the image without what they name.
#   severity: high
#   waivable: false
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-13}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#fipsincomplete
no_verdict contains result.make(rego.metadata.chain(), [what, concat("; ", reasons)], {
	"term": what,
	"expected": "complete and certain facts",
	"got": what,
	"data": {"diagnostics": result.many(input.fips.diagnostics)},
}) if {
	_looked
	some what in _lacking
	reasons := [sprintf("%v %v", [d.code, d.where]) | some d in array.slice(_told_of(what), 0, 5)]
}

_told_of("incomplete") := input.fips.diagnostics

_told_of("uncertain") := [d |
	some d in object.get(input, ["filesystem", "diagnostics"], [])
	not d.code in _harmless
]

# What the file system's facts say of layers that every runtime reads alike.
_harmless := {
	"aufs_metadata", "device", "dotted_name", "duplicate", "hard_link_mode", "link_leads_out", "no_end_marker",
	"sparse",
}

_lacking contains "incomplete" if not input.fips.complete == true

_lacking contains "uncertain" if not input.fips.certain == true

# METADATA
# title: No module is switched off by the image's Env or command
# description: >-
#   `OPENSSL_CONF=/dev/null`, `GODEBUG=fips140=off` and their like turn a validated module off, however well it is set
#   up.
# custom:
#   short_name: overridden
#   failure_msg: "%v (%v %v) is switched off by the image's Env or command: %v"
#   solution: >-
#     Take the variable out of the image (`ENV`, `ENTRYPOINT` and `CMD` in the Dockerfile), and see that no deployment
#     sets it.
#   severity: critical
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-13}
#     - {framework: NIST-800-53, id: CM-6}
#     - {framework: CCI, id: CCI-002450}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#fipsoverridden
deny contains result.make(
	rego.metadata.chain(),
	[m.path, m.family, m.version, concat("; ", m.reasons)],
	object.union(_about(part), {"expected": "not overridden", "data": {"module": m, "env": input.fips.env}}),
) if {
	_looked
	some part in fips.modules
	m := part.module
	m.overridden == "yes"
}

# METADATA
# title: No module differs from its recorded checksum
# description: >-
#   The HMAC of OpenSSL's `fips.so`, recomputed, is not the one in `fipsmodule.cnf`: the file was changed, or the
#   configuration is another build's. OpenSSL refuses to load it.
# custom:
#   short_name: tampered
#   failure_msg: "%v (%v %v) is not the file whose checksum was recorded: %v"
#   solution: Find out what changed the file. Install the provider again, and run `openssl fipsinstall` in the same build step.
#   severity: critical
#   waivable: false
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SI-7}
#     - {framework: NIST-800-53, id: SC-13}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#fipstampered
deny contains result.make(
	rego.metadata.chain(),
	[m.path, m.family, m.version, concat("; ", m.reasons)],
	object.union(_about(part), {"expected": "matches", "got": "differs"}),
) if {
	_looked
	some part in fips.modules
	m := part.module
	m.integrity == "differs"
}

# METADATA
# title: Each module that can work in FIPS mode does
# description: >-
#   A FIPS module lies in the image, and no configuration turns it on, or the configuration is one that the library
#   refuses. Installing the package is not enough.
# custom:
#   short_name: not_activated
#   failure_msg: "%v (%v %v) can work in FIPS mode and does not: %v"
#   solution: >-
#     For OpenSSL 3 run `openssl fipsinstall`, activate `fips` and `base` but not `default` in the openssl.cnf that
#     the library reads, and set `default_properties = fips=yes`; or remove the module.
#   severity: high
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-13}
#     - {framework: NIST-800-53, id: IA-7}
#     - {framework: CCI, id: CCI-002450}
#     - {framework: CCI, id: CCI-000803}
#     - {framework: DISA-STIG, id: V-203776}
#     - {framework: DISA-STIG, id: V-203649}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#fipsnot_activated
deny contains result.make(
	rego.metadata.chain(),
	[m.path, m.family, m.version, concat("; ", m.reasons)],
	object.union(_about(part), {"expected": "activated"}),
) if {
	_looked
	some part in fips.modules
	part.state == "capable_not_activated"
	m := part.module
	m.overridden != "yes"
	m.integrity != "differs"
}

# METADATA
# title: Each active module is a validated one
# description: >-
#   No certificate is known for this vendor's build of this version. A certificate of another vendor's build, or of
#   another version, does not count; Debian, Alpine and upstream builds of OpenSSL have none.
# custom:
#   short_name: not_validated
#   failure_msg: "%v (%v %v of %v) has no CMVP certificate: %v"
#   solution: Use a module with a certificate, in the version that it names, or waive this one with its compensating control.
#   severity: high
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-13}
#     - {framework: NIST-800-53, id: IA-7}
#     - {framework: CCI, id: CCI-002450}
#     - {framework: CCI, id: CCI-000803}
#     - {framework: DISA-STIG, id: V-203776}
#     - {framework: DISA-STIG, id: V-203739}
#   requires_evidence:
#     - {kind: fips, when: fail_on_fips_issues, state: accepted, on: either, select: any}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#fipsnot_validated
deny contains result.make(
	rego.metadata.chain(),
	[m.path, m.family, m.version, _vendor(fips.validated(m)), part.certificate.match],
	object.union(_about(part), {"expected": "a certificate", "got": part.certificate.match}),
) if {
	_looked
	some part in fips.modules
	part.state == "activated_unvalidated"
	part.certificate.match in {"none", "name_only"}
	m := part.module
}

# METADATA
# title: No certificate has ended
# description: >-
#   The certificate is historical, or its sunset date has passed at the time of the decision. All of FIPS 140-2 ended
#   on 2026-09-21, and interim validations of FIPS 140-3 end after two years.
# custom:
#   short_name: certificate_expired
#   failure_msg: "%v (%v %v): certificate %v (%v) ended: %v, sunset %v"
#   solution: Take a version of the module with a certificate in force.
#   severity: high
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-13}
#     - {framework: CCI, id: CCI-002450}
#     - {framework: DISA-STIG, id: V-203776}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#fipscertificate_expired
deny contains result.make(
	rego.metadata.chain(),
	[
		m.path, m.family, m.version, found.number, found.details.module, found.details.status,
		_told(found.details.sunset),
	],
	object.union(_about(part), {"expected": "a certificate in force", "got": found.details.sunset}),
) if {
	_looked
	some part in fips.modules
	part.state == "activated_unvalidated"
	found := part.certificate
	found.listed
	not found.active
	m := part.module
}

# METADATA
# title: No other cryptography
# description: >-
#   Libraries and code without a FIPS mode: bundled copies in wheels and programs, plain BoringSSL, libsodium, Go's
#   own without the module. They do their work whatever the system's module is set to.
# custom:
#   short_name: non_fips_crypto
#   failure_msg: "%v (%v %v) is cryptography without a FIPS mode: %v"
#   solution: >-
#     Remove it, use a build that links the system's module, name it in `fips_allowed_modules` if it protects nothing,
#     or waive it by this term.
#   severity: high
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-13}
#     - {framework: CCI, id: CCI-002450}
#     - {framework: DISA-STIG, id: V-203776}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#fipsnon_fips_crypto
deny contains result.make(
	rego.metadata.chain(),
	[m.path, m.family, m.version, concat("; ", m.reasons)],
	object.union(_about(part), {"expected": "none"}),
) if {
	_looked
	some part in fips.modules
	part.state == "non_fips_crypto_present"
	m := part.module
}

# METADATA
# title: Each program reaches the module that is on
# description: >-
#   The modules that it uses are fine, and it goes past them: Node without `nodejs_conf`, or its option for the shared
#   configuration, does not read the system's.
# custom:
#   short_name: not_reached
#   failure_msg: "%v (%v) does not reach the FIPS module: %v"
#   solution: Set the program up so that it uses the module; the reasons name the setting.
#   severity: high
#   waivable: true
#   parameter: fail_on_fips_issues
#   controls:
#     - {framework: NIST-800-53, id: SC-13}
#     - {framework: CCI, id: CCI-002450}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#fipsnot_reached
deny contains result.make(rego.metadata.chain(), [c.path, c.kind, concat("; ", c.reasons)], {
	"term": c.path,
	"expected": "yes",
	"got": c.reaches_fips,
	"data": {"consumer": c},
}) if {
	_looked
	some part in fips.consumers
	c := part.consumer
	c.reaches_fips in {"no", "broken"}
	not _is_explained(c)
}

# A module that is off or incapable already says why its users do not reach FIPS. One that is on without a certificate does not:
# waived, or left out, it would take with it what goes past it.
_is_explained(c) if {
	some m in input.fips.modules
	m.path in c.modules
	fips.module_state(m) in {"capable_not_activated", "non_fips_crypto_present", "unknown"}
}

_looked if {
	not input.decision.params.fail_on_fips_issues == false
	input.subject.kind != "index"
	input.fips.collected
}

_about(part) := {
	"term": part.module.path,
	"got": part.state,
	"data": {
		"module": part.module,
		"state": part.state,
		"certificate": part.certificate,
		"image": fips.image_state,
		"list": fips.list_day,
	},
}

_vendor(m) := m.vendor if m.vendor != ""

_vendor(m) := "nobody's package" if m.vendor == ""

_told(text) := text if is_string(text)

_told(text) := "(not told)" if is_null(text)
