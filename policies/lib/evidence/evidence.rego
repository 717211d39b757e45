# METADATA
# title: Accepted evidence
# description: >-
#   Found is not verified. One definition of which evidence may satisfy or deny; the engine has the same one in
#   `gate/policy/acceptance.py`. Signatures and provenance always have to be verified, whatever the parameters say.
package lib.evidence

# METADATA
# title: Ids of the accepted items that can meet a requirement, by kind
# description: Every kind that occurs is a key; ask through `ids`.
accepted := {kind: items |
	some kind in {e.kind | some e in input.evidence}
	items := {e.id |
		some e in input.evidence
		e.kind == kind
		not e.partial == true
		is_accepted(e)
	}
}

# METADATA
# title: Ids of the accepted items of a kind; empty when there are none
# description: >-
#   Without partial ones: a scan of one kind of packages only (govulncheck) stands for no scan. What it found counts all the
#   same; `counted` has its id.
ids(kind) := object.get(accepted, kind, set())

# METADATA
# title: Ids of all items of a kind whose facts count, partial ones too
counted(kind) := {e.id |
	some e in input.evidence
	e.kind == kind
	is_accepted(e)
}

# METADATA
# title: Whether an item may satisfy or deny
# description: Undefined, that is no, for whatever is not known.
is_accepted(e) if {
	_is_bound(e)
	_vouched(e)
}

# METADATA
# title: What kept evidence of a kind from being read
# description: >-
#   Errors about documents that somebody merely attached to the image, and that nothing vouches for, do not count: else
#   anyone who can push could block. A document that the caller named counts always.
errors(kind) := [err |
	some err in input.errors
	err.kind in {kind, "unknown"}
	not _merely_attached(err)
]

# METADATA
# title: The items of a kind, accepted or not
all_of(kind) := [e | some e in input.evidence; e.kind == kind]

# METADATA
# title: What was found of a kind and not accepted, with the reasons
rejected(kind) := [about |
	some e in all_of(kind)
	not e.id in ids(kind)
	about := {"evidence": e.id, "source": e.source, "origin": e.origin, "reason": why_rejected(e)}
]

# METADATA
# title: The same in a few words, for messages
found(kind) := "nothing usable was found" if count(rejected(kind)) == 0

found(kind) := sprintf("%v found and not accepted: %v", [count(all), concat("; ", shown)]) if {
	all := rejected(kind)
	count(all) > 0
	shown := [sprintf("%v (%v)", [about.source, about.reason]) | some about in array.slice(all, 0, 5)]
}

# METADATA
# title: Why an item that is not accepted is not
why_rejected(e) := sprintf("verification failed: %v", [e.verification.reason]) if {
	e.verification.state == "failed"
} else := "it names another image" if {
	e.binding == "none"
} else := "it looks at one kind of packages only, and stands for no scan" if {
	e.partial
	is_accepted(e)
} else := sprintf("bound to the image as %v only", [e.binding]) if {
	not _is_bound(e)
	not _unsigned_in_vain(e)
} else := sprintf("signed by %v, who is not trusted for %v", [e.verification.trust_entry, e.kind]) if {
	e.verification.state == "verified"
} else := sprintf("not verified: %v", [e.verification.reason])

# The binding of what nobody signed says nothing about why it does not count.
_unsigned_in_vain(e) if {
	e.verification.state == "unverified"
	_needs_verification(e)
}

_needs_verification(e) if e.kind in {"signature", "provenance"}

_needs_verification(e) if _acceptance(e.kind, input.decision.params.accept).verified

_needs_verification(e) if not e.origin in {"file", "computed"}

_is_bound(e) if e.binding in _acceptance(e.kind, input.decision.params.accept).bindings

_vouched(e) if {
	e.verification.state == "verified"
	_role(e.kind, e.verification.roles)
}

_vouched(e) if {
	not e.kind in {"signature", "provenance"}
	_acceptance(e.kind, input.decision.params.accept).verified == false
	e.verification.state == "unverified"
	e.origin in {"file", "computed"}
}

_role(kind, roles) if kind in roles

_role(_, roles) if "*" in roles

_acceptance(kind, accept) := object.get(accept, kind, object.get(accept, "*", {"verified": true, "bindings": []}))

# METADATA
# title: What the caller named, or could not be looked up at all, and was not read
# description: Somebody answers for it, so it is unfavourable whatever else was found.
unread := [err |
	some err in input.errors
	not _elsewhere(err)
]

_elsewhere(err) if {
	some e in input.evidence
	e.id == err.evidence
	not e.origin in {"file", "computed"}
}

_merely_attached(err) if err.evidence in _attached

_attached contains e.id if {
	some e in input.evidence
	e.origin in {"attestation", "referrer", "image"}
	e.verification.state != "verified"
}
