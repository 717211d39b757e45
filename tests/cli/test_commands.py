"""The smaller commands: init, config, explain, doctor, keys, completion."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from tests.e2e.conftest import gate as gate
from tests.e2e.gate import Gate
from tests.tools import repository


def test_init_writes_a_file_that_config_check_accepts(gate: Gate, tmp_path: Path) -> None:
    """And never overwrites one."""
    path = tmp_path / "security-policy.yaml"
    assert gate("init", "--path", path).code == 0
    before = path.read_bytes()
    checked = gate("config", "check", "--policy-file", path)
    assert checked.code == 0 and "everything is well formed" in checked.out, checked.err
    again = gate("init", "--path", path)
    assert again.code == 2 and "exists already" in again.err and path.read_bytes() == before
    assert gate("init", "--path", "-").out.encode() == before


def test_init_where_nothing_can_be_written(gate: Gate, tmp_path: Path) -> None:
    """Exit 3, and no half of a file."""
    done = gate("init", "--path", tmp_path / "no" / "such" / "file.yaml")
    assert done.code == 3 and not list(tmp_path.glob("no"))


def test_the_schema_accepts_what_init_writes(gate: Gate) -> None:
    """`gate config schema` is a JSON Schema that holds for the template and refuses a typo."""
    schema = json.loads(gate("config", "schema").out)
    validator = jsonschema_rs.validator_for(schema)
    value = yaml.safe_load(gate("init", "--path", "-").out)
    assert validator.is_valid(value)
    value["environments"]["prod"]["params"]["max_hihg"] = 3
    assert not validator.is_valid(value)


def test_config_show_says_what_and_from_where(gate: Gate, tmp_path: Path) -> None:
    """Profile, file with its line, and flag, each named."""
    path = tmp_path / "policy.yaml"
    path.write_text("schema: gate.policy/v1\nenvironments:\n  prod:\n    params:\n      max_high: 2\n")
    done = gate("config", "show", "--policy-file", path, "--param", "max_medium=9")
    lines = {line.split()[0]: line for line in done.out.splitlines() if line.strip()}
    assert re.search(r"2 .*policy\.yaml:5", lines["max_high"])
    assert "--param max_medium" in lines["max_medium"] and "profile prod" in lines["max_critical"]
    value = json.loads(gate("config", "show", "--policy-file", path, "--format", "json").out)
    assert value["params"]["max_high"]["value"] == 2


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "policy file"),
        ("schema: gate.policy/v2\nenvironments: {prod: {}}", "gate.policy/v1"),
        ("schema: gate.policy/v1", "environments"),
        ("schema: gate.policy/v1\nenvironments: {}", "no environment"),
        ("schema: gate.policy/v1\nenvironments: {prod: {profil: prod}}", "profil"),
        ("schema: gate.policy/v1\nenvironments: {prod: {params: {max_hihg: 1}}}", "max_high"),
        ("schema: gate.policy/v1\nenvironments: {prod: {params: {max_high: '4'}}}", "max_high"),
        ("schema: gate.policy/v1\nenvironments: {prod: {params: {max_high: 4, max_high: 5}}}", "max_high"),
        ("schema: gate.policy/v1\nenvironments: {prod: {profile: staging}}", "staging"),
        ("schema: gate.policy/v1\ndefault_environment: qa\nenvironments: {prod: {}}", "qa"),
        ("schema: gate.policy/v1\nenvironments: {prod: {waivers: [none.yaml]}}", "none.yaml"),
        ("schema: gate.policy/v1\nenvironments: {prod: {bundles: [./none]}}", "none"),
        ("schema: gate.policy/v1\nenvironments: {prod: {}}\ntrust: {entries: [{name: a, roles: [sbom]}]}", "a"),
        ("schema: gate.policy/v1\nenvironments: {prod: {}}\ntrust: {entries: [{name: a, roles: [sbmo], key: k.pub}]}", "sbmo"),
        ("schema: gate.policy/v1\nenvironments: {prod: {}}\ntrust: {entries: [{name: a, roles: [], key: k.pub}]}", "a"),
        (
            "schema: gate.policy/v1\nenvironments: {prod: {}}\ntrust: {entries: [{name: a, roles: [sbom], key: none.pub}]}",
            "none.pub",
        ),
        (
            "schema: gate.policy/v1\nenvironments: {prod: {}}\ntrust: {entries: [{name: a, roles: [sbom], identity: x, "
            "trusted_root: {path: r.json}}]}",
            "issuer",
        ),
        ("schema: gate.policy/v1\nenvironments: {prod: {enforcement: {sbom: off}}}", "enforcement"),
        ("schema: gate.policy/v1\nenvironments: {prod: {select: '*'}}", "select"),
        ("schema: gate.policy/v1\nenvironments: {prod: &a {params: *a}}", ""),
        ("a: &a [x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c]", ""),
        ("[" * 20_000, ""),
        ("\0", ""),
        ("key: \ttab", ""),
    ],
)
def test_policy_files_with_mistakes(gate: Gate, tmp_path: Path, text: str, word: str) -> None:
    """`config check` and `verify` say exit 2 and the same thing: the file, and what is wrong in it."""
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    checked = gate("config", "check", "--policy-file", path)
    verified = gate("verify", "sha256:" + "0" * 64, "--policy-file", path, "--quiet")
    for done in (checked, verified):
        assert done.code == 2, done.out + done.err
        assert word in done.err and done.out == ""


def test_explain_lists_and_explains(gate: Gate) -> None:
    """All rules with titles; one rule with its needs and how to satisfy it; an unknown one with the nearest."""
    listed = gate("explain")
    names = [line.split()[0] for line in listed.out.splitlines()]
    assert listed.code == 0 and "vulnerabilities.max_high" in names and names == sorted(names)
    one = gate("explain", "signatures.required")
    assert one.code == 0
    assert "needs signature (verified" in one.out and "how to satisfy it:" in one.out
    unknown = gate("explain", "vulnerabilities.max_hihg")
    assert unknown.code == 2 and "vulnerabilities.max_high" in unknown.err


def test_every_rule_that_a_report_can_name_is_explained(gate: Gate) -> None:
    """No rule of the pack crashes `explain` or lacks a solution."""
    for name in [line.split()[0] for line in gate("explain").out.splitlines()][::9]:
        done = gate("explain", name)
        assert done.code == 0 and done.out.rstrip().splitlines()[-1].strip() != "how to satisfy it:", name


def test_doctor_is_ready(gate: Gate) -> None:
    """With OPA: exit 0, its version and digest, the pack, and what to type for tools that are missing."""
    gate.patch.setenv("PATH", "/nonexistent")
    done = gate("doctor")
    assert done.code == 0, done.out
    assert re.search(r"✓ opa +1\.\d+\.\d+.*sha256:[0-9a-f]{64}", done.out)
    assert re.search(r"✓ policy +\d+ rules", done.out)
    assert "- grype" in done.out and "make tools" in done.out


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (
            "echo 'Path: /db/6/vulnerability.db'; echo 'Built: 2026-11-20T00:00:00Z'",
            "✓ database built 2026-11-20T00:00:00Z, /db/6",
        ),
        ("echo 'Built: 0001-01-01T00:00:00Z'; exit 1", "- database grype has none yet"),
    ],
)
def test_doctor_looks_for_grypes_database(gate: Gate, tmp_path: Path, status: str, said: str) -> None:
    """Without one `--scan` has nothing to scan with, and the command that gets one is named; the gate is ready all the same."""
    (tmp_path / "grype").write_text(f"#!/bin/sh\n{status}\n")
    (tmp_path / "grype").chmod(0o755)
    gate.patch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    done = gate("doctor")
    assert done.code == 0 and said in done.out, done.out
    assert ("grype db update" in done.out) is (said[0] == "-")


def test_several_environments_need_a_choice(gate: Gate, tmp_path: Path) -> None:
    """`verify` asks which; `config check` checks each."""
    path = tmp_path / "policy.yaml"
    path.write_text("schema: gate.policy/v1\nenvironments: {prod: {}, dev: {profile: dev}}\n")
    done = gate("verify", "sha256:" + "0" * 64, "--policy-file", path, "--quiet")
    assert done.code == 2 and "--environment: prod, dev" in done.err
    checked = gate("config", "check", "--policy-file", path)
    assert checked.code == 0 and "prod: profile prod" in checked.out and "dev: profile dev" in checked.out


def test_doctor_without_a_store(gate: Gate, tmp_path: Path) -> None:
    """A store that cannot be written, here below a file, is not ready."""
    (tmp_path / "file").write_text("")
    gate.patch.setenv("GATE_STORE", str(tmp_path / "file" / "store"))
    done = gate("doctor")
    assert (done.code, "not ready" in done.out) == (2, True)


def test_policy_check(gate: Gate) -> None:
    """The default pack compiles under the gate's capabilities, and its digest is shown."""
    done = gate("policy", "check")
    assert done.code == 0 and re.search(r"sha256:[0-9a-f]{64}", done.out)
    by_path = gate("policy", "check", "--bundle", repository() / "policies")
    assert by_path.code == 0 and re.findall(r"sha256:\w+", by_path.out) == re.findall(r"sha256:\w+", done.out)


