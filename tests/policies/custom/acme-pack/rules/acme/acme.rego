# METADATA
# title: Rules of Acme
# description: What Acme asks of every image, beside the rules that come with the gate.
package rules.acme

import data.lib.result

# METADATA
# title: The image is not deployed by the tag latest
# description: A reference by the tag `latest`, or by no tag and no digest, means another image tomorrow.
# custom:
#   short_name: no_latest_tag
#   failure_msg: "%v is referred to by the tag latest"
#   solution: Refer to the image by a version and its digest.
#   severity: medium
#   waivable: true
#   collections: [acme]
#   applies_to: [image, index]
deny contains result.make(rego.metadata.chain(), [input.subject.reference], {
	"expected": "a version or a digest",
	"got": input.subject.reference,
}) if {
	_is_latest(input.subject.reference)
}

_is_latest(reference) if {
	not contains(reference, "@")
	regex.match(`(^|/)[^/:]+(:latest)?$`, reference)
}
