"""Policy packs that are wrong or hostile, and an engine that is missing, slow or lying: never an ALLOW by their fault."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.e2e.gate import AGES, KEY, Gate
from tests.e2e.test_outputs import RULE, pack_of
from tests.samples import layout
from tests.tools import tool

CLEAN = f"oci:{layout('clean')}"
VULNERABLE = f"oci:{layout('vulnerable')}"
HEAD = "# METADATA\n# title: Acme\npackage rules.acme\n\nimport data.lib.result\n\n"


def rule(name: str, body: str, kind: str = "deny") -> str:
    """One rule with its METADATA."""
    return (
        f"# METADATA\n# title: {name}\n# description: {name}.\n# custom:\n#   short_name: {name}\n#   failure_msg: '{name} %v'\n"
        "#   solution: None.\n#   severity: low\n#   waivable: true\n#   controls: []\n#   applies_to: [image, archive, digest]\n"
        f"#   collections: [acme]\n{kind} contains result.make(rego.metadata.chain(), [1], {{}}) if {{\n{body}\n}}\n\n"
    )


def test_a_second_pack_cannot_redefine_the_library(gate: Gate, tmp_path: Path) -> None:
    """A file that would make every item accepted is exit 2, naming both packs."""
    folder = tmp_path / "evil"
    (folder / "lib" / "evidence").mkdir(parents=True)
    (folder / "lib" / "evidence" / "more.rego").write_text("package lib.evidence\n\nis_accepted(_) if true\n")
    done = gate("verify", CLEAN, "--bundle", folder)
    assert (done.code, done.out) == (2, "")
    assert "lib.evidence" in done.err


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("rules/vulnerabilities/extra.rego", "package rules.vulnerabilities\n\nimport rego.v1\n"),
        ("profiles/prod/data.yaml", "params: {max_critical: 999}\nselect: ['*']\n"),
        ("rules/acme/acme.rego", "package rules.other\n"),
        ("rules/acme/acme.rego", HEAD + "deny contains 7 if true\n"),
        ("rules/acme/acme.rego", HEAD + rule("broken", "\tinput.x = = 1")),
        ("rules/acme/acme.rego", HEAD + rule("net", '\thttp.send({"method": "get", "url": "http://[::1]"}).status_code == 200')),
        ("rules/acme/acme.rego", HEAD + rule("clock", "\ttime.now_ns() > 0")),
        ("rules/acme/acme.rego", HEAD + rule("env", '\topa.runtime().env.HOME != ""')),
        ("rules/acme/acme.rego", HEAD + rule("random", '\trand.intn("x", 2) == 1')),
        ("rules/acme/acme.rego", HEAD + 'default deny := {}\n' + rule("never", "\ttrue")),
        ("rules/acme/acme.rego", "\xff\xfe not text"),
        ("data.yaml", "a: 1\na: 2\n"),
        ("data.json", '{"a":1,"a":2}'),
        (".manifest", "{"),
    ],
    ids=lambda value: value[-30:].replace("\n", " ") if isinstance(value, str) else "",
)  # fmt: skip
def test_packs_that_are_refused(gate: Gate, tmp_path: Path, path: str, text: str) -> None:
    """Exit 2 before anything is decided, with the file in the message."""
    folder = pack_of(tmp_path / "acme", RULE)
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text, encoding="latin-1")
    done = gate("verify", CLEAN, *KEY, "--bundle", folder, "--quiet")
    assert done.code == 2, done.out + done.err
    assert "ALLOW" not in done.out
    assert path.split("/")[-1].split(".")[0] in done.err or "acme" in done.err


@pytest.mark.parametrize("pack", ["", "data-only"])
def test_packs_with_nothing_in_them(gate: Gate, tmp_path: Path, pack: str) -> None:
    """An empty directory as a pack is a mistake: exit 2, or the default pack still decides."""
    folder = tmp_path / "pack"
    folder.mkdir()
    if pack:
        (folder / "data.json").write_text('{"acme": {"x": 1}}')
    done = gate("verify", VULNERABLE, *KEY, *AGES, "--bundle", folder, "--quiet")
    assert done.code in (1, 2)


def test_links_in_a_pack_are_not_followed(gate: Gate, tmp_path: Path) -> None:
    """A pack cannot bring in files from outside itself."""
    folder = pack_of(tmp_path / "acme", RULE)
    outside = tmp_path / "outside.rego"
    outside.write_text(RULE)
    (folder / "rules" / "acme" / "more.rego").symlink_to(outside)
    done = gate("verify", CLEAN, *KEY, "--bundle", folder, "--quiet")
    assert done.code == 2 and "more.rego" in done.err


def test_a_builtin_error_beside_a_deny(gate: Gate, tmp_path: Path) -> None:
    """The faulty package is no verdict; the deny of another package is not lost and decides: exit 1."""
    body = HEAD + rule("fault", "\tto_number(input.subject.name) == 1")
    pack = pack_of(tmp_path / "acme", body)
    done = gate.verify(VULNERABLE, *KEY, "--bundle", pack)
    assert done.code == 1, done.err
    assert "vulnerabilities.max_critical" in done.reasons
    assert done.rule("acme.fault")["state"] == "no_verdict"
    assert "could not be evaluated" in done.message("acme.fault")
    alone = gate.verify(CLEAN, *KEY, "--bundle", pack)
    assert (alone.code, alone.reasons) == (3, ["acme.fault"])


def test_variables_of_opa_change_nothing(gate: Gate, tmp_path: Path) -> None:
    """OPA reads flags from OPA_* variables; the child gets none of them."""
    hostile = tmp_path / "hostile.json"
    hostile.write_text('{"rules":{"vulnerabilities":{"deny":[]}}}')
    before = gate.verify(VULNERABLE, *KEY, "--effective-time", "2026-11-23T12:00:00Z")
    for name in (
        "DATA",
        "BUNDLE",
        "IMPORT",
        "PACKAGE",
        "FORMAT",
        "UNKNOWNS",
        "PARTIAL",
        "FAIL",
        "STRICT_BUILTIN_ERRORS",
        "CAPABILITIES",
    ):
        gate.patch.setenv(f"OPA_EVAL_{name}", str(hostile))
        gate.patch.setenv(f"OPA_{name}", str(hostile))
    gate.patch.setenv("GODEBUG", "inittrace=1")
    gate.patch.setenv("TZ", "Asia/Kathmandu")
    after = gate.verify(VULNERABLE, *KEY, "--effective-time", "2026-11-23T12:00:00Z")
    assert after.code == 1
    assert after.report["verdicts"][0]["outcome_digest"] == before.report["verdicts"][0]["outcome_digest"]


SLOW = HEAD + rule("slow", "\tcount([1 | some i in numbers.range(1, 4000); some j in numbers.range(1, 4000); i * j == 0]) == 1")


def test_a_rule_that_does_not_end(gate: Gate, tmp_path: Path) -> None:
    """Past engine_seconds: exit 3 with the bound's name, and no OPA left running."""
    gate.patch.setenv("GATE_LIMIT_ENGINE_SECONDS", "1.5")
    done = gate("verify", CLEAN, *KEY, *AGES, "--bundle", pack_of(tmp_path / "acme", SLOW), "--quiet")
    assert done.code == 3, done.out + done.err
    assert "engine_seconds" in done.err + done.out and "ALLOW" not in done.out
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    assert not children.exists() or not children.read_text().split()


