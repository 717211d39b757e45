"""`python -m tests.bench.oci [--megabytes N] [--runs N]`: copying beside `crane copy`, and an image with fifty referrers.

Both copy the same image of random layers from one loopback registry to new repositories of another, turn by turn, so that what
else the machine does meets both. The registries are Debian's docker-registry, in processes of their own. Layers already copied
are of another repository: docker-registry keeps them once, but each copy sends them all.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from gate.limits import DEFAULT
from gate.oci.options import RegistryOptions
from gate.oci.reference import parse
from gate.oci.target import attacher_for
from tests.bench.measure import once, peaks
from tests.fakes.docker_registry import docker_registry
from tests.fakes.images import LAYER, Built, encode, image, write_layout
from tests.tools import tool

__all__ = ["copies", "main", "referrers"]

LAYERS = 5


def big_layout(root: Path, megabytes: int) -> Path:
    """A layout of one image with random layers, written piece by piece."""
    made = image()
    value = json.loads(made.data)
    value["layers"] = [_layer(root, megabytes * 1_000_000 // LAYERS) for _ in range(LAYERS)]
    config = {made.config_digest: made.blobs[made.config_digest]}
    return write_layout(root, [(Built(encode(value), made.media_type, config), {})])


def _layer(root: Path, size: int) -> dict[str, object]:
    folder = root / "blobs" / "sha256"
    folder.mkdir(parents=True, exist_ok=True)
    hasher, left = hashlib.sha256(), size
    with (folder / "new").open("wb") as file:
        while left:
            piece = os.urandom(min(left, 1 << 20))
            file.write(piece)
            hasher.update(piece)
            left -= len(piece)
    (folder / "new").rename(folder / hasher.hexdigest())
    return {"mediaType": LAYER, "digest": f"sha256:{hasher.hexdigest()}", "size": size}


def copies(folder: Path, megabytes: int, runs: int) -> None:
    """Prints the medians, their ratio and the gate's peak memory. Raises RuntimeError when a copy fails."""
    layout = big_layout(folder / "layout", megabytes)
    environ = {**os.environ, "HOME": str(folder)}
    gate, crane = [sys.executable, "-m", "gate", "copy", "--quiet"], [str(tool("crane")), "copy"]
    for name in ("here", "there"):
        (folder / name).mkdir()
    with docker_registry(folder / "here") as here, docker_registry(folder / "there") as there:
        source = f"{here}/bench/app:1"
        once([*gate, f"oci:{layout}", source], environ)
        ours, theirs = [], []
        for number in range(runs + 1):  # the first pair fills the caches of files
            theirs.append(once([*crane, source, f"{there}/crane/{number}:1"], environ).wall)
            ours.append(once([*gate, source, f"{there}/gate/{number}:1"], environ).wall)
        memory, _, _ = peaks([*gate, source, f"{there}/gate/memory:1"], environ)
        again = once([*gate, source, f"{there}/gate/0:1"], environ).wall
    mine, other = statistics.median(ours[1:]), statistics.median(theirs[1:])
    ratio = statistics.median(a / b for a, b in zip(ours[1:], theirs[1:], strict=True))
    print(f"copy of {megabytes} MB: gate {mine:.2f} s (min {min(ours[1:]):.2f}), crane {other:.2f} s (min {min(theirs[1:]):.2f})")
    print(f"  gate / crane {ratio:.2f} (target 1.5), peak {memory:.0f} MiB (target 100), a second copy {again:.2f} s")


def referrers(folder: Path, count: int, runs: int) -> None:
    """Prints how long it takes to verify each of so many bundles on one image, from process start to exit."""
    environ = {**os.environ, "HOME": str(folder), "COSIGN_PASSWORD": ""}
    command = [sys.executable, "-m", "gate"]
    (folder / "registry").mkdir()
    with docker_registry(folder / "registry") as host:
        once([*command, "keys", "generate", "--output-key-prefix", str(folder / "bench")], environ)
        name = f"{host}/bench/signed:1"
        once([*command, "copy", f"oci:{write_layout(folder / 'small', [(image(), {})])}", name], environ)
        _sign(name, folder / "bench.key", count)
        check = [*command, "attestations", "verify", name, "--key", str(folder / "bench.pub")]
        found = [once(check, environ) for _ in range(runs + 1)][1:]
    verified = found[0].output.count("  verified ")
    print(f"{count} referrers: {statistics.median(run.wall for run in found):.2f} s (target 1), {verified} verified")


def _sign(name: str, key: Path, count: int) -> None:
    from gate.attest.signature import signature_statement
    from gate.attest.types import SIGN
    from gate.oci.source import open_source
    from gate.publish import bundle_referrer
    from gate.sign.bundle import INTOTO_PAYLOAD_TYPE, write_bundle
    from gate.sign.signer import open_signer

    options = RegistryOptions()
    signer = open_signer(str(key), {"COSIGN_PASSWORD": ""})
    subject = open_source(name, options=options, limits=DEFAULT).resolve()
    items = [
        bundle_referrer(
            subject, write_bundle(signature_statement(subject.digest, {"n": str(n)}), INTOTO_PAYLOAD_TYPE, signer), SIGN, ""
        )
        for n in range(count)
    ]
    attacher_for(parse(name), options, DEFAULT).attach(items)
    options.close()


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.oci", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as name:
        folder = Path(name)
        (folder / "a").mkdir()
        (folder / "b").mkdir()
        referrers(folder / "a", 50, options.runs)
        copies(folder / "b", options.megabytes, options.runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
