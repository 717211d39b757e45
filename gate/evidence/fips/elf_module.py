"""The modules that an ELF file carries, by its marks and its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from gate.evidence.filesystem.collect import shown
from gate.evidence.fips import elfmarks
from gate.evidence.fips.elf import ElfFacts
from gate.evidence.fips.found import is_system_library
from gate.evidence.fips.openssl import Directories, effect_of, numbers
from gate.evidence.fips.openssl_view import View
from gate.evidence.fips.python import Wheels
from gate.model.fips import Activation, CryptoModule, EnvOverride, Said
from gate.oci.tree import Entry

_IMPLEMENT = frozenset(
    {
        "libbotan-2", "libbotan-3", "libcrypto++", "libcryptopp", "libfreebl3", "libfreeblpriv3", "libgcrypt", "libgnutls",
        "libhcrypto", "libk5crypto", "libmbedcrypto", "libnettle", "libsodium", "libsoftokn3", "libtomcrypt", "libwolfssl",
    }
)  # fmt: skip
"""Libraries that are modules by their name; ``libcrypto`` is read by `gate.evidence.fips.openssl`, the others only call them."""
_KERNEL = frozenset({"gnutls", "libgcrypt", "nss"})
_BUILT_IN = frozenset({"boringssl-fips", "aws-lc-fips", "wolfssl-fips"})
_MARKED = ("libsodium", "mbedtls", "libgcrypt", "gnutls", "botan", "cryptopp")


def implements(path: str) -> bool:
    """Whether a library is a module by its name."""
    return stem(path) in _IMPLEMENT


def stem(path: str) -> str:
    """``libcrypto`` of ``…/libcrypto-3a0647ea.so.3``."""
    name = path.rpartition("/")[2].partition(".so")[0]
    head, dash, tail = name.rpartition("-")
    return head if dash and len(tail) >= 8 and all(letter in "0123456789abcdef" for letter in tail) else name


def carried(entry: Entry, facts: ElfFacts, known: bool) -> Iterator[tuple[str, str]]:
    """Families and versions of what is inside; ``known``: another collector has read the file as a library."""
    marks = dict(facts.marks)
    own = elfmarks.library_family(entry.path) or elfmarks.library_family(facts.soname)
    imported = {elfmarks.library_family(name) for name in facts.needed}
    if elfmarks.FORK in marks:
        yield from _fork(marks)
    elif (elfmarks.OPENSSL in marks or elfmarks.OPENSSL_DIRECTORY in marks) and not known:
        libre = marks.get("libressl")
        said = marks.get(elfmarks.OPENSSL_SAID, ("",))
        yield ("libressl", libre[0]) if libre else ("openssl", said[0] if len(said) == 1 else "")
    elif "crate:boringssl" in marks or "crate:aws-lc" in marks or "crate:aws-lc-fips" in marks:
        yield from ((name[6:], "") for name in marks if name in {"crate:boringssl", "crate:aws-lc", "crate:aws-lc-fips"})
    elif "crate:aws-lc-rs" in marks:
        yield "aws-lc", ""
    if "crate:ring" in marks:
        yield "ring", _one(marks["crate:ring"]).removeprefix("ring-")
    if "crate:rustcrypto" in marks:
        yield "rustcrypto", ""
    if elfmarks.WOLFSSL in marks or own == "wolfssl":
        yield ("wolfssl-fips" if "wolfssl-fips" in marks else "wolfssl"), ""
    for family in _MARKED:
        if (
            family in marks
            and family not in imported
            and own in {"", family}
            and not (own == family and not _is_module(entry, facts))
        ):
            yield family, _one(tuple(value for value in marks[family] if value))
    if own and own not in {"wolfssl", "openssl"} and own not in marks and _is_module(entry, facts) and own not in imported:
        if own != "krb5" or "openssl" not in imported:
            yield own, ""
    elif own == "nss" and own in marks and _is_module(entry, facts):
        yield own, _one(marks[own])


def _is_module(entry: Entry, facts: ElfFacts) -> bool:
    if is_system_library(entry.path) and stem(entry.path).startswith("libfreebl"):
        return False  # libsoftokn3 beside it stands for NSS
    return implements(entry.path) or implements(facts.soname)


def _one(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else ""


def _fork(marks: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """BoringSSL and AWS-LC, which began as it; the module tests itself over its own code."""
    fips = elfmarks.FIPS_TEST in marks
    if "aws-lc-fips" in marks:
        yield "aws-lc-fips", _one(marks["aws-lc-fips"])
    elif "aws-lc" in marks:
        yield ("aws-lc-fips" if fips else "aws-lc"), _one(tuple(value for value in marks["aws-lc"] if value))
    else:
        yield ("boringssl-fips" if fips else "boringssl"), ""


def module_of(
    view: View, entry: Entry, facts: ElfFacts, family: str, version: str, wheels: Wheels, static: bool | None = None
) -> CryptoModule:
    """The module with what its family alone tells."""
    owner = wheels.of(entry.path)
    inside = static if static is not None else not _is_module(entry, facts)
    capable: Said = "yes" if family in _BUILT_IN else "unknown" if family in _KERNEL else "no"
    activated: Activation = "yes" if family in _BUILT_IN else "unknown" if family in _KERNEL else "not_applicable"
    reasons = {
        "yes": f"a FIPS build of {family.removesuffix('-fips')}: its module tests itself when it starts",
        "unknown": f"{family} outside the system's directories: whether it has a module is not known",
        "no": f"{family} has no FIPS module here",
    }
    return CryptoModule(
        path=shown(entry.path),
        layer=view.files.layer_name(entry),
        sha256=facts.sha256,
        family=family,
        version=version,
        place="static" if inside else "system" if is_system_library(entry.path) else "bundled",
        package=owner.name if owner else "",
        package_version=owner.version if owner else "",
        vendor=owner.vendor if owner else "",
        capable=capable,
        installed="not_applicable",
        integrity="not_checked",
        activated=activated,
        overridden="no",
        bypassable=family in _BUILT_IN,
        reasons=(reasons[capable],),
    )


def static_openssl(
    view: View,
    entry: Entry,
    facts: ElfFacts,
    said: str,
    wheels: Wheels,
    env: Mapping[str, str],
    overrides: Sequence[EnvOverride] = (),
    section: str = "openssl_conf",
) -> CryptoModule:
    """OpenSSL inside a program: FIPS only by a provider that the configuration of its own directory loads."""
    version = said.split(" ")[0]
    base = module_of(view, entry, facts, "openssl", version, wheels, static=True)
    number = numbers(version)
    folder, modules = _one(facts.values(elfmarks.OPENSSL_DIRECTORY) or ()), _one(facts.values(elfmarks.MODULES_DIRECTORY) or ())
    if number and number < (3,):
        capable: Said = "unknown" if "fips" in said.lower() or facts.has("fipscanister") else "no"
        return msgspec.structs.replace(
            base,
            capable=capable,
            activated="unknown" if capable == "unknown" else "no",
            reasons=(f"OpenSSL {said} is linked into it; what is validated is a library of its own",),
        )
    where = Directories(entry.path, folder, modules, number, False, False)
    plain = effect_of(view, where, {name: value for name, value in env.items() if not name.startswith("OPENSSL_")}, section)
    now = effect_of(view, where, env, section)
    fips = now.fips or plain.fips
    lost = plain.activated == "yes" and now.activated != "yes"
    reasons = [f"OpenSSL {said or 'of unknown version'} is linked into it and reads {folder or 'no known directory'}/openssl.cnf"]
    reasons.append(f"{now.config.path or 'no configuration'} ({section}): {now.config.state}")
    return msgspec.structs.replace(
        base,
        capable="yes" if fips else "no",
        installed="yes" if fips and now.integrity != "absent" else "no",
        integrity="not_checked",
        activated=plain.activated if lost else now.activated,
        overridden="yes" if lost else "unknown" if any(item.effect in {"redirects", "unknown"} for item in overrides) else "no",
        bypassable=now.config.state == "preferred",
        provider=shown(fips),
        reasons=(*reasons, *now.config.problems),
    )
