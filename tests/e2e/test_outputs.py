"""What a run leaves: reports, hand-over files, the store, replay, impact, summaries."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gate import AGES, KEY, Done, Gate
from tests.e2e.lab import Lab
from tests.fakes import images
from tests.samples import digest, evidence, layout
from tests.tools import repository

CLEAN = f"oci:{layout('clean')}"
UNKNOWN = [digest("clean"), "--evidence", evidence("clean", "grype.json"), "--profile", "dev", "--fail-on-fips-issues"]
"""Of a bare digest nobody knows what is inside: no verdict."""
VULNERABLE = f"oci:{layout('vulnerable')}"
MULTI = f"oci:{layout('multi')}"
FORMATS = ("text", "json", "sarif", "markdown", "github")
VERIFIER = "https://gate.example/ci"


def test_several_outputs_in_one_run_and_the_same_again_later(gate: Gate, tmp_path: Path) -> None:
    """Every format of one run equals what `gate report --from` makes of its JSON later, byte for byte, with its exit code."""
    first = [f"--output={form}={tmp_path}/first.{form}" for form in FORMATS]
    done = gate("verify", VULNERABLE, CLEAN, *KEY, *AGES, *first)
    assert (done.code, done.out) == (1, "")
    later = [f"--output={form}={tmp_path}/later.{form}" for form in FORMATS]
    again = gate("report", "--from", tmp_path / "first.json", *later)
    assert again.code == 1
    for form in FORMATS:
        assert (tmp_path / f"first.{form}").read_bytes() == (tmp_path / f"later.{form}").read_bytes(), form


def test_a_report_from_the_store(gate: Gate) -> None:
    """The beginning of the record's digest is enough; the text is the one that the run printed."""
    done = gate.verify(VULNERABLE, *KEY)
    record = done.report["verdicts"][0]["outcome_digest"]
    again = gate("report", "--from", record[:20])
    assert (again.code, again.out) == (1, done.out)


def test_a_changed_report_is_refused(gate: Gate, tmp_path: Path) -> None:
    """A report made from an edited verdict would say what nobody decided: exit 2."""
    done = gate.verify(VULNERABLE, *KEY)
    done.report["verdicts"][0]["outcome"]["decision"] = "ALLOW"
    (tmp_path / "edited.json").write_text(json.dumps(done.report))
    again = gate("report", "--from", tmp_path / "edited.json")
    assert (again.code, again.out) == (2, "") and "changed after the gate wrote it" in again.err


@pytest.mark.parametrize("text", ["", "{}", "null", "[]", "\0", '{"schema":"gate.report/v1"}', "sha256:" + "0" * 64])
def test_a_report_that_is_none(gate: Gate, tmp_path: Path, text: str) -> None:
    """Exit 2 for what is no verdict, and for a digest that the store does not have."""
    (tmp_path / "x.json").write_text(text)
    assert gate("report", "--from", tmp_path / "x.json").code == 2
    assert gate("report", "--from", "sha256:" + "0" * 64).code == 2


def test_an_output_that_cannot_be_written(gate: Gate, tmp_path: Path) -> None:
    """Exit 3: a verdict that nobody can read decides nothing; it is in the store all the same."""
    done = gate("verify", CLEAN, *KEY, *AGES, "--output", f"json={tmp_path}/no/such/folder/x.json")
    assert done.code == 3 and "could not be written" in done.err
    assert list(gate.store.rglob("index.json"))


def test_the_next_step_gets_the_digest(gate: Gate, tmp_path: Path) -> None:
    """Digest, decision and record in $GITHUB_OUTPUT and in a dotenv file; of an index its own digest."""
    gate.patch.setenv("GITHUB_OUTPUT", str(tmp_path / "github"))
    (tmp_path / "github").write_text("before=1\n")
    done = gate("verify", MULTI, *KEY, *AGES, "--dotenv", tmp_path / "gate.env", "--quiet")
    assert done.code == 0
    values = dict(line.split("=", 1) for line in (tmp_path / "gate.env").read_text().splitlines())
    assert (values["GATE_DIGEST"], values["GATE_VERDICT"]) == (digest("multi"), "ALLOW")
    assert gate("report", "--from", values["GATE_RECORD"]).code == 0
    given = (tmp_path / "github").read_text()
    assert given.startswith("before=1\n") and f"digest={digest('multi')}\n" in given and "decision=ALLOW\n" in given


