"""The provisioner of external programs: which way it takes, what it refuses, what it remembers."""

import dataclasses
import hashlib
import http.server
import io
import os
import stat
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools import repository
from tools import fetch

SCRIPT = b"#!/bin/sh\necho Version: 1.22.2\n"


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """A loopback server that answers the paths put into the dictionary."""
    files: dict[str, bytes] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = files.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", files
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _tool(**more: object) -> fetch.Tool:
    base = fetch.Tool(name="opa", group="required", version="1.22.2", accept=">=1.20,<2", report=("version",))
    return dataclasses.replace(base, **more)  # type: ignore[arg-type]


def _program(folder: Path, name: str, text: bytes = SCRIPT) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(text)
    path.chmod(0o755)
    return path


def _environ(*folders: Path) -> dict[str, str]:
    return {"PATH": os.pathsep.join([*map(str, folders), "/usr/bin", "/bin"]), "HOME": "/nonexistent", "GOPROXY": "off"}


def _all_platforms(digest: str) -> dict[str, str]:
    return {f"{system}-{arch}": digest for system in ("linux", "darwin") for arch in ("amd64", "arm64")}


def test_the_list_loads_and_opa_is_required() -> None:
    """tools.toml is well formed; exactly opa is required and each tool has at least one way to be had."""
    tools = fetch.load((repository() / "tools" / "tools.toml").read_text())
    assert [tool.name for tool in tools if tool.group == "required"] == ["opa"]
    assert all(tool.go or tool.deb or tool.sha256 for tool in tools)
    assert all(len(digest) == 64 for tool in tools for digest in tool.sha256.values())


def test_unknown_keys_and_groups_are_refused() -> None:
    """A misspelt key or group in the list is an error, not a tool that is never provided."""
    with pytest.raises(TypeError):
        fetch.load('[x]\ngroup="tests"\nversion="1"\naccept=">=1"\nreport=[]\nsha265={}')
    with pytest.raises(ValueError, match="group"):
        fetch.load('[x]\ngroup="test"\nversion="1"\naccept=">=1"\nreport=[]')


@pytest.mark.parametrize(
    ("version", "accept", "expected"),
    [("1.22.2", ">=1.20,<2", True), ("2.0.0", ">=1.20,<2", False), ("1.9", ">=1.20,<2", False), ("1.20", ">=1.20.0", True)],
)
def test_ranges_compare_numbers(version: str, accept: str, expected: bool) -> None:
    """1.9 is older than 1.20: parts are compared as numbers."""
    assert fetch.in_range(version, accept) is expected


def test_a_program_on_path_in_range_is_used(tmp_path: Path) -> None:
    """A suitable program on PATH is linked into the cache and nothing is built."""
    program = _program(tmp_path / "path", "opa")
    assert fetch.provide(_tool(), tmp_path / "cache", _environ(tmp_path / "path")) == program
    assert (tmp_path / "cache" / "bin" / "opa").resolve() == program


def test_a_program_on_path_out_of_range_is_not_used(tmp_path: Path) -> None:
    """A program of another major version on PATH is refused by name and version."""
    _program(tmp_path / "path", "opa", b"#!/bin/sh\necho Version: 0.70.0\n")
    with pytest.raises(fetch.Missing, match=r"is 0\.70\.0, wanted >=1\.20,<2"):
        fetch.provide(_tool(), tmp_path / "cache", _environ(tmp_path / "path"))
    assert not (tmp_path / "cache" / "bin" / "opa").exists()


def test_a_release_with_the_recorded_hash_is_used(tmp_path: Path, mirror: tuple[str, dict[str, bytes]]) -> None:
    """A download whose SHA-256 is the recorded one becomes an executable in the cache."""
    address, files = mirror
    files["/releases/v1.22.2/opa"] = SCRIPT
    tool = _tool(
        release="https://example.invalid/releases/v{version}/opa", sha256=_all_platforms(hashlib.sha256(SCRIPT).hexdigest())
    )
    path = fetch.provide(tool, tmp_path / "cache", _environ() | {"GATE_TOOLS_MIRROR": address})
    assert path == tmp_path / "cache" / "opa-1.22.2" / "opa"
    assert path.read_bytes() == SCRIPT and stat.S_IMODE(path.stat().st_mode) == 0o755


def test_a_release_with_another_hash_is_refused(tmp_path: Path, mirror: tuple[str, dict[str, bytes]]) -> None:
    """A download with another SHA-256 is thrown away, and both hashes are printed."""
    address, files = mirror
    files["/opa"] = SCRIPT + b"evil"
    tool = _tool(release="https://example.invalid/opa", sha256=_all_platforms("0" * 64))
    with pytest.raises(fetch.Missing, match=f"checksum mismatch.*{hashlib.sha256(SCRIPT + b'evil').hexdigest()}.*{'0' * 64}"):
        fetch.provide(tool, tmp_path / "cache", _environ() | {"GATE_TOOLS_MIRROR": address})
    assert not list((tmp_path / "cache").rglob("opa"))


def test_a_release_without_a_recorded_hash_is_not_downloaded(tmp_path: Path, mirror: tuple[str, dict[str, bytes]]) -> None:
    """Without a recorded SHA-256 the release is not used, whatever a server offers."""
    address, files = mirror
    files["/opa"] = SCRIPT
    with pytest.raises(fetch.Missing, match="no checksum of the release is recorded"):
        fetch.provide(
            _tool(release="https://example.invalid/opa"), tmp_path / "cache", _environ() | {"GATE_TOOLS_MIRROR": address}
        )


