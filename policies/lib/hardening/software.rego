# What controls about programs, packages and releases come to.
package lib.hardening

import data.lib.evidence

_control_of := {
	"shell": "shell",
	"interpreter": "shell",
	"package_manager": "package_manager",
	"privilege": "privilege_program",
	"remote_access": "remote_access",
}

found[name] contains finding(program.path, text, program.kind, program) if {
	some program in input.hardening.programs
	name := _control_of[program.kind]
	not _is_needed(program)
	text := sprintf("%v (%v%v) in layer %v", [program.path, program.name, _how(program), program.layer])
}

# What gives access from outside is never allowed by name; a waiver names the path.
_is_needed(program) if {
	program.kind != "remote_access"
	is_allowed(program.name, allowed.allowed_programs)
}

_how(program) := ", package" if program.package != ""

_how(program) := sprintf(" -> %v", [program.target]) if {
	program.package == ""
	program.target != ""
}

_how(program) := "" if {
	program.package == ""
	program.target == ""
}

found.old_versions contains finding(entry.name, text, entry.versions, entry) if {
	some entry in input.hardening.repeated_packages
	text := sprintf("%v (%v, %v): %v", [entry.name, entry.database, entry.path, concat(", ", entry.versions)])
}

found.old_versions contains finding(pair[0][0], text, versions, {"versions": versions}) if {
	count(input.hardening.unread_databases) > 0
	some pair in _neighbours(sort([[_bare(component.purl), component.version] | some component in _rpms]))
	versions := [pair[0][1], pair[1][1]]
	versions[0] != versions[1]
	text := sprintf("%v: %v, %v", [pair[0][0], versions[0], versions[1]])
}

# Keys are no packages, and stand there once each.
_rpms := [component |
	some component in input.sbom.components
	startswith(component.purl, "pkg:rpm/")
	component.name != "gpg-pubkey"
]

_bare(purl) := split(split(purl, "@")[0], "?")[0]

unknown.old_versions contains sprintf("%v was not read, and no SBOM lists its packages", [path]) if {
	some path in input.hardening.unread_databases
	count(_rpms) == 0
}

found.unsigned_packages contains at(entry, sprintf(" (%v)", [entry.setting])) if {
	some entry in input.hardening.repositories
}

found.unsigned_packages contains _step(step, "installs without verifying signatures") if {
	some step in input.hardening.steps
	step.kind == "unverified_install"
}

inapplicable.unsigned_packages contains "no package manager and no configuration of one" if {
	input.hardening.collected
	input.hardening.repository_files == 0
	count([1 | some program in input.hardening.programs; program.kind == "package_manager"]) == 0
}

found.supported_release contains finding(_release.id, text, _release.ended, about) if {
	about := {"release": _release, "as_of": _eol.as_of}
	_release.ended < _today
	text := sprintf("%v %v has had no support since %v", [_release.id, _release.version, _release.ended])
}

by_people.supported_release contains sprintf("the table of dates does not know %v %v", [id, version]) if {
	input.hardening.collected
	id := object.get(input.filesystem.os_release, "ID", "")
	id != ""
	version := object.get(input.filesystem.os_release, "VERSION_ID", "")
	not id in _eol.rolling
	not _release.id
}

inapplicable.supported_release contains "there is no distribution: no os-release and no package database" if {
	input.hardening.collected
	not _names_system
	count(_any_database) == 0
}

unknown.supported_release contains "there are packages of a distribution, and os-release does not say which" if {
	not _names_system
	count(_any_database) > 0
}

_names_system if object.get(input.filesystem.os_release, "ID", "") != ""

_any_database := array.concat(input.hardening.package_databases, input.hardening.unread_databases)

_eol := data.lib.hardening.eol

_today := substring(input.time.now, 0, 10)

# What the vendor said in the table counts before what the image says of itself.
_release := {"id": id, "version": version, "ended": ended} if {
	id := input.filesystem.os_release.ID
	version := input.filesystem.os_release.VERSION_ID
	ended := _end(id, version)
}

_end(id, version) := _known(id, version) if {
	_known(id, version)
} else := _known(id, concat(".", array.slice(split(version, "."), 0, 2))) if {
	_known(id, concat(".", array.slice(split(version, "."), 0, 2)))
} else := _known(id, split(version, ".")[0]) if {
	_known(id, split(version, ".")[0])
} else := substring(ends, 0, 10) if {
	ends := input.filesystem.os_release.SUPPORT_END
	regex.match(`^\d{4}-\d{2}-\d{2}`, ends)
}

_known(id, version) := data.lib.hardening.eol.releases[id][version]

# One signature that is accepted, as `signatures.required` would demand it.
found.signature contains finding("", "no accepted signature of this digest", "none", about) if {
	about := {"rejected": evidence.rejected("signature")}
	count([1 | some s in input.signatures; s.evidence in evidence.ids("signature")]) == 0
	count(evidence.errors("signature")) == 0
}

unknown.signature contains sprintf("%v: %v", [err.source, err.reason]) if {
	count([1 | some s in input.signatures; s.evidence in evidence.ids("signature")]) == 0
	some err in evidence.errors("signature")
}
