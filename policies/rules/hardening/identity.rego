# Controls about accounts, keys, certificates and cryptography.
package rules.hardening

import data.lib.hardening
import data.lib.result

# METADATA
# title: No expired certificates
# description: >-
#   Certificates that are no trust anchors, at the evaluation time.
# custom:
#   short_name: certificate
#   failure_msg: "An expired certificate: %v"
#   solution: "Replace it, or give it when the container is started."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-OS-000066"}
#     - {framework: DISA-SRG, id: "SRG-APP-000605"}
#     - {framework: DISA-STIG, id: "V-203622"}
#     - {framework: DISA-STIG, id: "V-233284"}
#     - {framework: CCI, id: "CCI-000185"}
#     - {framework: NIST-800-53, id: "IA-5(2)(b)(1)"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningcertificate
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("certificate")
}

# METADATA
# title: No credential files
# description: >-
#   `.git`, `.aws`, `.npmrc`, `.netrc`, kubeconfig, `.docker` and their like, in any layer.
# custom:
#   short_name: credential_file
#   failure_msg: "A file that holds credentials or sources: %v"
#   solution: "Name it in .dockerignore, and replace what it held: it has been shipped."
#   severity: high
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "1"}
#   controls:
#     - {framework: CCI, id: "CCI-002367"}
#     - {framework: NIST-800-53, id: "IA-5(7)"}
#     - {framework: CIS-Docker, id: "4.10"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningcredential_file
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("credential_file")
}

# METADATA
# title: User and group ids are unique
# description: >-
#   Two names with one id, one name with two, and a uid 0 that is not root.
# custom:
#   short_name: duplicate_ids
#   failure_msg: "Ids that are not unique: %v"
#   solution: "Give each account an id of its own."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-OS-000104"}
#     - {framework: DISA-SRG, id: "SRG-OS-000121"}
#     - {framework: DISA-STIG, id: "V-203639"}
#     - {framework: DISA-STIG, id: "V-203650"}
#     - {framework: CCI, id: "CCI-000764"}
#     - {framework: CCI, id: "CCI-000804"}
#     - {framework: NIST-800-53, id: "IA-2"}
#     - {framework: NIST-800-53, id: "IA-8"}
#     - {framework: dockle, id: "DKL-LI-0002"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningduplicate_ids
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("duplicate_ids")
}

# METADATA
# title: Cryptography is FIPS-validated
# description: >-
#   The state of the image as the domain `fips` has it. Where the kernel of the host decides, people have to look.
# custom:
#   short_name: fips_module
#   failure_msg: "No validated cryptography: %v"
#   solution: "See the results of the domain `fips`."
#   severity: high
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "1"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-OS-000478"}
#     - {framework: DISA-SRG, id: "SRG-OS-000396"}
#     - {framework: DISA-SRG, id: "SRG-OS-000120"}
#     - {framework: DISA-SRG, id: "SRG-APP-000635"}
#     - {framework: DISA-SRG, id: "SRG-APP-000514"}
#     - {framework: DISA-SRG, id: "SRG-APP-000219"}
#     - {framework: DISA-STIG, id: "V-203776"}
#     - {framework: DISA-STIG, id: "V-203739"}
#     - {framework: DISA-STIG, id: "V-203649"}
#     - {framework: DISA-STIG, id: "V-233289"}
#     - {framework: DISA-STIG, id: "V-233271"}
#     - {framework: DISA-STIG, id: "V-233118"}
#     - {framework: CCI, id: "CCI-002450"}
#     - {framework: CCI, id: "CCI-000803"}
#     - {framework: NIST-800-53, id: "SC-13b"}
#     - {framework: NIST-800-53, id: "IA-7"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningfips_module
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("fips_module")
}

# METADATA
# title: No account with a shell
# description: >-
#   Accounts other than root and the one that the container runs as whose shell is in the image; an empty shell is
#   /bin/sh.
# custom:
#   short_name: interactive_account
#   failure_msg: "An account with a shell: %v"
#   solution: "Set its shell to nologin, or remove the account."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-OS-000480-GPOS-00227"}
#     - {framework: CCI, id: "CCI-000366"}
#     - {framework: NIST-800-53, id: "CM-6b"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeninginteractive_account
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("interactive_account")
}