def test_the_hand_over_of_a_deny_says_deny(gate: Gate, tmp_path: Path) -> None:
    """A next step that only looks at the digest must not find one that was allowed; of several images it finds none."""
    done = gate("verify", VULNERABLE, CLEAN, *KEY, *AGES, "--dotenv", tmp_path / "gate.env", "--quiet")
    assert done.code == 1
    assert (tmp_path / "gate.env").read_text() == "GATE_VERDICT=DENY\n"


def test_a_run_that_ends_early_leaves_no_old_hand_over(gate: Gate, tmp_path: Path) -> None:
    """The ALLOW of an earlier run is gone before anything can go wrong; a step that reads the file finds none."""
    (tmp_path / "gate.env").write_text("GATE_VERDICT=ALLOW\n")
    assert gate("verify", CLEAN, "--profile", "nosuch", "--dotenv", tmp_path / "gate.env").code == 2
    assert not (tmp_path / "gate.env").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("verify", "\udcff"), 2),
        (("verify", CLEAN, "--resource-uri", "\udcff"), 2),
        (("verify", CLEAN, "--param", 'required_labels=["\\ud800"]'), 2),
        (("verify", CLEAN, "--param", 'custom={"a":1,"a":2}'), 2),
        (("verify", CLEAN, "--effective-time", "9999-12-31T23:59:59-23:00"), 2),
        (("verify", CLEAN, "--effective-time", "0001-01-01T00:00:00+14:00"), 2),
        (("verify", CLEAN, "--effective-time", "9999-12-31T23:59:59Z"), 2),
        (("verify", CLEAN, "--effective-time", "0001-01-01T00:00:00Z"), 2),
    ],
)
def test_text_that_no_record_can_hold(gate: Gate, arguments: tuple[str, ...], code: int) -> None:
    """Bytes that are no UTF-8, halves of surrogate pairs, repeated keys and times outside the calendar are exit 2, not a bug."""
    done = gate(*arguments)
    assert done.code == code and "error: " in done.err


def test_a_branch_whose_name_is_no_text(gate: Gate) -> None:
    """What the CI system says may hold any byte that a contributor chose; it is recorded escaped."""
    gate.patch.setenv("GITHUB_ACTIONS", "true")
    gate.patch.setenv("GITHUB_REF", "refs/heads/\udcff")
    done = gate.verify(CLEAN, *KEY)
    assert done.code == 0
    assert done.report["verdicts"][0]["run"]["context"]["source_ref"] == "refs/heads/\\xff"


def test_replay_gives_the_same_bytes(gate: Gate) -> None:
    """Input, packs and decision from the store: the same outcome, by record, by image digest and by a beginning."""
    for subject, name in ((CLEAN, "clean"), (VULNERABLE, "vulnerable")):
        done = gate.verify(subject, *KEY)
        record = done.report["verdicts"][0]["outcome_digest"]
        for handle in (record, digest(name), record.removeprefix("sha256:")[:12]):
            again = gate("replay", handle)
            assert (again.code, f"the same bytes, {record}" in again.out) == (0, True), again.out + again.err


def test_replay_of_an_index(gate: Gate) -> None:
    """The verdict that sums up the platforms replays too."""
    done = gate.verify(MULTI, *KEY)
    for verdict in done.report["verdicts"]:
        assert "the same bytes" in gate("replay", verdict["outcome_digest"]).out


