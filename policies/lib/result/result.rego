# METADATA
# title: Result objects
# description: >-
#   The one place that makes what `deny`, `warn`, `no_verdict` and `not_applicable` contain. Texts come from the METADATA
#   of the calling rule, so that a rule's body only finds facts and the documentation cannot drift from the messages.
package lib.result

# METADATA
# title: A result of the calling rule
# description: >-
#   `chain` is `rego.metadata.chain()`, `args` fill the `%v`s of `custom.failure_msg`, and `fields` may set `term`, `evidence`,
#   `expected`, `got`, `fix` and `data`. It is defined for every input: a helper that can be undefined makes rules fail open.
make(chain, args, fields) := object.union(
	{
		"rule": id(chain),
		"term": "",
		"msg": sprintf(_custom(chain, "failure_msg", _untitled(chain)), args),
		"evidence": [],
		"expected": null,
		"got": null,
		"fix": _custom(chain, "solution", ""),
		"data": {},
	},
	fields,
)

# METADATA
# title: The id of the calling rule
# description: "`<domain>.<short_name>`; a rule without a short name gets an id that no inventory holds, which is a policy error."
id(chain) := concat(".", array.concat(_domain(chain), [_custom(chain, "short_name", "")]))

# METADATA
# title: The first thousand of many things
# description: What a summarising result carries in `data`; the total tells how many there were.
many(things) := {"total": count(things), "first": array.slice(things, 0, 1000)}

_custom(chain, name, default_value) := object.get(chain[0], ["annotations", "custom", name], default_value)

_untitled(chain) := object.get(chain[0], ["annotations", "title"], "rule without METADATA")

_domain(chain) := array.slice(chain[0].path, 1, count(chain[0].path) - 1)