# METADATA
# title: No account has a password
# description: >-
#   An empty one, or a hash that is not locked, in shadow or passwd: whoever has the image has it for every container.
# custom:
#   short_name: password
#   failure_msg: "An account with a password: %v"
#   solution: "Lock it (`passwd -l`), or remove the account."
#   severity: high
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "1"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-OS-000073"}
#     - {framework: DISA-STIG, id: "V-203629"}
#     - {framework: CCI, id: "CCI-000196"}
#     - {framework: NIST-800-53, id: "IA-5(1)(c)"}
#     - {framework: dockle, id: "DKL-LI-0001"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningpassword
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("password")
}

# METADATA
# title: No private keys
# description: >-
#   In any layer: PEM blocks and key stores. Keys of tests and documentation can be allowed by path in
#   `stig_baseline.allowed_keys`.
# custom:
#   short_name: private_key
#   failure_msg: "A private key: %v"
#   solution: "Remove it from the build, and replace the key: it has been shipped. Host keys of ssh are made when the package is installed."
#   severity: high
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "1"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-OS-000067"}
#     - {framework: DISA-STIG, id: "V-203623"}
#     - {framework: CCI, id: "CCI-000186"}
#     - {framework: CCI, id: "CCI-002367"}
#     - {framework: NIST-800-53, id: "IA-5(2)(a)(1)"}
#     - {framework: NIST-800-53, id: "IA-5(7)"}
#     - {framework: CIS-Docker, id: "4.10"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningprivate_key
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("private_key")
}

# METADATA
# title: ssh uses approved algorithms
# description: >-
#   Where there is an ssh server or client: its configured and default algorithms, judged as the domain `crypto` does.
# custom:
#   short_name: ssh_crypto
#   failure_msg: "ssh allows an algorithm that is not approved: %v"
#   solution: "Set Ciphers, MACs and KexAlgorithms to approved ones."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-OS-000250"}
#     - {framework: DISA-SRG, id: "SRG-OS-000393"}
#     - {framework: DISA-SRG, id: "SRG-OS-000394"}
#     - {framework: DISA-SRG, id: "SRG-OS-000033"}
#     - {framework: DISA-STIG, id: "V-203669"}
#     - {framework: DISA-STIG, id: "V-203736"}
#     - {framework: DISA-STIG, id: "V-203737"}
#     - {framework: DISA-STIG, id: "V-203603"}
#     - {framework: CCI, id: "CCI-001453"}
#     - {framework: CCI, id: "CCI-000068"}
#     - {framework: CCI, id: "CCI-002890"}
#     - {framework: CCI, id: "CCI-003123"}
#     - {framework: NIST-800-53, id: "AC-17(2)"}
#     - {framework: NIST-800-53, id: "MA-4(6)"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningssh_crypto
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("ssh_crypto")
}

# METADATA
# title: Only approved trust anchors
# description: >-
#   Those that `stig_baseline.approved_anchors` names; where it names none, none that was put beside the distribution's
#   own, and the rest is for people.
# custom:
#   short_name: trust_anchors
#   failure_msg: "A trust anchor that is not approved: %v"
#   solution: "Remove it, or add its fingerprint."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-OS-000775-GPOS-00230"}
#     - {framework: DISA-SRG, id: "SRG-OS-000403"}
#     - {framework: DISA-STIG, id: "V-263659"}
#     - {framework: DISA-STIG, id: "V-203744"}
#     - {framework: CCI, id: "CCI-004909"}
#     - {framework: CCI, id: "CCI-002470"}
#     - {framework: NIST-800-53, id: "SC-17b"}
#     - {framework: NIST-800-53, id: "SC-23(5)"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningtrust_anchors
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("trust_anchors")
}

# METADATA
# title: No weak password hashes
# description: >-
#   DES, MD5, NT and SHA-1 forms, and such that nobody knows.
# custom:
#   short_name: weak_password_hash
#   failure_msg: "A weak password hash: %v"
#   solution: "Remove the password."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-OS-000120"}
#     - {framework: DISA-STIG, id: "V-203649"}
#     - {framework: CCI, id: "CCI-000803"}
#     - {framework: NIST-800-53, id: "IA-7"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningweak_password_hash
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("weak_password_hash")
}
