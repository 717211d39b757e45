# METADATA
# title: Helpers of tests
# description: >-
#   A case names a rule and gives four answers: an input that it leaves alone, one that it fires on, what it does when the field
#   it looks at is empty, and what it does when nothing at all is known.
package lib.testing_test

# METADATA
# title: Rule ids with a result in any set of a package
ids(evaluated) := {r.rule |
	some set in ["deny", "warn", "no_verdict"]
	some r in object.get(evaluated, set, set())
}

# METADATA
# title: The base input with one part replaced
replaced(path, value) := json.patch(base, [{"op": "replace", "path": path, "value": value}])

# METADATA
# title: Any input with several parts replaced
changed(doc, changes) := json.patch(doc, [{"op": "replace", "path": path, "value": value} | some path, value in changes])

# METADATA
# title: The base input under other parameters
under(params) := with_params(base, params)

# METADATA
# title: An input under other parameters
with_params(doc, params) := changed(doc, {sprintf("/decision/params/%s", [name]): value | some name, value in params})

# METADATA
# title: The base input with as many findings, alike but for key and id
with_findings(number, changes) := with_list([changed(f, changes) | some f in numbered(number)])

# METADATA
# title: The base input with these findings
with_list(findings) := changed(base, {
	"/vulnerabilities/findings": findings,
	"/vulnerabilities/scans/0/findings": count(findings),
})

# METADATA
# title: Findings with keys of their own
numbered(number) := [changed(finding, {"/id": id, "/key": concat("|", [id, finding.package.purl])}) |
	some i in numbers.range(1, number)
	id := sprintf("CVE-2026-%d", [i])
]

# METADATA
# title: The base input with an error of a kind
with_error(doc, kind, source) := changed(doc, {"/errors": [error(kind, source)]})

# METADATA
# title: Something that kept evidence from being read
error(kind, source) := {
	"kind": kind,
	"evidence": null,
	"source": source,
	"code": "unreachable",
	"reason": "connection refused",
	"fix": "",
}

# METADATA
# title: The place of an evidence item of a kind in the base input
place(kind) := [i | some i, e in base.evidence; e.kind == kind][0]

# METADATA
# title: The base input with a part of its evidence item of a kind replaced
with_evidence(kind, changes) := changed(base, {sprintf("/evidence/%d%s", [place(kind), path]): value |
	some path, value in changes
})

# METADATA
# title: A link of the chain of provenance, of a kind, with other fields
link(kind, fields) := object.union(
	{
		"kind": kind, "name": "app", "digest": base.subject.digest, "depth": 0, "parent": null, "evidence": "",
		"level": null, "signer": "ci", "detail": "", "gaps": [],
	},
	fields,
)

# METADATA
# title: A trusted root in force, with other fields
root(fields) := object.union(
	{
		"digest": base.subject.digest, "entries": ["ci"], "as_of": "2026-02-01", "age_s": 2419200,
		"next_expiry": null, "next_expiry_s": null, "expiring": "",
	},
	fields,
)
