"""Tests of what is in force: precedence, tighten-only, and errors that say where and what was meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import yaml

from gate.errors import ConfigError
from gate.limits import DEFAULT
from gate.model.base import to_json
from gate.policy import template
from gate.policy.bundle import BundleSpec, Policy, load_pack, load_policy
from gate.policy.config import Effective, Flags, choose_bundles, describe, load_policy_file, resolve
from tests.policy.packs import NOW, PARAMS, domain, engine, rule, write_pack

HEAD = "schema: gate.policy/v1\n"
ONE = HEAD + "environments:\n  prod:\n    profile: prod\n    params:\n      max_high: 2\n"


def profile(**changes: Any) -> str:
    """A whole profile as JSON, which is YAML."""
    params = msgspec.to_builtins(PARAMS) | changes.pop("params", {})
    return json.dumps({"select": ["*"], "enforcement": {}, "params": params, **changes})


def pack(folder: Path, extra: dict[str, str] | None = None, **settings: Any) -> Path:
    files = {"profiles/prod/data.yaml": profile(), "profiles/dev/data.yaml": profile(params={"max_high": None})}
    return write_pack(folder, domain(rule("limit")) | files | (extra or {}), **settings)


def inforce(
    tmp_path: Path,
    text: str | None,
    flags: Flags | None = None,
    *,
    pinned: bool = False,
    environment: str | None = None,
    **settings: Any,
) -> Effective:
    """Resolves a policy file against a pack with prod and dev."""
    flags = flags or Flags()
    folder = pack(tmp_path / "pack", **settings)
    digest = load_pack(BundleSpec(str(folder)), DEFAULT).digest if pinned else None
    policy = load_policy([BundleSpec(str(folder), digest)], DEFAULT)
    return resolve(load(tmp_path, text) if text is not None else None, environment, flags, policy, DEFAULT)


def load(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "security-policy.yaml"
    path.write_text(text)
    return load_policy_file(path, DEFAULT)


def test_without_a_file_the_default_profile_is_in_force(tmp_path: Path) -> None:
    """``prod``, unless the pack names another; every parameter says where it is from."""
    found = inforce(tmp_path, None)
    assert (found.profile, found.environment, found.selection, found.params) == ("prod", "", ("*",), PARAMS)
    assert set(found.origins.values()) == {"profile prod"} and found.sources == ()
    assert inforce(tmp_path / "b", None, default_profile="dev").profile == "dev"


def test_flags_win_over_the_file_and_the_file_over_the_profile(tmp_path: Path) -> None:
    """Each layer leaves its name as the origin."""
    found = inforce(tmp_path, ONE, Flags(params={"max_critical": 3}))
    assert (found.params.max_high, found.params.max_critical) == (2, 3)
    assert found.origins["max_high"] == f"{tmp_path}/security-policy.yaml:6" and found.origins["max_critical"] == "--max-critical"
    (tmp_path / "b").mkdir()
    assert inforce(tmp_path / "b", ONE, Flags(params={"max_high": 9})).params.max_high == 9
    assert found.sources == ((f"{tmp_path}/security-policy.yaml", found.sources[0][1]),)


def test_the_environment_of_the_process_chooses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable names a profile, an environment or a parameter (invariant 7)."""
    for name in ("GATE_PROFILE", "GATE_ENVIRONMENT", "GATE_MAX_HIGH", "PROFILE"):
        monkeypatch.setenv(name, "dev")
    assert inforce(tmp_path, None).profile == "prod"


