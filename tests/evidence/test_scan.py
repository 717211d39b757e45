"""Running scanners: with small scripts in their place for the bounds, and with the real ones on the sample images."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from gate.errors import EvidenceInvalid, EvidenceUnavailable, LimitExceeded, UsageError
from gate.evidence.interface import NamedDigest
from gate.evidence.scan import find_tool, run_grype, run_syft, tool_digest
from gate.evidence.vulnerabilities.grype import READER
from gate.limits import Limits
from gate.model.base import digest_of
from tests.tools import repository, tool

_DIGEST = "sha256:" + "a" * 64
_QUICK = Limits(tool_seconds=20)


def _script(folder: Path, body: str, name: str = "grype") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def _run(
    program: Path | None,
    *,
    limits: Limits = _QUICK,
    db: Path | None = None,
    reference: str = "r.example/shop/web",
    offline: bool = False,
    more: Mapping[str, str] | None = None,
) -> bytes:
    environ: Mapping[str, str] = {
        **(more or {}),
        "PATH": os.environ["PATH"],
        "HOME": "/home/user",
        "GRYPE_ONLY_FIXED": "true",
        "SYFT_SCOPE": "x",
        "GRYPE_CONFIG": "/evil",
        "LD_PRELOAD": "/evil.so",
        "HTTPS_PROXY": "http://proxy.example",
    }
    return run_grype(reference, digest=_DIGEST, grype_path=program, db_path=db, limits=limits, environ=environ, offline=offline)


def _layout(folder: Path, manifest: bytes = b'{"mediaType":"application/vnd.oci.image.manifest.v1+json"}') -> str:
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (blobs / digest_of(manifest)[7:]).write_bytes(manifest)
    return digest_of(manifest)


def test_the_child_sees_only_the_gates_configuration(tmp_path: Path) -> None:
    """No GRYPE_ or SYFT_ variable, nothing of the loader; proxies and credentials stay."""
    script = _script(tmp_path, 'env; echo "args: $*"; pwd; ls; cat "$2"')
    text = _run(script).decode()
    assert "GRYPE_" not in text
    assert "SYFT_" not in text
    assert "LD_PRELOAD" not in text
    assert "HTTPS_PROXY=http://proxy.example" in text
    assert "TZ=UTC" in text
    config = json.loads(text[text.index("{") :])
    assert config["db"] == {"auto-update": True, "validate-age": False, "validate-by-hash-on-start": True}
    assert (config["ignore"], config["exclude"], config["vex-documents"], config["only-fixed"]) == ([], [], [], False)


def test_the_database_of_the_environment_is_used(tmp_path: Path) -> None:
    """GRYPE_DB_CACHE_DIR says where the database is, through the gate's own configuration; a database that is named wins."""
    script = _script(tmp_path, 'cat "$2"')
    more = {"GRYPE_DB_CACHE_DIR": str(tmp_path / "slot")}
    assert json.loads(_run(script, more=more))["db"]["cache-dir"] == str(tmp_path / "slot")
    (tmp_path / "named").mkdir()
    assert json.loads(_run(script, more=more, db=tmp_path / "named"))["db"]["cache-dir"] == str(tmp_path / "named")


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("r.example/shop/web", f"registry:r.example/shop/web@{_DIGEST}"),
        ("r.example:5000/shop/web:1.2", f"registry:r.example:5000/shop/web@{_DIGEST}"),
        (f"registry:r.example/web:1@{'sha256:' + 'b' * 64}", f"registry:r.example/web@{_DIGEST}"),
    ],
)
def test_a_registry_is_asked_by_digest(tmp_path: Path, reference: str, expected: str) -> None:
    """The tag that the caller used is never resolved again."""
    assert _run(_script(tmp_path, 'for last; do :; done; printf %s "$last"'), reference=reference).decode() == expected


@pytest.mark.parametrize("offline", [True, False])
def test_offline_updates_nothing(tmp_path: Path, offline: bool) -> None:
    """Only a run without database path may fetch one."""
    assert json.loads(_run(_script(tmp_path, 'cat "$2"'), offline=offline))["db"]["auto-update"] is not offline


