# METADATA
# title: Software bill of materials
# description: >-
#   An SBOM that names every part is what later questions are answered from. Identity and completeness deny; the shape of the
#   dependency graph only warns, since few tools get it right.
package rules.sbom

import data.lib.evidence
import data.lib.result

# METADATA
# title: An SBOM is there
# description: With `require_sbom`, an accepted SBOM of this image has to exist. Looked for completely and absent is a deny.
# custom:
#   short_name: required
#   failure_msg: "No accepted SBOM of this image: %v"
#   solution: Make one with `gate sbom generate`, and attach it signed, or pass it with `--evidence`; it has to name this digest.
#   severity: high
#   waivable: true
#   parameter: require_sbom
#   controls:
#     - {framework: NIST-800-53, id: CM-8}
#     - {framework: NIST-SSDF, id: PS.3.2}
#   requires_evidence:
#     - {kind: sbom, when: require_sbom, state: accepted, on: either, select: any}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#sbomrequired
deny contains result.make(rego.metadata.chain(), [evidence.found("sbom")], {
	"expected": "an accepted SBOM",
	"got": "none",
	"data": {"rejected": evidence.rejected("sbom")},
}) if {
	_missing
	count(evidence.errors("sbom")) == 0
}

# METADATA
# title: The SBOM could be read
# description: None was accepted, and something kept one from being read, so its absence is not established.
# custom:
#   short_name: unreadable
#   failure_msg: "No SBOM could be read (%v: %v)"
#   solution: Repair or remove the document named in `data`, or retry when the service it comes from can be reached.
#   severity: high
#   waivable: false
#   parameter: require_sbom
#   controls:
#     - {framework: NIST-800-53, id: CM-8}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#sbomunreadable
no_verdict contains result.make(rego.metadata.chain(), [err.source, err.reason], {
	"term": err.source,
	"expected": "a readable document",
	"got": err.code,
	"data": err,
}) if {
	_missing
	some err in evidence.errors("sbom")
}

# METADATA
# title: The SBOM lists components
# description: An SBOM without components, or of files alone, says nothing about what is inside.
# custom:
#   short_name: empty
#   failure_msg: "The SBOM %v lists no packages"
#   solution: Generate it from the image itself (`gate sbom generate`); an empty one often comes from scanning the wrong thing.
#   severity: high
#   waivable: true
#   parameter: require_sbom
#   controls:
#     - {framework: NIST-800-53, id: CM-8}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#sbomempty
deny contains result.make(rego.metadata.chain(), [_name(d)], {
	"term": d.evidence,
	"evidence": [d.evidence],
	"expected": "at least one package",
	"got": d.completeness.components,
}) if {
	not input.decision.params.require_sbom == false
	some d in _documents
	_is_empty(d.completeness)
}

# METADATA
# title: The SBOM is about this image
# description: Its root component names another digest or package. Somebody attached the SBOM of something else.
# custom:
#   short_name: root_mismatch
#   failure_msg: "The root of the SBOM %v is not this image"
#   solution: Generate the SBOM from this digest, and attach that one.
#   severity: high
#   waivable: true
#   parameter: require_sbom
#   controls:
#     - {framework: NIST-800-53, id: SR-4}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#sbomroot_mismatch
deny contains result.make(rego.metadata.chain(), [_name(d)], {
	"term": d.evidence,
	"evidence": [d.evidence],
	"expected": input.subject.digest,
	"got": d.name,
}) if {
	not input.decision.params.require_sbom == false
	some d in _documents
	d.completeness.root_matches_subject == false
}

# METADATA
# title: Every component is identified
# description: >-
#   With `sbom_require_identified`, each component needs a name, a version and a valid purl: without them no advisory can be
#   matched to it.
# custom:
#   short_name: unidentified
#   failure_msg: "The SBOM %v has components that nothing can be matched to: %v without name, %v without version, %v without a valid purl"
#   solution: Make the generator resolve them (`data` names the first), or remove what it took for a component by mistake.
#   severity: high
#   waivable: true
#   parameter: sbom_require_identified
#   controls:
#     - {framework: NIST-800-53, id: CM-8}
#     - {framework: NIST-SSDF, id: PS.3.2}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#sbomunidentified
deny contains result.make(rego.metadata.chain(), [_name(d), c.without_name, c.without_version, purls], {
	"term": d.evidence,
	"evidence": [d.evidence],
	"expected": "name, version and purl for each of them",
	"got": {"without_name": c.without_name, "without_version": c.without_version, "without_purl": purls},
	"data": {"components": c.unidentified},
}) if {
	not input.decision.params.sbom_require_identified == false
	some d in _documents
	c := d.completeness
	purls := max([c.without_purl, c.invalid_purl]) # an invalid purl also counts as missing
	not _is_identified(c)
}