def test_environments(tmp_path: Path) -> None:
    """By name, by default, or the only one; several without default need a choice."""
    two = HEAD + "environments: {a: {profile: prod}, b: {profile: dev}}\n"
    assert inforce(tmp_path, two, environment="b").profile == "dev"
    assert inforce(tmp_path, two + "default_environment: a\n").environment == "a"
    for text, name, message in ((two, None, "2 environments"), (two, "c", "no environment 'c'")):
        with pytest.raises(ConfigError, match=message):
            inforce(tmp_path, text, environment=name)
    with pytest.raises(ConfigError, match="without a policy file"):
        inforce(tmp_path, None, environment="a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a policy file"),
        ("schema: gate.policy/v2\n", "not a policy file"),
        (HEAD, "lacks 'environments'"),
        (HEAD + "environments: {}\n", "no environment"),
        (HEAD + "enviroments: {}\n", ":2: unknown key 'enviroments'"),
        (ONE.replace("max_high", "max_hihg"), ":6: unknown parameter 'max_hihg'"),
        (ONE.replace("params", "parms"), ":5: unknown key 'parms'"),
        (
            ONE.replace("max_high: 2", "max_high: many"),
            ":6: environments.prod.params.max_high must be a whole number, not the string 'many'",
        ),
        (ONE + "default_environment: prd\n", ":7: there is no environment 'prd'"),
        (ONE + "    enforcement: {sbom: warn}\n", "enforcement.sbom is 'warn'"),
        (ONE + "    waivers: waivers.yaml\n", "must be a list"),
        (ONE + "    vex: {authors: [a]}\n", None),
        (ONE + "      vex_authors: [b]\n    vex: {authors: [a]}\n", "both given"),
        (ONE + "    profile: dev\n", ":7: the key 'profile' stands twice"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_line(tmp_path: Path, text: str, message: str | None) -> None:
    """Unknown keys, wrong types and contradictions are exit 2."""
    if message is None:
        assert inforce(tmp_path, text).params.vex_authors == ("a",)
        return
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert message in caught.value.what


ENTRY = "name: ci, roles: ['*']"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("name: ci, roles: [], key: a", "no roles"),
        ("name: ci, roles: [sbon], key: a", "unknown role 'sbon'"),
        (ENTRY, "neither key nor identity"),
        (ENTRY + ", identity: a@b", "an identity without issuer"),
        (ENTRY + ", identity: a@b, issuer: i", "without trusted_root"),
        (ENTRY + ", issuer: i, key: k", "without an identity"),
        (ENTRY + ", identity: '.*', identity_regexp: true, issuer: i, trusted_root: {path: r}", "matches everyone"),
        (ENTRY + ", identity: '(', identity_regexp: true, issuer: i, trusted_root: {path: r}", "no regular expression"),
        (ENTRY + ", identity: a, issuer: i, trusted_root: {path: r, sha256: 12}", "must be a string"),
        (ENTRY + ", identity: a, issuer: i, trusted_root: {path: r, sha256: 'ab'}", "64 hex digits"),
        ("name: '', roles: ['*'], key: a", "a name of its own"),
    ],
)
def test_trust_entries_that_trust_by_half_are_refused(tmp_path: Path, entry: str, message: str) -> None:
    """Nobody, everybody and half an identity are no trust entries."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, ONE + f"trust: {{entries: [{{{entry}}}]}}\n")
    assert message in caught.value.what


def test_unknown_profiles_and_incomplete_ones(tmp_path: Path) -> None:
    """A name that is not there, and a file that leaves a parameter to chance."""
    with pytest.raises(ConfigError, match="no profile 'prd'") as caught:
        inforce(tmp_path, None, Flags(profile="prd"))
    assert "did you mean 'prod'?" in caught.value.fix
    mine = tmp_path / "mine.json"
    value = json.loads(profile(params={"max_high": 7}))
    mine.write_text(json.dumps(value))
    found = inforce(tmp_path, None, Flags(profile=str(mine)))
    assert found.params.max_high == 7 and found.sources[0][0] == str(mine)
    del value["params"]["max_low"]
    mine.write_text(json.dumps(value))
    with pytest.raises(ConfigError, match="lacks max_low"):
        inforce(tmp_path, None, Flags(profile=str(mine)))


# --- tighten-only (invariant 7)


@pytest.mark.parametrize(
    ("text", "flags", "names"),
    [
        (None, Flags(params={"max_high": 5}), ("--max-high", "max_high = 5", "looser than 4")),
        (ONE.replace("2", "9"), Flags(), ("security-policy.yaml:6", "max_high = 9")),
        (None, Flags(params={"accept": {"*": {"verified": False, "bindings": ["signed", "embedded", "asserted"]}}}), ("accept",)),
        (None, Flags(params={"vex_authors": ["me"]}), ("vex_authors",)),
        (None, Flags(exclude=("demo",)), ("leaves out demo",)),
        (None, Flags(select=("demo.limit",)), ("leaves out *",)),
        (None, Flags(enforcement={"demo": "report"}), ("only be reported",)),
        (None, Flags(waivers=("w.yaml",)), ("waiver files",)),
        (ONE + "    waivers: [w.yaml]\n", Flags(), ("waiver files",)),
        (None, Flags(exit_zero=True), ("--exit-zero is not allowed",)),
    ],
)
def test_a_pinned_pack_is_a_floor(tmp_path: Path, text: str | None, flags: Flags, names: tuple[str, ...]) -> None:
    """Whatever would let more pass is exit 2, naming the parameter, both values and where it came from."""
    with pytest.raises(ConfigError) as caught:
        inforce(tmp_path, text, flags, pinned=True)
    assert all(name in caught.value.what for name in names), caught.value.what


def test_beside_a_pinned_pack_everything_may_tighten(tmp_path: Path) -> None:
    """Lower limits, more rules and more enforcement."""
    found = inforce(tmp_path, ONE, Flags(params={"max_high": 0}, enforcement={"demo": "enforce"}), pinned=True)
    assert found.params.max_high == 0 and found.pinned


@pytest.mark.parametrize("text", [None, HEAD + "environments: {dev: {profile: dev}}\n"])
def test_a_looser_profile_of_a_pinned_pack_is_chosen_only_where_the_pack_says_so(tmp_path: Path, text: str | None) -> None:
    """Choosing ``dev`` would be a loosening like any other; ``metadata.gate.profiles`` of the manifest permits it."""
    flags = Flags(profile="dev") if text is None else Flags()
    with pytest.raises(ConfigError, match="max_high = null is looser") as caught:
        inforce(tmp_path, text, flags, pinned=True)
    assert "metadata.gate.profiles" in caught.value.fix
    assert inforce(tmp_path, text, flags, pinned=True, profiles=["dev"]).params.max_high is None
    assert inforce(tmp_path, text, flags).params.max_high is None


def test_a_missing_exception_to_a_broader_report_is_a_loosening(tmp_path: Path) -> None:
    """A profile without the `enforce` of the floor leaves that rule to the broader `report`."""
    whole = {"demo": "report", "demo.limit": "enforce"}
    for modes, fine in ((whole, True), ({"demo": "report"}, False), ({"demo.limit": "enforce"}, True)):
        mine = tmp_path / "mine.json"
        mine.write_text(profile(enforcement=modes))
        extra = {"profiles/prod/data.yaml": profile(enforcement=whole)}
        digest = load_pack(BundleSpec(str(pack(tmp_path / "pack", extra))), DEFAULT).digest
        policy = load_policy([BundleSpec(str(tmp_path / "pack"), digest)], DEFAULT)
        if fine:
            resolve(None, None, Flags(profile=str(mine)), policy, DEFAULT)
        else:
            with pytest.raises(ConfigError, match=r"demo\.limit: enforce of profile prod is missing"):
                resolve(None, None, Flags(profile=str(mine)), policy, DEFAULT)


PEM = "-----BEGIN PUBLIC KEY-----\nMFk=\n-----END PUBLIC KEY-----\n"
KEYLESS = {"name": "ci", "roles": ["signature"], "identity": "https://ci.example/w", "issuer": "https://issuer.example"}


def trusted(tmp_path: Path, value: Any, *, pinned: bool = True) -> Effective:
    folder = pack(tmp_path / "pack", {"trust/data.json": json.dumps(value)})
    digest = load_pack(BundleSpec(str(folder)), DEFAULT).digest if pinned else None
    return resolve(None, None, Flags(), load_policy([BundleSpec(str(folder), digest)], DEFAULT), DEFAULT)


def test_a_pinned_pack_names_whom_to_trust(tmp_path: Path) -> None:
    """Keys inline, and roots by digest."""
    entries = [{"name": "release", "roles": ["*"], "key": PEM}, {**KEYLESS, "trusted_root": {"sha256": "a" * 64}}]
    found = trusted(tmp_path, {"entries": entries})
    assert [entry.name for entry in found.pack_trust.entries] == ["release", "ci"]
    assert [entry["name"] for entry in describe(found)["trust"]["entries"]] == ["release", "ci"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"entries": [{"name": "x", "roles": ["*"], "key": "cosign.pub"}]}, "not inline"),
        ({"entries": [{**KEYLESS, "trusted_root": {"path": "root.json"}}]}, "needs sha256 and no path"),
        ({"entries": [{**KEYLESS, "trusted_root": {"path": "root.json", "sha256": "a" * 64}}]}, "needs sha256 and no path"),
        ({"entries": [{**KEYLESS, "trusted_root": {"sha256": "A" * 64}}]}, "not 64 hex digits"),
        ({"entries": [{"name": "x", "roles": [], "key": PEM}]}, "no roles"),
        ({"entries": [{"name": "x", "roles": ["*"], "keys": PEM}]}, "unknown key"),
        ({"entries": {}}, "must hold entries"),
        ({"entries": [], "more": 1}, "must hold entries"),
        ({"entries": ["x"]}, "must be a mapping"),
    ],
)
def test_a_malformed_trust_of_a_pack(tmp_path: Path, value: Any, message: str) -> None:
    """What would read files beside the pack, or trust nobody, is refused."""
    with pytest.raises(ConfigError, match=message):
        trusted(tmp_path, value)


def test_trust_of_a_pack_that_nobody_pinned(tmp_path: Path) -> None:
    """Whoever writes the folder would name the signers."""
    with pytest.raises(ConfigError, match="not pinned"):
        trusted(tmp_path, {"entries": [{"name": "x", "roles": ["*"], "key": PEM}]}, pinned=False)


def test_a_profile_from_outside_a_pinned_pack_may_only_tighten(tmp_path: Path) -> None:
    """It is measured against the pack's default profile."""
    mine = tmp_path / "mine.json"
    for limit, fine in ((3, True), (5, False)):
        mine.write_text(profile(params={"max_high": limit}))
        if fine:
            assert inforce(tmp_path, None, Flags(profile=str(mine)), pinned=True).params.max_high == 3
        else:
            with pytest.raises(ConfigError, match="max_high = 5"):
                inforce(tmp_path, None, Flags(profile=str(mine)), pinned=True)


