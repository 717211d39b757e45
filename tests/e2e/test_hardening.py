"""`--fail-on-stig` on images without any scanner: the baseline decides, from the files and the configuration."""

from __future__ import annotations

import datetime
import gzip
from collections.abc import Iterable
from typing import Any

import pytest

from tests.e2e.gate import Done, Gate
from tests.e2e.lab import Lab, grype
from tests.fakes import images
from tests.fakes.images import Built, digest_of, encode
from tests.oci.layering import File, folder, symlink, tar_of

MINIMAL = [
    folder("etc"), File("etc/passwd", b"root:x:0:0::/root:/sbin/nologin\napp:x:10001:10001::/:/sbin/nologin\n"),
    File("etc/group", b"root:x:0:\napp:x:10001:\n"), File("etc/os-release", b"ID=debian\nVERSION_ID=13\n"),
    folder("app"), File("app/server", b"data", mode=0o755),
]  # fmt: skip
FULL = [
    *MINIMAL, folder("usr/bin"), File("usr/bin/bash", b"x", mode=0o755), File("usr/bin/su", b"x", mode=0o4755),
    symlink("usr/sbin/in.telnetd", "/usr/bin/bash"), folder("run"), File("run/.containerenv"), folder("root"),
    File("root/.netrc", b"machine x login y password z"),
]  # fmt: skip


def built(*layers: Iterable[File], history: list[dict[str, Any]] | None = None, **config: Any) -> Built:
    """An image of these layers."""
    tars = [tar_of(files) for files in layers]
    blobs = [gzip.compress(tar, mtime=0) for tar in tars]
    body = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"User": "10001:10001", "Env": ["PATH=/app"], **config},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in tars]},
        "history": [{"created_by": "COPY . /"} for _ in layers] if history is None else history,
    }
    data = encode(body)
    manifest = {
        "schemaVersion": 2,
        "mediaType": images.OCI_MANIFEST,
        "config": {"mediaType": images.OCI_CONFIG, "digest": digest_of(data), "size": len(data)},
        "layers": [{"mediaType": images.LAYER, "digest": digest_of(blob), "size": len(blob)} for blob in blobs],
    }
    everything = {digest_of(data): data} | {digest_of(blob): blob for blob in blobs}
    return Built(encode(manifest), images.OCI_MANIFEST, everything, config_digest=digest_of(data))


def judge(gate: Gate, lab: Lab, image: Built, *flags: Any) -> Done:
    """Under a policy that asks for nothing but a scan and the baseline."""
    scan = lab.file("scan.json", grype(image.digest, findings=[("CVE-2026-1", "Low")]))
    place = f"oci:{images.write_layout(lab.folder / image.digest[7:20], [(image, {})])}"
    return gate.verify(place, "--profile", "dev", "--evidence", scan, "--fail-on-stig", *flags)


def test_a_minimal_image_is_allowed_by_its_own_facts(gate: Gate, lab: Lab) -> None:
    """No scanner's report is needed; what was decided is counted in the verdict."""
    done = judge(gate, lab, built(MINIMAL), "2")
    assert done.code == 0, done.out
    [counts] = [result["data"] for result in done.rule("hardening.coverage")["results"]]
    assert counts["selected"] == sum(counts[name] for name in ("passed", "failed", "error", "not_applicable", "manual"))
    assert counts["evaluated"] / counts["selected"] >= 0.5 and counts["failed"] == 0
    assert {rule["state"] for rule in done.outcome["rules"] if rule["rule"] == "hardening.shell"} == {"not_applicable"}


def test_a_full_image_is_denied_with_path_layer_and_fix(gate: Gate, lab: Lab) -> None:
    """Each control by its own rule; a file that a later layer deletes still counts."""
    image = built(FULL, [File("root/.wh..netrc")], User="", Env=["DB_PASSWORD=hunter2", "LD_PRELOAD=/x.so"])
    done = judge(gate, lab, image, "2")
    assert done.code == 1, done.out
    wanted = {"root_user", "setuid", "remote_access", "secret_text", "credential_file", "scanner_influence", "env_override"}
    assert {f"hardening.{name}" for name in wanted} <= set(done.reasons)
    [result] = done.rule("hardening.setuid")["results"]
    assert (result["term"], result["fix"]) == ("usr/bin/su", "Remove the bit (`chmod a-s`) or the package in the build.")
    assert result["data"]["layer"].startswith("sha256:") and result["data"]["layer"] in done.out
    names = {(control["framework"], control["id"]) for control in done.rule("hardening.setuid")["controls"]}
    assert {("DISA-STIG", "V-203695"), ("CCI", "CCI-002235"), ("CIS-Docker", "4.8"), ("NIST-800-53", "AC-6(10)")} <= names
    [netrc] = done.rule("hardening.credential_file")["results"]
    assert netrc["data"]["visible"] is False
    assert "hunter2" not in str(done.rule("hardening.secret_text"))


