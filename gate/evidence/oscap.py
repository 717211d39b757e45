"""Running the real ``oscap`` on an image's files, for ``--scan stig``.

1. The image is unpacked into a private directory (`gate.oci.rootfs`), and oscap runs beside it with nothing else of its own.
2. The report names the image by digest: oscap writes ``OSCAP_EVALUATION_TARGET`` into a fact, which binding checks.
3. Rules for machines are switched off by a marker of a container, which the gate makes; an image that ships one is noted.
4. Content comes from the distribution named in os-release, by a closed list, or from the caller. Whether it fits and whether this
   oscap can be believed is for the rules of ``stig``; scores and exit codes say nothing.
5. What ran is recorded with the evidence: command, content by digest, standard error, what could not be kept while unpacking.
6. Checks that are programs (SCE) would run on this machine with the gate's rights, so oscap is kept from finding the engine that
   starts them; such rules end as not checked.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gate.errors import EvidenceUnavailable, LimitExceeded, UsageError
from gate.evidence.child import Child
from gate.evidence.interface import Document
from gate.evidence.scan import tool_digest
from gate.limits import Limits
from gate.model.evidence import Diagnostic
from gate.model.input import Subject
from gate.oci.filesystem import FileSystem
from gate.oci.rootfs import unpack
from gate.oci.source import ImageSource

CONTENT_FOLDERS = (Path("/usr/share/xml/scap/ssg/content"), Path("/usr/local/share/xml/scap/ssg/content"))
"""Where distributions put the data streams of the SCAP Security Guide."""
PACKAGES = (
    "apt-get install openscap-scanner ssg-debian ssg-debderived ssg-nondebian   "
    "(or: dnf install openscap-scanner scap-security-guide)"
)
_SSG = "xccdf_org.ssgproject.content_profile_"
_PROFILES = ("stig", "standard", "cis_level1_server", "cis_server_l1", "anssi_bp28_high", "anssi_np_nt28_high", "ospp")
"""Of the profiles that content has, the first of these is taken, or the only one that there is."""
_MAJOR = frozenset({"debian", "rhel", "ol", "almalinux", "fedora", "amzn", "sles", "opensuse-leap"})
_NAMES = {
    "debian": "debian", "ubuntu": "ubuntu", "rhel": "rhel", "ol": "ol", "almalinux": "almalinux", "fedora": "fedora",
    "amzn": "al", "sles": "sle", "opensuse-leap": "opensuse",
}  # fmt: skip
_UNVERSIONED = frozenset({"fedora", "opensuse-leap"})
_MARKERS = ("run/.containerenv", ".dockerenv")
_PROFILE_ID = re.compile(rb"<(?:[\w.-]+:)?Profile\b[^>]*?\sid=\"([^\"]{1,300})\"")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,200}")
_PROGRAMS = b"open-scap.org/page/SCE"
"""Of the check system whose checks are scripts; their results without its engine are ``notchecked``."""
_RAN = (0, 2)
"""All rules passed, or some did not (4); 1 is an error."""


def run_oscap(
    source: ImageSource,
    subject: Subject,
    *,
    oscap: Path | None,
    content: Path | None,
    profile: str | None,
    limits: Limits,
    environ: Mapping[str, str],
    folders: Sequence[Path] = CONTENT_FOLDERS,
) -> Document:
    """The XCCDF results of one image (no index).

    Raises EvidenceUnavailable when oscap or content is missing, or oscap fails; EvidenceInvalid and LimitExceeded for the image;
    UsageError for a profile that the content does not have.
    """
    if oscap is None:
        raise EvidenceUnavailable(
            "oscap was not found",
            why="the gate runs the real scanner and has none of its own",
            fix=f"{PACKAGES}   (then `gate doctor` should list it); dpkg images need oscap 1.4, which Debian 13 has",
        )
    with tempfile.TemporaryDirectory(prefix="gate-oscap-") as folder:
        work = Path(folder)
        files, lost = unpack(source, subject, work, limits)
        chosen = content.resolve() if content is not None else find_content(_os_release(files, work / "root"), folders)
        data = _bytes_of(chosen, limits)
        named = choose_profile(data, profile, chosen.name)
        shipped = _mark(files, work / "root")
        for name in ("results", "engines"):
            (work / name).mkdir()
        command = [str(oscap.resolve()), "xccdf", "eval", "--profile", named, "--results", "results/xccdf.xml", str(chosen)]
        env = {
            "OSCAP_PROBE_ROOT": str(work / "root"),
            "OSCAP_EVALUATION_TARGET": target_of(subject),  # (2)
            "OSCAP_CHECK_ENGINE_PLUGIN_DIR": str(work / "engines"),  # (6) empty
            "OSCAP_CONTAINER_VARS": _variables(subject),
            "TMPDIR": str(work / "results"),
        }
        ran = Child(work, limits, environ, extra=env, files=limits.document_bytes).run(command, accept=_RAN)
        results = work / "results" / "xccdf.xml"
        if not results.is_file():
            raise EvidenceUnavailable(
                "oscap wrote no results", why=ran.errors or "it said nothing", fix="run it by hand to see more"
            )
        if results.stat().st_size >= limits.document_bytes:
            raise LimitExceeded("document_bytes", limits.document_bytes, "results of oscap")
        said = ran.errors.replace(str(work), "")
        notes = _notes(command, chosen, data, said, ran.code, lost, shipped)
        return Document(
            data=results.read_bytes(),
            origin="computed",
            source="--scan stig",
            attached_to=subject.digest,
            tool_digest=tool_digest(oscap.resolve()),
            notes=notes,
        )


def target_of(subject: Subject) -> str:
    """What the report is to say that it is about; no other digest may stand in it."""
    name = subject.name if _NAME.fullmatch(subject.name) and "sha256" not in subject.name else "image"
    return f"oci://{name}@{subject.digest}"


def find_content(release: Mapping[str, str], folders: Sequence[Path] = CONTENT_FOLDERS) -> Path:
    """The data stream for a distribution (4). Raises EvidenceUnavailable."""
    system, version = release.get("ID", ""), release.get("VERSION_ID", "")
    product = _product(system, version)
    shown = f"{system or 'an unnamed distribution'} {version}".strip()
    if product is None:
        raise EvidenceUnavailable(
            f"no STIG content is known for {shown}",
            why="content for another system finds nothing applicable, or passes without having looked",
            fix="give content written for it: --scan stig --stig-content FILE --stig-profile ID",
        )
    for folder in folders:
        path = folder / f"ssg-{product}-ds.xml"
        if path.is_file():
            return path
    raise EvidenceUnavailable(
        f"ssg-{product}-ds.xml, the content for {shown}, is not here",
        why="it was looked for in " + ", ".join(str(folder) for folder in folders),
        fix=f"{PACKAGES}; older packages lack newer distributions: then give --stig-content FILE --stig-profile ID",
    )


def _product(system: str, version: str) -> str | None:
    name = _NAMES.get(system)
    if name is None:
        return None
    if system in _UNVERSIONED:
        return name
    number = version.split(".")[0] if system in _MAJOR else version.replace(".", "")
    return f"{name}{number}" if number.isascii() and number.isdigit() else None


def choose_profile(content: bytes, asked: str | None, name: str) -> str:
    """The profile to evaluate, by its whole id. Raises UsageError for one that the content lacks, or when none can be chosen."""
    there = sorted({found.decode("utf-8", "replace") for found in _PROFILE_ID.findall(content)})
    if asked is not None:
        fitting = [profile for profile in there if profile in (asked, _SSG + asked)]
        if fitting:
            return str(fitting[0])
    elif len(there) == 1:
        return str(there[0])
    else:
        for profile in (_SSG + short for short in _PROFILES):
            if profile in there:
                return profile
    raise UsageError(
        f"{name} has no profile {asked}" if asked else f"none of the profiles of {name} is known to be the one",
        why="it has: " + (", ".join(there[:40]) or "none"),
        fix="name one with --stig-profile",
    )


def _bytes_of(path: Path, limits: Limits) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limits.document_bytes + 1)
    except OSError as error:
        raise UsageError(f"STIG content {path} cannot be read: {error.strerror}") from error
    if len(data) > limits.document_bytes:
        raise LimitExceeded("document_bytes", limits.document_bytes, f"STIG content {path}")
    return data


def _os_release(files: FileSystem, root: Path) -> dict[str, str]:
    """Of the image's own file, as systemd reads it; ours only to choose content by."""
    for name in ("etc/os-release", "usr/lib/os-release"):
        entry = files.tree.get(name)
        if entry is None or entry.kind != "file" or entry.size > 1 << 16:
            continue
        pairs: dict[str, str] = {}
        for line in (root / entry.path).read_bytes().decode("utf-8", "replace").splitlines():
            key, equals, value = line.strip().partition("=")
            if equals and not key.startswith("#"):
                pairs[key] = value.strip().strip("\"'")
        return pairs
    return {}