def test_an_unpinned_pack_decides_nothing_beside_a_pinned_one(tmp_path: Path) -> None:
    """Neither its profiles nor its settings nor its waivers count as approved."""
    first = pack(tmp_path / "pack")
    spec = BundleSpec(str(first), load_pack(BundleSpec(str(first)), DEFAULT).digest)

    def beside(files: dict[str, str], manifest: dict[str, Any], flags: Flags) -> Effective:
        folder = tmp_path / "extra"
        for path, text in {**files, ".manifest": json.dumps({"metadata": {"name": "extra", "gate": manifest}})}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        return resolve(
            None, None, flags, Policy((*load_policy([spec], DEFAULT).packs, load_pack(BundleSpec(str(folder)), DEFAULT))), DEFAULT
        )

    loose = {"profiles/loose/data.yaml": profile(params={"max_high": None})}
    with pytest.raises(ConfigError, match="max_high = null"):
        beside(loose, {}, Flags(profile="loose"))
    assert beside(loose, {"default_profile": "loose"}, Flags()).profile == "prod"
    with pytest.raises(ConfigError, match="exit-zero"):
        beside(loose, {"allow_exit_zero": True}, Flags(exit_zero=True))
    with pytest.raises(ConfigError, match="waivers in a pack that is not pinned"):
        beside(loose | {"waivers/data.yaml": "schema: gate.waivers/v1\nwaivers: []\n"}, {}, Flags())


