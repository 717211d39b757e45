# What controls about files come to.
package lib.hardening

import data.lib.patterns

found.setuid contains at(file, sprintf(" (mode %v, uid %v)", [file.mode, file.uid])) if {
	some file in input.filesystem.setuid
	not is_allowed(file.path, allowed.allowed_setuid)
}

found.capabilities contains at(file, sprintf(" (%v)", [concat(", ", names)])) if {
	some file in input.filesystem.capabilities
	names := {name | some name in array.concat(file.permitted, file.inheritable)}
	count(names) > 0
	not is_allowed(file.path, allowed.allowed_setuid)
}

# Devices of /dev are the runtime's.
found.world_writable contains at(file, sprintf(" (mode %v)", [file.mode])) if {
	some file in input.filesystem.world_writable
	not startswith(file.path, "dev/")
}

# The user that the container runs as needs no name.
found.unowned contains at(file, sprintf(" (uid %v, gid %v)", [file.uid, file.gid])) if {
	some file in input.hardening.unowned
	not _is_runners(file)
}

_is_runners(file) if {
	file.uid in {0, input.hardening.user.uid}
	file.gid in {0, input.hardening.user.uid, input.hardening.user.gid}
}

found[name] contains at(file, text) if {
	some file in input.hardening.loose
	name := {"account": "account_files", "system": "system_files", "log": "log_files"}[file.kind]
	text := sprintf(" (mode %v, owner %v:%v; expected %v)", [file.mode, file.uid, file.gid, file.expected])
}

found.device contains at(file, sprintf(" (%v%v)", [file.kind, _gone(file)])) if some file in input.hardening.devices

found.scanner_influence contains at(file, sprintf(" (%v%v)", [file.kind, _gone(file)])) if {
	some file in input.hardening.influence
}

found.private_key contains at(file, sprintf(" (%v%v)", [file.kind, _gone(file)])) if {
	some file in input.filesystem.private_keys
	not is_allowed(file.path, allowed.allowed_keys)
	not _is_anchors(file)
}

# Java's list of trusted authorities has the form of a key store, and no private key.
_is_anchors(file) if {
	file.kind == "key store"
	regex.match(`(^|/)(lib/security|etc/ssl/certs/java|etc/pki/(ca-trust/extracted/)?java)/cacerts$`, file.path)
}

found.credential_file contains at(file, sprintf(" (%v%v)", [file.kind, _gone(file)])) if {
	some file in input.hardening.secret_files
	not is_allowed(file.path, allowed.allowed_keys)
}

# METADATA
# title: Whether a name or path is in a list of what is allowed
# description: An empty list allows nothing.
is_allowed(path, list) if {
	count(list) > 0
	patterns.allowed(path, list)
}

_gone(file) := "" if file.visible

_gone(file) := ", deleted by a later layer and shipped all the same" if not file.visible
