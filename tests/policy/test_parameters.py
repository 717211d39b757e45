"""Tests of the parameter table."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from gate.errors import ConfigError
from gate.model.evidence import Kind
from gate.model.parameters import Parameters
from gate.policy.parameters import BY_NAME, SPECS, decode_params, is_asked, looser, tightens
from gate.policy.yamlfile import Source
from tests.policy.packs import PARAMS


def test_the_table_and_the_model_name_the_same_parameters() -> None:
    """In the same order; each required kind is a kind of evidence."""
    assert tuple(BY_NAME) == Parameters.__struct_fields__
    assert {spec.requires for spec in SPECS if spec.requires} <= set(get_args(Kind))
    assert all(spec.help for spec in SPECS) and BY_NAME["max_high"].type == int | None


STRICT = {"verified": True, "bindings": ["signed"]}
LOOSE = {"verified": False, "bindings": ["signed", "asserted"]}


@pytest.mark.parametrize(
    ("name", "tight", "loose"),
    [
        ("max_high", 3, 4),
        ("max_high", 0, None),
        ("max_epss", 0.1, 0.5),
        ("deny_kev", True, False),
        ("deny_fixable", "low", "high"),
        ("deny_fixable", "critical", None),
        ("remediation_days", {"high": 1, "low": 5}, {"high": 2}),
        ("fail_on_stig", "2", "1"),
        ("fail_on_stig", "1", None),
        ("accept", {"*": STRICT}, {"*": LOOSE}),
        ("accept", {"*": STRICT}, {"*": STRICT, "sbom": LOOSE}),
        ("accept", {"*": LOOSE, "sbom": STRICT}, {"*": LOOSE}),
        ("allowed_builders", ["https://a/x"], ["https://a/*"]),
        ("allowed_builders", ["https://a/*"], []),
        ("allowed_builders", ["https://a/*"], ["https://a/*", "https://b"]),
        ("required_labels", ["a", "b"], ["a"]),
        ("vex_authors", ["a"], ["a", "b"]),
        ("vex_authors", [], ["a"]),
        ("waiver_max_days", 30, 90),
        ("clock_skew_seconds", 0, 300),
        ("stig_min_openscap", "1.10", "1.4.2"),
        ("stig_min_openscap", "1.4", None),
        ("stig_min_coverage", 0.5, 0.1),
        ("stig_baseline", {}, {"allowed_setuid": ["usr/bin/su"]}),
        ("stig_baseline", {"allowed_keys": ["usr/lib/a"]}, {"allowed_keys": ["usr/lib/*"]}),
        ("stig_baseline", {"users": ["app"]}, {}),
        ("stig_baseline", {"min_coverage": 0.9}, {"min_coverage": None}),
        ("stig_require_results", True, False),
    ],
)
def test_directions(name: str, tight: Any, loose: Any) -> None:
    """One direction tightens, the other does not, and staying as it is always does."""
    source = Source("test", None)
    old, new = (decode_params(source, {name: value})[name] for value in (loose, tight))
    spec = BY_NAME[name]
    assert tightens(spec, old, old) and tightens(spec, new, new)
    if name != "vex_authors" or tight:
        assert tightens(spec, old, new)
    assert not tightens(spec, new, old)


def test_an_empty_author_list_is_no_way_to_tighten_a_filled_one() -> None:
    """Empty means nobody under vex_require_signed and everybody without it."""
    assert not tightens(BY_NAME["vex_authors"], ("a",), ())


def test_a_custom_parameter_has_no_direction() -> None:
    """Any change of one counts as looser."""
    assert [spec.name for spec in looser(PARAMS, msgspec.structs.replace(PARAMS, custom={"x": 1}))] == ["custom"]
    assert looser(PARAMS, msgspec.structs.replace(PARAMS, max_high=1, waiver_warn_days=99)) == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"max_hihg": 1}, "unknown parameter 'max_hihg'"),
        ({"max_high": "4"}, "must be a whole number, not the string '4'"),
        ({"max_high": True}, "must be a whole number"),
        ({"max_high": 1.5}, "must be a whole number"),
        ({"max_high": -1}, "max_high is -1"),
        ({"max_epss": 1.5}, "max_epss is 1.5"),
        ({"max_epss": float("nan")}, "max_epss is nan"),
        ({"deny_kev": 1}, "must be true or false"),
        ({"deny_kev": None}, "must be true or false"),
        ({"deny_fixable": "hgih"}, "deny_fixable is 'hgih'"),
        ({"fail_on_stig": 1}, "fail_on_stig is 1"),
        ({"stig_min_openscap": "new"}, "stig_min_openscap is 'new'"),
        ({"remediation_days": {"hihg": 1}}, "unknown key 'hihg'"),
        ({"remediation_days": {"high": -1}}, "remediation_days is -1"),
        ({"accept": {"sbom": STRICT}}, "lacks the entry '*'"),
        ({"accept": {"*": {"verified": True}}}, "lacks 'bindings'"),
        ({"accept": {"*": {"verified": False, "bindings": ["none"]}}}, "is 'none'"),
        ({"allowed_builders": "x"}, "must be a list"),
        ({"allowed_builders": ["*"]}, "matches everything"),
        ({"allowed_builders": [" "]}, "matches everything or nothing"),
        ({"waiver_max_days": 0}, "waiver_max_days is 0"),
        ("text", "must be a mapping"),
    ],
)
def test_wrong_parameters_are_configuration_errors(value: Any, message: str) -> None:
    """Each says which, and what it should be."""
    with pytest.raises(ConfigError) as caught:
        decode_params(Source("test", value), value)
    assert message in caught.value.what


def test_what_asks_for_something() -> None:
    """Zero is a limit; null, false and an empty list ask for nothing."""
    values: list[Any] = [0, "1", True, None, False, (), []]
    assert [is_asked(value) for value in values] == [True, True, True, False, False, False, False]


def test_each_flag_of_the_table_is_one_of_the_command() -> None:
    """A flag that help and origins name exists."""
    from gate.cli.verify import command

    flags = {flag for option in command.params for flag in option.opts}
    assert {spec.flag for spec in SPECS if spec.flag} <= flags