def test_waivers_of_a_pack_are_read_and_judged(tmp_path: Path) -> None:
    """They are data of the pack, so that they are pinned with it."""
    entry = {
        "id": "W",
        "rule": "demo.limit",
        "reason": "r",
        "owner": "o",
        "ticket": "t",
        "created": "2026-11-01",
        "expires": "2026-12-01",
    }
    files = {
        "waivers/data.json": json.dumps({"schema": "gate.waivers/v1", "waivers": [entry, {**entry, "id": "X", "reason": ""}]})
    }
    folder = pack(tmp_path / "pack", files)
    with engine(folder) as made:
        found = resolve(None, None, Flags(), made.policy, DEFAULT)
        assert [(each.id, each.state) for each in found.judged_waivers(NOW, made.inventory, DEFAULT)] == [
            ("W", "active"),
            ("X", "invalid"),
        ]


def test_exit_zero_needs_permission(tmp_path: Path) -> None:
    """The pack or the profile has to allow it."""
    with pytest.raises(ConfigError, match="--exit-zero"):
        inforce(tmp_path, None, Flags(exit_zero=True))
    assert inforce(tmp_path / "b", None, Flags(exit_zero=True), allow_exit_zero=True).exit_zero


def test_a_profile_from_outside_a_pinned_pack_permits_no_exit_zero(tmp_path: Path) -> None:
    """The permission is the pinned pack's to give (invariant 7)."""
    mine = tmp_path / "mine.yaml"
    mine.write_text(profile(allow_exit_zero=True))
    with pytest.raises(ConfigError, match="not allowed by the profile prod"):
        inforce(tmp_path, None, Flags(profile=str(mine), exit_zero=True), pinned=True)
    assert inforce(tmp_path / "b", None, Flags(profile=str(mine), exit_zero=True)).exit_zero


