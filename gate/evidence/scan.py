"""Running the real scanners on the subject's digest, for ``--scan`` and ``gate sbom generate``.

1. The tool is given a digest, never a tag: ``registry:NAME@DIGEST``, or a layout that holds nothing but that manifest.
2. It sees the gate's own configuration file and a scrubbed environment. Configuration in the home or working directory and
   ``GRYPE_*`` or ``SYFT_*`` variables could hide findings; ``GRYPE_DB_CACHE_DIR`` alone is heeded, which says where grype's
   database is, as ``HOME`` does.
3. It runs under the bounds of `gate.evidence.child`.
4. With a database path, or offline, nothing is updated. The database's age is recorded and judged by policy, not by grype.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gate.errors import EvidenceInvalid, EvidenceUnavailable, UsageError
from gate.evidence.child import SILENT, Child
from gate.limits import Limits

GRYPE_VERSION = "v0.117.0"
SYFT_VERSION = "v1.51.0"
"""The versions that the gate is tested with."""

_GET = {
    "grype": f"go install github.com/anchore/grype/cmd/grype@{GRYPE_VERSION}",
    "syft": f"go install github.com/anchore/syft/cmd/syft@{SYFT_VERSION}",
    "trivy": "go install github.com/aquasecurity/trivy/cmd/trivy@v0.74.0",
}
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_ARCHIVES = (".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar")


def find_tool(name: str, environ: Mapping[str, str]) -> Path | None:
    """The program on the caller's PATH, links resolved."""
    found = shutil.which(name, path=environ.get("PATH", ""))
    return Path(found).resolve() if found else None


def tool_digest(path: Path) -> str:
    """``sha256:<hex>`` of the program's file, for the record of what ran."""
    try:
        with path.open("rb") as file:
            return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EvidenceUnavailable(f"{path} cannot be read: {error.strerror}") from error


def run_grype(
    subject_ref: str,
    *,
    digest: str,
    grype_path: Path | None,
    db_path: Path | None,
    limits: Limits,
    environ: Mapping[str, str],
    offline: bool = False,
    plain_http: bool = False,
    vex: Sequence[Path] = (),
) -> bytes:
    """Grype's JSON report of one manifest; with ``vex`` (absolute paths) what they suppress is under ``ignoredMatches``.

    ``subject_ref`` is a repository (``registry.example/shop/web``, with or without tag) or ``oci-dir:PATH``; ``digest`` is the
    manifest to scan. ``db_path`` is a database directory, or an archive as ``grype db import`` takes it. Raises
    EvidenceUnavailable when grype is missing, fails or takes longer than ``limits.tool_seconds``; LimitExceeded when its output
    is longer than ``limits.document_bytes``; EvidenceInvalid when the layout does not hold the digest.
    """
    program = _program("grype", grype_path)
    with tempfile.TemporaryDirectory(prefix="gate-grype-") as folder:
        work = Path(folder)
        child = Child(work, limits, environ)
        update = db_path is None and not offline
        config = _grype_config(update=update, plain_http=plain_http)
        config["vex-documents"] = [str(path) for path in vex]
        if db_path is not None:
            config["db"]["cache-dir"] = str(_database(db_path, child, program, config, work))
        elif environ.get("GRYPE_DB_CACHE_DIR"):
            config["db"]["cache-dir"] = str(Path(environ["GRYPE_DB_CACHE_DIR"]).resolve())
        asked = [program, "--config", _write(work / "grype.json", config)]
        command = [*asked, "--quiet", "--output", "json", *_source(subject_ref, digest, work)]
        try:
            return child.run(command).output
        except EvidenceUnavailable as error:
            # what it says of a missing database is lost to --quiet, without which it says far too much
            if error.why != SILENT or not child.run([*asked, "db", "status"], accept=range(256)).code:
                raise
            raise EvidenceUnavailable(
                "grype has no vulnerability database that it can use",
                why="it could not fetch one" if update else "none is fetched with --offline or --grype-db",
                fix="type `grype db update` where the network lets it, or give --grype-db the archive or folder of one",
            ) from error


def run_trivy(
    subject_ref: str,
    *,
    digest: str,
    trivy_path: Path | None,
    cache: Path,
    limits: Limits,
    environ: Mapping[str, str],
    plain_http: bool = False,
    vex: Sequence[Path] = (),
) -> bytes:
    """Trivy's JSON report with the database in ``cache`` (``--cache-dir``), never updated; what ``vex`` suppresses is under
    ``ExperimentalModifiedFindings``. Arguments and errors as for `run_grype`."""
    program = _program("trivy", trivy_path)
    with tempfile.TemporaryDirectory(prefix="gate-trivy-") as folder:
        work = Path(folder)
        command = [program, "image", "--config", _write(work / "trivy.json", {}), "--cache-dir", str(cache.resolve())]
        command += [
            "--skip-db-update",
            "--skip-java-db-update",
            "--skip-vex-repo-update",
            "--skip-version-check",
            "--offline-scan",
        ]
        command += ["--ignorefile", _write(work / "trivyignore.yaml", {}), "--cache-backend", "memory"]
        command += ["--scanners", "vuln", "--format", "json", "--quiet", "--show-suppressed"]
        command += ["--insecure"] if plain_http else []
        for path in vex:
            command += ["--vex", str(path)]
        source = _source(subject_ref, digest, work)[0]
        if source.startswith("oci-dir:"):
            command += ["--input", source.removeprefix("oci-dir:")]
        else:
            command += ["--image-src", "remote", source.removeprefix("registry:")]
        return Child(work, limits, environ).run(command).output