def _mark(files: FileSystem, root: Path) -> bool:
    """(3) Makes the marker; true when the image ships one itself, which is noted."""
    if any(files.tree.get(name, follow=False) is not None for name in _MARKERS):
        return True
    run = files.tree.get("run")
    if run is None and files.tree.get("run", follow=False) is None:
        (root / "run").mkdir(mode=0o755)
        marker = root / "run" / ".containerenv"
    elif run is not None and run.kind == "dir" and files.tree.get(f"{run.path}/.containerenv", follow=False) is None:
        marker = root / run.path / ".containerenv"
    else:
        marker = root / ".dockerenv"  # the root itself is a directory always
    with marker.open("xb"):
        pass
    return False


def _variables(subject: Subject) -> str:
    env: Sequence[str] = subject.config.env if subject.config is not None else ()
    return "\n".join(line for line in env if "\0" not in line and "\n" not in line)


def _notes(
    command: Sequence[str], content: Path, data: bytes, said: str, code: int, lost: Counter[str], shipped: bool
) -> tuple[Diagnostic, ...]:
    """(5)"""

    def each() -> Iterator[tuple[str, str, int]]:
        yield "scan_command", f"{' '.join(command)} (exit code {code})", 1
        yield "scan_content", f"{content} sha256:{hashlib.sha256(data).hexdigest()}", 1
        if _PROGRAMS in data:
            yield "scan_programs", "the content has checks that are programs (SCE); none of them was run", 1
        if said:
            yield "scan_stderr", said, 1
        if shipped:
            yield (
                "container_marker_shipped",
                "the image ships a container marker, which switches rules off; the gate made none",
                1,
            )
        for name, count in sorted(lost.items()):
            yield name, _LOST[name], count

    return tuple(Diagnostic(code=name, message=message, count=count) for name, message, count in each())


_LOST = {
    "capability_not_kept": "file capabilities that could not be set; rules about them saw none",
    "left_out": "devices, fifos and others that were not unpacked; rules about them saw none",
    "mode_not_kept": "files that their owner may not read; unpacked with the owner's rights, as the gate is not root",
    "owner_not_kept": "files of another owner than the gate's, which is not root; rules about owners looked at the wrong one",
    "sparse": "sparse files, unpacked empty",
}