@pytest.mark.parametrize("part", ["input", "bundle", "verdict"])
def test_replay_notices_a_changed_store(gate: Gate, part: str) -> None:
    """Every blob is rehashed on reading: exit 3 and the digest of what is wrong."""
    done = gate.verify(CLEAN, *KEY)
    verdict = done.report["verdicts"][0]
    digests = verdict["outcome"]["digests"]
    blobs = gate.store / "blobs" / "sha256"
    if part == "verdict":
        marker = verdict["outcome_digest"].encode()
        target = next(
            path for path in blobs.iterdir() if marker in path.read_bytes() and b'"gate.verdict/v1"' in path.read_bytes()
        )
    else:
        wanted = digests["input"] if part == "input" else next(iter(digests["bundles"].values()))
        target = blobs / wanted.removeprefix("sha256:")
    target.chmod(0o644)
    target.write_bytes(target.read_bytes().replace(b"a", b"b", 1))
    again = gate("replay", verdict["outcome_digest"])
    assert again.code == 3, again.out + again.err
    assert target.name[:12] in again.err or "digest" in again.err


def test_replay_of_what_is_not_there(gate: Gate) -> None:
    """Exit 2 for an unknown digest, and for one that names two verdicts."""
    assert gate("replay", "sha256:" + "0" * 64).code == 2
    for when in ("2026-11-23T12:00:00Z", "2026-11-23T13:00:00Z"):
        gate.verify(CLEAN, *KEY, "--effective-time", when)
    twice = gate("replay", digest("clean"))
    assert twice.code == 2 and "names 2 verdicts" in twice.err


def test_input_show_gives_the_judged_bytes(gate: Gate) -> None:
    """`--raw` prints exactly what was hashed and given to OPA."""
    import hashlib

    done = gate.verify(CLEAN, *KEY)
    shown = gate("input", "show", "--raw", done.report["verdicts"][0]["outcome_digest"])
    assert "sha256:" + hashlib.sha256(shown.out.encode()).hexdigest() == done.outcome["digests"]["input"]
    pretty = gate("input", "show", digest("clean"))
    assert json.loads(pretty.out) == json.loads(shown.out)


def test_impact_lists_what_a_changed_pack_would_flip(gate: Gate, tmp_path: Path) -> None:
    """A stored ALLOW becomes a DENY under one more rule: exit 1 and the rule's name; unchanged packs flip nothing."""
    gate.verify(CLEAN, *KEY)
    gate.verify(VULNERABLE, *KEY)
    pack = tmp_path / "policies"
    shutil.copytree(repository() / "policies", pack)
    same = gate("policy", "impact", "--bundle", pack)
    assert same.code == 0 and "2 verdicts: 0 would flip" in same.out, same.out + same.err
    (pack / "rules" / "acme").mkdir()
    (pack / "rules" / "acme" / "acme.rego").write_text(RULE)
    changed = gate("policy", "impact", "--bundle", pack)
    assert changed.code == 1, changed.out + changed.err
    assert "FLIP   ALLOW -> DENY" in changed.out and "now blocks: acme.never" in changed.out
    assert gate("policy", "impact", "--bundle", pack, "--last", "1").code == 0, "the last one was denied before"


def test_impact_without_verdicts(gate: Gate) -> None:
    """Exit 2: nothing replayed is not "nothing flips"."""
    assert gate("policy", "impact", "--bundle", repository() / "policies").code == 2


RULE = """# METADATA
# title: Acme
package rules.acme

import data.lib.result

# METADATA
# title: Never
# description: Denies every image.
# custom:
#   short_name: never
#   failure_msg: "not %v"
#   solution: None.
#   severity: low
#   waivable: true
#   controls: []
#   applies_to: [image, archive, digest]
#   collections: [acme]
deny contains result.make(rego.metadata.chain(), [input.subject.reference], {}) if {
	input.subject.reference != "x"
}
"""


