# Controls about files: rights, owners, types and places.
package rules.hardening

import data.lib.hardening
import data.lib.result

# METADATA
# title: passwd, shadow and group have safe rights
# description: >-
#   passwd and group 0644 root, shadow and gshadow 0640 root or tighter; their backups too.
# custom:
#   short_name: account_files
#   failure_msg: "Rights of a file of accounts: %v"
#   solution: "chown root and chmod it in the build."
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
#   ref: docs/rules.md#hardeningaccount_files
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("account_files")
}

# METADATA
# title: No files with capabilities
# description: >-
#   `security.capability` of files in the layers.
# custom:
#   short_name: capabilities
#   failure_msg: "A file with capabilities: %v"
#   solution: "Remove them (`setcap -r`); give the container what it needs where it is started."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-APP-000141"}
#     - {framework: DISA-STIG, id: "V-235801"}
#     - {framework: DISA-STIG, id: "DKER-EE-001950"}
#     - {framework: CCI, id: "CCI-000381"}
#     - {framework: NIST-800-53, id: "CM-7a"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningcapabilities
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("capabilities")
}

# METADATA
# title: No device nodes or pipes in layers
# description: >-
#   In any layer, but the usual ones in `/dev`, which runtimes replace.
# custom:
#   short_name: device
#   failure_msg: "A device node or pipe: %v"
#   solution: "Remove it from the build."
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
#   ref: docs/rules.md#hardeningdevice
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("device")
}

# METADATA
# title: Logs can be read by whom they are for
# description: >-
#   /var/log belongs to root and is not writable by others, files in it 0640 or tighter; wtmp, btmp and lastlog aside.
# custom:
#   short_name: log_files
#   failure_msg: "Rights of a log: %v"
#   solution: "Remove logs of the build, or chmod 0640 them."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-OS-000206-GPOS-00084"}
#     - {framework: DISA-STIG, id: "V-203664"}
#     - {framework: CCI, id: "CCI-001314"}
#     - {framework: NIST-800-53, id: "SI-11b"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeninglog_files
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("log_files")
}

# METADATA
# title: No files that lead scanners astray
# description: >-
#   `/.dockerenv` and `/run/.containerenv` turn checks of scanners off when an image ships them; `/etc/ld.so.preload`
#   changes every program.
# custom:
#   short_name: scanner_influence
#   failure_msg: "A file that changes what scanners or programs do: %v"
#   solution: "Remove it; scanners and runtimes make their own."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: CCI, id: "CCI-002710"}
#     - {framework: NIST-800-53, id: "SI-7(1)"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningscanner_influence
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("scanner_influence")
}

# METADATA
# title: No setuid or setgid files
# description: >-
#   Regular files with either bit that `stig_baseline.allowed_setuid` does not name.
# custom:
#   short_name: setuid
#   failure_msg: "A setuid or setgid file: %v"
#   solution: "Remove the bit (`chmod a-s`) or the package in the build."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-OS-000324"}
#     - {framework: DISA-STIG, id: "V-203695"}
#     - {framework: CCI, id: "CCI-002235"}
#     - {framework: NIST-800-53, id: "AC-6(10)"}
#     - {framework: CIS-Docker, id: "4.8"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningsetuid
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("setuid")
}

# METADATA
# title: Programs and libraries belong to root, who alone may write
# description: >-
#   Everything below bin, sbin, lib and libexec of the system.
# custom:
#   short_name: system_files
#   failure_msg: "A program or library that others than root may change: %v"
#   solution: "chown root and chmod go-w it; put what the application writes elsewhere."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-OS-000259"}
#     - {framework: DISA-STIG, id: "V-203675"}
#     - {framework: CCI, id: "CCI-001499"}
#     - {framework: NIST-800-53, id: "CM-5(6)"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningsystem_files
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("system_files")
}

# METADATA
# title: Every file has an owner and a group with a name
# description: >-
#   User and group ids that passwd and group do not have. The user that the container runs as needs no name; group 0 is
#   for platforms that choose the user.
# custom:
#   short_name: unowned
#   failure_msg: "A file without an owner: %v"
#   solution: "Give it to a user of the image (`COPY --chown`, `chown`)."
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
#   ref: docs/rules.md#hardeningunowned
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("unowned")
}

# METADATA
# title: Nothing that anybody may write to
# description: >-
#   Files, and directories without the sticky bit. `/dev` is the runtime's.
# custom:
#   short_name: world_writable
#   failure_msg: "Anybody may write to it: %v"
#   solution: "Take the right away (`chmod o-w`), or set the sticky bit of a directory."
#   severity: medium
#   waivable: true
#   parameter: fail_on_stig
#   rule_data: {category: "2"}
#   controls:
#     - {framework: DISA-SRG, id: "SRG-OS-000138"}
#     - {framework: DISA-STIG, id: "V-203657"}
#     - {framework: CCI, id: "CCI-001090"}
#     - {framework: NIST-800-53, id: "SC-4"}
#   applies_to: [image, archive]
#   collections: [prod, dev]
#   ref: docs/rules.md#hardeningworld_writable
deny contains result.make(rego.metadata.chain(), [thing.text], hardening.fields(thing)) if {
	some thing in hardening.denied("world_writable")
}
