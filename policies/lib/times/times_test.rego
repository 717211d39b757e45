package lib.times_test

import data.lib.testing_test as t
import data.lib.times

test_days_ago if {
	times.days_ago(1) == "2026-02-28T12:00:00Z" with input as t.base
	times.days_ago(0) == "2026-03-01T12:00:00Z" with input as t.base
}

test_seconds_ahead if {
	times.seconds_ahead(300) == "2026-03-01T12:05:00Z" with input as t.base
}

test_known_within_clock_skew if {
	times.is_known("2026-03-01T12:05:00Z") with input as t.base
	not times.is_known("2026-03-01T12:05:01Z") with input as t.base
}

test_null_is_not_known if {
	not times.is_known(null) with input as t.base
}
