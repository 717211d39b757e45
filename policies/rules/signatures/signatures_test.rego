package rules.signatures_test

import data.lib.testing_test as t
import data.rules.signatures

unsigned := t.replaced("/signatures", [])

cases := {
	"required": {
		"allows": t.base,
		"fires": t.with_evidence("signature", {"/verification/state": "unverified"}),
		"empty_field": {"input": unsigned, "fires": true},
		"nothing_fires": true,
	},
	"unreadable": {
		"allows": t.with_error(t.base, "signature", "registry"),
		"fires": t.with_error(unsigned, "signature", "registry"),
		"empty_field": {"input": t.with_error(unsigned, "unknown", ""), "fires": true},
		"nothing_fires": false,
	},
}

test_allows[short] if {
	some short, case in cases
	ids := t.ids(data.rules.signatures) with input as case.allows
	not sprintf("signatures.%s", [short]) in ids
}

test_fires[short] if {
	some short, case in cases
	ids := t.ids(data.rules.signatures) with input as case.fires
	sprintf("signatures.%s", [short]) in ids
}

test_empty_field[short] if {
	some short, case in cases
	ids := t.ids(data.rules.signatures) with input as case.empty_field.input
	fired := sprintf("signatures.%s", [short]) in ids
	fired == case.empty_field.fires
}

test_empty_input[short] if {
	some short, case in cases
	ids := t.ids(data.rules.signatures) with input as t.nothing
	fired := sprintf("signatures.%s", [short]) in ids
	fired == case.nothing_fires
}

test_whole_result if {
	signatures.deny == {{
		"rule": "signatures.required",
		"term": "",
		"msg": "No verified signature of this image: nothing usable was found",
		"evidence": [],
		"expected": "a verified signature",
		"got": "none",
		"fix": "Sign the digest in the build (`cosign sign`), and give the gate the key or identity that is to be trusted.",
		"data": {"rejected": []},
	}} with input as t.nothing
}

# Whatever `accept` says, and whoever brings it.
test_an_unverified_signature_never_counts[note] if {
	some note, origin in {"file": "file", "computed": "computed", "referrer": "referrer"}
	doc := t.with_params(
		t.with_evidence("signature", {"/verification/state": "unverified", "/origin": origin}),
		{"accept": {"*": {"verified": false, "bindings": ["signed", "embedded", "asserted"]}}},
	)
	count(signatures.deny) == 1 with input as doc
}

test_evidence_that_does_not_satisfy[note] if {
	some note, changes in {
		"failed": {"/verification/state": "failed"},
		"other_role": {"/verification/roles": ["sbom"]},
		"no_role": {"/verification/roles": []},
		"other_image": {"/binding": "none"},
		"asserted": {"/binding": "asserted"},
	}
	count(signatures.deny) == 1 with input as t.with_evidence("signature", changes)
}

test_the_role_signature_is_enough if {
	signatures.deny == set() with input as t.with_evidence("signature", {"/verification/roles": ["sbom", "signature"]})
}

# A verified SBOM attestation is evidence of another kind.
test_an_attestation_is_not_a_signature if {
	sbom := t.base.evidence[t.place("sbom")].id
	count(signatures.deny) == 1 with input as t.changed(t.base, {"/signatures/0/evidence": sbom})
}

test_not_asked_for if {
	signatures.deny == set() with input as t.with_params(t.nothing, {"require_signature": false})
}

# An accept list without an entry for the kind, or for everything, accepts nothing.
test_nothing_is_accepted_without_an_entry if {
	count(signatures.deny) == 1 with input as t.under({"accept": {}})
}

test_absence_is_not_established_by_an_error if {
	signatures.deny == set() with input as t.with_error(unsigned, "signature", "registry")
}

test_an_index_is_judged_by_its_platforms if {
	signatures.deny == set() with input as t.changed(unsigned, {"/subject/kind": "index"})
}
