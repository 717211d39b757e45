"""SBOMs in the image's own file system, through `gate verify --inspect`: listed as such, and never enough."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.gate import KEY, NO_SCAN, Gate
from tests.e2e.test_inspect import built, layout
from tests.evidence.sbom.test_inside import DATA
from tests.oci.layering import File


def test_one_inside_is_listed_and_satisfies_nothing(gate: Gate, tmp_path: Path) -> None:
    """It is evidence of origin ``image`` that nobody vouches for: ``require_sbom`` still denies. Others are not taken."""
    report = json.dumps({"matches": [], "source": None, "distro": {}, "descriptor": {"name": "grype"}}).encode()
    files = [
        File("usr/share/sbom/app.cdx.json", DATA),
        File("usr/share/sbom/scan.json", report),
        File("usr/share/sbom/odd", b"odd"),
    ]
    place = layout(tmp_path, built(files))
    loose = ("--param", 'accept={"*": {"verified": false, "bindings": ["signed", "embedded", "asserted"]}}')
    done = gate.verify(place, "--profile", "dev", *NO_SCAN, "--inspect", "--require-sbom", *loose, *KEY)
    assert done.code == 1, done.out + done.err
    blobs = [path.read_bytes() for path in gate.store.rglob("*") if path.is_file()]
    stored = [json.loads(data) for data in blobs if b'"schema":"gate.input/v1"' in data]
    listed = [item for document in stored if isinstance(document, dict) for item in document.get("evidence", ())]
    inner = [item for item in listed if item["origin"] == "image"]
    assert [(item["source"], item["kind"], item["verification"]["state"]) for item in inner] == [
        ("/usr/share/sbom/app.cdx.json", "sbom", "unverified")
    ]
    denied = {rule["rule"] for rule in done.outcome["rules"] if rule["results"]}
    assert "sbom.required" in denied
