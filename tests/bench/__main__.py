"""`python -m tests.bench [--tiny] [--markdown] [--only PART]…`: measure and print the table."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tests.bench import peers
from tests.bench.cases import FULL, TINY, Bench
from tests.bench.table import Row, markdown, text

__all__ = ["main"]


def _parts(bench: Bench) -> dict[str, Callable[[], Iterable[Row]]]:
    return {
        "start": bench.start,
        "findings": bench.findings,
        "sboms": bench.sboms,
        "vex": bench.vex,
        "page": bench.page,
        "what-if": bench.what_if,
        "summary": bench.summary,
        "registry": bench.registry,
        "signatures": lambda: peers.signatures(bench),
        "engines": lambda: peers.engines(bench),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; exit code 1 when a command failed, and not for a missed target: the machine may be busy."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="small inputs, one run each: is anything broken?")
    parser.add_argument("--markdown", action="store_true", help="a table for docs/performance.md")
    parser.add_argument(
        "--only", action="append", default=[], metavar="PART", help="start, findings, sboms, …; `engines` needs `findings`"
    )
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as folder:
        bench = Bench(Path(folder), TINY if options.tiny else FULL)
        for name, part in _parts(bench).items():
            if options.only and name not in options.only:
                continue
            try:
                for row in part():
                    rows.append(row)
                    print(f"measured: {row.what}: {row.summary.median:.3f} s", file=sys.stderr, flush=True)
            except RuntimeError as problem:  # a command that failed; the others can still be measured
                failed.append(name)
                print(f"{name}: {problem}", file=sys.stderr, flush=True)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}, load {load}\n")
    print(markdown(rows) if options.markdown else text(rows), end="")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
