#!/usr/bin/env python3
"""Provide the pinned external programs of tools.toml, once, in a cache outside the checkout.

For each program, in this order: what the cache has; PATH, when its version is in the accepted range; the project's release,
when a SHA-256 is recorded for this platform; the pinned Go module, built; Debian's package, unpacked and not installed.
The result is `CACHE/bin/NAME`, where CACHE is `$XDG_CACHE_HOME/policy-gate/tools` (default `~/.cache/policy-gate/tools`).

Uses the standard library only: it runs before anything is installed. Exit code 0 when every required program is there, else 1.
"""

import argparse
import fcntl
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Missing", "Tool", "cache_folder", "in_range", "load", "main", "provide"]

_GROUPS = ("required", "tests", "extra")
_CONNECT_S = 10
_BUILD_S = 1800
_RETRY_AFTER_S = 24 * 3600
_MAX_DOWNLOAD_BYTES = 400_000_000


class Missing(Exception):
    """One way to get a program did not work; the message says why."""


@dataclass(frozen=True)
class Tool:
    """One table of tools.toml."""

    name: str
    group: str
    version: str
    accept: str
    report: tuple[str, ...]
    go: str = ""
    module: str = ""
    with_: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    release: str = ""
    sha256: Mapping[str, str] = field(default_factory=dict)
    deb: str = ""
    libraries: Mapping[str, str] = field(default_factory=dict)


