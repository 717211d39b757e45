"""`--fail-on-fips-issues` from the command line: one validated image, and what spoils it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.gate import Done, Gate
from tests.e2e.lab import Lab, grype
from tests.e2e.test_hardening import built
from tests.evidence.fips.elves import elf
from tests.evidence.fips.roots import FIPS, STRICT, conf, debian, fipsmodule, mac_of, provider
from tests.fakes import images
from tests.oci.layering import File, symlink

OWN = provider("3.1.2")
VALIDATED = debian(
    conf(STRICT), fipsmodule(mac_of(OWN)), File(FIPS, OWN), File("var/lib/dpkg/info/openssl-provider-fips.list", b"/usr\n")
)
"""Debian's OpenSSL with the provider that its project had validated, built by whoever makes the image."""
SCRIPT = File("start.sh", b"#!/bin/sh\nexport OPENSSL_CONF=/dev/null\nexec app\n", mode=0o755)
SPARSE = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "app", "GNU.sparse.realsize": "900000"}
LATER = ["--effective-time", "2030-03-11T00:00:00Z"]
PACKAGED = debian(conf(STRICT), fipsmodule())


def verify(gate: Gate, lab: Lab, files: list[File], *flags: Any, env: str = "PATH=/bin", **config: Any) -> Done:
    """Under a policy that asks for nothing but a scan and FIPS."""
    image = built(files, Env=[env], **config)
    scan = lab.file("scan.json", grype(image.digest, findings=[("CVE-2026-1", "Low")]))
    place = f"oci:{images.write_layout(lab.folder / image.digest[7:20], [(image, {})])}"
    return gate.verify(place, "--profile", "dev", "--evidence", scan, "--fail-on-fips-issues", *flags)


def test_a_validated_module_that_is_on_is_allowed(gate: Gate, lab: Lab) -> None:
    """The provider of certificate 4985, installed, activated and demanded; nothing else denies."""
    done = verify(gate, lab, VALIDATED)
    assert done.code == 0, done.out
    assert {rule["state"] for rule in done.outcome["rules"] if rule["rule"] == "fips.not_validated"} == {"passed"}


@pytest.mark.parametrize(
    ("files", "env", "flags", "reason"),
    [
        pytest.param(VALIDATED, "OPENSSL_CONF=/dev/null", [], "fips.overridden", id="switched-off-by-env"),
        pytest.param(PACKAGED, "PATH=/bin", [], "fips.not_validated", id="debians-own-build"),
        pytest.param(VALIDATED, "PATH=/bin", LATER, "fips.certificate_expired", id="expired"),
        pytest.param([*VALIDATED, File(FIPS, OWN + b"x")], "PATH=/bin", [], "fips.tampered", id="tampered"),
    ],
)
def test_what_spoils_it_denies(gate: Gate, lab: Lab, files: list[File], env: str, flags: list[str], reason: str) -> None:
    """One change each; the report names path, layer, controls and what to do."""
    done = verify(gate, lab, files, *flags, env=env)
    assert done.code == 1, done.out
    assert reason in done.reasons
    [result] = [item for item in done.rule(reason)["results"] if item["term"] == FIPS]
    assert result["data"]["module"]["layer"].startswith("sha256:") and result["fix"]
    assert {"framework": "NIST-800-53", "id": "SC-13"} in done.rule(reason)["controls"]


@pytest.mark.parametrize(
    ("files", "config", "code", "reason"),
    [
        pytest.param([], {"Entrypoint": ["sh", "-c", "OPENSSL_CONF=/dev/null app"]}, 1, "fips.overridden", id="shell"),
        pytest.param([], {"Cmd": ["/usr/bin/env", "OPENSSL_CONF=/dev/null", "app"]}, 1, "fips.overridden", id="env-program"),
        pytest.param([SCRIPT], {"Entrypoint": ["/start.sh"]}, 3, "fips.unknown", id="start-script"),
        pytest.param([File("etc/x", b""), symlink("x", "etc")], {}, 0, "", id="harmless"),
        pytest.param([File("app", elf(), mode=0o755, pax=SPARSE)], {}, 3, "fips.incomplete", id="sparse-program"),
    ],
)
def test_how_it_starts_and_what_cannot_be_read(
    gate: Gate, lab: Lab, files: list[File], config: dict[str, Any], code: int, reason: str
) -> None:
    """The command can take FIPS away like `Env`; what may do so, or was not looked at, gives no verdict."""
    done = verify(gate, lab, [*VALIDATED, *files], **config)
    assert done.code == code, done.out
    assert not reason or reason in done.reasons