def test_keys_without_a_terminal_need_the_variable(gate: Gate, tmp_path: Path) -> None:
    """Where nobody can be asked for a password nothing is asked: exit 2 with the variable, and no key."""
    gate.patch.delenv("COSIGN_PASSWORD", raising=False)
    gate.patch.setattr("sys.stdin", io.StringIO(""))
    done = gate("keys", "generate", "--output-key-prefix", tmp_path / "k")
    assert done.code == 2 and "COSIGN_PASSWORD" in done.err and not list(tmp_path.glob("k.*"))


def test_keys(gate: Gate, tmp_path: Path) -> None:
    """A pair is written once, private half unreadable to others, and shown by digest."""
    gate.patch.setenv("COSIGN_PASSWORD", "x")
    made = gate("keys", "generate", "--output-key-prefix", tmp_path / "k")
    assert made.code == 0 and (tmp_path / "k.key").stat().st_mode & 0o077 == 0
    before = (tmp_path / "k.key").read_bytes()
    assert gate("keys", "generate", "--output-key-prefix", tmp_path / "k").code in (2, 3)
    assert (tmp_path / "k.key").read_bytes() == before
    shown = gate("keys", "show", tmp_path / "k.pub")
    assert shown.code == 0 and re.match(r"sha256:[0-9a-f]{64}", shown.out)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(gate: Gate, shell: str) -> None:
    """A script that names the program; nothing is installed."""
    done = gate("completion", shell)
    assert done.code == 0 and "gate" in done.out and "_GATE_COMPLETE" in done.out
