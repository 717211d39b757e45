# Controls about the configuration, the history and the name of the image.
package rules.hardening

import data.lib.hardening
import data.lib.result

# METADATA
# title: Files are copied with COPY, not ADD
# description: >-
#   ADD unpacks archives and takes what an address gives at that moment. Only the step that fills the root of the lowest
#   layer is the base's own. Without a history that tells of each layer people have to look.
# custom:
#   short_name: add
#   failure_msg: "Files were added with ADD: %v"
#   solution: "Use COPY; download with a pinned digest (`ADD --checksum`) in a stage of its own."
#   severity: low
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "3"}
#   controls:
#     - {framework: CCI, id: "CCI-000381"}
#     - {framework: NIST-800-53, id: "CM-7a"}
#     - {framework: CIS-Docker, id: "4.9"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningadd
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("add")
}

# METADATA
# title: The base image is pinned
# description: >-
#   By digest, as provenance or its layers show. What only annotations or labels say is a claim, and people have to
#   look.
# custom:
#   short_name: base
#   failure_msg: "The base image is not pinned: %v"
#   solution: "Name the base by digest in FROM, and attest provenance."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-APP-000131"}
#     - {framework: DISA-STIG, id: "V-233065"}
#     - {framework: CCI, id: "CCI-001749"}
#     - {framework: CCI, id: "CCI-003992"}
#     - {framework: NIST-800-53, id: "CM-5(3)"}
#     - {framework: NIST-800-53, id: "CM-14"}
#     - {framework: CIS-Docker, id: "4.2"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningbase
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("base")
}

# METADATA
# title: The environment does not change libraries or cryptography
# description: >-
#   `LD_PRELOAD`, `OPENSSL_CONF`, `GODEBUG` and their like in the image's Env apply to every program that starts in it.
# custom:
#   short_name: env_override
#   failure_msg: "The environment changes what programs run: %v"
#   solution: "Remove the variable, or set it for the one program that needs it."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: CCI, id: "CCI-000366"}
#     - {framework: NIST-800-53, id: "CM-6b"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningenv_override
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("env_override")
}

# METADATA
# title: A health check is configured
# description: >-
#   Docker's format only. OCI's has no place for it, so that its absence there is not applicable.
# custom:
#   short_name: healthcheck
#   failure_msg: "No health check: %v"
#   solution: "Add HEALTHCHECK to the build, or a probe where it is deployed and waive this."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-APP-000247"}
#     - {framework: DISA-STIG, id: "V-235827"}
#     - {framework: DISA-STIG, id: "DKER-EE-002770"}
#     - {framework: CCI, id: "CCI-001095"}
#     - {framework: NIST-800-53, id: "SC-5(2)"}
#     - {framework: CIS-Docker, id: "4.6"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeninghealthcheck
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("healthcheck")
}

# METADATA
# title: No package caches, and no update of package lists alone
# description: >-
#   Indexes and downloads of package managers in any layer, and steps that update lists and install nothing: what they
#   install later is old.
# custom:
#   short_name: package_cache
#   failure_msg: "Left over from a package manager: %v"
#   solution: "Install in the step that updates, and remove caches in the same step."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-OS-000437"}
#     - {framework: CCI, id: "CCI-002617"}
#     - {framework: NIST-800-53, id: "SI-2(6)"}
#     - {framework: CIS-Docker, id: "4.7"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningpackage_cache
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("package_cache")
}

# METADATA
# title: No privileged ports are exposed
# description: >-
#   EXPOSE of ports below 1024 that `stig_baseline.allowed_ports` does not name. What is listened on in the end no image
#   shows.
# custom:
#   short_name: ports
#   failure_msg: "A privileged port: %v"
#   solution: "Listen on a port from 1024 on and let the platform map it."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-APP-000142"}
#     - {framework: DISA-SRG, id: "SRG-APP-000383"}
#     - {framework: DISA-SRG, id: "SRG-APP-000141"}
#     - {framework: DISA-STIG, id: "V-233074"}
#     - {framework: DISA-STIG, id: "V-233190"}
#     - {framework: DISA-STIG, id: "V-235804"}
#     - {framework: DISA-STIG, id: "DKER-EE-001990"}
#     - {framework: CCI, id: "CCI-000382"}
#     - {framework: CCI, id: "CCI-001762"}
#     - {framework: NIST-800-53, id: "CM-7b"}
#     - {framework: NIST-800-53, id: "CM-7(1)(b)"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningports
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("ports")
}