@pytest.mark.parametrize("folder", ["cache", "cache/6"])
def test_a_database_directory_is_used_in_place(tmp_path: Path, folder: str) -> None:
    """The cache directory, or the one for the schema inside it."""
    (tmp_path / "cache" / "6").mkdir(parents=True)
    (tmp_path / "cache" / "6" / "vulnerability.db").touch()
    config = json.loads(_run(_script(tmp_path, 'cat "$2"'), db=tmp_path / folder))
    assert config["db"] == {
        "auto-update": False,
        "validate-age": False,
        "validate-by-hash-on-start": True,
        "cache-dir": str(tmp_path / "cache"),
    }


@pytest.mark.parametrize("name", ["missing", "file.txt"])
def test_what_is_no_database_is_a_usage_error(tmp_path: Path, name: str) -> None:
    """The caller named it, so the caller can mend it."""
    (tmp_path / "file.txt").touch()
    with pytest.raises(UsageError, match="no grype database"):
        _run(_script(tmp_path, "true"), db=tmp_path / name)


def test_a_missing_grype_names_the_command_to_get_it(tmp_path: Path) -> None:
    """Not found, not a program, not executable."""
    (tmp_path / "text").write_text("x")
    for program in (None, tmp_path / "absent", tmp_path / "text", tmp_path):
        with pytest.raises(EvidenceUnavailable) as caught:
            _run(program)
        assert "go install github.com/anchore/grype/cmd/grype@v" in caught.value.fix


def test_a_program_that_is_none_is_unavailable(tmp_path: Path) -> None:
    """An executable file in no known format does not start."""
    path = tmp_path / "grype"
    path.write_bytes(b"\x00\x01")
    path.chmod(0o755)
    with pytest.raises(EvidenceUnavailable, match="could not be started"):
        _run(path)


def test_a_failing_scanner_is_unavailable_with_its_own_words(tmp_path: Path) -> None:
    """What it printed before failing is no report."""
    with pytest.raises(EvidenceUnavailable, match="exit code 1") as caught:
        _run(_script(tmp_path, "echo '{\"matches\": []}'; echo 'no database' >&2; exit 1"))
    assert caught.value.why == "no database"


