"""The pairs of docs/interop.md: who made something, who looked at it, in which form, and what came of it. One test each."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from gate.__main__ import run as run_gate
from tests import samples
from tests.tools import tool

_EVERYWHERE = ("signature", "cyclonedx")
VERIFIER = "https://gate.example/interop"
PREDICATES = {
    "slsaprovenance1": {
        "buildDefinition": {"buildType": "https://b.example", "externalParameters": {}},
        "runDetails": {"builder": {"id": "https://b.example"}},
    },
    "cyclonedx": {"bomFormat": "CycloneDX", "specVersion": "1.6"},
    "spdxjson": {"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT"},
    "vuln": {
        "invocation": {"uri": "", "event_id": "", "builder.id": ""},
        "scanner": {"uri": "pkg:x", "version": "1", "db": {"uri": "", "version": ""}, "result": {}},
        "metadata": {"scanStartedOn": "2026-01-01T00:00:00Z", "scanFinishedOn": "2026-01-01T00:00:00Z"},
    },
    "openvex": {"@context": "https://openvex.dev/ns/v0.2.0", "statements": []},
    "custom": {"any": "thing"},
    "https://acme.example/review/v1": {"reviewer": "someone"},
}


class Bench:
    """A folder with two key pairs, a registry, and the programs."""

    def __init__(self, folder: Path, host: str) -> None:
        self.folder = folder
        self.host = host
        self.image = f"{host}/team/app:1"
        self.digest = samples.digest("clean")
        for name in ("gate", "other"):
            self.gate("keys", "generate", "--output-key-prefix", folder / name)
        self.gate("copy", f"oci:{samples.layout('clean')}", self.image, "--image-only")
        for kind, value in PREDICATES.items():
            self.predicate(kind).write_text(json.dumps(value))

    def predicate(self, kind: str) -> Path:
        """A document of the type."""
        return self.folder / f"{kind.rpartition('/')[0].count('/')}-{kind.replace('/', '_').replace(':', '_')}.json"

    def key(self, name: str = "gate.key") -> Path:
        """A file of the folder."""
        return self.folder / name

    def gate(self, *arguments: str | Path, code: int = 0) -> None:
        """The gate in this process, with the exit code that is expected."""
        got = run_gate([str(part) for part in arguments])
        assert got == code, f"gate {' '.join(map(str, arguments))}: {got}"

    def tool(self, name: str, *arguments: str | Path, succeeds: bool = True) -> str:
        """Another program; returns what it printed."""
        environ = {
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
            "COSIGN_PASSWORD": "",
            "TUF_ROOT": str(self.folder / "tuf"),
        }
        command = [str(tool(name)), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=120, check=False, cwd=self.folder)
        assert (done.returncode == 0) is succeeds, (
            f"{' '.join(command)}: {done.returncode}\n{done.stdout[-500:]}\n{done.stderr[-2000:]}"
        )
        return done.stdout

    def cosign_accepts(
        self, kind: str, *, legacy: bool = False, image: str = "", key: str = "gate.pub", succeeds: bool = True
    ) -> None:
        """`cosign verify` or `verify-attestation`, in the old form or the new."""
        what = ("verify",) if kind == "signature" else ("verify-attestation", "--type", kind)
        form = ("--new-bundle-format=false",) if legacy else ()
        more = (*what, "--key", self.key(key), "--insecure-ignore-tlog=true", *form, image or self.image)
        self.tool("cosign", *more, succeeds=succeeds)

    def cosign_signs(self, kind: str, *, legacy: bool = False) -> None:
        """`cosign sign` or `attest`, without a log."""
        form = ("--new-bundle-format=false",) if legacy else ()
        common = ("--key", self.key(), "--tlog-upload=false", "--use-signing-config=false", "-y", *form, self.image)
        if kind == "signature":
            self.tool("cosign", "sign", *common)
        else:
            self.tool("cosign", "attest", "--type", kind, "--predicate", self.predicate(kind), *common)

    def gate_signs(self, kind: str, *, legacy: bool = False) -> None:
        """`gate sign` or `attest --push`."""
        form = ("--legacy-tags",) if legacy else ()
        if kind == "signature":
            self.gate("sign", self.image, "--key", self.key(), *form)
        else:
            more = ("--type", kind, "--predicate", self.predicate(kind), "--push")
            self.gate("attest", self.image, *more, "--key", self.key(), *form)

    def gate_accepts(self, kind: str, *, image: str = "", key: str = "gate.pub", code: int = 0) -> None:
        """`gate attestations verify`."""
        self.gate("attestations", "verify", image or self.image, "--type", kind, "--key", self.key(key), code=code)


@dataclasses.dataclass(frozen=True)
class Pair:
    """One row of the table."""

    made_by: str
    checked_by: str
    form: str
    result: str
    check: Callable[[Bench], None]
    everywhere: bool = True
    """On every registry; else on one, for what does not depend on it."""


def _by_gate(kind: str, legacy: bool) -> Callable[[Bench], None]:
    def check(bench: Bench) -> None:
        bench.gate_signs(kind, legacy=legacy)
        bench.cosign_accepts(kind, legacy=legacy)
        bench.cosign_accepts(kind, legacy=legacy, key="other.pub", succeeds=False)

    return check


def _by_cosign(kind: str, legacy: bool) -> Callable[[Bench], None]:
    def check(bench: Bench) -> None:
        bench.cosign_signs(kind, legacy=legacy)
        bench.gate_accepts(kind)
        bench.gate_accepts(kind, key="other.pub", code=1)

    return check


def _sbom_is_no_signature(bench: Bench) -> None:
    bench.gate_signs("cyclonedx")
    bench.gate_accepts("signature", code=1)
    bench.cosign_accepts("signature")  # cosign takes any bundle of the signer about the image for a signature


def _summary(bench: Bench) -> None:
    samples_key = samples.public_key()
    bench.gate("copy", f"oci:{samples.layout('clean')}", bench.image)
    ages = ("--param", "max_db_age_days=36500", "--param", "max_evidence_age_days=36500")
    more = ("--attest", "--push", "--sign-key", bench.key(), "--verifier-id", VERIFIER, "--attest-dir", bench.folder)
    store = ("--store", bench.folder / "store", "--output", f"json={bench.folder / 'report.json'}")
    bench.gate("verify", bench.image, "--key", samples_key, *ages, *more, *store)


def _summary_to_cosign(bench: Bench) -> None:
    _summary(bench)
    for kind in ("https://slsa.dev/verification_summary/v1", "https://in-toto.io/attestation/vulns/v0.2", "cyclonedx"):
        bench.cosign_accepts(kind)


def _summary_to_slsa_verifier(bench: Bench) -> None:
    _summary(bench)
    [envelope] = bench.folder.glob("*.vsa.dsse.json")
    common = ("verify-vsa", "--verifier-id", VERIFIER, "--resource-uri", f"oci://{bench.host}/team/app")
    where = ("--attestation-path", str(envelope))
    good = ("--subject-digest", bench.digest, "--public-key-path", str(bench.key("gate.pub")))
    bench.tool("slsa-verifier", *common, *where, *good)
    bench.tool("slsa-verifier", *common, *where, *good[:2], "--public-key-path", bench.key("other.pub"), succeeds=False)


def _gate_copies(bench: Bench) -> None:
    bench.cosign_signs("signature")
    bench.cosign_signs("signature", legacy=True)
    bench.cosign_signs("cyclonedx")
    target = f"{bench.host}/mirror/app:2"
    bench.gate("copy", bench.image, target)
    bench.cosign_accepts("signature", image=target)
    bench.cosign_accepts("signature", image=target, legacy=True)
    bench.cosign_accepts("cyclonedx", image=target)


def _gate_pushes_a_signed_layout(bench: Bench) -> None:
    layout = bench.folder / "layout"
    bench.gate("copy", bench.image, f"oci:{layout}")
    bench.gate("sign", f"oci:{layout}", "--key", bench.key())
    target = f"{bench.host}/pushed/app:2"
    bench.gate("push", f"oci:{layout}", target, "--store", bench.folder / "store")
    bench.cosign_accepts("signature", image=target)


def _cosign_saves(bench: Bench) -> None:
    bench.cosign_signs("signature")
    bench.cosign_signs("signature", legacy=True)
    bench.tool("cosign", "save", "--dir", bench.folder / "saved", bench.image)
    bench.gate_accepts("signature", image=f"oci:{bench.folder / 'saved'}")


def _crane_copies(bench: Bench) -> None:
    bench.gate_signs("signature")
    bench.tool("crane", "copy", bench.image, f"{bench.host}/bare/app:1")
    bench.gate_accepts("signature", image=f"{bench.host}/bare/app:1", code=1)


def _crane_pulls(bench: Bench) -> None:
    target = f"{bench.host}/pushed/app:3"
    bench.gate("push", f"oci:{samples.layout('clean')}", target, "--store", bench.folder / "store")
    assert bench.tool("crane", "digest", target).strip() == bench.digest
    bench.tool("crane", "validate", "--remote", target)


def _oras_discovers(bench: Bench) -> None:
    bench.gate_signs("signature")
    shown = bench.tool("oras", "discover", "--plain-http", "--format", "json", bench.image)
    assert "application/vnd.dev.sigstore.bundle.v0.3+json" in shown


def _oras_copies(bench: Bench) -> None:
    bench.gate_signs("signature")
    target = f"{bench.host}/oras/app:1"
    bench.tool("oras", "cp", "-r", "--from-plain-http", "--to-plain-http", bench.image, target)
    bench.gate_accepts("signature", image=target)


def _keys_of_cosign(bench: Bench) -> None:
    bench.tool("cosign", "generate-key-pair", "--output-key-prefix", "theirs")
    bench.gate("sign", bench.image, "--key", bench.key("theirs.key"))
    bench.cosign_accepts("signature", key="theirs.pub")


def _rows() -> list[Pair]:
    rows = []
    for kind in ("signature", *PREDICATES):
        name = "`gate sign`" if kind == "signature" else f"`gate attest --type {kind}`"
        checker = "`cosign verify`" if kind == "signature" else "`cosign verify-attestation`"
        rows.append(Pair(name, checker, "bundle v0.3, referrer", "accepted", _by_gate(kind, False), kind in _EVERYWHERE))
        rows.append(Pair(name, checker, "legacy tag (`--legacy-tags`)", "accepted", _by_gate(kind, True), kind in _EVERYWHERE))
    for kind in ("signature", *PREDICATES):
        name = "`cosign sign`" if kind == "signature" else f"`cosign attest --type {kind}`"
        rows.append(Pair(name, "gate", "bundle v0.3, referrer", "accepted", _by_cosign(kind, False), kind in _EVERYWHERE))
        rows.append(Pair(name, "gate", "legacy tag", "accepted", _by_cosign(kind, True), kind in _EVERYWHERE))
    return [
        *rows,
        Pair("`cosign generate-key-pair`", "`gate sign`, `cosign verify`", "key file", "accepted", _keys_of_cosign),
        Pair(
            "`gate verify --attest --push`",
            "`cosign verify-attestation`",
            "summary, findings and SBOM as bundles",
            "accepted",
            _summary_to_cosign,
        ),
        Pair(
            "`gate verify --attest`", "`slsa-verifier verify-vsa`", "summary as bare DSSE", "accepted", _summary_to_slsa_verifier
        ),
        Pair(
            "`gate attest --type cyclonedx`",
            "gate and `cosign verify`, asked for a signature",
            "bundle v0.3, referrer",
            "refused by the gate, accepted by cosign: it takes any bundle about the image",
            _sbom_is_no_signature,
        ),
        Pair("cosign, then `gate copy`", "`cosign verify`", "bundle and legacy tags", "accepted", _gate_copies),
        Pair(
            "`gate sign` on a layout, `gate push`",
            "`cosign verify`",
            "bundle v0.3, referrer",
            "accepted",
            _gate_pushes_a_signed_layout,
        ),
        Pair("cosign, then `cosign save`", "gate", "layout", "accepted", _cosign_saves),
        Pair("`gate push`", "`crane validate`, `crane digest`", "image", "accepted", _crane_pulls),
        Pair("`gate sign`, then `crane copy`", "gate", "image alone", "refused: crane leaves signatures behind", _crane_copies),
        Pair("`gate sign`", "`oras discover`", "referrer", "listed", _oras_discovers),
        Pair("`gate sign`, then `oras cp -r`", "gate", "referrer", "accepted", _oras_copies),
    ]


PAIRS = tuple(_rows())
