#!/usr/bin/env python3
"""`make wheels` and `make airgap`: everything that an installation needs, in one folder or one archive.

    python -m tools.airgap wheels FOLDER            the locked wheels and our own, with a requirements.txt of hashes
    python -m tools.airgap archive FILE [opt…]      wheels, programs, demonstration, slots for database and trust root, installer

The same commit, Python, programs and slots give the same bytes: names are sorted, times are the commit's (SOURCE_DATE_EPOCH).
Run it with the Python of the project's environment; standard library only.
"""

import argparse
import hashlib
import os
import platform
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tools.fetch import cache_folder

__all__ = ["archive", "main", "own_wheel", "wheels"]

ROOT = Path(__file__).resolve().parent.parent
NAME = "policy-gate-airgap"
_DEMO = ("tools/demo.py", "testdata/keys", "testdata/images/clean", "testdata/images/vulnerable")
_SLOTS = {
    "database": "vulnerability-db.tar.gz goes here: what `grype db import` takes. Without it --scan has nothing to scan with.\n",
    "trust": "trusted_root.json goes here: the Sigstore root for keyless signers (--trusted-root). Keys need none.\n",
}


def _epoch() -> int:
    """Seconds of SOURCE_DATE_EPOCH, or of the commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _pip(*arguments: str, epoch: int) -> None:
    environ = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments], env=environ, check=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def own_wheel(folder: Path, epoch: int, root: Path = ROOT) -> Path:
    """Our own wheel, built from a copy: whatever lies about in the checkout cannot get into it."""
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "source"
        for name in ("gate", "policies", "integrations"):
            shutil.copytree(root / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(root / name, source / name)
        built = Path(temporary) / "built"
        _pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(built), str(source), epoch=epoch)
        [own] = built.glob("policy_gate-*.whl")
        return Path(shutil.copy(own, folder / own.name))


def wheels(folder: Path, epoch: int) -> None:
    """Fill the folder: locked wheels by hash, our own built here, and the requirements that pin both."""
    folder.mkdir(parents=True)
    lock = ROOT / "requirements" / "runtime.txt"
    _pip("download", "--require-hashes", "--only-binary=:all:", "--no-deps", "-r", str(lock), "-d", str(folder), epoch=epoch)
    own = own_wheel(folder, epoch)
    version = own.name.split("-")[1]
    pinned = f"policy-gate=={version} --hash=sha256:{_digest(folder / own.name)}\n"
    (folder / "requirements.txt").write_text(lock.read_text() + pinned)


def _programs(names: list[str], target: Path) -> None:
    target.mkdir()
    for name in names:
        found = cache_folder(os.environ) / "bin" / name
        if not found.exists():
            raise SystemExit(f"{name} is not here. Type: make tools")
        shutil.copy(found.resolve(), target / name)
        (target / name).chmod(0o755)


def archive(file: Path, epoch: int, programs: list[str], database: Path | None, trusted_root: Path | None) -> None:
    """Write the archive. Files are listed with their digests in SHA256SUMS."""
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".airgap-") as temporary:
        top = Path(temporary) / NAME
        wheels(top / "wheels", epoch)
        _programs(programs, top / "tools")
        for name in _DEMO:
            source, target = ROOT / name, top / "demo" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copy(source, target)
        for name, text in _SLOTS.items():
            (top / name).mkdir()
            (top / name / "README").write_text(text)
        if database:
            shutil.copy(database, top / "database" / "vulnerability-db.tar.gz")
        if trusted_root:
            shutil.copy(trusted_root, top / "trust" / "trusted_root.json")
        shutil.copy(ROOT / "integrations" / "airgap-install", top / "install")
        (top / "PYTHON").write_text(f"{sys.version_info[0]}.{sys.version_info[1]} {platform.machine()}\n")
        files = sorted(path for path in top.rglob("*") if path.is_file())
        (top / "SHA256SUMS").write_text("".join(f"{_digest(path)}  {path.relative_to(top)}\n" for path in files))
        partial = Path(temporary) / "archive.tar"
        with tarfile.open(partial, "w", format=tarfile.USTAR_FORMAT) as tar:
            for path in [top, *sorted(top.rglob("*"))]:
                tar.add(path, str(path.relative_to(temporary)), recursive=False, filter=lambda entry: _plain(entry, epoch))
        partial.replace(file)
    sys.stdout.write(f"{_digest(file)}  {file}\n")


def _plain(entry: tarfile.TarInfo, epoch: int) -> tarfile.TarInfo:
    """Without owner, without the time of the copy, and with one of two modes."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = epoch
    entry.mode = 0o755 if entry.isdir() or entry.mode & stat.S_IXUSR else 0o644
    return entry


def main(arguments: list[str] | None = None) -> int:
    """Make what is asked for."""
    parser = argparse.ArgumentParser(description="Wheels, or everything, for a machine without a network.")
    commands = parser.add_subparsers(dest="command", required=True)
    folder = commands.add_parser("wheels", help="a folder of wheels with hashes")
    folder.add_argument("folder", type=Path)
    whole = commands.add_parser("archive", help="one archive with everything")
    whole.add_argument("file", type=Path)
    whole.add_argument("--tools", default="opa,grype,syft", help="programs to put in (default: %(default)s)")
    whole.add_argument("--database", type=Path, help="what `grype db import` takes")
    whole.add_argument("--trusted-root", type=Path, help="a Sigstore trusted root")
    options = parser.parse_args(arguments)
    epoch = _epoch()
    if options.command == "wheels":
        shutil.rmtree(options.folder, ignore_errors=True)
        wheels(options.folder, epoch)
        sys.stdout.write(f"{len(list(options.folder.glob('*.whl')))} wheels in {options.folder}\n")
        return 0
    options.file.parent.mkdir(parents=True, exist_ok=True)
    names = re.findall(r"[\w-]+", options.tools)
    archive(options.file.resolve(), epoch, names, options.database, options.trusted_root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