def test_a_milder_category_is_only_said(gate: Gate, lab: Lab) -> None:
    """CAT I denies; CAT II warns under 1, and its rule does not pass."""
    done = judge(gate, lab, built(FULL), "1")
    assert done.code == 1
    assert "hardening.remote_access" in done.reasons and "hardening.setuid" not in done.reasons
    assert done.rule("hardening.setuid")["state"] == "not_applicable"
    assert "setuid" in {result["term"] for result in done.rule("hardening.milder")["results"]}


def test_a_waiver_by_path(gate: Gate, lab: Lab) -> None:
    """One file is waived by its path; another is not, whose name only begins so and goes on behind a bar."""
    day = datetime.datetime.now(datetime.UTC).date()
    waiver = {
        "id": "W1", "rule": "hardening.setuid", "term": "usr/bin/su", "reason": "used by the start script",
        "owner": "sec@acme.example", "ticket": "SEC-7", "approved_by": "ciso@acme.example",
        "created": str(day), "expires": str(day + datetime.timedelta(days=30)),
    }  # fmt: skip
    waivers = lab.file("waivers.yaml", {"schema": "gate.waivers/v1", "waivers": [waiver]})
    one = [*MINIMAL, folder("usr/bin"), File("usr/bin/su", b"x", mode=0o4755)]
    assert judge(gate, lab, built(one), "2", "--waivers", waivers).code == 0
    assert judge(gate, lab, built([*one, File("usr/bin/su|x", b"x", mode=0o4755)]), "2", "--waivers", waivers).code == 1


@pytest.mark.parametrize(
    ("image", "flags", "code", "reasons"),
    [
        (built(MINIMAL, User="nobody"), [], 3, ["hardening.undecided"]),
        (built([*MINIMAL, File("../x", b"")]), [], 3, ["hardening.coverage_below", "hardening.undecided"]),
        (built(MINIMAL), ["--param", "stig_require_results=true"], 1, ["stig.required"]),
        (
            built([*MINIMAL, folder("srv/apt"), symlink("etc/apt", "/srv/apt"), symlink("run", "srv")]),
            [],
            3,
            ["hardening.undecided"],
        ),
    ],
)
def test_what_cannot_be_told_is_no_pass(
    gate: Gate, lab: Lab, image: Built, flags: list[str], code: int, reasons: list[str]
) -> None:
    """Unknown users, files that runtimes disagree on, too little that was decided."""
    done = judge(gate, lab, image, "2", *flags)
    assert (done.code, done.reasons) == (code, reasons), done.out


def test_an_image_that_cannot_be_read_is_no_verdict(gate: Gate, lab: Lab) -> None:
    """A layer that is none: nothing was looked at, whatever a scan says."""
    done = judge(gate, lab, images.image(), "2")
    assert done.code == 3 and "hardening.looked" in done.reasons, done.out


def test_the_baseline_cannot_be_selected_away(gate: Gate, lab: Lab) -> None:
    """Without its rules, results of a scanner are required, as the parameter asks for something."""
    policy = lab.file(
        "policy.yaml", b'schema: gate.policy/v1\nenvironments:\n  prod: {profile: dev, select: ["*", "-hardening"]}\n'
    )
    image = built(MINIMAL)
    scan = lab.file("scan.json", grype(image.digest, findings=[("CVE-2026-1", "Low")]))
    place = f"oci:{images.write_layout(lab.folder / 'one', [(image, {})])}"
    done = gate.verify(place, "--policy-file", policy, "--evidence", scan, "--fail-on-stig", "2")
    assert done.code == 3 and "gate.required_evidence" in done.reasons, done.out
