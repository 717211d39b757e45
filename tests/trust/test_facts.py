"""How old and how durable trusted roots are: facts for rules, and ``gate trust init|show|check``."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from gate.cli.trust import load_root
from gate.errors import ConfigError
from gate.model.policy_file import RootSpec
from gate.trust.entry import IdentityRule, Trust, TrustEntry
from gate.trust.facts import kinds_of, next_end, trust_facts
from gate.trust.record import SUFFIX, is_day
from gate.trust.root import TrustedRoot
from tests.trust.corpus import needs_corpus, production
from tests.trust.simulator import NOW, Log, Sigstore, key_trust
from tests.trust.test_tuf import _gate

SIM = Sigstore()
END = NOW + datetime.timedelta(days=10)


def _trust(*roots: TrustedRoot, **changes: Any) -> Trust:
    return Trust((TrustEntry(name="e", roles=("*",), identities=(IdentityRule("a", "b"),), roots=roots, **changes),))


def _with(*ends: datetime.datetime | None) -> TrustedRoot:
    """A root whose transparency logs end then."""
    sim = Sigstore()
    sim.tlogs = []
    for number, end in enumerate(ends):
        log = Log(f"log{number}.example")
        if end is not None:
            log.valid_for["end"] = end.isoformat()
        sim.tlogs.append(log)
    return sim.root()


def test_the_age_is_from_the_day() -> None:
    """Seconds from the beginning of the day, UTC; null when nobody said a day."""
    root = dataclasses.replace(SIM.root(), as_of="2026-02-27")
    (fact,) = trust_facts(_trust(root), "2026-03-01T12:00:00Z").roots
    assert (fact.as_of, fact.age_s, fact.entries) == ("2026-02-27", int(2.5 * 86400), ("e",))
    (fact,) = trust_facts(_trust(SIM.root()), "2026-03-01T12:00:00Z").roots
    assert (fact.as_of, fact.age_s) == (None, None)


def test_one_root_in_two_entries_is_one_fact_with_the_older_day() -> None:
    """The less favourable day counts, and no day at all is the least favourable."""
    young, old, none = (dataclasses.replace(SIM.root(), as_of=day) for day in ("2026-02-27", "2026-01-01", ""))
    for pair, expected in (
        ((young, old), "2026-01-01"),
        ((old, young), "2026-01-01"),
        ((young, none), None),
        ((none, young), None),
    ):
        entries = [dataclasses.replace(_trust(root).entries[0], name=name) for name, root in zip("ab", pair, strict=True)]
        (fact,) = trust_facts(Trust(tuple(entries)), "2026-03-01T12:00:00Z").roots
        assert (fact.as_of, fact.entries) == (expected, ("a", "b"))


def test_the_last_current_member_of_a_kind_counts() -> None:
    """A log that ends beside one that goes on is retired; the last one's end is the root's next expiry."""
    ca = next_end(SIM.root())[0]
    assert next_end(_with(END, None))[0] == pytest.approx(ca, abs=datetime.timedelta(days=1))
    assert next_end(_with(END, END + datetime.timedelta(days=3))) == (END + datetime.timedelta(days=3), "transparency logs")
    (fact,) = trust_facts(_trust(_with(END)), NOW.isoformat()).roots
    assert (fact.next_expiry_s, fact.expiring) == (10 * 86400, "transparency logs")


def test_what_entries_waive_is_a_fact() -> None:
    """Names of the checks, by entry; keys alone waive nothing."""
    (entry,) = trust_facts(
        _trust(SIM.root(), require_log=False, require_sct=False, allow_root_in_chain=True), NOW.isoformat()
    ).entries
    assert entry.relaxed == ("log", "sct", "root_in_chain")
    (entry,) = trust_facts(key_trust(SIM.ca_key), NOW.isoformat()).entries
    assert (entry.relaxed, len(entry.keys)) == ((), 1)


@needs_corpus
def test_production() -> None:
    """Sigstore's public root: retired members beside current ones, and an end of the authorities years ahead."""
    now = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)
    states = {kind.name: [member.state(now) for member in kind.members] for kind in kinds_of(production()[0])}
    assert states["certificate authorities"] == ["ended", "current"]
    assert next_end(production()[0])[1] == "certificate authorities"


