"""Java: archives with cryptography of their own, and the providers that each JDK of the image is set to.

1. What decides is the first provider: Bouncy Castle's FIPS provider with approved algorithms only, or Red Hat's list for a
   host in FIPS mode. Everything else is the JDK's own code, which has no validated module.
2. A program can register providers by itself, which files do not tell: an archive that no JDK names is ``unknown``, not on.
3. Options count from the variables that a JVM reads, and from the command of the image where it starts Java itself.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from gate.evidence.filesystem.accounts import text_of
from gate.evidence.filesystem.choose import found
from gate.evidence.filesystem.collect import shown
from gate.evidence.fips.elf import ELF
from gate.evidence.fips.found import Found
from gate.evidence.fips.java_files import JAR, SETTINGS, JarFacts, properties
from gate.evidence.fips.openssl_view import View, variables
from gate.evidence.fips.owners import Owners
from gate.model.evidence import Diagnostic
from gate.model.fips import Activation, CryptoConsumer, CryptoModule, EnvOverride, Said
from gate.model.input import Subject
from gate.oci.tree import Entry

_JVM = re.compile(r"(.*)/lib/(?:[a-z0-9_]+/)?(?:server|client|minimal|j9vm|default)/libjvm\.so")
_JAVA = re.compile(r"(.*/)?java")
_BC = re.compile(r"(org\.bouncycastle\.jcajce\.provider\.BouncyCastleFipsProvider|BCFIPS)\b")
_APPROVED = "org.bouncycastle.fips.approved_only"
_PROVIDERS = 100
_DOES_ALL = re.compile(
    r"(SunJCE|SunEC|SunRsaSign|com\.sun\.crypto\.provider|sun\.security\.(ec|rsa)|BC\b|Conscrypt|AmazonCorretto"
    r"|org\.bouncycastle\.jce\.|org\.conscrypt)"
)
"""Providers that encrypt and sign with anything: Java asks the next one where the first does not know an algorithm."""
_VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
_NAMED = re.compile(r"(bc-fips|bcprov|netty-tcnative-boringssl)[a-z0-9-]*?-?([0-9][0-9A-Za-z.+_]*)?(?:-[a-z0-9_-]+)?\.jar")
_NESTED_FAMILIES = (
    ("bc-fips", "bc-fips"),
    ("bc-noncert", "bouncycastle"),
    ("bcprov", "bouncycastle"),
    ("netty", "netty-tcnative"),
)


def find(view: View, subject: Subject, env: Sequence[EnvOverride], packages: Owners) -> Found:
    """Archives, JDKs and what they use."""
    options = _options(variables(subject), subject)
    about = [item for item in env if {"java", "bc-fips"} & set(item.families)]
    jdks = [_Jdk(view, entry, options) for entry in _homes(view)]
    archives = list(_archives(view, packages))
    modules: list[CryptoModule] = []
    consumers: list[CryptoConsumer] = []
    diagnostics: list[Diagnostic] = []
    for module in archives:
        made = _registered(module, jdks, about) if module.family == "bc-fips" else module
        modules.append(made)
        consumers.append(_consumer(made.path, made.layer, (made.path,), "unknown", made.package, made.reasons))
    bouncy = tuple(module.path for module in archives if module.family == "bc-fips")
    for jdk in jdks:
        own, consumer = jdk.facts(packages, bouncy, about)
        modules += own
        consumers.append(consumer)
        diagnostics += jdk.diagnostics
    return Found(tuple(modules), tuple(consumers), tuple(diagnostics))


def _options(env: Mapping[str, str], subject: Subject) -> dict[str, str]:
    """System properties that Java is started with (3)."""
    words = [word for name in _VARIABLES for word in env.get(name, "").split()]
    command = [*subject.config.entrypoint, *subject.config.cmd] if subject.config is not None else []
    if command and _JAVA.fullmatch(command[0]):
        words = [word for word in command[1:] if word.startswith("-")] + words
    pairs = (word[2:].partition("=") for word in words if word.startswith("-D"))
    return {name: value for name, _, value in pairs}


def _homes(view: View) -> Iterator[Entry]:
    for entry in sorted(view.files.entries(), key=lambda item: item.path):
        if entry.kind == "file" and _JVM.fullmatch(entry.path):
            yield entry


def _archives(view: View, packages: Owners) -> Iterator[CryptoModule]:
    """Every archive with cryptography; nested ones are told by the one that they are in."""
    for entry in sorted(view.files.entries(), key=lambda item: item.path):
        facts = found(entry, JAR)
        if entry.kind != "file" or not isinstance(facts, JarFacts):
            continue
        nested = [(name, family) for name in facts.nested for start, family in _NESTED_FAMILIES if name.startswith(start)]
        families = sorted({*facts.families, *(family for _, family in nested)})
        if families == ["bc-fips"] or not families:
            family = "bc-fips"
        else:  # the least of several stands for the file
            family = next(name for name in families if name != "bc-fips")
        if not families:
            continue
        name = entry.path.rpartition("/")[2]
        own = _NAMED.fullmatch(name)
        inner = next((match for text, kind in nested if kind == family and (match := _NAMED.fullmatch(text))), None)
        version = (own.group(2) if own else "") or (inner.group(2) if inner else "") or ("" if nested else facts.version)
        fips = family == "corretto-crypto" and (facts.fips_native or "fips" in name.lower())
        reasons = [f"has {', '.join(families)}"] + [f"holds {text}" for text in facts.nested[:5]]
        yield _module(view, entry, packages, family, version or "", "yes" if family == "bc-fips" or fips else "no", reasons)


def _module(
    view: View, entry: Entry, packages: Owners, family: str, version: str, capable: Said, reasons: Sequence[str]
) -> CryptoModule:
    owner = packages.of(entry.path)
    return CryptoModule(
        path=shown(entry.path),
        layer=view.files.layer_name(entry),
        sha256=getattr(found(entry, JAR) or found(entry, ELF), "sha256", ""),
        family=family,
        version=version,
        place="bundled",
        package=owner.name if owner else "",
        package_version=owner.version if owner else "",
        vendor=owner.vendor if owner else "maven",
        capable=capable,
        installed="not_applicable",
        integrity="not_checked",
        activated="unknown" if capable == "yes" else "not_applicable",
        overridden="no",
        bypassable=False,
        reasons=tuple(reasons),
    )


def _overridden(about: Sequence[EnvOverride]) -> Said:
    if any(item.effect == "disables" for item in about):
        return "yes"
    return "unknown" if any(item.effect in {"redirects", "unknown"} for item in about) else "no"


def _registered(module: CryptoModule, jdks: Sequence[_Jdk], about: Sequence[EnvOverride]) -> CryptoModule:
    """The FIPS provider as the JDKs of the image are set (2)."""
    first = [jdk for jdk in jdks if jdk.bouncy_first]
    if not jdks or not first:
        why = "no JDK of the image names it as its first provider; a program may register it by itself"
        return msgspec.structs.replace(module, reasons=(*module.reasons, why))
    strict = all(jdk.approved_only and not jdk.leaks for jdk in first) and len(first) == len(jdks)
    reasons = [reason for jdk in jdks for reason in jdk.reasons]
    return msgspec.structs.replace(
        module,
        installed="yes",
        activated="yes" if strict else "no" if not any(jdk.approved_only and not jdk.leaks for jdk in first) else "unknown",
        overridden=_overridden(about),
        bypassable=any(jdk.others for jdk in first),
        reasons=(*module.reasons, *reasons, *(item.reason for item in about)),
    )


def _consumer(
    path: str, layer: str, modules: tuple[str, ...], reaches: Activation, package: str, reasons: Sequence[str]
) -> CryptoConsumer:
    return CryptoConsumer(
        path=path, layer=layer, kind="java", modules=modules, reaches_fips=reaches, package=package, reasons=tuple(reasons)
    )


class _Jdk:
    """One JDK or JRE, by its ``libjvm.so``."""

    def __init__(self, view: View, jvm: Entry, options: Mapping[str, str]) -> None:
        match = _JVM.fullmatch(jvm.path)
        self._view = view
        self._jvm = jvm
        self._home = match.group(1) if match else posixpath.dirname(jvm.path)
        self.diagnostics: list[Diagnostic] = []
        self._settings = self._read()
        self._options = options
        release = properties(self._text(f"{self._home}/release") or self._text(f"{posixpath.dirname(self._home)}/release") or "")
        self._vendor = release.get("IMPLEMENTOR", "").strip('"')
        self._version = release.get("JAVA_VERSION", "").strip('"')
        self.providers = tuple(_numbered(self._settings, "security.provider."))
        self._fips = tuple(_numbered(self._settings, "fips.provider."))
        approved = options.get(_APPROVED, self._settings.get(_APPROVED, ""))
        self.approved_only = approved.strip().lower() == "true"
        self.bouncy_first = bool(self.providers and _BC.match(self.providers[0]))
        self.others = tuple(
            name for name in self.providers[1:] if not name.startswith(("BCJSSE", "org.bouncycastle.jsse", "com.sun.net.ssl"))
        )
        self.leaks = any(_DOES_ALL.match(name) for name in self.others)
        where = self._home
        self.reasons = [f"{where}: first provider {self.providers[0][:100] if self.providers else 'unknown'}"]
        if self.bouncy_first:
            self.reasons.append(f"{where}: {_APPROVED}={approved or '(not set)'}")
        if self.others and self.bouncy_first:
            what = " and do what the first refuses" if self.leaks else ""
            self.reasons.append(f"{where}: other providers follow{what}: {', '.join(self.others)[:200]}")

    def facts(
        self, packages: Owners, bouncy: Sequence[str], about: Sequence[EnvOverride]
    ) -> tuple[list[CryptoModule], CryptoConsumer]:
        """The JDK's own module, unless Bouncy Castle does the work, and the JDK as a consumer."""
        owner = packages.of(self._jvm.path)
        layer, path = self._view.files.layer_name(self._jvm), shown(self._jvm.path)
        package = owner.name if owner else ""
        if self.bouncy_first:
            if not bouncy:
                self.reasons.append("the provider's archive is not in the image")
            return [], _consumer(path, layer, tuple(bouncy), "unknown" if bouncy else "broken", package, self.reasons)
        module = _module(self._view, self._jvm, packages, "openjdk", self._version, "no", ())
        capable, activated, overridden = self._own(about)
        if self._vendor:
            self.reasons.append(f"{self._vendor} {self._version}".rstrip())
        module = msgspec.structs.replace(
            module,
            place="system" if owner else "bundled",
            vendor=owner.vendor if owner else "",
            capable=capable,
            activated=activated,
            overridden=overridden,
            reasons=tuple(self.reasons),
        )
        return [module], _consumer(path, layer, (path,), "unknown", package, self.reasons)

    def _own(self, about: Sequence[EnvOverride]) -> tuple[Said, Activation, Said]:
        """Red Hat's list for FIPS hosts, IBM's profiles; other vendors have nothing of the kind."""
        if self._fips and self._settings.get("security.useSystemPropertiesFile", "").lower() == "true":
            self.reasons.append("takes NSS where the host is in FIPS mode (fips.provider.1)")
            off = (
                self._options.get("com.redhat.fips", "").lower() == "false"
                or self._options.get("java.security.disableSystemPropertiesFile", "").lower() == "true"
                or self._options.get("security.useSystemPropertiesFile", "").lower() == "false"
            )
            return "yes", "host", "yes" if off else _overridden(about)
        if self._fips:
            self.reasons.append("has a list for FIPS hosts that security.useSystemPropertiesFile does not turn on")
            return "yes", "no", "no"
        if any(name.startswith("RestrictedSecurity.") for name in self._settings) or "IBM" in self._vendor:
            on = self._options.get("semeru.fips", "").lower() == "true"
            self.reasons.append(
                "IBM's restricted security mode, " + ("asked for" if on else "not asked for (-Dsemeru.fips=true)")
            )
            return "unknown", "unknown" if on else "no", "no"
        if not self.providers:
            self.reasons.append("its java.security is not there or was not read")
            return "unknown", "unknown", "no"
        return "no", "not_applicable", "no"

    def _read(self) -> dict[str, str]:
        for name in ("conf/security/java.security", "lib/security/java.security"):
            path = f"{self._home}/{name}"
            entry = self._view.files.tree.get(path)
            if entry is None:
                continue
            text = self._text(path)
            if text is None:
                self.diagnostics.append(Diagnostic(code="not_looked_at", message="too large or sparse", where=shown(entry.path)))
                return {}
            if re.search(r"^\s*include\s", text, re.MULTILINE):
                self.diagnostics.append(
                    Diagnostic(
                        code="java_include", message="includes other files, which are not followed", where=shown(entry.path)
                    )
                )
            return properties(text)
        return {}

    def _text(self, path: str) -> str | None:
        data = found(self._view.files.tree.get(path), SETTINGS)
        return text_of(data) if isinstance(data, bytes) else None


def _numbered(settings: Mapping[str, str], start: str) -> Iterator[str]:
    """``start``1, 2 …, up to the first that is missing, as Java reads them."""
    for number in range(1, _PROVIDERS):
        value = settings.get(f"{start}{number}")
        if not value:
            return
        yield value