def run_syft(
    subject_ref: str,
    *,
    digest: str,
    syft_path: Path | None,
    limits: Limits,
    environ: Mapping[str, str],
    name: str = "",
    output: str = "cyclonedx-json@1.6",
    plain_http: bool = False,
) -> bytes:
    """Syft's SBOM of one manifest; ``name`` is what the SBOM calls it. Arguments and errors as for `run_grype`."""
    program = _program("syft", syft_path)
    with tempfile.TemporaryDirectory(prefix="gate-syft-") as folder:
        work = Path(folder)
        config = {
            "check-for-app-update": False,
            "enrich": [],
            "exclude": [],
            "scope": "squashed",
            "registry": _registry(plain_http),
        }
        command = [program, "scan", "--config", _write(work / "syft.json", config), "--quiet", "--output", output]
        if name:
            command += ["--source-name", name, "--source-version", digest]
        return Child(work, limits, environ).run([*command, *_source(subject_ref, digest, work)]).output


def _program(name: str, path: Path | None) -> str:
    if path is not None and path.is_file() and os.access(path, os.X_OK):
        return str(path.resolve())
    raise EvidenceUnavailable(
        f"{name} was not found" if path is None else f"{path} is no program that can be run",
        why="the gate runs the real scanner and has none of its own",
        fix=f"{_GET[name]}   (then `gate doctor` should list it)",
    )


def _grype_config(*, update: bool, plain_http: bool) -> dict[str, Any]:
    """Everything that could drop or change a match, set to what drops and changes nothing."""
    return {
        "check-for-app-update": False,
        "only-fixed": False,
        "only-notfixed": False,
        "ignore-wontfix": "",
        "ignore": [],
        "exclude": [],
        "vex-documents": [],
        "vex-add": [],
        "by-cve": False,
        "fail-on-severity": "",
        "distro": "",
        "platform": "",
        "search": {"scope": "squashed"},
        "external-sources": {"enable": False},
        "registry": _registry(plain_http),
        "db": {"auto-update": update, "validate-age": False, "validate-by-hash-on-start": True},
    }


def _registry(plain_http: bool) -> dict[str, Any]:
    return {"insecure-skip-tls-verify": False, "insecure-use-http": plain_http, "auth": []}


def _database(path: Path, child: Child, program: str, config: dict[str, Any], work: Path) -> Path:
    """The cache directory to name: the one that holds ``6/vulnerability.db``, made from an archive if need be."""
    if path.is_dir():
        if (path / "vulnerability.db").is_file() and path.name.isdigit():
            return path.resolve().parent
        return path.resolve()
    if not path.is_file() or not path.name.endswith(_ARCHIVES):
        raise UsageError(
            f"{path} is no grype database",
            why="a directory with 6/vulnerability.db or a database archive is needed",
            fix="give the directory that `grype db status` names, or the archive that `grype db import` takes",
        )
    target = work / "db"
    importing = {**config, "db": {**config["db"], "cache-dir": str(target)}}
    child.run([program, "--config", _write(work / "import.json", importing), "db", "import", str(path.resolve())])
    return target


def _source(reference: str, digest: str, work: Path) -> list[str]:
    if not reference.startswith("oci-dir:"):
        repository = reference.removeprefix("registry:").partition("@")[0]
        head, slash, tail = repository.rpartition("/")
        return [f"registry:{head}{slash}{tail.partition(':')[0]}@{digest}"]
    return [f"oci-dir:{_single_layout(Path(reference.removeprefix('oci-dir:')), digest, work / 'layout')}"]


def _single_layout(layout: Path, digest: str, target: Path) -> Path:
    """A layout whose index holds only the digest; the scanners take the first or refuse when there are more (1)."""
    if not _SHA256.fullmatch(digest):
        raise EvidenceInvalid(f"{digest[:100]!r} is no sha256 digest", why="a layout is scanned by the digest of its manifest")
    hexadecimal = digest.removeprefix("sha256:")
    try:
        manifest = (layout / "blobs" / "sha256" / hexadecimal).read_bytes()
    except OSError as error:
        raise EvidenceInvalid(
            f"{layout} does not hold {digest}: {error.strerror}", fix="name a digest that the layout holds"
        ) from error
    if hashlib.sha256(manifest).hexdigest() != hexadecimal:
        raise EvidenceInvalid(f"the blob {digest} in {layout} has other contents", why="the layout was damaged or changed")
    try:
        parsed = json.loads(manifest)
        media_type = str(parsed.get("mediaType") or "application/vnd.oci.image.manifest.v1+json")
    except (ValueError, AttributeError, RecursionError) as error:
        raise EvidenceInvalid(f"{digest} in {layout} is no image manifest") from error
    target.mkdir()
    (target / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    descriptor = {"mediaType": media_type, "digest": digest, "size": len(manifest)}
    (target / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [descriptor]}))
    (target / "blobs").symlink_to((layout / "blobs").resolve(), target_is_directory=True)
    return target


def _write(path: Path, config: Mapping[str, Any]) -> str:
    """JSON is YAML, which both tools read."""
    path.write_text(json.dumps(config))
    return str(path)
