# What controls about users and passwords come to.
package lib.hardening

found.root_user contains finding(user.said, text, user.uid, user) if {
	user := input.hardening.user
	user.uid == 0
	text := sprintf("%v%v", [_said(user.said), _why(user.reason)])
}

found.root_user contains finding(user.said, text, user.uid, user) if {
	count(allowed.users) > 0
	user := input.hardening.user
	user.uid != null
	user.uid != 0
	not _is_user
	text := sprintf("%v, which is none of stig_baseline.users", [_said(user.said)])
}

_is_user if input.hardening.user.said in allowed.users

_is_user if sprintf("%v", [input.hardening.user.uid]) in allowed.users

unknown.root_user contains "nobody looked up who it runs as" if is_null(input.hardening.user)

unknown.root_user contains sprintf("the user %q cannot be resolved: %v", [user.said, user.reason]) if {
	user := input.hardening.user
	user != null
	is_null(user.uid)
}

_said("") := "no user is set, which is root"

_said(said) := sprintf("user %q", [said]) if said != ""

_why("") := ""

_why(reason) := sprintf(" (%v)", [reason]) if reason != ""

# Whoever knows a password of an image knows it of every container.
found.password contains finding(entry.name, text, entry.scheme, entry) if {
	some entry in input.hardening.passwords
	text := sprintf("%v in %v (%v) in layer %v", [entry.name, entry.path, entry.scheme, entry.layer])
}

found.weak_password_hash contains finding(entry.name, text, entry.scheme, entry) if {
	some entry in input.hardening.passwords
	entry.scheme in data.lib.hardening.baseline.weak_hashes
	text := sprintf("%v in %v (%v) in layer %v", [entry.name, entry.path, entry.scheme, entry.layer])
}

# Sorted, so that what is the same stands side by side: one look at each, however many there are.
found.duplicate_ids contains _shared("uid", pair) if some pair in _neighbours(_uids)

found.duplicate_ids contains _shared("gid", pair) if some pair in _neighbours(_gids)

found.duplicate_ids contains finding(pair[0][0], text, uids, {"uids": uids}) if {
	some pair in _neighbours(sort([[account.name, account.uid] | some account in input.filesystem.accounts]))
	uids := [pair[0][1], pair[1][1]]
	text := sprintf("%v has uids %v and %v", [pair[0][0], uids[0], uids[1]])
}

_uids := sort([[account.uid, account.name] | some account in input.filesystem.accounts])

_gids := sort([[group.gid, group.name] | some group in input.hardening.groups])

_shared(what, pair) := finding(term, sprintf("%v: %v", [term, concat(", ", names)]), pair[0][0], {"names": names}) if {
	term := sprintf("%v %v", [what, pair[0][0]])
	names := [pair[0][1], pair[1][1]]
}

# METADATA
# title: Entries of a sorted list whose first part is that of the entry before
_neighbours(pairs) := {[pairs[i - 1], pair] |
	some i, pair in pairs
	i > 0
	pairs[i - 1][0] == pair[0]
}

# A uid 0 by another name than root.
found.duplicate_ids contains finding(account.name, text, 0, {"account": account.name}) if {
	some account in input.filesystem.accounts
	account.uid == 0
	account.name != "root"
	text := sprintf("%v has uid 0", [account.name])
}

# root is about `root_user` and `password`; the user that the container runs as is no logon.
found.interactive_account contains finding(entry.name, text, entry.shell, entry) if {
	some entry in input.hardening.interactive
	entry.uid != 0
	entry.uid != input.hardening.user.uid
	text := sprintf("%v (uid %v) has %v, in layer %v", [entry.name, entry.uid, entry.path, entry.layer])
}
