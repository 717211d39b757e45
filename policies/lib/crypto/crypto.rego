# METADATA
# title: Status of algorithms
# description: >-
#   What `data.lib.crypto.algorithms` says of an algorithm on the day of the decision, under `crypto_profile`. A key that is not in
#   the table is `unknown`, and under a profile that nobody knows everything is `disallowed`.
package lib.crypto

# METADATA
# title: The status of one algorithm
# description: "`use` is `apply`, `process` or `both`; what is used both ways counts by `apply`, which is never the milder one."
status(key, use) := "unknown" if {
	not data.lib.crypto.algorithms.keys[key]
} else := _of_row(data.lib.crypto.algorithms.keys[key], use)

# METADATA
# title: The key in the table for a public key of so many bits
key_of(family, bits, curve) := "rsa-legacy" if {
	family == "rsa"
	not bits >= 2048
} else := "rsa-2048" if {
	family == "rsa"
	bits < 3072
} else := "rsa-3072" if {
	family == "rsa"
} else := "ec-short" if {
	family == "ec"
	not bits >= 224
} else := "ecdsa-p224" if {
	family == "ec"
	bits < 256
} else := object.get(_curves, curve, "ec-other") if {
	family == "ec"
} else := family

# METADATA
# title: The key in the table for the hash under a signature
signed_with(hash) := object.get({"sha1": "sha1-signature", "": "ed25519"}, hash, hash)

_curves := {"secp256r1": "ecdsa-p256", "secp384r1": "ecdsa-p384", "secp521r1": "ecdsa-p521"}

_of_row(row, use) := _today(row, use) if {
	input.decision.params.crypto_profile == "140-3-current"
} else := _today(object.union(row, object.get(row, "r3", {})), use) if {
	input.decision.params.crypto_profile == "r3-ipd"
} else := _cnsa(row, _today(row, use)) if {
	input.decision.params.crypto_profile == "cnsa2"
} else := "disallowed"

_cnsa(row, found) := found if {
	row.cnsa2
} else := "deprecated" if {
	row.cnsa1
	found == "acceptable"
} else := found if {
	found in {"disallowed", "legacy", "review"}
} else := "disallowed"

_today(row, "process") := row.process

_today(row, use) := row.then if {
	use != "process"
	row.until < substring(input.time.now, 0, 10)
} else := row.apply if {
	use != "process"
}