def test_a_program_inside_an_archive_is_taken(tmp_path: Path, mirror: tuple[str, dict[str, bytes]]) -> None:
    """From a .tar.gz only the program itself is taken, by its exact name."""
    address, files = mirror
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name in ("../outside", "opa"):
            info = tarfile.TarInfo(name)
            info.size = len(SCRIPT)
            archive.addfile(info, io.BytesIO(SCRIPT))
    files["/opa.tar.gz"] = target.getvalue()
    tool = _tool(
        release="https://example.invalid/opa.tar.gz", sha256=_all_platforms(hashlib.sha256(target.getvalue()).hexdigest())
    )
    assert fetch.provide(tool, tmp_path / "cache", _environ() | {"GATE_TOOLS_MIRROR": address}).read_bytes() == SCRIPT
    assert not (tmp_path / "outside").exists() and not (tmp_path / "cache" / "outside").exists()


def test_what_is_in_the_cache_is_not_asked_again(tmp_path: Path) -> None:
    """A second run neither starts a program nor opens a connection: the pinned file is there."""
    built = _program(tmp_path / "cache" / "opa-1.22.2", "opa", b"#!/bin/sh\nexit 1\n")
    assert fetch.provide(_tool(), tmp_path / "cache", {"PATH": ""}) == built


def _pretended_go(folder: Path, record: Path) -> None:
    """A `go` that writes down how it was called and makes the file after `-o`."""
    text = f"""#!/bin/sh
echo "$(basename "$PWD" | sed 's/^.build-.*/own/')|$CGO_ENABLED $GOFLAGS $GOWORK|$*" >> {record}
[ "$2" != download ] || echo '{{"Dir": "{folder}"}}'
[ "$1" = build ] || exit 0
while [ "$1" != -o ]; do shift; done
echo "#!/bin/sh" > "$2"
"""
    _program(folder, "go", text.encode())


def test_go_builds_the_published_module_in_its_own_folder(tmp_path: Path) -> None:
    """The pinned module is downloaded and built where Go put it, without cgo and without a caller's work file."""
    record = tmp_path / "record"
    _pretended_go(tmp_path / "path", record)
    tool = _tool(go="example.invalid/opa/cmd/opa", module="example.invalid/opa", variables={"main.version": "{version}"})
    assert fetch.provide(tool, tmp_path / "cache", _environ(tmp_path / "path")).is_file()
    download, build = record.read_text().splitlines()
    assert download == "own|0 -trimpath off|mod download -json example.invalid/opa@v1.22.2"
    assert build.startswith("path|0 -trimpath off|build -buildvcs=false -ldflags -X main.version=1.22.2 -o ")
    assert build.endswith(" example.invalid/opa/cmd/opa")


def test_modules_can_be_raised_beside_the_program(tmp_path: Path) -> None:
    """With `with`, a module of our own requires the program and the raised modules, and builds from there."""
    record = tmp_path / "record"
    _pretended_go(tmp_path / "path", record)
    tool = _tool(go="example.invalid/opa", with_=("example.invalid/part@v9",))
    assert fetch.provide(tool, tmp_path / "cache", _environ(tmp_path / "path")).is_file()
    init, edit, build = (line.split("|", 2)[2] for line in record.read_text().splitlines())
    assert init.startswith("mod init ")
    assert edit == "mod edit -require=example.invalid/opa@v1.22.2 -require=example.invalid/part@v9"
    assert build.startswith("build -mod=mod ")


def test_a_failure_is_remembered_until_asked_again(tmp_path: Path) -> None:
    """What could not be had is not tried again for a day, but PATH is looked at each time and RETRY tries everything."""
    marker = tmp_path / "runs"
    _program(tmp_path / "path", "go", f"#!/bin/sh\necho run >> {marker}\necho no such module\nexit 1\n".encode())
    cache, environ, tool = tmp_path / "cache", _environ(tmp_path / "path"), _tool(go="example.invalid/opa")
    for retry, runs in ((False, 1), (False, 1), (True, 2)):
        with pytest.raises(fetch.Missing, match="no such module"):
            fetch.provide(tool, cache, environ, retry=retry)
        assert len(marker.read_text().splitlines()) == runs
    program = _program(tmp_path / "path", "opa")
    assert fetch.provide(tool, cache, environ) == program


def test_another_version_is_not_kept_from_trying(tmp_path: Path) -> None:
    """A remembered failure is about one version: a new pin is tried at once."""
    marker = tmp_path / "runs"
    _program(tmp_path / "path", "go", f"#!/bin/sh\necho run >> {marker}\nexit 1\n".encode())
    cache, environ = tmp_path / "cache", _environ(tmp_path / "path")
    for version in ("1.22.2", "1.23.0"):
        with pytest.raises(fetch.Missing):
            fetch.provide(_tool(go="example.invalid/opa", version=version), cache, environ)
    assert len(marker.read_text().splitlines()) == 2


def _list(path: Path, group: str) -> Path:
    path.write_text(f'[nothing]\ngroup = "{group}"\nversion = "1.0"\naccept = ">=1"\nreport = []\n')
    return path


def test_a_missing_required_program_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 and one command to copy when a required program cannot be had."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert fetch.main(["--list", str(_list(tmp_path / "list.toml", "required"))]) == 1
    assert "make tools RETRY=1" in capsys.readouterr().out


def test_a_missing_test_program_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0 and the reasons when only a test program cannot be had."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert fetch.main(["--list", str(_list(tmp_path / "list.toml", "tests"))]) == 0
    assert "nothing 1.0 cannot be had: path: not on PATH" in capsys.readouterr().out


def test_extra_programs_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Programs of the extra group are looked for with --extra only."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    listed = str(_list(tmp_path / "list.toml", "extra"))
    assert fetch.main(["--list", listed]) == 0
    assert "cannot be had" not in capsys.readouterr().out
    assert fetch.main(["--list", listed, "--extra"]) == 0
    assert "cannot be had" in capsys.readouterr().out