@pytest.mark.parametrize(
    ("text", "expected"), [("2026-11-23", True), ("2026-13-01", False), ("20261123", False), ("", False), ("x", False)]
)
def test_days(text: str, expected: bool) -> None:
    """A day is YYYY-MM-DD and nothing else."""
    assert is_day(text) is expected


def _file(folder: Path, name: str = "root.json", document: Any = None) -> Path:
    path = folder / name
    path.write_text(json.dumps(document or SIM.document()))
    return path


def test_init_show_and_check(tmp_path: Path) -> None:
    """A root that is brought in, shown and checked; an existing one is not overwritten, and a day to come is refused."""
    where = ["--dir", str(tmp_path / "trust")]
    file = str(_file(tmp_path))
    assert _gate("init", "--file", file, "--as-of", "2999-01-01", *where)[0] == 2
    code, text = _gate("init", "--file", file, "--as-of", "2026-02-01", *where, "--identity", "me@x", "--issuer", "https://i")
    assert code == 0
    digest = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    assert f'sha256: "{digest}", as_of: "2026-02-01"' in text
    assert _gate("init", "--file", file, "--as-of", "2026-02-01", *where)[0] == 2
    kept = str(tmp_path / "trust" / "trusted_root.json")
    code, text = _gate("show", kept)
    assert (code, "as of 2026-02-01" in text, "taken as given" in text) == (0, True, True)
    (root,) = load_root(RootSpec(path="trust/trusted_root.json"), tmp_path)
    assert root.as_of == "2026-02-01"


def test_check_ends_in_1_when_something_has_expired(tmp_path: Path) -> None:
    """A kind without a current member, an old root and one of an unknown day; a retired member beside a current one is fine."""
    today = datetime.datetime.now(datetime.UTC)

    def root(*ends: datetime.datetime | None) -> str:
        sim = Sigstore()
        sim.tlogs = []
        for number, end in enumerate(ends):
            log = Log(f"log{number}.example", start=today - datetime.timedelta(days=99))
            if end is not None:
                log.valid_for["end"] = end.isoformat()
            sim.tlogs.append(log)
        document = sim.document()
        document["certificateAuthorities"] = []
        return str(_file(tmp_path, document=document))

    past, soon = today - datetime.timedelta(days=1), today + datetime.timedelta(days=5, hours=1)
    code, text = _gate("check", root(past))
    assert (code, "no transparency logs is valid now" in text) == (1, True)
    assert _gate("check", root(past, None)) == (0, "ok\n")
    code, text = _gate("check", root(soon))
    assert (code, "in 5 days" in text) == (0, True)
    assert _gate("check", root(None), "--max-age-days", "30")[0] == 1


def test_the_record_counts_for_its_file_only(tmp_path: Path) -> None:
    """A record of another file says nothing; one that contradicts the policy file is an error; a broken one is an error."""
    path = _file(tmp_path)
    _gate("init", "--file", str(path), "--as-of", "2026-02-01", "--dir", str(tmp_path))
    kept = RootSpec(path="trusted_root.json")
    assert load_root(kept, tmp_path)[0].as_of == "2026-02-01"
    with pytest.raises(ConfigError, match="was imported as of 2026-02-01"):
        load_root(RootSpec(path="trusted_root.json", as_of="2026-03-01"), tmp_path)
    _file(tmp_path, "trusted_root.json", Sigstore().document())
    assert load_root(kept, tmp_path)[0].as_of == ""
    (tmp_path / f"trusted_root.json{SUFFIX}").write_text("{}")
    with pytest.raises(ConfigError, match="no record"):
        load_root(kept, tmp_path)


def test_another_file_than_the_pinned_one(tmp_path: Path) -> None:
    """The digest in the policy file is the whole file's, JSON lines too."""
    path = tmp_path / "roots.jsonl"
    path.write_text(json.dumps(SIM.document()) + "\n" + json.dumps(Sigstore().document()) + "\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(load_root(RootSpec(path="roots.jsonl", sha256=digest), tmp_path)) == 2
    path.write_text(json.dumps(SIM.document()))
    with pytest.raises(ConfigError, match="is not the trusted root that the policy file pins"):
        load_root(RootSpec(path="roots.jsonl", sha256=digest), tmp_path)