FAKES = {
    "answers-nothing": "exit 0",
    "crashes": "kill -SEGV $$",
    "fails": "echo oops >&2; exit 1",
    "lies": 'echo \'{"result":[{"expressions":[{"value":{}}]}]}\'',
    "empty-result": "echo '{}'",
    "garbage": "head -c 100 /dev/urandom",
    "old": 'case "$1" in version) echo "Version: 0.60.0";; *) exec "$REAL" "$@";; esac',
}


@pytest.mark.parametrize("name", sorted(FAKES))
def test_something_else_called_opa(gate: Gate, tmp_path: Path, name: str) -> None:
    """A binary that does not answer as OPA does is exit 2 or 3: what it says is not taken for a verdict."""
    fake = tmp_path / "opa"
    fake.write_text(f"#!/bin/sh\nREAL={tool('opa')}\n{FAKES[name]}\n")
    fake.chmod(0o755)
    gate.patch.setenv("GATE_OPA", str(fake))
    done = gate("verify", CLEAN, *KEY, *AGES, "--quiet")
    assert done.code in (2, 3), done.out + done.err
    assert "ALLOW" not in done.out and ("error:" in done.err or "NO VERDICT" in done.out)


@pytest.mark.parametrize("path", ["/bin/true", "/bin/cat"])
def test_another_program_in_place_of_opa(gate: Gate, path: str) -> None:
    """A `GATE_OPA` that names another program is the pipeline's to mend, and no retry helps: exit 2."""
    gate.patch.setenv("GATE_OPA", path)
    done = gate("verify", CLEAN, *KEY, *AGES, "--quiet")
    assert done.code == 2, done.out + done.err
    assert "does not answer as OPA does" in done.err


