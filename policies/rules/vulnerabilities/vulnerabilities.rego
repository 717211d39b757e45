# METADATA
# title: Vulnerabilities
# description: >-
#   Limits on known vulnerabilities, and findings that are never acceptable. A finding is one alias cluster in one package
#   version. VEX that the profile accepts removes a finding from every count; a waiver removes it from the rule it names.
package rules.vulnerabilities

import data.lib.evidence
import data.lib.findings
import data.lib.result

# METADATA
# title: A vulnerability scan is there
# description: With `require_scan`, an accepted scan of this image has to exist. Looked for completely and absent is a deny.
# custom:
#   short_name: required
#   failure_msg: "No accepted vulnerability scan of this image: %v"
#   solution: >-
#     Scan this digest, for example `gate verify --scan`, or pass the report with `--evidence`. A report has to name this
#     digest, and has to be signed where the profile says so.
#   severity: high
#   waivable: true
#   parameter: require_scan
#   controls:
#     - {framework: NIST-800-53, id: RA-5}
#     - {framework: NIST-SSDF, id: RV.1.1}
#   requires_evidence:
#     - {kind: vulnerabilities, when: require_scan, state: accepted, on: either, select: any}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesrequired
deny contains result.make(rego.metadata.chain(), [evidence.found("vulnerabilities")], {
	"expected": "an accepted scan",
	"got": "none",
	"data": {"rejected": evidence.rejected("vulnerabilities")},
}) if {
	not input.decision.params.require_scan == false
	input.subject.kind != "index"
	count(_scans) == 0
	count(evidence.errors("vulnerabilities")) == 0
}

# METADATA
# title: Every scan could be read
# description: A scan that could not be read may hold any finding, so nothing can be said.
# custom:
#   short_name: unreadable
#   failure_msg: "A vulnerability scan could not be read (%v: %v)"
#   solution: Repair or remove the document named in `data`, or retry when the service it comes from can be reached.
#   severity: high
#   waivable: false
#   controls:
#     - {framework: NIST-800-53, id: RA-5}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesunreadable
no_verdict contains result.make(rego.metadata.chain(), [err.source, err.reason], {
	"term": err.source,
	"expected": "a readable document",
	"got": err.code,
	"data": err,
}) if {
	some err in evidence.errors("vulnerabilities")
	_blocks(err)
}

# METADATA
# title: Some scan has looked at packages
# description: >-
#   A scan without findings proves something only if it lists packages itself, or an SBOM shows that the image has any.
#   Scanners report nothing, and no error, for images that they do not understand.
# custom:
#   short_name: scan_without_packages
#   failure_msg: "%v found nothing, and nothing shows that it looked at any package"
#   solution: Scan with package listing on (trivy `--list-all-pkgs`), or attach an SBOM of this image.
#   severity: high
#   waivable: false
#   parameter: require_scan
#   controls:
#     - {framework: NIST-800-53, id: RA-5}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesscan_without_packages
no_verdict contains result.make(rego.metadata.chain(), [concat(", ", {s.scanner | some s in _scans})], {
	"evidence": {s.evidence | some s in _scans},
	"expected": "packages looked at",
	"got": "no sign of any",
}) if {
	not input.decision.params.require_scan == false
	count(_scans) > 0
	count([s | some s in _scans; _looked(s)]) == 0
	not _sbom_has_components
}

# METADATA
# title: The distribution still gets fixes
# description: For a distribution past its end of life, scanners find little because nobody publishes advisories any more.
# custom:
#   short_name: distro_eol
#   failure_msg: "%v is past its end of life: missing findings mean little"
#   solution: Move to a supported release of the base image.
#   severity: medium
#   waivable: true
#   controls:
#     - {framework: NIST-800-53, id: SA-22}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesdistro_eol
warn contains result.make(rego.metadata.chain(), [s.distro], {
	"term": s.distro,
	"evidence": [s.evidence],
	"expected": "a supported distribution",
	"got": s.distro,
}) if {
	some s in _scans
	s.distro_eol == true
}

# METADATA
# title: Some scan carries package versions
# description: A format such as SARIF cannot carry package versions, so duplicates, VEX and fixes are matched by text.
# custom:
#   short_name: degraded_scan
#   failure_msg: "%v was read from a format that cannot carry package versions"
#   solution: Give the scanner's own JSON instead.
#   severity: low
#   waivable: true
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesdegraded_scan
warn contains result.make(rego.metadata.chain(), [s.scanner], {"term": s.evidence, "evidence": [s.evidence]}) if {
	some s in _scans
	s.degraded
}

# METADATA
# title: No scanner hid a finding
# description: What a scanner's own ignore rules suppressed comes back as a finding and counts.
# custom:
#   short_name: scanner_suppressed
#   failure_msg: "%v findings were suppressed by a scanner's own rules; they count all the same"
#   solution: State in VEX what does not apply, or waive it here, where it has an owner and an end.
#   severity: info
#   waivable: true
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesscanner_suppressed
warn contains result.make(rego.metadata.chain(), [count(hidden)], {
	"got": count(hidden),
	"data": {"findings": result.many(hidden)},
}) if {
	hidden := [f.key | some f in findings.counting; count(f.suppressed_by_scanner) > 0]
	count(hidden) > 0
}

# METADATA
# title: Scanners agree
# description: Several scanners reported this image and say different things; the least favourable is used.
# custom:
#   short_name: disagreement
#   failure_msg: Scanners disagree in %v places
#   solution: Look at `data`; a finding that one scanner alone reports may be a wrong match, or one that the others miss.
#   severity: info
#   waivable: true
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#vulnerabilitiesdisagreement
warn contains result.make(rego.metadata.chain(), [count(found)], {
	"got": count(found),
	"data": {"disagreements": result.many(found)},
}) if {
	found := input.vulnerabilities.disagreements
	count(found) > 0
}

_scans := [s | some s in input.vulnerabilities.scans; s.evidence in evidence.ids("vulnerabilities")]

# An error of unknown kind may be about a scan; with an accepted scan at hand it does not stop the verdict.
_blocks(err) if err.kind == "vulnerabilities"

_blocks(err) if {
	err.kind == "unknown"
	count(_scans) == 0
	not input.decision.params.require_scan == false
}

_looked(s) if s.findings > 0

_looked(s) if {
	s.packages_catalogued != null
	s.packages_catalogued > 0
}

_sbom_has_components if {
	some d in input.sbom.documents
	d.evidence in evidence.ids("sbom")
	d.completeness.components > 0
}
