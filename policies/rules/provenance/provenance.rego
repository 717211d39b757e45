# METADATA
# title: Provenance
# description: >-
#   Where the image was built, from what, and by whom, as a builder signed it. Every accepted statement is judged, so that a
#   second one with a better story does not hide a bad one. The level that a builder reaches is what the trust entries say of it.
package rules.provenance

import data.lib.evidence
import data.lib.patterns
import data.lib.result

# METADATA
# title: Provenance is there
# description: With `require_provenance`, verified SLSA provenance of this image by a trust entry with the role `provenance`.
# custom:
#   short_name: required
#   failure_msg: "No verified provenance of this image: %v"
#   solution: Build on a platform that signs provenance, and give the gate the key or identity that is to be trusted.
#   severity: high
#   waivable: true
#   parameter: require_provenance
#   controls:
#     - {framework: SLSA, id: BUILD_LEVEL_1}
#     - {framework: NIST-800-53, id: SR-4}
#     - {framework: NIST-SSDF, id: PS.3.2}
#   requires_evidence:
#     - {kind: provenance, when: require_provenance, state: verified, on: either, select: any}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#provenancerequired
deny contains result.make(rego.metadata.chain(), [evidence.found("provenance")], {
	"expected": "verified provenance",
	"got": "none",
	"data": {"rejected": evidence.rejected("provenance")},
}) if {
	_missing
	count(evidence.errors("provenance")) == 0
}

# METADATA
# title: Provenance could be looked for
# description: None was verified, and something kept one from being read, so its absence is not established.
# custom:
#   short_name: unreadable
#   failure_msg: "Provenance could not all be read (%v: %v)"
#   solution: Retry when the registry can be reached, or repair the document named in `data`.
#   severity: high
#   waivable: false
#   parameter: require_provenance
#   controls:
#     - {framework: NIST-800-53, id: SR-4}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#provenanceunreadable
no_verdict contains result.make(rego.metadata.chain(), [err.source, err.reason], {
	"term": err.source,
	"expected": "readable provenance",
	"got": err.code,
	"data": err,
}) if {
	_missing
	some err in evidence.errors("provenance")
}

# METADATA
# title: The builder is allowed
# description: A statement without a builder id is denied; with `allowed_builders`, so is one by any other builder.
# custom:
#   short_name: builder
#   failure_msg: "Built by %v, which is not allowed"
#   solution: Build on an allowed platform, or add the builder's id to `allowed_builders`.
#   severity: high
#   waivable: true
#   parameter: allowed_builders
#   controls:
#     - {framework: NIST-800-53, id: SR-4}
#     - {framework: NIST-SSDF, id: PO.3.1}
#   applies_to: [image, index, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#provenancebuilder
deny contains _statement(rego.metadata.chain(), s, [patterns.shown(s.builder)], {
	"term": s.builder,
	"expected": input.decision.params.allowed_builders,
	"got": s.builder,
}) if {
	some s in _statements
	not patterns.allowed(s.builder, input.decision.params.allowed_builders)
}

# METADATA
# title: The source is allowed
# description: With `allowed_sources`, the image has to be built from one of these repositories; no source at all is denied.
# custom:
#   short_name: source
#   failure_msg: "Built from %v, which is not allowed"
#   solution: Build from an allowed repository, or add it to `allowed_sources`.
#   severity: high
#   waivable: true
#   parameter: allowed_sources
#   controls:
#     - {framework: NIST-800-53, id: SR-4}
#     - {framework: NIST-SSDF, id: PS.1.1}
#   applies_to: [image, index, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#provenancesource
deny contains _statement(rego.metadata.chain(), s, [patterns.shown(s.source_uri)], {
	"term": s.source_uri,
	"expected": allowed,
	"got": s.source_uri,
}) if {
	allowed := input.decision.params.allowed_sources
	count(allowed) > 0
	some s in _statements
	not patterns.allowed(s.source_uri, allowed)
}

