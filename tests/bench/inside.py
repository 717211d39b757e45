"""`python -m tests.bench.inside [--megabytes N …] [--runs N] [--tree FOLDER]`: what is inside an image, with all collectors.

The image is of files of this machine, or of an unpacked root: programs, libraries and texts as they come, none larger than a
tenth of it, in five gzipped layers. Its files differ from machine to machine; how many there are is printed.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import statistics
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench.measure import once, peaks
from tests.fakes.images import LAYER, Built, digest_of, encode, image, write_layout

__all__ = ["main", "write_image"]

_LAYERS = 5
_TREES = ("/usr/lib", "/usr/bin", "/usr/share", "/usr/local")
_TARGETS = {100: 2.0, 1000: 15.0}
_MEMORY = 300


def write_image(root: Path, size: int, trees: Sequence[str] = _TREES) -> tuple[Path, int]:
    """A layout of one image with about so many bytes of files, and how many files that are."""
    blobs = root / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    chosen = _files(trees, size)
    layers: list[dict[str, Any]] = []
    diff_ids: list[str] = []
    for number in range(_LAYERS):
        tar, packed = root / "tar", root / "packed"
        with tarfile.open(tar, "w", format=tarfile.PAX_FORMAT) as archive:
            for path in chosen[number::_LAYERS]:
                archive.add(path, arcname=str(path).lstrip("/"), recursive=False)
        with tar.open("rb") as plain, gzip.open(packed, "wb", 6) as out:
            hasher = hashlib.sha256()
            while piece := plain.read(1 << 20):
                hasher.update(piece)
                out.write(piece)
        diff_ids.append(f"sha256:{hasher.hexdigest()}")
        with packed.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        layers.append({"mediaType": LAYER, "digest": f"sha256:{digest}", "size": packed.stat().st_size})
        packed.rename(blobs / digest)
        tar.unlink()
    made = image()
    config = json.loads(made.blobs[made.config_digest])
    config["rootfs"] = {"type": "layers", "diff_ids": diff_ids}
    config["history"] = []
    settings = encode(config)
    manifest = json.loads(made.data) | {"layers": layers}
    manifest["config"] = manifest["config"] | {"digest": digest_of(settings), "size": len(settings)}
    write_layout(root, [(Built(encode(manifest), made.media_type, {digest_of(settings): settings}), {})])
    return root, len(chosen)


def _files(trees: Sequence[str], size: int) -> list[Path]:
    """Files from all trees in turn until the size is reached."""
    found: list[Path] = []
    largest = size // 10
    walks = [_walk(Path(tree)) for tree in trees if Path(tree).is_dir()]
    while walks and size > 0:
        for walk in list(walks):
            path = next(walk, None)
            if path is None:
                walks.remove(walk)
            elif size > 0 and path.stat().st_size <= largest:
                size -= path.stat().st_size
                found.append(path)
    return found


def _walk(tree: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(tree):
        names.sort()
        for name in sorted(files):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink() and os.access(path, os.R_OK):
                yield path


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.inside", description=__doc__)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tree", action="append", default=[])
    options = parser.parse_args(arguments)
    for megabytes in options.megabytes:
        with tempfile.TemporaryDirectory(prefix="gate-bench-") as name:
            layout, count = write_image(Path(name) / "image", megabytes * 1_000_000, options.tree or _TREES)
            environ = {**os.environ, "HOME": name, "GATE_STORE": name}
            command = [sys.executable, "-m", "gate", "inspect", f"oci:{layout}", "--format", "json"]
            runs = [once(command, environ) for _ in range(options.runs)]
            memory, _, _ = peaks(command, environ)
        wall, cpu = (statistics.median(values) for values in zip(*((run.wall, run.cpu) for run in runs), strict=True))
        target = _TARGETS.get(megabytes)
        best = min(run.wall for run in runs)
        print(f"gate inspect, {megabytes} MB in {count:,} files: {wall:.2f} s (min {best:.2f}), CPU {cpu:.2f} s,")
        print(f"  peak {memory:.0f} MiB (target {_MEMORY})" + (f", target {target:g} s" if target else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