def pack_of(folder: Path, body: str, name: str = "acme") -> Path:
    """A pack of one file."""
    (folder / "rules" / name).mkdir(parents=True)
    (folder / "rules" / name / f"{name}.rego").write_text(body)
    (folder / ".manifest").write_text(json.dumps({"roots": [f"rules/{name}"], "metadata": {"name": name}}))
    return folder


def test_a_rule_of_ones_own_in_one_file(gate: Gate, tmp_path: Path) -> None:
    """A second pack's deny decides beside the first's, is named, explained, and its digest is in the verdict."""
    pack = pack_of(tmp_path / "acme", RULE)
    done = gate.verify(CLEAN, *KEY, "--bundle", pack)
    assert (done.code, done.reasons) == (1, ["acme.never"]), done.err
    assert len(done.outcome["digests"]["bundles"]) == 2
    explained = gate("explain", "acme.never", "--bundle", pack)
    assert explained.code == 0 and "Denies every image." in explained.out
    assert "the same bytes" in gate("replay", done.report["verdicts"][0]["outcome_digest"]).out


@dataclasses.dataclass(frozen=True)
class Summary:
    bundle: Path
    dsse: Path
    key: Path
    demands: dict[str, str]


@pytest.fixture
def summary(gate: Gate, tmp_path: Path) -> Summary:
    """A signed summary of the clean sample, and the demands that it meets."""
    gate.patch.setenv("COSIGN_PASSWORD", "hunter2")
    assert gate("keys", "generate", "--output-key-prefix", tmp_path / "gate").code == 0
    sign = ("--attest", "--sign-key", tmp_path / "gate.key", "--verifier-id", VERIFIER, "--attest-dir", tmp_path)
    done = gate.verify(CLEAN, *KEY, *sign, "--resource-uri", "oci://registry.example/shop/clean")
    assert done.code == 0, done.err
    stem = str(tmp_path / f"{digest('clean').replace(':', '-')}.vsa")
    demands = {
        "--digest": digest("clean"),
        "--verifier-id": VERIFIER,
        "--resource-uri": "oci://registry.example/shop/clean",
        "--policy-digest": done.outcome["digests"]["policy"],
        "--max-age": "24",
    }
    return Summary(Path(f"{stem}.sigstore.json"), Path(f"{stem}.dsse.json"), tmp_path / "gate.pub", demands)


def ask(gate: Gate, summary: Summary, file: Path | None = None, key: Path | None = None, **changes: Any) -> Done:
    """`gate verify-vsa` with some demands changed."""
    demands = {**summary.demands, **{f"--{name.replace('_', '-')}": value for name, value in changes.items()}}
    flat = [part for pair in demands.items() for part in pair]
    return gate("verify-vsa", file or summary.bundle, "--key", key or summary.key, *flat)


def test_a_summary_that_meets_every_demand(gate: Gate, summary: Summary) -> None:
    """Exit 0, as a Sigstore bundle and as bare DSSE."""
    for file in (summary.bundle, summary.dsse):
        done = ask(gate, summary, file)
        assert done.code == 0 and done.out.startswith(f"PASSED  {digest('clean')}"), done.err


UNMET = (
    ("digest", "sha256:" + "1" * 64, "subject"),
    ("verifier_id", "https://gate.example/other", "verifier"),
    ("resource_uri", "oci://registry.example/shop/other", "resource"),
    ("policy_digest", "sha256:" + "2" * 64, "policy"),
    ("level", "SLSA_BUILD_LEVEL_4", "level"),
    ("max_age", "0.0003", "timeverified"),
)


def test_each_demand_that_is_not_met(gate: Gate, summary: Summary) -> None:
    """Exit 1 with the name of what does not hold."""
    time.sleep(2.1)  # so that the summary is older than the last of the demands allows
    for name, value, word in UNMET:
        done = ask(gate, summary, **dict[str, Any]({name: value}))
        assert (done.code, done.out) == (1, ""), name
        assert word in done.err.lower(), name


