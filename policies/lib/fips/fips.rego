# METADATA
# title: FIPS states
# description: >-
#   What the facts of modules and consumers come to, and which certificate a module has. Capable, installed, activated, validated
#   and not overridden stay apart until here. The list of certificates is `data.cmvp`, joined at `input.time.now`.
package lib.fips

import data.lib.times

# METADATA
# title: The states, best first
# description: An image is what the worst of its modules and consumers is.
lattice := [
	"validated_active",
	"capable_host_dependent",
	"capable_not_activated",
	"activated_unvalidated",
	"non_fips_crypto_present",
	"no_crypto_detected",
	"unknown",
]

# METADATA
# title: The state of the image
image_state := "unknown" if not _is_known

image_state := "no_crypto_detected" if {
	_is_known
	count(modules) == 0
	count(consumers) == 0
}

image_state := lattice[worst] if {
	_is_known
	worst := max({i |
		some part in array.concat([m | some m in modules], [c | some c in consumers])
		some i, name in lattice
		name == part.state
	})
}

_is_known if {
	input.fips.collected
	input.fips.complete
	input.fips.certain
}

# METADATA
# title: Each module that is not left out, with its state and certificate
modules := [part |
	some m in input.fips.modules
	not is_allowed(m)
	part := {"module": m, "state": module_state(m), "certificate": certificate(validated(m))}
]

# METADATA
# title: Each consumer that is not left out, with its state
consumers := [part |
	some c in input.fips.consumers
	not is_allowed(c)
	part := {"consumer": c, "state": consumer_state(c)}
]

# METADATA
# title: The file whose validation counts
# description: For a library that does its FIPS work in a provider, the provider.
validated(m) := provider if {
	m.provider != ""
	some provider in input.fips.modules
	provider.path == m.provider
} else := m

# METADATA
# title: The state of a module
module_state(m) := "unknown" if {
	_is_unknown(m)
} else := "non_fips_crypto_present" if {
	_is_incapable(m)
} else := "capable_not_activated" if {
	_is_off(m)
} else := "activated_unvalidated" if {
	not certificate(validated(m)).active
} else := "capable_host_dependent" if {
	m.activated == "host"
	not input.decision.params.fips_host == true
} else := "validated_active" if {
	m.activated in {"yes", "host"}
} else := "unknown"

_is_unknown(m) if m.overridden == "unknown"

_is_unknown(m) if {
	m.activated == "unknown"
	m.capable != "no"
	m.overridden == "no"
}

_is_unknown(m) if {
	m.capable == "unknown"
	m.activated != "not_applicable"
	m.activated != "no"
	m.overridden == "no"
	certificate(validated(m)).match == "vendor_version"
}

_is_incapable(m) if m.capable == "no"

_is_incapable(m) if m.activated == "not_applicable"

_is_off(m) if m.overridden == "yes"

_is_off(m) if m.activated in {"no", "broken"}

_is_off(m) if validated(m).integrity == "differs"

# METADATA
# title: The state of a consumer
# description: What it reaches; of one that reaches a module that is on, that module's state.
consumer_state(c) := "unknown" if {
	c.reaches_fips in {"unknown", "not_applicable"}
} else := "non_fips_crypto_present" if {
	c.reaches_fips in {"no", "broken"}
} else := "unknown" if {
	count(_used(c)) == 0
} else := lattice[max({i |
	some m in _used(c)
	some i, name in lattice
	name == module_state(m)
})]

_used(c) := [m | some m in input.fips.modules; m.path in c.modules]

# METADATA
# title: Whether a module or consumer is left out
# description: "By `fips_allowed_modules`: a path, exact or ending in `*`, `package:NAME` or `family:NAME`."
is_allowed(part) if {
	some entry in _allowed
	part.path == trim_prefix(entry, "/")
}

is_allowed(part) if {
	some entry in _allowed
	endswith(entry, "/*")
	startswith(part.path, trim_prefix(trim_suffix(entry, "*"), "/"))
}

is_allowed(part) if {
	part.package != ""
	sprintf("package:%v", [part.package]) in _allowed
}

is_allowed(part) if {
	family := object.get(part, "family", "")
	family != ""
	sprintf("family:%v", [family]) in _allowed
}

_allowed := input.decision.params.fips_allowed_modules

# METADATA
# title: The certificate of a module
# description: >-
#   `match` is `vendor_version` (its distribution's or maker's build of a listed version), `name_only` (the version of another
#   vendor's validated module) or `none`; nothing in an image proves more. `active` needs the vendor, a listed certificate, and
#   its sunset ahead: FIPS 140-2 certificates ended on 2026-09-21, whatever the status in an older list says.
certificate(m) := {
	"match": "vendor_version", "active": true, "listed": true, "number": number,
	"details": data.cmvp.list.certificates[number],
} if {
	number := min({n | some n in _numbers(m); _is_active(n)})
} else := {
	"match": "vendor_version", "active": false, "listed": true, "number": number,
	"details": data.cmvp.list.certificates[number],
} if {
	number := max({n | some n in _numbers(m); data.cmvp.list.certificates[n]})
} else := {"match": "vendor_version", "active": false, "listed": false, "number": number, "details": {}} if {
	number := max(_numbers(m))
} else := {"match": "name_only", "active": false, "listed": false, "number": number, "details": {}} if {
	number := max({n |
		some entry in data.cmvp.modules.entries
		_is_version(entry, m)
		some n in entry.certificates
	})
} else := {"match": "none", "active": false, "listed": false, "number": "", "details": {}}

_numbers(m) := {n |
	some entry in data.cmvp.modules.entries
	_is_version(entry, m)
	m.vendor in entry.vendors
	_is_package(entry, m)
	some n in entry.certificates
}

_is_version(entry, m) if {
	entry.family == m.family
	some version in entry.versions
	some text in {m.version, m.package_version}
	_begins(text, version, m.vendor)
}

_begins(text, version, _) if text == version

# What a distribution puts behind a version is its build; of a file of no package it is another version (3.1.2-dev, 3.1.2+quic).
_begins(text, version, vendor) if {
	some next in ({"."} | {mark | some mark in ["-", "+", "_", "~"]; vendor != ""})
	startswith(text, concat("", [version, next]))
}

_is_package(entry, _) if count(entry.packages) == 0

_is_package(entry, m) if m.package in entry.packages

_is_active(number) if {
	about := data.cmvp.list.certificates[number]
	about.status == "active"
	about.sunset != null
	_today <= about.sunset
}

# Days as text sort like days; the sunset date is the last day.
_today := substring(input.time.now, 0, 10)

# METADATA
# title: The day of the list of certificates; empty without one
default list_day := ""

list_day := data.cmvp.list.as_of

# METADATA
# title: How many days old the list of certificates is
# description: Without a list, or with a day that nobody can read, so old that it never is fresh.
default list_age_days := 1000000

list_age_days := floor((times.now_ns - made) / 86400000000000) if {
	regex.match(`^[0-9]{4}-[01][0-9]-[0-3][0-9]$`, list_day)
	made := time.parse_rfc3339_ns(sprintf("%vT00:00:00Z", [list_day]))
}
