# METADATA
# title: Image
# description: What the image's own configuration says, and what it is built on. All of it is off until a parameter asks.
package rules.image

import data.lib.result
import data.lib.times

# METADATA
# title: The configuration was read
# description: A rule about the configuration is asked for, and there is none to look at, as for a bare digest.
# custom:
#   short_name: no_config
#   failure_msg: "The image configuration is not known, and %v ask for it"
#   solution: Give the image itself (registry, layout or tarball) instead of a bare digest.
#   severity: high
#   waivable: false
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#imageno_config
no_verdict contains result.make(rego.metadata.chain(), [concat(", ", asking)], {
	"expected": "an image configuration",
	"got": "none",
	"data": {"parameters": asking},
}) if {
	input.subject.kind != "index"
	is_null(input.subject.config)
	asking := _asking
	count(asking) > 0
}

# METADATA
# title: The image does not run as root
# description: With `deny_root_user`. An unset user is root. A user given by name counts as not root; only a number proves it.
# custom:
#   short_name: root_user
#   failure_msg: "The image runs as root (user: %v)"
#   solution: Set a numeric USER in the last stage of the build.
#   severity: high
#   waivable: true
#   parameter: deny_root_user
#   controls:
#     - {framework: NIST-800-53, id: AC-6}
#     - {framework: NIST-800-190, id: "4.1.2"}
#   applies_to: [image, archive]
#   collections: [prod]
#   ref: docs/rules.md#imageroot_user
deny contains result.make(rego.metadata.chain(), [_user_text], {
	"expected": "a user other than root",
	"got": input.subject.config.user,
}) if {
	not input.decision.params.deny_root_user == false
	_runs_as_root
}

# METADATA
# title: The image should not run as root
# description: The same as `image.root_user` where that is not asked for.
# custom:
#   short_name: runs_as_root
#   failure_msg: "The image runs as root (user: %v)"
#   solution: Set a numeric USER in the last stage of the build, and demand runAsNonRoot where it is deployed.
#   severity: low
#   waivable: true
#   controls: []
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#imageruns_as_root
warn contains result.make(rego.metadata.chain(), [_user_text], {
	"expected": "a user other than root",
	"got": input.subject.config.user,
}) if {
	input.decision.params.deny_root_user == false
	_runs_as_root
}

# METADATA
# title: Required labels are there
# description: Each label of `required_labels` is set and not empty.
# custom:
#   short_name: label
#   failure_msg: "The label %v is missing or empty"
#   solution: Set the label in the build (LABEL, or `docker build --label`).
#   severity: low
#   waivable: true
#   parameter: required_labels
#   controls:
#     - {framework: NIST-800-53, id: CM-8}
#   applies_to: [image, archive]
#   collections: [prod]
#   ref: docs/rules.md#imagelabel
deny contains result.make(rego.metadata.chain(), [label], {
	"term": label,
	"expected": "a value",
	"got": value,
}) if {
	input.subject.config != null
	some label in input.decision.params.required_labels
	value := object.get(input.subject.config.labels, label, "")
	trim_space(value) == ""
}

# METADATA
# title: The image is not too old
# description: With `max_image_age_days`, days since the configuration's creation time.
# custom:
#   short_name: age
#   failure_msg: "The image was created %v, more than %v days ago"
#   solution: Rebuild it, so that it gets the fixes of its base.
#   severity: medium
#   waivable: true
#   parameter: max_image_age_days
#   controls:
#     - {framework: NIST-800-53, id: SI-2}
#   applies_to: [image, archive]
#   collections: [prod]
#   ref: docs/rules.md#imageage
deny contains result.make(rego.metadata.chain(), [created, days], {"expected": days, "got": created}) if {
	days := input.decision.params.max_image_age_days
	days != null
	created := input.subject.config.created
	times.is_known(created)
	created < times.days_ago(days)
}

