# METADATA
# title: Allow-lists
# description: Exact names, or prefixes that end in `*`.
package lib.patterns

# METADATA
# title: Whether a name is allowed
# description: An empty list allows every name but the empty one. A name that is not a text is never allowed.
allowed(name, patterns) if {
	name != ""
	count(patterns) == 0
}

allowed(name, patterns) if {
	name != ""
	some pattern in patterns
	_matches(name, pattern)
}

# METADATA
# title: A name for people
shown(name) := name if name != ""

shown("") := "nobody knows what"

_matches(name, pattern) if name == pattern

_matches(name, pattern) if {
	endswith(pattern, "*")
	startswith(name, trim_suffix(pattern, "*"))
	pattern != "*"
}
