"""Libraries of the system beside OpenSSL: GnuTLS, libgcrypt, NSS, and those that were never validated; policies and markers.

1. Symbols and texts of FIPS mode are in every build of GnuTLS and libgcrypt, ``.chk`` files in every build of NSS: no signal. A
   ``.hmac`` file beside the library is one of a build that is meant to run in that mode.
2. Their mode follows the kernel's flag: ``host``, unless a file or variable of the image forces it.
3. ``/etc/system-fips`` and its like are claims; they are listed, and prove nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gate.evidence.filesystem.collect import shown
from gate.evidence.fips.found import Found, is_system_library
from gate.evidence.fips.openssl import changed, module_at
from gate.evidence.fips.openssl_files import LibraryFacts
from gate.evidence.fips.openssl_view import View
from gate.evidence.fips.owners import Owners
from gate.model.fips import Activation, CryptoModule, CryptoPolicy, EnvOverride, Said
from gate.model.input import Subject
from gate.oci.tree import Entry

_FAMILIES = {
    "libgnutls": "gnutls",
    "libgcrypt": "libgcrypt",
    "libsoftokn3": "nss",
    "libsodium": "libsodium",
    "libmbedcrypto": "mbedtls",
    "libwolfssl": "wolfssl",
    "libtomcrypt": "libtomcrypt",
    "libbotan": "botan",
    "libcryptopp": "cryptopp",
    "libnettle": "nettle",
}
_NEVER = frozenset({"libsodium", "mbedtls", "libtomcrypt", "botan", "cryptopp", "nettle"})
_NAME = re.compile(r"([a-z0-9]+)")
_BACKENDS = re.compile(r"/usr/share/crypto-policies/([^/]+)/[^/]+")
_MARKERS = ("etc/system-fips", "etc/dracut.conf.d/40-fips.conf", "etc/gcrypt/fips_enabled", "proc/sys/crypto/fips_enabled")
_POLICY = "etc/crypto-policies"


def find(view: View, subject: Subject, env: Sequence[EnvOverride], packages: Owners) -> Found:
    """The modules; who uses them is told by those who read the programs."""
    modules: list[CryptoModule] = []
    for entry, facts in view.libraries():
        name = entry.path.rpartition("/")[2]
        match = _NAME.match(name)
        family = _FAMILIES.get(match.group(1)) if match else None
        if family is not None and is_system_library(entry.path):
            modules.append(_module(view, entry, facts, family, env, packages))
    return Found(tuple(modules))


def _module(
    view: View, entry: Entry, facts: LibraryFacts, family: str, env: Sequence[EnvOverride], packages: Owners
) -> CryptoModule:
    base = module_at(view, packages, entry, facts, family)
    base = changed(base, version=_version(base.package_version))
    if family in _NEVER:
        return changed(
            base, activated="not_applicable", installed="not_applicable", reasons=(f"{family} has no validated module",)
        )
    recorded = _recorded(view, entry, family)
    always = family == "nss"  # every build can be switched; whether it is a validated one is another matter
    capable: Said = "yes" if recorded or always else "unknown" if family == "wolfssl" or packages.unread else "no"
    activated: Activation = "no" if capable == "no" else "host" if family != "wolfssl" else "unknown"
    reasons = [f"{recorded} is beside it" if recorded else "no checksum file is beside it"]
    about = [item for item in env if family in item.families]
    if capable != "no" and family == "libgcrypt" and view.files.tree.get("etc/gcrypt/fips_enabled") is not None:
        activated = "yes"
        reasons.append("etc/gcrypt/fips_enabled is there")
    if capable != "no" and any(item.effect == "enables" for item in about):
        activated = "yes"
    overridden: Said = "no"
    if any(item.effect == "disables" for item in about):
        overridden = "yes"
    elif any(item.effect in {"redirects", "unknown"} for item in about):
        overridden = "unknown"
    return changed(
        base,
        capable=capable,
        installed="yes" if recorded or always else "no",
        integrity="not_checked" if recorded or always else "absent",
        activated=activated,
        overridden=overridden if capable != "no" else "no",
        reasons=(*reasons, *(item.reason for item in about)),
    )


def _recorded(view: View, entry: Entry, family: str) -> str:
    folder, _, name = entry.path.rpartition("/")
    if family == "nss":
        return ""  # (1)
    soname = re.sub(r"(\.so\.\d+).*", r"\1", name)
    side = [
        f"{folder}/.{name}.hmac",
        f"{folder}/.{soname}.hmac",
        f"{folder}/fipscheck/{name}.hmac",
        f"{folder}/hmaccalc/{name}.hmac",
    ]
    return next((path for path in side if view.files.tree.get(path) is not None), "")


def _version(package_version: str) -> str:
    """The upstream version in a package's: without epoch and revision."""
    return package_version.partition(":")[2].partition("-")[0] or package_version.partition("-")[0]


def markers(view: View) -> tuple[str, ...]:
    """Files that claim FIPS."""
    return tuple(path for path in _MARKERS if view.files.tree.get(path, follow=False) is not None)


def crypto_policy(view: View) -> CryptoPolicy | None:
    """Red Hat's system-wide policy; None where it is not used."""
    tree = view.files.tree
    if tree.get(_POLICY) is None:
        return None
    config, state = view.text(f"{_POLICY}/config"), view.text(f"{_POLICY}/state/current")
    problems: list[str] = []
    said = "".join(line for line in (config or "").splitlines() if not line.startswith("#")).strip()
    current = (state or "").strip()
    if config is None:
        problems.append("etc/crypto-policies/config is missing or was not looked at")
    if state is None:
        problems.append("etc/crypto-policies/state/current is missing: the policy was never applied")
    elif said != current:
        problems.append(f"config says {said[:80]!r}, applied is {current[:80]!r}")
    backends: dict[str, str] = {}
    names = view.read(f"{_POLICY}/back-ends")
    for name in sorted(names) if names is not None and not isinstance(names, bytes) else ():
        entry = tree.get(f"{_POLICY}/back-ends/{name}", follow=False)
        if entry is None:
            continue
        match = _BACKENDS.fullmatch(entry.link) if entry.kind == "symlink" else None
        backends[shown(name.removesuffix(".config"))] = match.group(1) if match else "(own file)"
        if match and tree.get(entry.path) is None:
            problems.append(f"the back-end {shown(name)} leads nowhere")
    wanted = said.partition(":")[0]
    differing = sorted(name for name, policy in backends.items() if policy not in {wanted, "(own file)"})
    if differing:
        problems.append(f"back-ends of another policy than {wanted}: {', '.join(differing)}")
    return CryptoPolicy(config=said, state=current, backends=backends, problems=tuple(problems))