# METADATA
# title: The build type is allowed
# description: With `allowed_build_types`, the kind of build has to be one of these; it says how the statement is to be read.
# custom:
#   short_name: build_type
#   failure_msg: "Build type %v is not allowed"
#   solution: Use an allowed kind of build, or add its URI to `allowed_build_types`.
#   severity: medium
#   waivable: true
#   parameter: allowed_build_types
#   controls:
#     - {framework: NIST-800-53, id: SR-4}
#   applies_to: [image, index, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#provenancebuild_type
deny contains _statement(rego.metadata.chain(), s, [patterns.shown(s.build_type)], {
	"term": s.build_type,
	"expected": allowed,
	"got": s.build_type,
}) if {
	allowed := input.decision.params.allowed_build_types
	count(allowed) > 0
	some s in _statements
	not patterns.allowed(s.build_type, allowed)
}

# METADATA
# title: The statement agrees with its certificate
# description: >-
#   The certificate was issued to the workflow that ran; the statement is what the workflow wrote. Where they differ, the
#   statement is made up.
# custom:
#   short_name: certificate_mismatch
#   failure_msg: "The provenance contradicts its signing certificate in %v"
#   solution: Treat the build as suspect. Provenance has to be written by the builder, not by a step of the build.
#   severity: critical
#   waivable: false
#   controls:
#     - {framework: NIST-800-53, id: SR-4}
#     - {framework: NIST-800-53, id: SI-7}
#   applies_to: [image, index, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#provenancecertificate_mismatch
deny contains _statement(rego.metadata.chain(), s, [concat(", ", s.certificate_mismatches)], {
	"expected": "no contradiction",
	"got": s.certificate_mismatches,
}) if {
	some s in _statements
	count(s.certificate_mismatches) > 0
}

# METADATA
# title: No link in the chain is broken
# description: A statement refers to another document, and that document is not there or is not the one that was referred to.
# custom:
#   short_name: broken_link
#   failure_msg: "A link of the provenance is broken (%v): %v"
#   solution: Attach the statement that is referred to, unchanged.
#   severity: high
#   waivable: true
#   controls:
#     - {framework: NIST-800-53, id: SR-4}
#   applies_to: [image, index, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#provenancebroken_link
deny contains result.make(rego.metadata.chain(), [link.kind, link.reason], {
	"term": link.evidence,
	"evidence": [link.evidence],
	"expected": "a whole chain",
	"got": link.reason,
}) if {
	some link in input.provenance.broken_links
	not link.evidence in _rejected
}

# METADATA
# title: The source revision is known
# description: Without the digest of the commit, nobody can tell later what exactly was built.
# custom:
#   short_name: no_source_digest
#   failure_msg: "The provenance names no source revision (source: %v)"
#   solution: Let the builder record the commit (SLSA `resolvedDependencies`, or `materials`).
#   severity: low
#   waivable: true
#   controls:
#     - {framework: NIST-800-53, id: SR-4}
#   applies_to: [image, index, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#provenanceno_source_digest
warn contains _statement(rego.metadata.chain(), s, [patterns.shown(s.source_uri)], {
	"expected": "a commit",
	"got": s.source_digest,
}) if {
	some s in _statements
	s.source_digest == ""
}

# METADATA
# title: The build reaches its level
# description: >-
#   With `min_build_level`, provenance by a (signer, builder) pair that a trust entry names with at least this level. The level is
#   the pair's (`builders` of the trust entry); what a document says of its own level is not looked at.
# custom:
#   short_name: build_level
#   failure_msg: "The build reaches SLSA build level %v; at least %v is required"
#   solution: Build on a platform of that level, and name it under `builders` of the trust entry; `gate chain` shows each link.
#   severity: high
#   waivable: true
#   parameter: min_build_level
#   controls:
#     - {framework: SLSA, id: BUILD_TRACK}
#     - {framework: NIST-800-53, id: SR-4}
#   requires_evidence:
#     - {kind: provenance, when: min_build_level, state: verified, on: either, select: any}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#provenancebuild_level
deny contains result.make(rego.metadata.chain(), [_shown_level(got), wanted], {"expected": wanted, "got": got}) if {
	wanted := input.decision.params.min_build_level
	wanted != null
	input.subject.kind != "index"
	got := max({0} | {n.level | some n in input.provenance.chain; n.kind == "image"; n.level != null})
	got < wanted
}