# METADATA
# title: The image is named by version or digest
# description: >-
#   The name that the gate was given has a digest, or a tag other than `latest`.
# custom:
#   short_name: reference
#   failure_msg: "The image is not named by a version: %v"
#   solution: "Deploy by digest; the verdict has it."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-APP-000456"}
#     - {framework: DISA-STIG, id: "V-233233"}
#     - {framework: CCI, id: "CCI-002605"}
#     - {framework: NIST-800-53, id: "SI-2c"}
#     - {framework: dockle, id: "DKL-DI-0006"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningreference
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("reference")
}

# METADATA
# title: The container does not start as root
# description: >-
#   The configured user, looked up in the image's own passwd and group: `0`, `000`, `:group`, a name or number that
#   passwd gives uid 0, and no user at all are root. A user who is not in passwd cannot be told by name.
# custom:
#   short_name: root_user
#   failure_msg: "Runs as root, or as a user that is not allowed: %v"
#   solution: "Set a numeric USER of its own in the last stage of the build."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-APP-000342"}
#     - {framework: DISA-STIG, id: "V-233163"}
#     - {framework: DISA-STIG, id: "V-235830"}
#     - {framework: DISA-STIG, id: "DKER-EE-003200"}
#     - {framework: CCI, id: "CCI-002233"}
#     - {framework: CCI, id: "CCI-002235"}
#     - {framework: NIST-800-53, id: "AC-6(8)"}
#     - {framework: NIST-800-53, id: "AC-6(10)"}
#     - {framework: CIS-Docker, id: "4.1"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningroot_user
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("root_user")
}

# METADATA
# title: No secrets in environment, history, labels or command
# description: >-
#   Variables named like a password, token or key that have a value, and values that look like one. What ARG was given
#   stands in the history.
# custom:
#   short_name: secret_text
#   failure_msg: "A secret in the image configuration: %v"
#   solution: "Give it when the container is started; in the build use `RUN --mount=type=secret`. Replace the secret: it has been shipped."
#   severity: high
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "1"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-APP-000176"}
#     - {framework: DISA-SRG, id: "SRG-APP-000231"}
#     - {framework: DISA-STIG, id: "V-235824"}
#     - {framework: DISA-STIG, id: "V-235826"}
#     - {framework: DISA-STIG, id: "DKER-EE-002410"}
#     - {framework: DISA-STIG, id: "DKER-EE-002660"}
#     - {framework: CCI, id: "CCI-000366"}
#     - {framework: CCI, id: "CCI-002367"}
#     - {framework: CCI, id: "CCI-001199"}
#     - {framework: NIST-800-53, id: "CM-6b"}
#     - {framework: NIST-800-53, id: "IA-5(7)"}
#     - {framework: NIST-800-53, id: "SC-28"}
#     - {framework: CIS-Docker, id: "4.10"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningsecret_text
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("secret_text")
}

# METADATA
# title: The image is signed
# description: >-
#   A signature of this digest that is accepted as the trust entries say.
# custom:
#   short_name: signature
#   failure_msg: "The image is not signed: %v"
#   solution: "Sign it by digest and name the signer in the policy file."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-APP-000131"}
#     - {framework: DISA-SRG, id: "SRG-APP-000386"}
#     - {framework: DISA-SRG, id: "SRG-APP-000475"}
#     - {framework: DISA-STIG, id: "V-233065"}
#     - {framework: DISA-STIG, id: "V-235839"}
#     - {framework: DISA-STIG, id: "V-233192"}
#     - {framework: DISA-STIG, id: "V-235846"}
#     - {framework: CCI, id: "CCI-001749"}
#     - {framework: CCI, id: "CCI-001774"}
#     - {framework: NIST-800-53, id: "CM-5(3)"}
#     - {framework: NIST-800-53, id: "CM-7(5)(b)"}
#     - {framework: CIS-Docker, id: "4.5"}
#     - {framework: CIS-Docker, id: "4.12"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningsignature
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("signature")
}

# METADATA
# title: No volumes over system directories or sockets
# description: >-
#   VOLUME of places such as `/etc`, `/proc` or the socket of a container engine.
# custom:
#   short_name: volumes
#   failure_msg: "A volume over a place of the system: %v"
#   solution: "Declare volumes only for data of the application."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: CCI, id: "CCI-000366"}
#     - {framework: NIST-800-53, id: "CM-6b"}
#     - {framework: dockle, id: "DKL-DI-0002"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningvolumes
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("volumes")
}
