"""Variables of the image's ``Env`` that change which cryptography runs, each with what it does.

1. Only a value that switches something off is ``disables``; one that puts other files in the place of those that were looked at
   is ``redirects``; one whose effect files do not tell is ``unknown``.
2. ``Env`` holds for whatever the image starts. What a program sets for itself, and what a deployment adds, is not seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from gate.evidence.fips.command import Doubt
from gate.evidence.fips.openssl_view import View
from gate.evidence.fips.owners import Owners
from gate.model.fips import EnvOverride

Effect = Literal["disables", "enables", "redirects", "unknown"]
Judged = tuple[Effect, str]
"""Effect and reason."""

OPENSSL = ("openssl", "openssl-fips-provider")
_LINKED = (*OPENSSL, "gnutls", "nss", "libgcrypt")
_LIBRARY = re.compile(
    r"(libcrypto|libssl|libgcrypt|libgnutls|libnss3|libsoftokn3|libfreebl3|libfreeblpriv3|fips)\.so[.0-9]*|.*provider\.so"
)
_OFF = frozenset({"0", "no", "false", "off"})
_ON = frozenset({"1", "yes", "true", "on"})
_VALUE = 500
_TEXT = 64 * 1024
_FILES = frozenset({"OPENSSL_CONF", "OPENSSL_CONF_INCLUDE", "OPENSSL_MODULES"})
"""Variables that lead to files: another one may hold anything."""

_NODE_ON = re.compile(r"(^|\s)--(enable-fips|force-fips|openssl-shared-config|openssl-config=)")
_JAVA_OFF = (
    ("-Dcom.redhat.fips=false", "turns off Red Hat's FIPS mode"),
    ("-Djava.security.disableSystemPropertiesFile=true", "leaves the system's crypto policy out"),
    ("-Dsecurity.useSystemPropertiesFile=false", "leaves the system's crypto policy out"),
    ("-Dorg.bouncycastle.fips.approved_only=false", "lets Bouncy Castle use algorithms that are not approved"),
    ("-Djdk.security.allowNonCaAnchor=true", "lets certificates be anchors that are none"),
)
_JAVA_REDIRECTS = ("-Djava.security.properties=", "-Djava.security.policy=", "-Djava.ext.dirs=", "-Xbootclasspath", "-javaagent:")


def overrides(
    view: View, env: Mapping[str, str], packages: Owners, doubts: Sequence[Doubt] = (), command: str = ""
) -> tuple[EnvOverride, ...]:
    """What the variables do, by name; ``doubts`` and the text of the command count as far as they do not turn anything on."""
    made = [*_judged(view, env, packages), *_doubted(view, doubts, packages), *_java_texts(env, command)]
    return tuple(sorted(dict.fromkeys(made), key=lambda item: (item.name, item.effect, item.families)))


def _doubted(view: View, doubts: Sequence[Doubt], packages: Owners) -> Iterator[EnvOverride]:
    """Variables that have another value in some of what the command starts."""
    for doubt in doubts:
        families = _RULES[doubt.name][0] if doubt.name in _RULES else _LINKED if doubt.name.startswith("LD_") else OPENSSL
        if doubt.value is None:
            reason = f"{doubt.where} takes it away again"
        else:
            judged = list(_judged(view, {doubt.name: doubt.value}, packages))
            if all(item.effect == "enables" for item in judged) and (judged or doubt.name not in _FILES):
                continue
            reason = f"{doubt.where} sets it to {doubt.value[:100]!r}; ENV of the image is where it is known to hold"
        yield _made(doubt.name, doubt.value or "", "unknown", families, reason)


def _java_texts(env: Mapping[str, str], command: str) -> Iterator[EnvOverride]:
    """Options of Java and Node in the command, and in variables that only start scripts know (``JAVA_OPTS_APPEND``)."""
    said = [(name, value) for name, value in env.items() if name not in _RULES and "-D" in value]
    for name, value in [*said, ("the image's command", command)]:
        judged = _java(value[:_TEXT])
        if judged is not None and judged[0] != "enables":
            yield _made(name, value, judged[0], ("java", "bc-fips"), judged[1])
    if "--openssl-legacy-provider" in command:
        yield _made("the image's command", command, "redirects", ("node",), "lets Node use the legacy provider")


def _judged(view: View, env: Mapping[str, str], packages: Owners) -> Iterator[EnvOverride]:
    """What the variables do, one by one."""
    for name, value in sorted(env.items()):
        judge = _RULES.get(name)
        if judge is not None:
            families, decide = judge
            judged = decide(value)
            if judged is not None:
                yield _made(name, value, judged[0], families, judged[1])
    yield from _linking(view, env, packages)
    yield from _openssl_files(view, env)


def preloads(view: View, packages: Owners) -> tuple[str, ...]:
    """What ``/etc/ld.so.preload`` puts before every program, and no package owns."""
    lines = (view.text("etc/ld.so.preload") or "").splitlines()
    names = [name for line in lines for name in re.split(r"[\s:]+", line.partition("#")[0]) if name]
    return tuple(name for name in names if not _is_owned(view, packages, name))


def _made(name: str, value: str, effect: Effect, families: tuple[str, ...], reason: str) -> EnvOverride:
    return EnvOverride(name=name, value=value[:_VALUE], effect=effect, families=families, reason=f"{name}: {reason}")


def _flag(on: str, off: str) -> Callable[[str], Judged | None]:
    def decide(value: str) -> Judged | None:
        text = value.strip().lower()
        if text in _OFF or not text:
            return ("disables", off) if text else None
        return ("enables", on) if text in _ON else ("unknown", f"{value[:50]!r} is neither on nor off")

    return decide


def _forced(value: str) -> Judged | None:
    if value.strip() in {"", "0"}:
        return "disables", "turns FIPS mode off, whatever the kernel's flag says"
    return "enables", "turns FIPS mode on without the kernel's flag, in builds that know it"


def _godebug(value: str) -> Judged | None:
    said = fips140(value)
    if said is None:
        return None
    if said in {"on", "only", "auto"}:
        return "enables", f"fips140={said}"
    return "disables", f"fips140={said[:50]} turns the mode of Go's FIPS module off"


def fips140(text: str) -> str | None:
    """What a GODEBUG text says of ``fips140``: the last counts, names are exact, and an empty value is off."""
    said = None
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if name == "fips140" and equals:
            said = value
    return said


def _node(value: str) -> Judged | None:
    if re.search(r"--(openssl-config|openssl-legacy-provider)", value):
        return "redirects", "lets Node use another OpenSSL configuration, or the legacy provider"
    return ("enables", "asks Node for FIPS or the shared configuration") if _NODE_ON.search(value) else None


def _java(value: str) -> Judged | None:
    for text, reason in _JAVA_OFF:
        if text.lower() in value.lower():
            return "disables", f"{text} {reason}"
    for text in _JAVA_REDIRECTS:
        if text in value:
            return "redirects", f"{text}… brings other security settings or code"
    if re.search(r"(^|\s)@[\w./]", value):
        return "redirects", "takes options from a file"
    if "-Dcom.redhat.fips=true" in value or "-Dorg.bouncycastle.fips.approved_only=true" in value:
        return "enables", "asks for FIPS mode"
    return None


def _go_version(value: str) -> Judged | None:
    return ("redirects", "picks another libcrypto for Go programs") if value else None


def _dotnet(value: str) -> Judged | None:
    return ("redirects", "picks another libcrypto for .NET") if value else None


_FORCE = "forces its FIPS mode"
_RULES: Mapping[str, tuple[tuple[str, ...], Callable[[str], Judged | None]]] = {
    "OPENSSL_FORCE_FIPS_MODE": (OPENSSL, _forced),
    "OPENSSL_FIPS": (OPENSSL, _flag("asks programs for FIPS mode (SUSE)", "asks programs to leave FIPS mode off")),
    "GODEBUG": (("go",), _godebug),
    "GOFIPS": (("go",), _flag("turns FIPS on in Go programs that use OpenSSL", "turns FIPS off in Go programs that use OpenSSL")),
    "GOLANG_FIPS": (
        ("go",),
        _flag("turns FIPS on in Go programs that use OpenSSL", "turns FIPS off in Go programs that use OpenSSL"),
    ),
    "GO_OPENSSL_VERSION_OVERRIDE": (("go",), _go_version),
    "NODE_OPTIONS": (("node",), _node),
    "JAVA_TOOL_OPTIONS": (("java", "bc-fips"), _java),
    "JDK_JAVA_OPTIONS": (("java", "bc-fips"), _java),
    "_JAVA_OPTIONS": (("java", "bc-fips"), _java),
    "JAVA_OPTS": (("java", "bc-fips"), _java),
    "NSS_FIPS": (("nss",), _flag("turns NSS's FIPS mode on", "asks for no FIPS mode")),
    "GNUTLS_FORCE_FIPS_MODE": (("gnutls",), _flag(_FORCE, "turns GnuTLS's FIPS mode off")),
    "GNUTLS_SKIP_FIPS_INTEGRITY_CHECKS": (
        ("gnutls",),
        lambda value: ("disables", "leaves GnuTLS's integrity check out") if value else None,
    ),
    "LIBGCRYPT_FORCE_FIPS_MODE": (("libgcrypt",), lambda value: ("enables", _FORCE)),
    "CLR_OPENSSL_VERSION_OVERRIDE": (("openssl",), _dotnet),
    "WOLFSSL_FIPS": (("wolfssl",), _flag(_FORCE, "turns it off")),
}


def _linking(view: View, env: Mapping[str, str], packages: Owners) -> Iterator[EnvOverride]:
    """Variables of the loader (ld.so(8))."""
    for name in ("LD_PRELOAD", "LD_AUDIT"):
        names = [part for part in re.split(r"[\s:]+", env.get(name, "")) if part]
        foreign = [part for part in names if not _is_owned(view, packages, part)]
        if foreign:
            yield _made(name, env[name], "unknown", _LINKED, f"puts {', '.join(foreign)[:200]} before every library")
    value = env.get("LD_LIBRARY_PATH", "")
    for folder in value.split(":") if value else ():
        found = sorted(_libraries(view, folder or "."))
        if found:
            yield _made(
                "LD_LIBRARY_PATH", value, "redirects", _LINKED, f"{', '.join(found)[:200]} in {folder} come before the system's"
            )


def _libraries(view: View, folder: str) -> set[str]:
    entry = view.files.tree.get(folder) if folder.startswith("/") else None
    if entry is None or entry.kind != "dir" or f"/{entry.path}" in _SYSTEM_FOLDERS:
        return set()
    names = view.read(folder)
    return set() if names is None or isinstance(names, bytes) else {name for name in names if _LIBRARY.fullmatch(name)}


_SYSTEM_FOLDERS = frozenset(
    {"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"}
)


def _is_owned(view: View, packages: Owners, name: str) -> bool:
    """Whether a package of the image brings the library: by its path, or where the loader looks for the bare name."""
    places = [name] if "/" in name else [f"{folder}/{name}" for folder in sorted(_SYSTEM_FOLDERS)]
    for place in places:
        entry = view.files.tree.get(place.replace("$LIB", "lib").replace("${LIB}", "lib"))
        if entry is not None and packages.of(entry.path) is not None:
            return True
    return False


def _openssl_files(view: View, env: Mapping[str, str]) -> Iterator[EnvOverride]:
    """Where OpenSSL is sent; what is there is followed, and told in the facts of the libraries."""
    conf = env.get("OPENSSL_CONF")
    if conf is not None:
        if conf.strip("/") == "dev/null" or not conf:
            yield _made("OPENSSL_CONF", conf, "disables", OPENSSL, "no configuration at all: the default provider")
        elif view.files.tree.get(conf) is None or not conf.startswith("/"):
            yield _made(
                "OPENSSL_CONF", conf, "disables", OPENSSL, "the file is not in the image: the default provider, until it is"
            )
    modules = env.get("OPENSSL_MODULES")
    if modules and view.files.tree.get(f"{modules}/fips.so") is None:
        yield _made("OPENSSL_MODULES", modules, "disables", OPENSSL, "holds no fips.so")
