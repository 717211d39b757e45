"""Beside a pinned pack nobody from outside may vouch for what lets more pass (invariant 7)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from gate.limits import DEFAULT
from gate.policy.bundle import BundleSpec, load_pack
from tests.e2e.gate import Done, Gate
from tests.e2e.lab import VEX, Lab, grype, openvex
from tests.fakes import images

BUILT = images.image()
LENIENT = ("--profile", "dev", "--param", "max_critical=0")


def pinned(folder: Path, *entries: Mapping[str, object]) -> str:
    """A small pack with the digest that it has, which permits the profile dev."""
    folder.mkdir()
    manifest = {"roots": [""], "metadata": {"name": "acme", "gate": {"profiles": ["dev"]}}}
    (folder / ".manifest").write_text(json.dumps(manifest))
    (folder / "trust").mkdir()
    (folder / "trust" / "data.json").write_text(json.dumps({"entries": list(entries)}))
    return f"{folder}@{load_pack(BundleSpec(str(folder)), DEFAULT).digest}"


def judged(gate: Gate, lab: Lab, *arguments: str | Path, signed: bool = True) -> Done:
    """A critical finding that VEX calls not affected: a signed attachment, or a file that nobody signed."""
    statement = openvex("CVE-2026-1")
    scan = lab.file("scan.json", grype(BUILT.digest, findings=[("CVE-2026-1", "Critical")]))
    image = lab.layout("app", BUILT, [lab.bundle(VEX, statement, BUILT.digest)] if signed else [])
    file = () if signed else ("--vex", lab.file("vex.json", statement))
    return gate.verify(image, "--evidence", scan, *LENIENT, *file, *arguments)


def entry(lab: Lab, **changes: object) -> dict[str, object]:
    """The lab's key as a pack names it."""
    return {"name": "security", "roles": ["vex"], "key": lab.signer.public_key.pem.decode(), **changes}


def test_vex_by_a_signer_from_outside_suppresses_nothing(gate: Gate, lab: Lab, tmp_path: Path) -> None:
    """The same key suppresses when the pack names it, or when nothing is pinned."""
    assert judged(gate, lab, *lab.key).code == 0
    done = judged(gate, lab, *lab.key, "--bundle", pinned(tmp_path / "silent"))
    assert done.code == 1
    assert "a pack is pinned" in done.outcome["vex"]["rejected"][0]["detail"]
    named = judged(gate, lab, "--bundle", pinned(tmp_path / "naming", entry(lab)))
    assert (named.code, named.outcome["effective"]["critical"]) == (0, 0)


def test_an_unsigned_vex_file_suppresses_nothing(gate: Gate, lab: Lab, tmp_path: Path) -> None:
    """Neither where the pack names signers nor where it names none."""
    assert judged(gate, lab, signed=False).code == 0
    for name, entries in (("silent", ()), ("naming", (entry(lab),))):
        done = judged(gate, lab, "--bundle", pinned(tmp_path / name, *entries), signed=False)
        assert done.code == 1
        assert "a pack is pinned" in done.outcome["vex"]["rejected"][0]["detail"]


def test_keys_from_outside_a_pack_that_names_whom_to_trust(gate: Gate, lab: Lab, tmp_path: Path) -> None:
    """They are refused, unless they are an entry of the pack word for word."""
    pack = pinned(tmp_path / "pack", entry(lab))
    done = judged(gate, lab, *lab.key, "--bundle", pack)
    assert done.code == 2 and "comes from outside a pinned bundle" in done.err
    for roles, code in (("[vex]", 0), ("[vex, signature]", 2)):
        text = f"trust: {{entries: [{{name: x, roles: {roles}, key: lab.pub}}]}}\n"
        text = "schema: gate.policy/v1\nenvironments: {dev: {profile: dev}}\n" + text
        assert judged(gate, lab, "--policy-file", lab.file("policy.yaml", text.encode()), "--bundle", pack).code == code


def test_a_root_that_a_pack_names_by_digest(gate: Gate, lab: Lab, tmp_path: Path) -> None:
    """Its file comes with `--trusted-root`, and any other file is refused."""
    root = lab.file("root.json", b"{}")
    keyless = {"name": "ci", "roles": ["vex"], "identity": "https://ci.example/w", "issuer": "https://issuer.example"}
    pack = pinned(tmp_path / "pack", {**keyless, "trusted_root": {"sha256": "a" * 64}})
    for given in ((), ("--trusted-root", str(root))):
        done = judged(gate, lab, "--bundle", pack, *given)
        assert done.code == 2 and "needs the trusted root sha256:aaaa" in done.err
