"""What is measured: the commands of a user, on inputs that are made here."""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gate.model.base import digest_of
from tests.bench import documents, images
from tests.bench.browser import first_paint
from tests.bench.measure import Summary, peaks, repeat
from tests.bench.table import Row
from tests.fakes import images as fakes
from tests.fakes.registry import FakeRegistry
from tests.tools import cache_folder, repository

__all__ = ["FULL", "TINY", "Bench", "Sizes"]

_DENIED_OR_NOT = (0, 1)


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How large the inputs are and how often each command runs."""

    findings: tuple[int, ...]
    components: int
    cyclonedx_bytes: int
    spdx_bytes: int
    subjects: int
    runs: int
    large_runs: int
    vex: tuple[tuple[int, int], ...]
    """Findings, and statements about them."""


FULL = Sizes((500, 5_000, 50_000), 1_000, 50_000_000, 14_000_000, 100, 9, 3, ((5_000, 6_408), (10_000, 12_816)))
TINY = Sizes((20,), 10, 20_000, 20_000, 2, 1, 1, ((20, 30),))
_TARGETS: Mapping[int, tuple[float, float | None]] = {500: (0.5, 150), 5_000: (1.5, None), 50_000: (12, 1024)}


class Bench:
    """Makes the inputs in a folder and runs the commands; every method gives rows."""

    def __init__(self, folder: Path, sizes: Sizes) -> None:
        self.folder = folder
        self.sizes = sizes
        self.keys = images.make_keys(folder / "keys")
        self.digest = images.write_signed_layout(folder / "layout", self.keys, components=sizes.components)
        self.environ = _environment(folder)

    def gate(self, *arguments: str) -> list[str]:
        """The command as an installed gate runs it."""
        script = Path(sys.executable).parent / "gate"
        return [str(script), *arguments] if script.is_file() else [sys.executable, "-m", "gate", *arguments]

    def verify(self, *more: str) -> list[str]:
        """``gate verify`` of the layout, offline, at the time of its evidence."""
        common = ("--key", str(self.keys.public), "--offline", "--effective-time", documents.NOW)
        return self.gate("verify", f"oci:{self.folder / 'layout'}", *common, *more)

    def write(self, name: str, data: bytes) -> str:
        """A document as a file."""
        path = self.folder / name
        path.write_bytes(data)
        return str(path)

    def run(self, command: Sequence[str], times: int, codes: Sequence[int] = (0,)) -> Summary:
        return repeat(command, self.environ, times, codes=codes, stores=self.folder / "stores")

    def peaks(self, command: Sequence[str], codes: Sequence[int] = _DENIED_OR_NOT) -> tuple[float, float, float]:
        with tempfile.TemporaryDirectory(dir=self.folder) as store:
            return peaks(command, {**self.environ, "GATE_STORE": store}, codes=codes)

    # the rows

    def start(self) -> Iterator[Row]:
        """What a shell prompt waits for."""
        yield Row("gate --version", self.run(self.gate("--version"), self.sizes.runs), 0.15)
        yield Row("gate verify --help", self.run(self.gate("verify", "--help"), self.sizes.runs), 0.25)

    def findings(self) -> Iterator[Row]:
        """The whole pack on a signed layout with provenance and SBOM, and a report of so many findings."""
        for number in self.sizes.findings:
            report = self.write(f"grype-{number}.json", documents.grype(number, self.digest, packages=self.sizes.components))
            command = self.verify("--evidence", report)
            large = number > 10_000
            seconds, mib = _TARGETS.get(number, (60, None))
            summary = self.run(command, self.sizes.large_runs if large else self.sizes.runs, _DENIED_OR_NOT)
            each = f"{1e6 * summary.median / number:.0f} µs a finding"
            yield Row(f"gate verify, {number:,} findings", summary, seconds, mib, self.peaks(command), whole=large, note=each)

    def sboms(self) -> Iterator[Row]:
        """Large SBOMs as files beside a report without findings."""
        report = self.write("grype-none.json", documents.grype(0, self.digest))
        made = (
            ("CycloneDX", documents.cyclonedx_of_size(self.sizes.cyclonedx_bytes, self.digest), 2.0),
            ("SPDX", documents.spdx_of_size(self.sizes.spdx_bytes, self.digest), 1.5),
        )
        for name, data, seconds in made:
            path = self.write(f"{name}.json", data)
            command = self.verify("--evidence", report, "--evidence", path)
            summary = self.run(command, self.sizes.large_runs, _DENIED_OR_NOT)
            yield Row(f"gate verify, {name} of {len(data) / 1e6:.1f} MB", summary, seconds, 300, self.peaks(command))

    def vex(self) -> Iterator[Row]:
        """What thousands of statements add to a run, and twice as many of them to twice as many findings."""
        for number, statements in self.sizes.vex:
            report = self.write(f"vex-grype-{number}.json", documents.grype(number, self.digest, packages=self.sizes.components))
            said = self.write(f"vex-{statements}.json", documents.openvex(statements, packages=self.sizes.components))
            lenient = ("--profile", "dev", "--param", "vex_require_signed=false")
            plain = self.verify("--evidence", report, "--profile", "dev")
            without = self.run(plain, self.sizes.large_runs, _DENIED_OR_NOT)
            command = self.verify("--evidence", report, "--vex", said, *lenient)
            summary = self.run(command, self.sizes.large_runs, _DENIED_OR_NOT)
            note = f"{summary.median - without.median:+.2f} s by VEX (CPU {summary.cpu - without.cpu:+.2f} s)"
            yield Row(f"gate verify, {number:,} findings and {statements:,} statements", summary, without.median + 1.0, note=note)

    def page(self) -> Iterator[Row]:
        """The HTML page of a large verdict, and how soon a browser paints it."""
        number = min(5_000, max(self.sizes.findings))
        report = self.write(f"grype-{number}.json", documents.grype(number, self.digest, packages=self.sizes.components))
        verdict, page = self.folder / "verdict.json", self.folder / "verdict.html"
        self.run(self.verify("--evidence", report, "--output", f"json={verdict}"), 1, _DENIED_OR_NOT)
        command = self.gate("report", "--from", str(verdict), "--output", f"html={page}")
        summary = self.run(command, self.sizes.runs, _DENIED_OR_NOT)
        painted = first_paint(page, times=min(5, self.sizes.runs))
        shown = "no browser" if painted is None else f"first paint after {painted:.0f} ms"
        note = f"{page.stat().st_size / 1e6:.2f} MB; {shown}"
        yield Row(f"HTML page of {number:,} findings", summary, 1.0, None, self.peaks(command), note=note)

    def what_if(self) -> Iterator[Row]:
        """The smallest set of changes that turns a verdict, by deciding again."""
        number = min(500, max(self.sizes.findings))
        report = self.write(f"grype-{number}.json", documents.grype(number, self.digest, packages=self.sizes.components))
        verdict, store = self.folder / "what-if.json", self.folder / "what-if-store"
        self.run(self.verify("--evidence", report, "--output", f"json={verdict}", "--store", str(store)), 1, _DENIED_OR_NOT)
        command = self.gate("explain", "--from", str(verdict), "--store", str(store), "--what-if", "--quiet")
        summary = self.run(command, self.sizes.large_runs, _DENIED_OR_NOT)
        yield Row(f"gate explain --what-if, {number} findings", summary, 10.0, None, self.peaks(command))

    def summary(self) -> Iterator[Row]:
        """What a deploy step runs."""
        verifier, resource, policy = "https://gate.example/bench", "oci://registry.example/shop/bench", digest_of(b"policy")
        made = images.summary(self.keys, self.digest, verifier=verifier, resource=resource, policy=policy)
        demands = ("--digest", self.digest, "--verifier-id", verifier, "--resource-uri", resource, "--policy-digest", policy)
        path = self.write("summary.json", made)
        command = self.gate("verify-vsa", path, "--key", str(self.keys.public), "--max-age", "24", *demands)
        yield Row("gate verify-vsa", self.run(command, self.sizes.runs), 0.15)

    def registry(self) -> Iterator[Row]:
        """Many small subjects in one run; the registry runs in this process, on the same cores."""
        with FakeRegistry() as registry:
            subjects = []
            for number in range(self.sizes.subjects):
                image = fakes.image(seed=f"subject {number}")
                name = f"shop/app-{number}"
                digest = registry.push(name, image)
                for item in images.attachments(image, self.keys, sbom=documents.cyclonedx(10, image.digest)):
                    registry.push(name, item)
                subjects.append(f"{registry.host}/{name}@{digest}")
            few = max(1, len(subjects) // 4)
            # without a scan, no limit on findings may be asked for
            off = ("require_scan=false", "max_critical=null", "max_high=null", "max_unknown=null", "deny_kev=false")
            lenient = (part for value in (*off, "deny_malware=false") for part in ("--param", value))
            base = ("--key", str(self.keys.public), "--plain-http", *lenient, "--quiet")
            fixed = ("--effective-time", documents.NOW)
            command = self.gate("verify", *subjects, *base, *fixed)
            summary = self.run(command, self.sizes.large_runs)
            rate = len(subjects) / summary.median
            own, child, both = self.peaks(command)
            fewer, _, _ = self.peaks(self.gate("verify", *subjects[:few], *base, *fixed))
            note = f"{rate:.1f} a second; gate {own:.0f} MiB, with {few} subjects {fewer:.0f} MiB"
            what = f"gate verify, {len(subjects)} subjects in a registry"
            yield Row(what, summary, len(subjects) / 10, None, (own, child, both), note=note)


def _environment(folder: Path) -> dict[str, str]:
    """The caller's, with compiled modules as after an installation, and a home in which nothing is configured."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("GATE_", "PYTHON", "OPA_", "GITHUB_"))}
    home = folder / "home"
    home.mkdir(exist_ok=True)
    path = f"{cache_folder() / 'bin'}{os.pathsep}{environ.get('PATH', os.defpath)}"
    return {
        **environ,
        "PATH": path,
        "HOME": str(home),
        "COSIGN_PASSWORD": "",
        "PYTHONPATH": str(repository()),
        "PYTHONPYCACHEPREFIX": str(folder / "compiled"),
    }
