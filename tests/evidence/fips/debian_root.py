"""A real Debian root with OpenSSL's FIPS provider, for the tests that compare facts with what `openssl` itself says.

    python -m tests.evidence.fips.debian_root

makes it once with mmdebstrap (root, Debian packages, some ten seconds, 110 MB) in the cache that external programs are in. Tests
that need it are skipped by name where it is missing, or where nobody may chroot. They run in copies of the few files they need.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "policy-gate" / "roots" / "trixie-fips"


def missing() -> str:
    """Why the root cannot be used; empty when it can."""
    if not (ROOT / "usr/bin/openssl").exists():
        return "no Debian root with a FIPS provider (python -m tests.evidence.fips.debian_root)"
    if os.geteuid() != 0:
        return "chroot needs root"
    return ""


_LIB = "usr/lib/x86_64-linux-gnu"
_NEEDED = (
    "usr/bin/openssl", "usr/lib64/ld-linux-x86-64.so.2", f"{_LIB}/ld-linux-x86-64.so.2", f"{_LIB}/libc.so.6",
    f"{_LIB}/libssl.so.3", f"{_LIB}/libcrypto.so.3", f"{_LIB}/libz.so.1", f"{_LIB}/libzstd.so.1", f"{_LIB}/ossl-modules/fips.so",
)  # fmt: skip


def small(place: Path) -> Path:
    """A root of its own with nothing but `openssl` and what it loads."""
    for name in _NEEDED:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, place / name)
    for name in ("etc/ssl", "usr/lib/ssl"):
        (place / name).mkdir(parents=True)
    for name in ("lib", "lib64"):
        (place / name).symlink_to(f"usr/{name}")
    (place / "usr/lib/ssl/openssl.cnf").symlink_to("/etc/ssl/openssl.cnf")
    return place


def openssl(root: Path, *arguments: str, env: dict[str, str] | None = None, text: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the root's own `openssl`."""
    return subprocess.run(
        [shutil.which("chroot", path="/usr/sbin:/sbin:/usr/bin") or "chroot", str(root), "/usr/bin/openssl", *arguments],
        input=text, capture_output=True, text=True, check=False, timeout=60, env={"PATH": "/usr/bin", **(env or {})},
    )  # fmt: skip


def main() -> None:
    """Makes the root."""
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.parent.mkdir(parents=True, exist_ok=True)
    packages = "openssl,openssl-provider-fips"
    subprocess.run(["mmdebstrap", "--variant=essential", f"--include={packages}", "trixie", str(ROOT)], check=True)


if __name__ == "__main__":
    main()