def test_a_scanner_that_hangs_is_stopped_with_its_children(tmp_path: Path) -> None:
    """The whole process group ends when the time is up."""
    mark = tmp_path / "child"
    script = _script(tmp_path, f"sleep 300 & echo $! > {mark}; wait")
    with pytest.raises(EvidenceUnavailable, match="stopped after 1 seconds"):
        _run(script, limits=Limits(tool_seconds=1))
    child = int(mark.read_text())
    for _ in range(100):
        if not Path(f"/proc/{child}").exists() or Path(f"/proc/{child}/stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("the scanner's child outlived it")


def test_a_scanner_that_never_stops_talking_is_stopped(tmp_path: Path) -> None:
    """The bound on documents holds for what tools print."""
    with pytest.raises(LimitExceeded, match="document_bytes"):
        _run(_script(tmp_path, "yes"), limits=Limits(document_bytes=100_000, tool_seconds=20))


def test_a_layout_is_reduced_to_the_digest(tmp_path: Path) -> None:
    """The scanner gets a layout whose index holds the one manifest, whatever else the original holds."""
    digest = _layout(tmp_path)
    (tmp_path / "index.json").write_text('{"manifests": [{}, {}, {}]}')
    script = _script(tmp_path, 'for last; do :; done; cat "${last#oci-dir:}/index.json"')
    output = run_grype(f"oci-dir:{tmp_path}", digest=digest, grype_path=script, db_path=None, limits=_QUICK, environ=os.environ)
    assert [entry["digest"] for entry in json.loads(output)["manifests"]] == [digest]


@pytest.mark.parametrize("digest", [_DIGEST, "sha256:../../../etc/passwd", "", "sha512:" + "a" * 128])
def test_a_layout_without_the_digest_is_an_error(tmp_path: Path, digest: str) -> None:
    """Nothing else is scanned in its place."""
    _layout(tmp_path)
    with pytest.raises(EvidenceInvalid):
        run_grype(
            f"oci-dir:{tmp_path}", digest=digest, grype_path=_script(tmp_path, "true"), db_path=None, limits=_QUICK, environ={}
        )  # fmt: skip


@pytest.mark.parametrize("manifest", [b"not json", b"[]"])
def test_a_blob_that_is_no_manifest_is_an_error(tmp_path: Path, manifest: bytes) -> None:
    """The digest may name any blob."""
    digest = _layout(tmp_path, manifest)
    with pytest.raises(EvidenceInvalid, match="no image manifest"):
        run_grype(
            f"oci-dir:{tmp_path}", digest=digest, grype_path=_script(tmp_path, "true"), db_path=None, limits=_QUICK, environ={}
        )


def test_a_changed_blob_is_an_error(tmp_path: Path) -> None:
    """The manifest is hashed before anything is scanned."""
    digest = _layout(tmp_path)
    (tmp_path / "blobs" / "sha256" / digest[7:]).write_bytes(b"{}")
    with pytest.raises(EvidenceInvalid, match="other contents"):
        run_grype(
            f"oci-dir:{tmp_path}", digest=digest, grype_path=_script(tmp_path, "true"), db_path=None, limits=_QUICK, environ={}
        )


def test_tools_are_found_and_hashed(tmp_path: Path) -> None:
    """On the PATH that is given, with links resolved; the digest is that of the file."""
    script = _script(tmp_path, "true")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "grype").symlink_to(script)
    assert find_tool("grype", {"PATH": str(tmp_path / "bin")}) == script.resolve()
    assert find_tool("grype", {"PATH": ""}) is None
    assert tool_digest(script) == digest_of(script.read_bytes())
    with pytest.raises(EvidenceUnavailable, match="cannot be read"):
        tool_digest(tmp_path / "absent")


def _sample() -> tuple[str, str]:
    digests = json.loads((repository() / "testdata" / "digests.json").read_text())
    return f"oci-dir:{repository() / 'testdata' / 'images' / 'vulnerable'}", digests["vulnerable"]


def test_real_grype_on_the_vulnerable_sample() -> None:
    """With the sample database from its archive: eleven findings, bound to the digest, database time recorded."""
    program = tool("grype")
    reference, digest = _sample()
    database = repository() / "testdata" / "grype-db" / "vulnerability-db.tar.gz"
    data = run_grype(reference, digest=digest, grype_path=program, db_path=database, limits=Limits(), environ=os.environ)
    reading = READER.read(data, Limits())
    assert reading.scan is not None
    assert len(reading.scan.findings) == 11
    assert NamedDigest(digest, "manifest") in reading.names
    assert reading.producer.db_built == "2026-11-20T00:00:00Z"


def test_real_grype_without_a_database_is_unavailable(tmp_path: Path) -> None:
    """A missing database is no clean scan, and is named as what is missing."""
    program = tool("grype")
    reference, digest = _sample()
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    with pytest.raises(EvidenceUnavailable, match="no vulnerability database") as caught:
        run_grype(reference, digest=digest, grype_path=program, db_path=None, limits=Limits(), environ=environ, offline=True)
    assert "grype db update" in caught.value.fix


def test_real_syft_on_the_vulnerable_sample() -> None:
    """CycloneDX 1.6 with the name and digest of the subject."""
    program = tool("syft")
    reference, digest = _sample()
    sbom = json.loads(
        run_syft(reference, digest=digest, syft_path=program, limits=Limits(), environ=os.environ, name="shop/vulnerable")
    )
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.6")
    assert (sbom["metadata"]["component"]["name"], sbom["metadata"]["component"]["version"]) == ("shop/vulnerable", digest)
    assert any(entry.get("purl", "").startswith("pkg:pypi/jinja2@2.10") for entry in sbom["components"])