def test_paths_in_the_file_start_at_the_file(tmp_path: Path) -> None:
    """Packs, waivers and VEX of the file, then those of the flags as they are."""
    loaded = load(tmp_path, ONE + "    waivers: [w.yaml]\n    vex: {files: [v.json]}\n    bundles: [packs/x]\n")
    flags = Flags(waivers=("y.yaml",), bundles=("z",))
    assert [(spec.base, spec.path) for spec in choose_bundles(loaded, None, flags)] == [(str(tmp_path), "packs/x"), ("", "z")]
    found = resolve(loaded, None, flags, load_policy([BundleSpec(str(pack(tmp_path / "pack")))], DEFAULT), DEFAULT)
    assert (found.waivers, found.vex) == ((tmp_path / "w.yaml", Path("y.yaml")), (tmp_path / "v.json",))


def test_what_is_in_force_can_be_shown_and_frozen(tmp_path: Path) -> None:
    """`describe` is plain JSON; the decision block has all that a replay needs."""
    found = inforce(tmp_path, ONE)
    assert json.loads(json.dumps(describe(found)))["params"]["max_high"] == {
        "value": 2,
        "from": f"{tmp_path}/security-policy.yaml:6",
    }
    assert found.decision(()).params == found.params and to_json(found.decision(()))


# --- template and schema


def test_the_template_is_valid_and_resolves_against_the_gates_own_pack(tmp_path: Path) -> None:
    """`gate init` writes what `gate config check` accepts, for each of its environments."""
    loaded = load(tmp_path, template.TEMPLATE)
    policy = load_policy([], DEFAULT)
    for name in loaded.file.environments:
        assert resolve(loaded, name, Flags(), policy, DEFAULT).environment == name


def test_the_commented_lines_of_the_template_are_valid_too(tmp_path: Path) -> None:
    """What a reader uncomments loads."""
    lines = [line for line in template.TEMPLATE.splitlines() if "sha256:…" not in line]
    for index, line in enumerate(lines):
        stripped = line.lstrip()
        if (
            stripped.startswith("# ")
            and (": " in stripped or stripped.endswith(":"))
            and stripped[2:3].islower()
            and "," not in stripped.split(":")[0]
        ):
            body = stripped[2:]
            if body.split(":")[0].replace("_", "").isalpha() and not body.startswith(("see ", "this ")):
                changed = [*lines[:index], line.replace("# ", "", 1), *lines[index + 1 :]]
                if index < len(lines) - 12:
                    load(tmp_path, "\n".join(changed) + "\n")


def test_the_schema_accepts_what_the_gate_accepts(tmp_path: Path) -> None:
    """The published JSON Schema takes the template and refuses an unknown parameter."""
    validator = jsonschema_rs.validator_for(template.schema())
    assert validator.is_valid(yaml.safe_load(template.TEMPLATE))
    assert not validator.is_valid(yaml.safe_load(ONE.replace("max_high", "max_hihg")))
    assert not validator.is_valid({"schema": "gate.policy/v1"})
    assert template.schema() == template.schema()
