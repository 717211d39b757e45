"""What a user would run instead, on the same image, evidence and rules; each program only where it is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gate.limits import DEFAULT
from gate.policy import capabilities
from gate.policy.bundle import BundleSpec, load_policy
from tests.bench import documents, images
from tests.bench.cases import Bench
from tests.bench.measure import Run, Summary, once
from tests.bench.table import Row
from tests.fakes import images as fakes
from tests.fakes.registry import FakeRegistry
from tests.tools import find

__all__ = ["engines", "signatures"]

_QUERY = "data.rules"


def signatures(bench: Bench) -> Iterator[Row]:
    """cosign on a signed image in a registry: the signature, then both attestations; and the gate on the same image."""
    cosign = find("cosign")
    if cosign is None:
        return
    image = fakes.image(seed="peer")
    sbom = documents.cyclonedx(bench.sizes.components, image.digest)
    with FakeRegistry() as registry:
        digest = registry.push("shop/peer", image)
        for item in images.attachments(image, bench.keys, sbom=sbom):
            registry.push("shop/peer", item)
        name = f"{registry.host}/shop/peer@{digest}"
        key = ("--key", str(bench.keys.public), "--insecure-ignore-tlog=true", "--allow-http-registry=true")
        commands = [
            [str(cosign), "verify", *key, name],
            [str(cosign), "verify-attestation", *key, "--type", images.CYCLONEDX, name],
            [str(cosign), "verify-attestation", *key, "--type", images.PROVENANCE, name],
        ]
        report = bench.write("grype-peer.json", documents.grype(bench.sizes.findings[0], image.digest))
        fixed = ("--effective-time", documents.NOW, "--quiet", "--evidence", report)
        gate = bench.run(
            bench.gate("verify", name, "--key", str(bench.keys.public), "--plain-http", *fixed), bench.sizes.runs, (0, 1)
        )
        yield Row(f"gate verify in a registry, {bench.sizes.findings[0]} findings, whole pack", gate)
        one = bench.run(commands[0], bench.sizes.runs)
        yield Row("cosign verify", one, note=_ratio(gate, one))
        three = Summary(tuple(_sum(bench, commands) for _ in range(bench.sizes.runs)))
        yield Row("cosign verify, and verify-attestation twice", three, note=_ratio(gate, three))


def _sum(bench: Bench, commands: list[list[str]]) -> Run:
    runs = [once(command, bench.environ) for command in commands]
    return Run(sum(r.wall for r in runs), sum(r.cpu for r in runs), 0, "")


def engines(bench: Bench) -> Iterator[Row]:
    """OPA and conftest on the same input document and rules, without collecting, verifying or storing anything."""
    opa = find("opa")
    if opa is None:
        return
    rules = _rules(bench.folder / "rules")
    for number in bench.sizes.findings:
        report = str(bench.folder / f"grype-{number}.json")
        store = bench.folder / f"store-{number}"
        made = once(bench.verify("--evidence", report), {**bench.environ, "GATE_STORE": str(store)}, codes=(0, 1))
        document = bench.folder / f"input-{number}.json"
        document.write_bytes(_input(store))
        times = bench.sizes.runs if number <= 10_000 else bench.sizes.large_runs
        allowed = ("--capabilities", str(capabilities.PATH))
        command = [str(opa), "eval", "-f", "json", *allowed, "-b", str(rules), "-i", str(document), _QUERY]
        alone = bench.run(command, times)
        yield Row(f"opa eval, {number:,} findings", alone, note=_ratio(Summary((made,)), alone))
        execute = [str(opa), "exec", "--bundle", str(rules), "--decision", "rules", str(document)]
        yield Row(f"opa exec, {number:,} findings", bench.run(execute, times))
        conftest = find("conftest")
        if conftest is not None:
            test = [str(conftest), "test", "--policy", str(rules), "--data", str(rules), "--all-namespaces", str(document)]
            yield Row(f"conftest test, {number:,} findings", bench.run(test, times, (0, 1)))


def _rules(folder: Path) -> Path:
    """The pack without its tests, as the gate gives it to OPA."""
    for path, pack in load_policy([BundleSpec("default")], DEFAULT).owner.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(pack.files[path])
    return folder


def _input(store: Path) -> bytes:
    """The input document of the one verdict in a store."""
    from gate.audit.store import Store

    place = Store(store)
    (record,) = place.verdicts()
    return place.get(place.load(record).refs["input"][0])


def _ratio(gate: Summary, other: Summary) -> str:
    return f"gate takes {gate.median / other.median:.2f} times as long, {gate.cpu / other.cpu:.2f} times the CPU time"