# METADATA
# title: The source reaches its level
# description: >-
#   With `min_source_level`, the commit of every accepted statement has a summary by a trusted (signer, verifier) pair, for its
#   repository and branch, that states at least this level. No commit at all reaches none.
# custom:
#   short_name: source_level
#   failure_msg: "The source reaches SLSA source level %v; at least %v is required"
#   solution: Keep the source where its changes are attested, hand over the summaries, and name their `verifiers` in a trust entry.
#   severity: high
#   waivable: true
#   parameter: min_source_level
#   controls:
#     - {framework: SLSA, id: SOURCE_TRACK}
#     - {framework: NIST-SSDF, id: PS.1.1}
#   requires_evidence:
#     - {kind: provenance, when: min_source_level, state: verified, on: either, select: any}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#provenancesource_level
deny contains result.make(rego.metadata.chain(), [_shown_level(got), wanted], {"expected": wanted, "got": got}) if {
	wanted := input.decision.params.min_source_level
	wanted != null
	input.subject.kind != "index"
	levels := _source_levels | {0 | count(_source_levels) == 0}
	got := min(levels)
	got < wanted
}

# METADATA
# title: The chain holds
# description: >-
#   With `min_build_level`, every link from the image to its builder holds; with `min_source_level`, every link from there to the
#   commit. The kinds of gaps are listed in docs/chain.md.
# custom:
#   short_name: chain_broken
#   failure_msg: "The chain is broken at %v %v (%v): %v"
#   solution: Look at it with `gate chain`, and mend the link; docs/chain.md says what each kind of gap wants.
#   severity: high
#   waivable: true
#   parameter: min_source_level
#   controls:
#     - {framework: NIST-800-53, id: SR-4}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#provenancechain_broken
deny contains _gap(rego.metadata.chain(), node, gap) if {
	some node in input.provenance.chain
	some gap in node.gaps
	gap.track in _asked
}

# METADATA
# title: Bases have evidence
# description: Where a level is asked for, base images and deeper links without evidence are counted; SLSA does not demand any.
# custom:
#   short_name: base_unproven
#   failure_msg: "A dependency is not proven: %v %v (%v): %v"
#   solution: Use bases whose provenance or summary can be had, and hand it over; or trust their signers.
#   severity: low
#   waivable: true
#   controls:
#     - {framework: NIST-800-53, id: SR-4}
#   applies_to: [image, archive, digest]
#   collections: [prod, dev]
#   ref: docs/rules.md#provenancebase_unproven
warn contains _gap(rego.metadata.chain(), node, gap) if {
	count(_asked) > 0
	some node in input.provenance.chain
	some gap in node.gaps
	gap.track == "dependency"
}

_gap(chain, node, gap) := result.make(chain, [node.kind, node.name, gap.kind, gap.reason], {
	"term": gap.kind,
	"evidence": [id | id := node.evidence; id != ""],
	"expected": "a link that holds",
	"got": gap.kind,
	"data": node,
})

_asked contains "build" if input.decision.params.min_build_level != null

_asked contains "source" if input.decision.params.min_source_level != null

# A statement without a commit has no node of its own, and the gap that says so denies.
_source_levels := {level |
	some n in input.provenance.chain
	n.kind == "commit"
	n.depth == 0
	level := max({0} | {l | l := n.level; l != null})
}

_shown_level(0) := "none"

_shown_level(n) := n if n > 0

_statement(chain, s, args, fields) := result.make(
	chain, args,
	object.union({"term": s.evidence, "evidence": [s.evidence]}, fields),
)

_statements := [s | some s in input.provenance.statements; s.evidence in evidence.ids("provenance")]

_missing if {
	not input.decision.params.require_provenance == false
	input.subject.kind != "index"
	count(_statements) == 0
}

# Statements that nothing vouches for neither satisfy nor deny.
_rejected := {e.id | some e in evidence.all_of("provenance")} - evidence.ids("provenance")
