# Controls about programs and packages.
package rules.hardening

import data.lib.hardening
import data.lib.result

# METADATA
# title: No old versions are left
# description: >-
#   The same package in several versions, in the databases of dpkg and apk, in an SBOM for rpm, and in one directory of
#   Python packages.
# custom:
#   short_name: old_versions
#   failure_msg: "Several versions of a package: %v"
#   solution: "Remove the old one in the step that installs the new one."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-OS-000437"}
#     - {framework: DISA-SRG, id: "SRG-APP-000454"}
#     - {framework: DISA-STIG, id: "V-203755"}
#     - {framework: DISA-STIG, id: "V-233230"}
#     - {framework: CCI, id: "CCI-002617"}
#     - {framework: NIST-800-53, id: "SI-2(6)"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningold_versions
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("old_versions")
}

# METADATA
# title: No package manager
# description: >-
#   Programs by name, place and what links lead to; `stig_baseline.allowed_programs` names what is needed.
# custom:
#   short_name: package_manager
#   failure_msg: "A package manager: %v"
#   solution: "Build from a base without one, or copy what is needed into such a base."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-OS-000095"}
#     - {framework: DISA-STIG, id: "V-203637"}
#     - {framework: CCI, id: "CCI-000381"}
#     - {framework: NIST-800-53, id: "CM-7a"}
#     - {framework: CIS-Docker, id: "4.3"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningpackage_manager
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("package_manager")
}

# METADATA
# title: No sudo or su
# description: >-
#   Programs that change the user, by name.
# custom:
#   short_name: privilege_program
#   failure_msg: "A program that changes the user: %v"
#   solution: "Remove it; set USER."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: CCI, id: "CCI-002235"}
#     - {framework: NIST-800-53, id: "AC-6(10)"}
#     - {framework: dockle, id: "DKL-DI-0001"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningprivilege_program
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("privilege_program")
}

# METADATA
# title: No servers for remote access
# description: >-
#   sshd, telnetd, ftpd, rshd and their like, by package database and by files: either is enough. No parameter allows
#   them.
# custom:
#   short_name: remote_access
#   failure_msg: "A server for remote access: %v"
#   solution: "Remove the package; use the platform's exec and logs."
#   severity: high
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "1"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-APP-000141"}
#     - {framework: DISA-SRG, id: "SRG-OS-000095"}
#     - {framework: DISA-STIG, id: "V-235803"}
#     - {framework: DISA-STIG, id: "V-203637"}
#     - {framework: DISA-STIG, id: "V-263652"}
#     - {framework: DISA-STIG, id: "DKER-EE-001970"}
#     - {framework: CCI, id: "CCI-000381"}
#     - {framework: NIST-800-53, id: "CM-7a"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningremote_access
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("remote_access")
}

# METADATA
# title: No shells or interpreters
# description: >-
#   As for package managers. A link to a shell under any name is one, and busybox is one whatever its applets; a renamed
#   copy cannot be told.
# custom:
#   short_name: shell
#   failure_msg: "A shell or interpreter: %v"
#   solution: "Build from a base without one; allow the interpreter that the application needs in `stig_baseline.allowed_programs`."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-OS-000095"}
#     - {framework: DISA-STIG, id: "V-203637"}
#     - {framework: CCI, id: "CCI-000381"}
#     - {framework: NIST-800-53, id: "CM-7a"}
#     - {framework: CIS-Docker, id: "4.3"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningshell
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("shell")
}

# METADATA
# title: The distribution is supported
# description: >-
#   os-release, joined to the table of dates in the bundle on the day of the decision; `SUPPORT_END` where the table has
#   no row. A release that nobody knows is for people.
# custom:
#   short_name: supported_release
#   failure_msg: "No more security fixes: %v"
#   solution: "Build on a supported release."
#   severity: high
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "1"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-OS-000480-GPOS-00227"}
#     - {framework: DISA-SRG, id: "SRG-APP-000456"}
#     - {framework: DISA-STIG, id: "V-233233"}
#     - {framework: CCI, id: "CCI-002605"}
#     - {framework: CCI, id: "CCI-003376"}
#     - {framework: NIST-800-53, id: "SI-2c"}
#     - {framework: NIST-800-53, id: "SA-22"}
#     - {framework: CIS-Docker, id: "4.4"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningsupported_release
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("supported_release")
}

# METADATA
# title: Packages are verified when they are installed
# description: >-
#   `trusted=yes`, `gpgcheck=0`, apk over plain http, AllowUnauthenticated, and installs in the history that switch
#   verification off.
# custom:
#   short_name: unsigned_packages
#   failure_msg: "Packages that nobody signed are taken: %v"
#   solution: "Remove the setting; import the key of the repository."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-OS-000366"}
#     - {framework: DISA-STIG, id: "V-203720"}
#     - {framework: CCI, id: "CCI-001749"}
#     - {framework: CCI, id: "CCI-003992"}
#     - {framework: NIST-800-53, id: "CM-5(3)"}
#     - {framework: NIST-800-53, id: "CM-14"}
#     - {framework: CIS-Docker, id: "4.11"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningunsigned_packages
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("unsigned_packages")
}