# METADATA
# title: The image's age is known
# description: >-
#   With `max_image_age_days`, and a creation time that is missing, in the future, not UTC, or one of the fixed dates that
#   reproducible builds write.
# custom:
#   short_name: age_unknown
#   failure_msg: "max_image_age_days is set, and the image's creation time says nothing (%v)"
#   solution: Let the build write a creation time (SOURCE_DATE_EPOCH for reproducible builds).
#   severity: medium
#   waivable: false
#   parameter: max_image_age_days
#   controls: []
#   applies_to: [image, archive]
#   collections: [prod]
#   ref: docs/rules.md#imageage_unknown
no_verdict contains result.make(rego.metadata.chain(), [input.subject.config.created], {
	"expected": "a creation time",
	"got": input.subject.config.created,
}) if {
	input.decision.params.max_image_age_days != null
	input.subject.config != null
	not times.is_known(input.subject.config.created)
}

# METADATA
# title: The base image is allowed
# description: >-
#   With `allowed_bases`, the base has to be one of these digests or repositories, known from provenance or from its layers.
#   What the image says of itself, by annotation or label, proves nothing.
# custom:
#   short_name: base
#   failure_msg: "The base image %v is not allowed (known from: %v)"
#   solution: Build on an allowed base, with provenance that names it by digest.
#   severity: high
#   waivable: true
#   parameter: allowed_bases
#   controls:
#     - {framework: NIST-800-53, id: SR-3}
#     - {framework: NIST-800-53, id: CM-2}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#imagebase
deny contains result.make(rego.metadata.chain(), [_base_text, base.origin], {
	"term": base.name,
	"expected": input.decision.params.allowed_bases,
	"got": {"name": base.name, "digest": base.digest, "origin": base.origin},
}) if {
	input.subject.kind != "index"
	count(input.decision.params.allowed_bases) > 0
	base := input.subject.base
	not _is_allowed_base(base)
}

# METADATA
# title: The base image is fit for production
# description: With `denied_base_variants`, the last part of the base's name and its tag must not hold any of these.
# custom:
#   short_name: base_variant
#   failure_msg: "The base image %v is a %v variant"
#   solution: Copy what was built into a runtime image in a last stage, and ship that.
#   severity: medium
#   waivable: true
#   parameter: denied_base_variants
#   controls:
#     - {framework: NIST-800-53, id: CM-7}
#   applies_to: [image, archive, digest]
#   collections: [prod]
#   ref: docs/rules.md#imagebase_variant
deny contains result.make(rego.metadata.chain(), [base.name, variant], {
	"term": variant,
	"expected": "a runtime base",
	"got": base.name,
	"data": {"origin": base.origin},
}) if {
	base := input.subject.base
	some variant in input.decision.params.denied_base_variants
	contains(_last_part(base.name), lower(variant))
}

# METADATA
# title: The base image is known
# description: Nothing says what the image is built on, so no rule about bases can see anything.
# custom:
#   short_name: base_unknown
#   failure_msg: The base image is not known
#   solution: Build with provenance, or set `org.opencontainers.image.base.name` and `.digest`.
#   severity: info
#   waivable: true
#   controls: []
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#imagebase_unknown
warn contains result.make(rego.metadata.chain(), [], {
	"expected": "a base image",
	"got": input.subject.base.origin,
}) if {
	input.subject.kind in {"image", "archive"}
	input.subject.base.name == ""
	is_null(input.subject.base.digest)
}

_asking := {name |
	some name, asked in {
		"deny_root_user": input.decision.params.deny_root_user != false,
		"required_labels": count(input.decision.params.required_labels) > 0,
		"max_image_age_days": input.decision.params.max_image_age_days != null,
	}
	asked
}

_runs_as_root if {
	input.subject.config != null
	_is_root(trim_space(split(input.subject.config.user, ":")[0]))
}

_is_root(user) if user in {"", "root"}

_is_root(user) if regex.match(`^[+-]?0+$`, user)

_user_text := input.subject.config.user if input.subject.config.user != ""

_user_text := "not set" if input.subject.config.user == ""

_base_text := input.subject.base.name if input.subject.base.name != ""

_base_text := "unknown" if input.subject.base.name == ""

_is_allowed_base(base) if {
	base.origin in {"provenance", "layers"}
	some allowed in input.decision.params.allowed_bases
	allowed in {base.digest, _repository(base.name)}
}

# Digest and tag removed; a colon before the last slash is a registry's port.
_repository(name) := regex.replace(split(name, "@")[0], `:[^/:]*$`, "")

_last_part(name) := lower(regex.replace(split(name, "@")[0], `^.*/`, ""))