def test_a_summary_under_another_key(gate: Gate, summary: Summary, lab: Lab) -> None:
    """Exit 1; without any key exit 2."""
    assert ask(gate, summary, key=lab.public).code == 1
    flat = [part for pair in summary.demands.items() for part in pair]
    assert gate("verify-vsa", summary.bundle, *flat).code == 2


def test_a_changed_summary(gate: Gate, summary: Summary, tmp_path: Path) -> None:
    """One character of the payload changed: exit 1. Not a summary at all: 1 or 3, never 0."""
    document = json.loads(summary.dsse.read_bytes())
    document["payload"] = document["payload"][:-8] + ("A" if document["payload"][-8] != "A" else "B") + document["payload"][-7:]
    (tmp_path / "changed.json").write_text(json.dumps(document))
    assert ask(gate, summary, tmp_path / "changed.json").code == 1
    for text in ("", "null", "{}", "[]", "\0"):
        (tmp_path / "none.json").write_text(text)
        assert ask(gate, summary, tmp_path / "none.json").code in (1, 3)


def test_a_missing_demand_is_not_a_default(gate: Gate, summary: Summary) -> None:
    """Leaving any demand out is exit 2."""
    for name in summary.demands:
        flat = [part for pair in summary.demands.items() if pair[0] != name for part in pair]
        done = gate("verify-vsa", summary.bundle, "--key", summary.key, *flat)
        assert done.code == 2 and name in done.err


def test_a_deny_is_signed_as_failed(gate: Gate, tmp_path: Path) -> None:
    """The summary of a denied image says FAILED and passes no check."""
    gate.patch.setenv("COSIGN_PASSWORD", "")
    gate("keys", "generate", "--output-key-prefix", tmp_path / "gate")
    sign = ("--attest", "--sign-key", tmp_path / "gate.key", "--verifier-id", VERIFIER, "--attest-dir", tmp_path)
    done = gate.verify(VULNERABLE, *KEY, *sign)
    assert done.code == 1
    [bundle] = tmp_path.glob("*.vsa.sigstore.json")
    demands = ("--digest", digest("vulnerable"), "--verifier-id", VERIFIER, "--max-age", "24", "--policy-digest",
               done.outcome["digests"]["policy"], "--resource-uri", f"oci://{done.outcome['subject']['name']}")  # fmt: skip
    asked = gate("verify-vsa", bundle, "--key", tmp_path / "gate.pub", *demands)
    assert asked.code == 1 and "FAILED" in asked.err


@pytest.mark.parametrize("flags", [[CLEAN, "--effective-time", "2026-11-23T12:00:00Z"], UNKNOWN], ids=["set-clock", "unknown"])
def test_no_summary_without_a_real_verdict(gate: Gate, tmp_path: Path, flags: list[Any]) -> None:
    """A set clock and a missing verdict leave no file behind, and exit 3."""
    gate.patch.setenv("COSIGN_PASSWORD", "")
    gate("keys", "generate", "--output-key-prefix", tmp_path / "gate")
    sign = ("--attest", "--sign-key", tmp_path / "gate.key", "--verifier-id", VERIFIER, "--attest-dir", tmp_path)
    done = gate.verify(*flags, *KEY, *sign)
    assert done.code == 3
    assert not list(tmp_path.glob("*.vsa.*"))


def test_an_allow_whose_signature_fails_is_no_verdict(gate: Gate, tmp_path: Path) -> None:
    """Asked to sign and unable to: exit 3, whatever was decided; a wrong password is found before anything is verified."""
    gate.patch.setenv("COSIGN_PASSWORD", "right")
    gate("keys", "generate", "--output-key-prefix", tmp_path / "gate")
    gate.patch.setenv("COSIGN_PASSWORD", "wrong")
    sign = ("--attest", "--sign-key", tmp_path / "gate.key", "--verifier-id", VERIFIER, "--attest-dir", tmp_path)
    done = gate("verify", CLEAN, *KEY, *AGES, *sign)
    assert (done.code, done.out) == (3, "")
    gate.patch.setenv("COSIGN_PASSWORD", "right")
    unwritable = (*sign[:-1], tmp_path / "no" / "such")
    assert gate("verify", CLEAN, *KEY, *AGES, *unwritable).code == 3