# METADATA
# title: The SBOM lists what scanners saw
# description: >-
#   With `sbom_require_scanned_packages`, each package that an accepted scan saw has to be in an SBOM. Up to fifty are named one
#   by one, with the purl as term; more are one result.
# custom:
#   short_name: scanned_package_missing
#   failure_msg: "%v was seen by a scanner and is in no SBOM"
#   solution: Generate the SBOM from the finished image, after the last layer, with the same cataloguers as the scanner.
#   severity: high
#   waivable: true
#   parameter: sbom_require_scanned_packages
#   controls:
#     - {framework: NIST-800-53, id: CM-8}
#     - {framework: NIST-800-53, id: SR-4}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#sbomscanned_package_missing
deny contains result.make(rego.metadata.chain(), [missing.text], {
	"term": missing.term,
	"evidence": [d.evidence | some d in _documents],
	"expected": "listed",
	"got": "missing",
	"data": {"packages": missing.packages},
}) if {
	not input.decision.params.sbom_require_scanned_packages == false
	some missing in _missing_packages
}

# METADATA
# title: The SBOM's dependency graph is whole
# description: Components that cannot be reached from the root, references to nothing, and no statement of completeness.
# custom:
#   short_name: incomplete
#   failure_msg: "The SBOM %v has a broken dependency graph: %v"
#   solution: Nothing has to be done; a generator that writes dependencies and compositions makes the answer to "who uses this" exact.
#   severity: info
#   waivable: true
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#sbomincomplete
warn contains result.make(rego.metadata.chain(), [_name(d), concat(", ", gaps)], {
	"term": d.evidence,
	"evidence": [d.evidence],
	"got": gaps,
}) if {
	some d in _documents
	gaps := _gaps(d.completeness)
	count(gaps) > 0
}

# METADATA
# title: The SBOM has the elements of the standard
# description: >-
#   With `sbom_minimum_elements`, no element of that standard may be missing: `ntia-2021`, `cisa-2026` (whose author signature has to
#   be verified) or `bsi-tr-03183-2`. Elements that are declared unknown are not missing, except to BSI.
# custom:
#   short_name: missing_elements
#   failure_msg: "The SBOM %v lacks elements of %v: %v"
#   solution: Generate it with a tool and version that write them, told the author, the suppliers and the phase.
#   severity: medium
#   waivable: true
#   parameter: sbom_minimum_elements
#   controls:
#     - {framework: NTIA-SBOM, id: data-fields}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#sbommissing_elements
deny contains result.make(rego.metadata.chain(), [_name(d), standard, concat(", ", lacking)], {
	"term": d.evidence,
	"evidence": [d.evidence],
	"expected": standard,
	"got": lacking,
}) if {
	standard := input.decision.params.sbom_minimum_elements
	not is_null(standard)
	some d in _documents
	lacking := _missing_elements(d, standard) | _unsigned(d, standard)
	count(lacking) > 0
}

# METADATA
# title: The SBOM has the minimum elements
# description: Author, time and tool of the document, as the minimum-element standards ask; suppliers of the components.
# custom:
#   short_name: minimum_elements
#   failure_msg: "The SBOM %v lacks %v"
#   solution: Most generators fill these in when told the author and supplier.
#   severity: info
#   waivable: true
#   controls:
#     - {framework: NTIA-SBOM, id: data-fields}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#sbomminimum_elements
warn contains result.make(rego.metadata.chain(), [_name(d), concat(", ", lacking)], {
	"term": d.evidence,
	"evidence": [d.evidence],
	"got": lacking,
}) if {
	some d in _documents
	lacking := _lacking(d)
	count(lacking) > 0
}

_documents := [d | some d in input.sbom.documents; d.evidence in evidence.ids("sbom")]

_missing if {
	not input.decision.params.require_sbom == false
	input.subject.kind != "index"
	count(_documents) == 0
}

_name(d) := d.name if d.name != ""

_name(d) := substring(d.evidence, 0, 19) if d.name == ""

_is_empty(c) if not c.components > 0

_is_empty(c) if not c.files_only == false

_is_identified(c) if {
	c.without_name == 0
	c.without_version == 0
	c.without_purl == 0
	c.invalid_purl == 0
}

_missing_purls := {purl | some d in _documents; some purl in d.completeness.missing_from_sbom}

_missing_packages := [{"term": purl, "text": purl, "packages": [purl]} | some purl in _missing_purls] if {
	count(_missing_purls) <= 50
}

_missing_packages := [{
	"term": "",
	"text": sprintf("A part of the image (%v packages)", [count(_missing_purls)]),
	"packages": result.many([purl | some purl in _missing_purls]),
}] if {
	count(_missing_purls) > 50
}

_gaps(c) := ({text |
	some text, number in {
		"components unreachable from the root": c.unreachable_from_root,
		"dangling references": c.dangling_refs,
		"duplicate references": c.duplicate_refs,
	}
	number > 0
} | {"no root component" | c.root_present == false}) | {"no statement of completeness" | c.aggregate != "complete"}

_missing_elements(d, standard) := {name |
	some name in object.get(d.minimum_elements.missing, standard, ["not assessed"])
}

_unsigned(d, standard) := {"author_signature" |
	standard == "cisa-2026"
	not _is_signed(d)
}

_is_signed(d) if {
	some e in input.evidence
	e.id == d.evidence
	e.verification.state == "verified"
}

_lacking(d) := {name |
	some name, value in {
		"author": d.minimum_elements.author,
		"timestamp": d.minimum_elements.timestamp,
		"tool": d.minimum_elements.tool,
	}
	value == ""
} | {"suppliers" | d.completeness.without_supplier > 0}