def test_an_opa_that_answers_with_empty_sets(gate: Gate, tmp_path: Path) -> None:
    """One that empties every set of the real answer: the evidence that is required is still missed."""
    fake = tmp_path / "opa"
    fake.write_text(
        f"#!/bin/sh\ncase \"$*\" in *'data.rules'*|*strict-builtin-errors*capabilities*) "
        f'{tool("opa")} "$@" | python3 -c "import json,sys; d=json.load(sys.stdin); '
        "v=d['result'][0]['expressions'][0]['value']; "
        '[v[p].update({s: []}) for p in v for s in v[p]]; json.dump(d,sys.stdout)" ;; '
        f'*) exec {tool("opa")} "$@" ;; esac\n'
    )
    fake.chmod(0o755)
    gate.patch.setenv("GATE_OPA", str(fake))
    done = gate("verify", CLEAN, *AGES, "--quiet", "--output", f"json={tmp_path}/r.json")
    assert done.code in (1, 2, 3), done.out
    if (tmp_path / "r.json").exists():
        outcome = json.loads((tmp_path / "r.json").read_bytes())["verdicts"][0]["outcome"]
        assert outcome["decision"] == "DENY", "signature and provenance are required by the gate itself"


@pytest.mark.parametrize("how", ["missing", "directory", "not-executable", "empty"])
def test_an_opa_that_cannot_be_used(gate: Gate, tmp_path: Path, how: str) -> None:
    """Exit 2 with a command to copy."""
    path = tmp_path / "opa"
    if how == "directory":
        path.mkdir()
    elif how != "missing":
        path.write_bytes(b"")
        path.chmod(0o755 if how == "empty" else 0o644)
    gate.patch.setenv("GATE_OPA", str(path))
    done = gate("verify", CLEAN, "--quiet")
    assert done.code in (2, 3) and "fix:" in done.err
    if how != "empty":
        assert done.code == 2 and "go install github.com/open-policy-agent/opa@" in done.err


def test_no_opa_anywhere(gate: Gate, tmp_path: Path) -> None:
    """`verify`, `explain`, `policy check` and `doctor` all say exit 2 and the same command."""
    gate.patch.delenv("GATE_OPA")
    gate.patch.setenv("PATH", str(tmp_path))
    gate.patch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for command in (["verify", CLEAN], ["explain"], ["policy", "check"], ["doctor"]):
        done = gate(*command)
        assert done.code == 2, command
        assert "go install github.com/open-policy-agent/opa@" in done.out + done.err


def test_a_relative_path_entry_brings_no_opa(gate: Gate, tmp_path: Path) -> None:
    """The directory that is being judged cannot bring its own engine."""
    planted = tmp_path / "here"
    planted.mkdir()
    (planted / "opa").write_text("#!/bin/sh\necho pwned > /tmp/never\n")
    (planted / "opa").chmod(0o755)
    gate.patch.delenv("GATE_OPA")
    gate.patch.setenv("PATH", f".:{planted.name}:")
    gate.patch.setenv("XDG_CACHE_HOME", str(tmp_path))
    gate.patch.chdir(tmp_path)
    assert gate("doctor").code == 2
    gate.patch.chdir(planted)
    assert gate("doctor").code == 2