def test_the_record_has_no_password(gate: Gate, tmp_path: Path, summary: Summary) -> None:
    """Nothing of the environment's secrets is in the store."""
    assert summary.bundle.is_file()
    assert not any(b"hunter2" in path.read_bytes() for path in gate.store.rglob("*") if path.is_file())
    assert not re.search("hunter2", summary.bundle.read_text())


def test_an_index_gets_a_summary_only_as_a_whole(gate: Gate, tmp_path: Path) -> None:
    """All platforms verified: three summaries. One platform asked for: one, and none for the index."""
    gate.patch.setenv("COSIGN_PASSWORD", "")
    gate("keys", "generate", "--output-key-prefix", tmp_path / "gate")
    for name, platform, count in (("all", (), 3), ("one", ("--platform", "linux/amd64"), 1)):
        folder = tmp_path / name
        folder.mkdir()
        sign = ("--attest", "--sign-key", tmp_path / "gate.key", "--verifier-id", VERIFIER, "--attest-dir", folder)
        assert gate.verify(MULTI, *KEY, *platform, *sign).code == 0
        written = list(folder.glob("*.vsa.dsse.json"))
        assert len(written) == count
        assert any(digest("multi")[7:] in path.name for path in written) == (name == "all")


def test_the_laboratory_is_not_needed_for_bundled_evidence(gate: Gate, lab: Lab) -> None:
    """Bundles as files, one per line, verify as attachments do."""
    built = images.image()
    lines = b"\n".join(lab.full(built.digest)) + b"\n"
    done = gate.verify(built.digest, *lab.key, "--evidence", lab.file("bundles.jsonl", lines))
    assert (done.code, len(done.outcome["evidence"])) == (0, 4), done.out


@pytest.mark.parametrize("code", [3, 1])
def test_a_summary_that_cannot_be_made_masks_no_answer(gate: Gate, tmp_path: Path, code: int) -> None:
    """`--output vsa` beside a run that ends in 1 or 3 leaves that code, and the other outputs are written."""
    built = images.write_tar(tmp_path / "saved.tar", images.docker_save_files(images.image()))
    asked: list[Any] = UNKNOWN if code == 3 else [str(built), "--max-high", "0", "--profile", "dev"]
    done = gate.verify(*asked, *KEY, f"--output=vsa={tmp_path}/vsa.json", "--verifier-id", VERIFIER)
    assert done.code == code, done.err
    assert done.report and not (tmp_path / "vsa.json").exists()
    assert "no verification summary is written" in done.err


@pytest.mark.parametrize("place", ["report.json", "blobs/sha256/x", "../store/index.json"])
def test_an_output_inside_the_store(gate: Gate, place: str) -> None:
    """A report must not lie among what is kept, nor replace it: exit 2, and nothing is written."""
    gate.store.mkdir()
    kept = gate.store / "oci-layout"
    kept.write_text("kept")
    assert gate("verify", str(layout("clean")), *KEY, "--dotenv", str(kept)).code == 2 and kept.read_text() == "kept"
    for flag in (("--output", f"json={gate.store / place}"), ("--dotenv", str(gate.store / place))):
        done = gate("verify", str(layout("clean")), *KEY, *AGES, "--quiet", *flag)
        assert done.code == 2 and "inside the store" in done.err, done.err
    assert not (gate.store / place).exists()


def test_an_empty_resource_uri(gate: Gate) -> None:
    """It is a variable that was not set, not a wish for the default."""
    done = gate("verify", str(layout("clean")), *KEY, *AGES, "--quiet", "--resource-uri", "")
    assert done.code == 2 and "--resource-uri is empty" in done.err
