"""Go programs: whether their cryptography is a FIPS module's, from build information, traces in the code, and ``Env``.

1. Build information is text that anybody can write. The package paths in the table of functions, which survive stripping, must
   say the same version; where they do not, the claim counts for nothing.
2. Only a frozen snapshot (``GOFIPS140=v1.0.0``) can be a validated module; ``latest`` and the module of an ordinary build cannot,
   with the mode on or off.
3. ``fips140=on`` refuses nothing outside the module; ``only`` does, but not golang.org/x/crypto, which is outside it always.
4. ``DefaultGODEBUG`` is what the program starts with; ``GODEBUG`` of ``Env`` has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from gate.evidence.filesystem.choose import found
from gate.evidence.filesystem.collect import GO, shown
from gate.evidence.fips.elf import ELF, ElfFacts
from gate.evidence.fips.env import fips140
from gate.evidence.fips.found import Found, is_system_library
from gate.evidence.fips.gobuild import GoBuild
from gate.evidence.fips.openssl_view import View, variables
from gate.evidence.fips.owners import Owners
from gate.model.evidence import Diagnostic
from gate.model.fips import Activation, CryptoConsumer, CryptoModule, EnvOverride, Said
from gate.model.input import Subject
from gate.oci.tree import Entry

_SNAPSHOT = re.compile(r"v\d+\.\d+\.\d+(-[0-9a-f]+)?")
_TOOLCHAIN = re.compile(r"go1\.(\d{1,3})")
_NATIVE_SINCE = 24
_TO_OPENSSL = frozenset({"systemcrypto", "opensslcrypto", "strictfipsruntime"})
_STRICT = frozenset({"strictfipsruntime", "requirefips"})
_OFF = frozenset({"0", "no", "false", "off"})


def find(view: View, subject: Subject, env: Sequence[EnvOverride], packages: Owners) -> Found:
    """The modules inside Go programs, and the programs."""
    variable = variables(subject)
    doubts = [item for item in env if "go" in item.families and item.effect == "unknown"]
    modules: list[CryptoModule] = []
    consumers: list[CryptoConsumer] = []
    diagnostics: list[Diagnostic] = []
    libraries = tuple(
        entry.path
        for entry, _ in view.libraries()
        if is_system_library(entry.path) and entry.path.rpartition("/")[2].startswith("libcrypto.so")
    )
    for entry, build in programs(view):
        if not build.version:
            diagnostics.append(
                Diagnostic(
                    code="go_build_hidden",
                    message="a Go program with cryptography whose build information is missing, hidden or of before Go 1.18",
                    where=shown(entry.path),
                )
            )
        elif build.crypto or build.other or build.boring or build.openssl or build.snapshots:
            judge = _Judge(view, entry, build, variable, libraries, packages, doubts)
            modules += judge.modules()
            consumers.append(judge.consumer())
    return Found(tuple(modules), tuple(consumers), tuple(diagnostics))


def programs(view: View) -> Iterator[tuple[Entry, GoBuild]]:
    """All programs with build information, by path."""
    for entry in sorted(view.files.entries(), key=lambda item: item.path):
        made = found(entry, GO)
        if entry.kind == "file" and isinstance(made, GoBuild):
            yield entry, made


class _Judge:
    def __init__(
        self,
        view: View,
        entry: Entry,
        build: GoBuild,
        env: Mapping[str, str],
        libraries: Sequence[str],
        packages: Owners,
        doubts: Sequence[EnvOverride] = (),
    ) -> None:
        self._view = view
        self._entry = entry
        self._build = build
        self._env = env
        self._libraries = libraries
        self._packages = packages
        self._doubts = doubts
        self._said = dict(build.settings)
        marked = re.split(r"[ -]X:", build.version, maxsplit=1)
        self._experiments = set(f"{self._said.get('GOEXPERIMENT', '')},{marked[1] if len(marked) > 1 else ''}".split(",")) - {""}
        self._tags = set(re.split(r"[, ]", self._said.get("-tags", "")))
        self._reasons: list[str] = [f"built by {build.version}"]

    @property
    def _to_openssl(self) -> bool:
        return bool(self._experiments & _TO_OPENSSL or "requirefips" in self._tags or self._build.openssl)

    def modules(self) -> list[CryptoModule]:
        """One, unless everything is handed to OpenSSL."""
        if "boringcrypto" in self._experiments or (self._build.boring and not self._to_openssl):
            return [self._boring()]
        if self._to_openssl:
            return []
        return [self._native()]

    def consumer(self) -> CryptoConsumer:
        """The program; to be asked after `modules`."""
        owner = self._packages.of(self._entry.path)
        modules: tuple[str, ...] = (shown(self._entry.path),)
        reaches: Activation = "unknown"
        if self._to_openssl and "boringcrypto" not in self._experiments:
            modules, reaches = self._through_openssl()
        return CryptoConsumer(
            path=shown(self._entry.path),
            layer=self._view.files.layer_name(self._entry),
            kind="go",
            modules=modules,
            reaches_fips=reaches,
            package=owner.name if owner else "",
            reasons=tuple(self._reasons),
        )

    def _through_openssl(self) -> tuple[tuple[str, ...], Activation]:
        """Through the image's own libcrypto, opened when the program starts."""
        strict = bool(self._experiments & _STRICT or self._tags & _STRICT)
        self._reasons.append(
            f"hands cryptography to OpenSSL ({', '.join(sorted(self._experiments | self._tags - {''})) or 'by its code'})"
        )
        if not self._build.openssl and not self._build.boring:
            self._reasons.append("its code has no trace of that: the claim counts for nothing")
            return (shown(self._entry.path),), "no"
        if self._said.get("CGO_ENABLED") != "1" or "no_openssl" in self._tags:
            self._reasons.append("built without cgo or OpenSSL, so Go's own code is used")
            return (shown(self._entry.path),), "broken" if strict else "no"
        if not self._libraries:
            self._reasons.append("no libcrypto in the image")
            return (), "broken" if strict else "no"
        for name in ("GOFIPS", "GOLANG_FIPS"):
            if self._env.get(name, "").strip().lower() in _OFF and name in self._env:
                self._reasons.append(f"{name}={self._env[name][:20]} in Env turns it off")
                return tuple(map(shown, self._libraries)), "no"
        if self._doubts:
            self._reasons += [item.reason for item in self._doubts]
            return (), "unknown"
        return tuple(map(shown, self._libraries)), "unknown"

    def _boring(self) -> CryptoModule:
        """BoringCrypto, which cgo links in; it is on whenever it is there."""
        true = self._build.boring and "boringcrypto" in self._experiments
        self._reasons.append(
            "BoringCrypto is linked into it"
            if true
            else "says boringcrypto, and its code has no trace of it"
            if not self._build.boring
            else "has BoringCrypto's names in its code, and does not say that it was built with it"
        )
        if self._build.other:
            self._reasons.append(self._outside())
        return self._module("go-boringcrypto", "", "yes" if true else "unknown", "yes" if true else "unknown", "no", true)

    def _native(self) -> CryptoModule:
        claimed = self._said.get("GOFIPS140", "")
        default, now = fips140(self._said.get("DefaultGODEBUG", "")), fips140(self._env.get("GODEBUG", ""))
        toolchain = _TOOLCHAIN.match(self._build.version)
        since = toolchain is None or int(toolchain.group(1)) >= _NATIVE_SINCE
        capable: Said = "yes" if since and (claimed not in {"", "off"} or default or now) else "no"
        integrity_claim = self._snapshot(claimed)
        if integrity_claim is False:
            capable = "no"
        activated = _activated(default)
        overridden: Said = "no"
        if now is not None and _activated(now) in {"yes", "host"}:
            activated = _activated(now)
            self._reasons.append(f"GODEBUG of Env: fips140={now}")
        elif now is not None:
            overridden = "yes"
            self._reasons.append(f"GODEBUG of Env turns the mode off: fips140={now[:20]}")
        if self._doubts and overridden == "no":
            overridden = "unknown"
            self._reasons += [item.reason for item in self._doubts]
        self._reasons.append(f"GOFIPS140={claimed or 'off'}, mode {default or 'off'} by build")
        if capable == "yes" and not _SNAPSHOT.fullmatch(claimed):
            self._reasons.append("the module is not a frozen one, so no certificate can be its own")
        outside = self._build.other
        if outside:
            self._reasons.append(self._outside())
        loose = outside or "only" not in {default, now}
        if capable == "yes" and "on" in {default, now} and loose:
            self._reasons.append("fips140=on does not refuse algorithms outside the module")
        version = claimed.partition("-")[0] if _SNAPSHOT.fullmatch(claimed) else "latest" if capable == "yes" else ""
        return self._module(
            "go", version, capable, activated if capable == "yes" else "no", overridden, capable == "yes" and loose
        )

    def _snapshot(self, claimed: str) -> bool | None:
        """Whether the code is the version that is claimed (1); None where none is."""
        if not _SNAPSHOT.fullmatch(claimed):
            if self._build.snapshots:
                self._reasons.append(f"its code has {', '.join(self._build.snapshots)}, which the build information does not say")
            return None
        wanted = claimed.partition("-")[0]
        seen = {version.partition("-")[0] for version in self._build.snapshots}
        if seen == {wanted}:
            return True
        self._reasons.append(
            f"says {claimed}, its code has {', '.join(self._build.snapshots) or 'no trace of it'}: the claim counts for nothing"
        )
        return False

    def _outside(self) -> str:
        version = dict(self._build.modules).get("golang.org/x/crypto", "")
        return f"golang.org/x/crypto {version}".rstrip() + " is in it, outside any module"

    def _module(
        self, family: str, version: str, capable: Said, activated: Activation, overridden: Said, bypassable: bool
    ) -> CryptoModule:
        owner = self._packages.of(self._entry.path)
        facts = found(self._entry, ELF)
        return CryptoModule(
            path=shown(self._entry.path),
            layer=self._view.files.layer_name(self._entry),
            sha256=facts.sha256 if isinstance(facts, ElfFacts) else "",
            family=family,
            version=version,
            place="static",
            package=owner.name if owner else "",
            package_version=owner.version if owner else "",
            vendor="go",
            capable=capable,
            installed="not_applicable",
            integrity="not_checked",
            activated=activated,
            overridden=overridden,
            bypassable=bypassable,
            reasons=tuple(self._reasons),
        )


def _activated(said: str | None) -> Activation:
    return {"on": "yes", "only": "yes", "auto": "host"}.get(said or "", "no")  # type: ignore[return-value]  # values are of the Literal
