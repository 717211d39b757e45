# METADATA
# title: Points in time
# description: >-
#   Times are compared as text: RFC 3339 in UTC sorts like time itself, needs no parsing per finding, and foreign text cannot
#   cause a builtin error. The only clock is `input.time.now`.
package lib.times

# METADATA
# title: The decision's time in nanoseconds
now_ns := time.parse_rfc3339_ns(input.time.now)

# METADATA
# title: RFC 3339 text of the moment so many days ago
days_ago(days) := time.format([now_ns - (((days * 24) * 3600) * 1000000000), "UTC", "2006-01-02T15:04:05Z"])

# METADATA
# title: RFC 3339 text of the moment so many seconds ahead
seconds_ahead(seconds) := time.format([now_ns + (seconds * 1000000000), "UTC", "2006-01-02T15:04:05Z"])

# METADATA
# title: Whether a text is a moment that can be compared
# description: UTC only. The fixed dates that reproducible builds write (1970, 1980) say nothing about age and are refused.
is_known(text) if {
	is_string(text)
	regex.match(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$`, text)
	text > "1981"
	text <= seconds_ahead(input.decision.params.clock_skew_seconds)
}
