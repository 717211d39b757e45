# What controls about the configuration, the history and the name come to.
package lib.hardening

found.secret_text contains finding(term, text, entry.kind, entry) if {
	some entry in input.hardening.secret_texts
	term := sprintf("%v:%v", [entry.where, entry.name])
	text := sprintf("%v %v (%v)", [entry.where, entry.name, entry.kind])
}

found.add contains _step(step, "ADD where COPY would do") if {
	some step in input.hardening.steps
	step.kind == "add"
}

found.add contains _step(step, "ADD from an address") if {
	some step in input.hardening.steps
	step.kind == "add_url"
}

found.package_cache contains _step(step, "updates package lists and installs nothing") if {
	some step in input.hardening.steps
	step.kind == "update_alone"
}

found.package_cache contains at(entry, text) if {
	some entry in input.hardening.caches
	text := sprintf(" (%v: %v files, %v bytes%v)", [entry.kind, entry.files, entry.bytes, _gone(entry)])
}

by_people[name] contains "the history does not tell how each layer was made" if {
	some name in ["add", "package_cache"]
	input.hardening.history != "told"
}

_step(step, what) := finding(term, text, step.kind, step) if {
	text := sprintf("history step %v: %v%v", [step.place, what, _layer_of(step)])
	term := sprintf("history:%v", [step.place])
}

_layer_of(step) := "" if step.layer == ""

_layer_of(step) := sprintf(", layer %v", [step.layer]) if step.layer != ""

found.healthcheck contains finding("", "HEALTHCHECK NONE switches it off", "NONE", {}) if {
	input.subject.config.healthcheck[0] == "NONE"
}

found.healthcheck contains finding("", "there is none", null, {}) if {
	input.subject.config != null
	_no_healthcheck
	_can_have_healthcheck
}

inapplicable.healthcheck contains "OCI's format has no place for a health check" if {
	input.subject.config != null
	_no_healthcheck
	not _can_have_healthcheck
}

_no_healthcheck if is_null(input.subject.config.healthcheck)

_no_healthcheck if count(input.subject.config.healthcheck) == 0

_can_have_healthcheck if input.subject.media_type == "application/vnd.docker.distribution.manifest.v2+json"

_can_have_healthcheck if input.subject.kind == "archive"

found.reference contains finding(input.subject.reference, text, _tag, {}) if {
	_is_of_registry
	not contains(input.subject.reference, "@sha256:")
	_tag in {"", "latest"}
	text := sprintf("%v names %v", [input.subject.reference, {"": "no tag", "latest": "the tag latest"}[_tag]])
}

inapplicable.reference contains "the image was not given by a registry's name" if not _is_of_registry

_is_of_registry if {
	input.subject.kind == "image"
	input.subject.reference != ""
	not regex.match(_files, input.subject.reference)
}

_files := `^[./]|^[a-z-]+:[./]|^(oci|oci-archive|docker-archive|dir):|\.tar(\.gz)?(:|$)`

_tag := tag if {
	last := split(input.subject.reference, "/")
	parts := split(split(last[count(last) - 1], "@")[0], ":")
	tag := concat(":", array.slice(parts, 1, count(parts)))
}

found.base contains finding(input.subject.base.name, text, null, {"base": input.subject.base}) if {
	input.subject.base.origin in {"annotation", "label"}
	is_null(input.subject.base.digest)
	text := sprintf("%v is named without a digest", [input.subject.base.name])
}

by_people.base contains "only the image itself says what it is built on" if {
	input.subject.base.origin in {"annotation", "label"}
	input.subject.base.digest != null
}

by_people.base contains "nothing tells what it is built on, or which version" if {
	not input.subject.base.origin in {"annotation", "label"}
	is_null(input.subject.base.digest)
}

found.ports contains finding(port, sprintf("%v is exposed", [port]), number, {"port": port}) if {
	some port in input.subject.config.exposed_ports
	some number in _numbers(port)
	number < 1024
	not is_allowed(port, allowed.allowed_ports)
}

unknown.ports contains sprintf("%q is no port", [port]) if {
	some port in input.subject.config.exposed_ports
	count(_numbers(port)) == 0
}

# Both ends of a range: `8000-8010/tcp`.
_numbers(port) := {to_number(part) |
	regex.match(`^[0-9]{1,5}(-[0-9]{1,5})?(/(tcp|udp|sctp))?$`, port)
	some part in split(split(port, "/")[0], "-")
}

found.volumes contains finding(volume, sprintf("%v is a volume", [volume]), volume, {"volume": volume}) if {
	some volume in input.subject.config.volumes
	_clean(volume) in data.lib.hardening.baseline.volumes
}

unknown.volumes contains sprintf("%v leads upwards", [volume]) if {
	some volume in input.subject.config.volumes
	regex.match(`(^|/)\.\.(/|$)`, volume)
}

# Without doubled and trailing slashes, and without `.` and `..`.
_clean(volume) := path if {
	plain := regex.replace(regex.replace(sprintf("/%v/", [volume]), `/(\./)+`, "/"), `/+`, "/")
	up := regex.replace(plain, `/[^/]+/\.\./`, "/")
	path := _trimmed(up)
}

_trimmed("/") := "/"

_trimmed(path) := trim_suffix(path, "/") if path != "/"

found.env_override contains finding(name, sprintf("%v is set", [name]), name, {"name": name}) if {
	some item in _assignments
	name := split(item, "=")[0]
	name in data.lib.hardening.baseline.overrides
}

# The command may begin with `env NAME=value`, or be a line for a shell.
_assignments := array.concat(input.subject.config.env, [word |
	some text in array.concat(input.subject.config.entrypoint, input.subject.config.cmd)
	some word in regex.split(`[\s;&|"']+`, text)
	contains(word, "=")
])
