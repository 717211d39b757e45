""".NET: the shim that loads the system's OpenSSL, and Bouncy Castle beside a program.

1. The runtime has no FIPS mode of its own; it does what the configuration of the libcrypto does that it loads when it starts.
2. Assemblies are known by their file names; one that is packed into a single-file program is not seen.
"""

from __future__ import annotations

import re

from gate.evidence.filesystem.collect import shown
from gate.evidence.fips.found import Found, is_system_library
from gate.evidence.fips.openssl_view import View
from gate.evidence.fips.owners import Owners
from gate.model.fips import CryptoConsumer, CryptoModule

_SHIM = re.compile(r"(.*/)?libSystem\.Security\.Cryptography\.Native\.OpenSsl\.so")
_BOUNCY = re.compile(r"(?:.*/)?(bc-fips|bouncycastle)[^/]*\.dll", re.IGNORECASE)


def find(view: View, packages: Owners) -> Found:
    """Shims as consumers of libcrypto, and assemblies."""
    libraries = tuple(
        shown(entry.path)
        for entry, _ in view.libraries()
        if is_system_library(entry.path) and entry.path.rpartition("/")[2].startswith("libcrypto.so")
    )
    modules: list[CryptoModule] = []
    consumers: list[CryptoConsumer] = []
    for entry in sorted(view.files.entries(), key=lambda item: item.path):
        owner = packages.of(entry.path)
        package = owner.name if owner else ""
        used, reasons = libraries, ("loads libssl when it starts: .NET",)
        bouncy = _BOUNCY.fullmatch(entry.path)
        if entry.kind != "file" or not (bouncy or _SHIM.fullmatch(entry.path)):
            continue
        if bouncy:
            fips = bouncy.group(1).lower() == "bc-fips"
            used, reasons = (shown(entry.path),), ("Bouncy Castle for .NET",)
            modules.append(
                CryptoModule(
                    path=shown(entry.path),
                    layer=view.files.layer_name(entry),
                    sha256="",
                    family="bc-fna" if fips else "bouncycastle",
                    version="",
                    place="bundled",
                    package=package,
                    package_version=owner.version if owner else "",
                    vendor=owner.vendor if owner else "nuget",
                    capable="yes" if fips else "no",
                    installed="not_applicable",
                    integrity="not_checked",
                    activated="unknown" if fips else "not_applicable",
                    overridden="no",
                    bypassable=False,
                    reasons=reasons,
                )
            )
        consumers.append(
            CryptoConsumer(
                path=shown(entry.path),
                layer=view.files.layer_name(entry),
                kind="other",
                modules=used,
                reaches_fips="unknown",
                package=package,
                reasons=reasons,
            )
        )
    return Found(tuple(modules), tuple(consumers))
