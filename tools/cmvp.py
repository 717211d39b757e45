#!/usr/bin/env python3
"""Write the dated list of CMVP certificates that `policies/lib/fips` joins modules with.

    python tools/cmvp.py SNAPSHOT.json[.gz]...  -o policies/cmvp/list/data.json

A snapshot is JSON with `metadata.generated_at` and `modules`, each an object with the columns of NIST's list of validated
modules: "Certificate Number", "Vendor Name", "Module Name", "standard", "status", "sunset_date" (M/D/YYYY), "caveat". Kept are
the certificates that policies/cmvp/modules/data.yaml names. `as_of` is the oldest snapshot's day. A certificate of that file
that is in no snapshot is named on stderr, and stays out: policies then say that the list is older than the certificate.

Facts of the US government (NIST CMVP), which hold no copyright. Uses the standard library, and PyYAML, which the gate needs.
"""

import argparse
import datetime
import gzip
import json
import sys
from pathlib import Path
from typing import Any

import yaml

SOURCE = "NIST Cryptographic Module Validation Program, list of validated modules"


def day(text: str | None) -> str | None:
    """``2026-09-21`` of ``9/21/2026``; None of nothing."""
    if not text:
        return None
    return datetime.datetime.strptime(text, "%m/%d/%Y").date().isoformat()


def certificate(row: dict[str, Any]) -> dict[str, Any]:
    """One certificate as policies read it. Rows of the historical list say neither status nor standard."""
    return {
        "module": row["Module Name"],
        "vendor": row["Vendor Name"],
        "standard": row.get("standard") or "",
        "status": (row.get("status") or "Historical").lower(),
        "sunset": day(row.get("sunset_date")),
        "interim": "interim" in (row.get("caveat") or "").lower(),
    }


def main() -> int:
    """Reads the snapshots, writes the list."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("snapshot", nargs="+", type=Path)
    parser.add_argument("-m", "--modules", type=Path, default=Path("policies/cmvp/modules/data.yaml"))
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    wanted = {number for entry in yaml.safe_load(options.modules.read_text())["entries"] for number in entry["certificates"]}
    found: dict[str, dict[str, Any]] = {}
    days: list[str] = []
    for path in options.snapshot:
        data = path.read_bytes()
        document = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
        days.append(document["metadata"]["generated_at"][:10])
        for row in document["modules"]:
            if row["Certificate Number"] in wanted:
                found.setdefault(row["Certificate Number"], certificate(row))
    for number in sorted(wanted - found.keys(), key=int):
        print(f"certificate {number} is in no snapshot", file=sys.stderr)
    listed = {number: found[number] for number in sorted(found, key=int)}
    text = json.dumps({"as_of": min(days), "source": SOURCE, "certificates": listed}, indent=1, ensure_ascii=False)
    options.output.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