def load(text: str) -> tuple[Tool, ...]:
    """The tools of the file, in its order; an unknown key or group is an error."""
    tools = []
    for name, table in tomllib.loads(text).items():
        values = {("with_" if key == "with" else key): value for key, value in table.items()}
        for key in ("report", "with_"):
            values[key] = tuple(values.get(key, ()))
        tool = Tool(name=name, **values)
        if tool.group not in _GROUPS:
            raise ValueError(f"{name}: group {tool.group!r} is none of {', '.join(_GROUPS)}")
        tools.append(tool)
    return tuple(tools)


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where programs are kept."""
    return Path(environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or Path.home()) / ".cache") / "policy-gate" / "tools"


def _numbers(version: str) -> tuple[int, ...]:
    parts = [int(part) for part in version.split(".")]
    return tuple(parts + [0] * (3 - len(parts)))


def in_range(version: str, accept: str) -> bool:
    """Whether `1.22.2` lies in `>=1.20,<2`."""
    for clause in accept.split(","):
        match = re.fullmatch(r"\s*(>=|<)\s*([0-9.]+)\s*", clause)
        if match is None:
            raise ValueError(f"not a version clause: {clause!r}")
        bound = _numbers(match[2])
        if (match[1] == ">=" and _numbers(version) < bound) or (match[1] == "<" and _numbers(version) >= bound):
            return False
    return True


def _say(text: str) -> None:
    print(text, flush=True)


def _run(command: list[str], *, cwd: Path, env: Mapping[str, str], timeout_s: int) -> str:
    """Run to the end and return what was printed; a failure is Missing with the last line that says why."""
    try:
        done = subprocess.run(
            command, cwd=cwd, env=dict(env), timeout=timeout_s, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, text=True, errors="replace", check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise Missing(f"{command[0]} is not installed") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"{Path(command[0]).name}: {error}") from error
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if line.strip()] or [f"exit {done.returncode}"]
        raise Missing(" / ".join(line.strip() for line in lines[-2:])[:400])
    return done.stdout


def _version_of(program: Path, tool: Tool, environ: Mapping[str, str]) -> str:
    """The version that the program prints; Missing when it prints none."""
    printed = _run([str(program), *tool.report], cwd=Path("/"), env=environ, timeout_s=60)
    match = re.search(r"(?<![\w.])v?(\d+\.\d+(?:\.\d+)?)(?![\w.]*\.\d)", printed.replace("go version go", "go"))
    if match is None:
        raise Missing(f"{program} prints no version")
    return match[1]


def _from_path(tool: Tool, cache: Path, environ: Mapping[str, str]) -> Path:
    folders = [f for f in environ.get("PATH", "").split(os.pathsep) if f and Path(f).resolve() != (cache / "bin").resolve()]
    found = shutil.which(tool.name, path=os.pathsep.join(folders)) if folders else None
    if found is None:
        raise Missing("not on PATH")
    version = _version_of(Path(found), tool, environ)
    if not in_range(version, tool.accept):
        raise Missing(f"{found} is {version}, wanted {tool.accept}")
    return Path(found).resolve()


def _download(url: str) -> bytes:
    """The body, at most _MAX_DOWNLOAD_BYTES."""
    try:
        # The address is from tools.toml or the operator's own mirror; the bytes are checked against the recorded hash.
        with urllib.request.urlopen(url, timeout=_CONNECT_S) as answer:  # noqa: S310
            data: bytes = answer.read(_MAX_DOWNLOAD_BYTES + 1)
    except (OSError, ValueError) as error:
        raise Missing(f"download failed: {error}") from error
    if len(data) > _MAX_DOWNLOAD_BYTES:
        raise Missing(f"download is over {_MAX_DOWNLOAD_BYTES} bytes")
    return data


def _from_release(tool: Tool, cache: Path, environ: Mapping[str, str]) -> Path:
    if not tool.release:
        raise Missing("no release download")
    system, machine = platform.system().lower(), platform.machine().lower()
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    expected = tool.sha256.get(f"{system}-{arch}")
    if not expected:
        raise Missing("no checksum of the release is recorded, so it is not used")
    url = tool.release.format(version=tool.version, os=system, arch=arch)
    if mirror := environ.get("GATE_TOOLS_MIRROR"):
        url = mirror.rstrip("/") + urllib.parse.urlsplit(url).path
    data = _download(url)
    actual = hashlib.sha256(data).hexdigest()
    if actual != expected:
        raise Missing(f"checksum mismatch: {url} is sha256:{actual}, recorded is sha256:{expected}")
    if url.endswith(".tar.gz"):
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            member = archive.extractfile(tool.name)
            if member is None:
                raise Missing(f"{url} holds no file {tool.name}")
            data = member.read()
    return _place(tool, cache, lambda target: target.write_bytes(data))


def _from_go(tool: Tool, cache: Path, environ: Mapping[str, str]) -> Path:
    if not tool.go:
        raise Missing("not a Go module")
    go = shutil.which("go", path=environ.get("PATH", "")) or shutil.which("go", path="/usr/local/go/bin:/usr/lib/go/bin")
    if go is None:
        raise Missing("Go is not installed")
    settings = " ".join(f"-X {name}={value.format(version=tool.version)}" for name, value in tool.variables.items())
    # cgo off: a static program. GOWORK off, and folders of Go's or our own: nothing of a caller's tree reaches the build.
    env = {**environ, "CGO_ENABLED": "0", "GOFLAGS": "-trimpath", "GOWORK": "off", **tool.environment}
    env.setdefault("GOTOOLCHAIN", "local")
    module = tool.module or tool.go
    _say(f"{tool.name} {tool.version}: building {tool.go} of {module}@v{tool.version} with Go (minutes, once)")
    with tempfile.TemporaryDirectory(dir=cache, prefix=".build-") as temporary:
        folder = Path(temporary)
        if tool.with_:
            # A module of our own that only requires: the highest version that anyone asks for wins, nothing is replaced.
            _run([go, "mod", "init", "policy-gate.invalid/tools"], cwd=folder, env=env, timeout_s=60)
            required = [f"-require={wanted}" for wanted in (f"{module}@v{tool.version}", *tool.with_)]
            _run([go, "mod", "edit", *required], cwd=folder, env=env, timeout_s=60)
            source, flags = folder, ["-mod=mod"]
        else:
            # The module as published, built in its own folder with its own go.sum: what its authors build.
            printed = _run([go, "mod", "download", "-json", f"{module}@v{tool.version}"], cwd=folder, env=env, timeout_s=_BUILD_S)
            source, flags = Path(json.loads(printed)["Dir"]), ["-buildvcs=false"]
        command = [go, "build", *flags, "-ldflags", settings, "-o", str(folder / tool.name), tool.go]
        _run(command, cwd=source, env=env, timeout_s=_BUILD_S)
        return _place(tool, cache, lambda target: (folder / tool.name).replace(target))


def _from_deb(tool: Tool, cache: Path, environ: Mapping[str, str]) -> Path:
    if not tool.deb:
        raise Missing("no Debian package")
    with tempfile.TemporaryDirectory(dir=cache, prefix=".deb-") as temporary:
        folder = Path(temporary)
        packages = (tool.deb, *tool.libraries)
        _run(["apt-get", "download", *packages], cwd=folder, env=environ, timeout_s=300)
        archives = sorted(folder.glob("*.deb"))
        if len(archives) != len(packages):
            raise Missing(f"apt-get download gave {len(archives)} files")
        for archive in archives:
            _run(["dpkg", "-x", str(archive), "unpacked"], cwd=folder, env=environ, timeout_s=120)
        program = next((p for p in sorted((folder / "unpacked").glob("usr/*bin/*")) if p.name == tool.name), None)
        if program is None:
            raise Missing(f"the package holds no program {tool.name}")
        version = _version_of(program, tool, environ)
        if not in_range(version, tool.accept):
            raise Missing(f"Debian's {tool.deb} is {version}, wanted {tool.accept}")
        for name in tool.libraries.values():
            library = next((p for p in (folder / "unpacked").glob(f"usr/lib/**/{name}") if not p.is_symlink()), None)
            if library is None:
                raise Missing(f"the packages hold no library {name}")
            _place(tool, cache, library.replace, name)
        return _place(tool, cache, lambda target: program.replace(target))


def _place(tool: Tool, cache: Path, write: Callable[[Path], object], name: str = "") -> Path:
    """Put the program at CACHE/NAME-VERSION/NAME in one step, so that nobody ever sees half of it; a library `name` beside it."""
    folder = cache / f"{tool.name}-{tool.version}"
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{name or tool.name}.partial"
    write(partial)
    partial.chmod(0o755)
    return partial.replace(folder / (name or tool.name))


def _link(cache: Path, name: str, program: Path) -> None:
    link = cache / "bin" / name
    link.parent.mkdir(parents=True, exist_ok=True)
    fresh = link.with_name(f".{name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(program)
    fresh.replace(link)


def provide(tool: Tool, cache: Path, environ: Mapping[str, str], *, retry: bool = False) -> Path:
    """The program's path after making it available; Missing with each way's reason when there is none.

    A failure is remembered for a day (`retry` ignores that), so that a machine without network does not wait on each run.
    """
    cache.mkdir(parents=True, exist_ok=True)
    link, built, failed = (
        cache / part for part in (f"bin/{tool.name}", f"{tool.name}-{tool.version}/{tool.name}", f"{tool.name}.failed")
    )
    if built.is_file() and os.access(built, os.X_OK):
        if not link.exists() or link.resolve() != built.resolve():
            _link(cache, tool.name, built)
        return built
    reasons = []
    remembered = failed.exists() and 0 <= time.time() - failed.stat().st_mtime < _RETRY_AFTER_S and not retry
    if remembered and (recorded := failed.read_text().split("\n", 1))[0] != tool.version:
        remembered = False
    ways = (_from_path,) if remembered else (_from_path, _from_release, _from_go, _from_deb)
    for way in ways:
        try:
            program = way(tool, cache, environ)
        except Missing as error:
            reasons.append(f"{way.__name__.removeprefix('_from_')}: {error}")
            continue
        failed.unlink(missing_ok=True)
        if not link.exists() or link.resolve() != program.resolve():
            _link(cache, tool.name, program)
            _say(f"{tool.name}: {program} ({way.__name__.removeprefix('_from_')})")
        return program
    link.unlink(missing_ok=True)
    if remembered:
        raise Missing(recorded[1].strip() + " (remembered; `make tools RETRY=1` tries again)")
    failed.write_text(tool.version + "\n" + "; ".join(reasons) + "\n")
    raise Missing("; ".join(reasons))


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """One provisioner at a time; a second one waits and then finds everything done."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def main(arguments: list[str] | None = None) -> int:
    """Provide the groups asked for and say what is missing."""
    parser = argparse.ArgumentParser(description="Provide the pinned external programs of tools.toml.")
    parser.add_argument("--extra", action="store_true", help="also the programs that only interoperability tests and ratios need")
    parser.add_argument("--retry", action="store_true", help="try again what failed less than a day ago")
    parser.add_argument(
        "--list", type=Path, default=Path(__file__).with_name("tools.toml"), help="file to read (default: tools.toml)"
    )
    parser.add_argument("names", nargs="*", help="only these programs")
    options = parser.parse_args(arguments)
    groups = _GROUPS if options.extra or options.names else _GROUPS[:2]
    tools = [t for t in load(options.list.read_text()) if t.group in groups and t.name in (options.names or [t.name])]
    if unknown := set(options.names) - {t.name for t in tools}:
        parser.error(f"not in the list: {', '.join(sorted(unknown))}")
    cache, environ, fatal = cache_folder(os.environ), dict(os.environ), False
    had, missing = [], []
    with _locked(cache):
        for tool in tools:
            try:
                provide(tool, cache, environ, retry=options.retry)
                had.append(tool.name)
            except Missing as error:
                fatal = fatal or tool.group == "required"
                missing.append(f"{tool.name} {tool.version} cannot be had: {error}")
    _say(f"tools in {cache / 'bin'}: {' '.join(had) or 'none'}")
    for line in missing:
        _say(line)
    if fatal:
        _say("opa is never optional. Install Go (https://go.dev/dl) or put an opa on PATH, then run: make tools RETRY=1")
    return 1 if fatal else 0


if __name__ == "__main__":
    sys.exit(main())
