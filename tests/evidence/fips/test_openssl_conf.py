"""OpenSSL's configuration files: what its own parser makes of them."""

from collections.abc import Mapping

import pytest

from gate.evidence.fips.openssl_conf import Contents, Unreadable, parse
from gate.evidence.fips.openssl_providers import demands_fips, read_providers


def values(
    text: str, files: Mapping[str, Contents] | None = None, env: Mapping[str, str] | None = None
) -> dict[str, dict[str, str]]:
    """The sections of a file at /c."""
    return parse("/c", {"/c": text.encode(), **(files or {})}.get, env or {}, "/d").sections


@pytest.mark.parametrize(
    ("text", "section", "expected"),
    [
        pytest.param("a = 1\na = 2\n", "default", {"a": "2"}, id="the-last-assignment-counts"),
        pytest.param("[s]\na=1\n[t]\nb=2\n[s]\nc=3\n", "s", {"a": "1", "c": "3"}, id="a-section-goes-on"),
        pytest.param("  a  =  b c  # d\n", "default", {"a": "b c"}, id="white-space-and-comment"),
        pytest.param("a = 'x # y' z\n", "default", {"a": "x # y z"}, id="a-hash-in-quotes"),
        pytest.param("a = x\\\n  y\n", "default", {"a": "x  y"}, id="a-line-that-goes-on"),
        pytest.param("a = x\\\\\nb = y\n", "default", {"a": "x\\", "b": "y"}, id="an-escaped-backslash-ends-the-line"),
        pytest.param("a = \\n\\t\\#\\$x\n", "default", {"a": "\n\t#$x"}, id="escapes"),
        pytest.param("a = 1\nb = $a ${a} $(a)\n", "default", {"a": "1", "b": "1 1 1"}, id="variables"),
        pytest.param("[s]\na = 1\n[t]\nb = ${s::a}2\n", "t", {"b": "12"}, id="of-another-section"),
        pytest.param("a = 1\n[t]\nb = $a\n", "t", {"b": "1"}, id="of-default"),
        pytest.param("b = $ENV::HOME\n", "default", {"b": "/root"}, id="of-the-environment"),
        pytest.param("b = '$a'\n", "default", {"b": "$a"}, id="not-in-quotes"),
        pytest.param(".pragma dollarid:on\nb = $a\n", "default", {"b": "$a"}, id="dollarid"),
        pytest.param("s::a = 1\n", "s", {"a": "1"}, id="section-in-the-name"),
        pytest.param("[ s ]\r\na = 1\r\n", "s", {"a": "1"}, id="dos-lines"),
        pytest.param("\ufeffa = 1\n", "default", {"a": "1"}, id="byte-order-mark"),
        pytest.param(".include /i\n[s]\nb=1\n", "i", {"x": "1"}, id="include"),
        pytest.param(".include=/i\n", "i", {"x": "1"}, id="include-with-equals"),
        pytest.param(".include = '/i'\n", "i", {"x": "1"}, id="include-in-quotes"),
        pytest.param("p = /i\n.include $p\n", "i", {"x": "1"}, id="include-by-variable"),
        pytest.param(".include /dir\n", "i", {"x": "2"}, id="a-directory-in-order"),
        pytest.param(".include /none\na=1\n", "default", {"a": "1"}, id="a-missing-include-is-no-error"),
        pytest.param(".pragma includedir:/\n.include i\n", "i", {"x": "1"}, id="includedir"),
        pytest.param("[s]\n.include /j\n", "s", {"y": "1"}, id="an-include-goes-on-in-the-section"),
    ],
)  # fmt: skip
def test_sections(text: str, section: str, expected: dict[str, str]) -> None:
    """What OpenSSL's parser reads."""
    others: dict[str, Contents] = {
        "/i": b"[i]\nx=1\n", "//i": b"[i]\nx=1\n", "/j": b"y=1\n", "/dir": ("b.conf", "a.cnf", "c.txt"),
        "/dir/a.cnf": b"[i]\nx=1\n", "/dir/b.conf": b"[i]\nx=2\n", "/dir/c.txt": b"[i]\nx=3\n",
    }  # fmt: skip
    assert values(text, others, {"HOME": "/root"})[section] == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a\n", "no '='"),
        ("[s\n", "closing bracket"),
        ("a = $b\n", "has no value"),
        ("a = ${b\n", "without"),
        (".include /c\n", "circles"),
        (".pragma abspath:true\n.include x\n", "forbids"),
        (".pragma nothing\n", "pragma"),
        ("a = " + "x" * 70_000, "too long"),
        ("a = 1\nb = $a$a$a$a$a$a$a$a\n" + "".join(f"b = {'$b' * 40}\n" for _ in range(5)), "too long"),
        ("".join(f"a{i} = 1\n" for i in range(20_001)), "more than"),
    ],
)
def test_what_openssl_refuses(text: str, why: str) -> None:
    """And what is beyond any real file: refused with the reason."""
    with pytest.raises(Unreadable, match=why):
        values(text)


def test_a_relative_include_is_relied_upon_by_nobody() -> None:
    """It belongs to the working directory of whatever program reads it; the variable makes it certain."""
    others: dict[str, Contents] = {"/d/x.cnf": b"[i]\nx=1\n"}
    text = b".include x.cnf\n"
    loose = parse("/c", {"/c": text, **others}.get, {}, "/d")
    assert "i" not in loose.sections
    assert "working directory" in loose.doubts[0]
    assert "i" in parse("/c", {"/c": text, **others}.get, {"OPENSSL_CONF_INCLUDE": "/d"}, "/e").sections


def test_a_directory_is_read_in_any_order() -> None:
    """Files that say different things make a doubt; names are taken in any case, as OpenSSL does."""
    others: dict[str, Contents] = {"/c": b".include /d\n", "/d": ("a.CNF", "b.conf"), "/d/a.CNF": b"[s]\nx=1\n"}
    same, other = b"[s]\nx=1\n[t]\ny=1\n", b"[s]\nx=2\n"
    agreed = parse("/c", {**others, "/d/b.conf": same}.get, {}, "/")
    assert agreed.sections["s"] == {"x": "1"} and not agreed.doubts
    assert "any order" in parse("/c", {**others, "/d/b.conf": other}.get, {}, "/").doubts[0]


@pytest.mark.parametrize(
    "line",
    [
        "activate=1",
        "1.fips=e",
        "providers.a.b=e",
        "ssl_conf=none",
        "ssl_conf=e",
        "ssl_conf=to-e",
        "random=none",
        "random=to-e",
        "oid_section=none",
    ],
)
def test_an_error_in_one_module_ends_the_rest(line: str) -> None:
    """OpenSSL goes no further in the list, and programs go on with what is set up by then: the default provider."""
    text = f"openssl_conf=i\n[i]\n{line}\nalg_section=a\n[a]\ndefault_properties=fips=yes\n[e]\n[to-e]\nx=e\n"
    with pytest.raises(Unreadable):
        read_providers(parse("/c", {"/c": text.encode()}.get, {}, "/"), "openssl_conf", (3, 5))


def test_engines_are_a_doubt() -> None:
    """An engine's algorithms are used whatever the properties demand."""
    text = "openssl_conf=i\n[i]\nengines=e\n[e]\n"
    assert read_providers(parse("/c", {"/c": text.encode()}.get, {}, "/"), "openssl_conf", (3, 5)).doubts


@pytest.mark.parametrize(
    ("properties", "demanded"),
    [
        ("fips=yes", True), ("fips", True), (" fips = yes ", True), ("provider!=x,fips=yes", True), ("FIPS=YES", True),
        ("", False), ("?fips=yes", False), ("fips=no", False), ("-fips", False), ("fips=yes,fips=no", False),
        ("fips=yes,-fips", False),
        ("provider=fips", False), ("xfips=yes", False), ("fips!=yes", False),
    ],
)  # fmt: skip
def test_only_a_mandatory_clause_demands_fips(properties: str, demanded: bool) -> None:
    """A wish, a contradiction and another name do not."""
    assert demands_fips(properties) is demanded


_BODY = (
    "openssl_conf = i\n[i]\nproviders = p\nalg_section = a\n[p]\nfips = f\ndefault = d\n[f]\nactivate = 1\n"
    "[a]\ndefault_properties = fips=yes\n[d]\n"
)


@pytest.mark.parametrize(
    ("more", "version", "active", "state"),
    [
        pytest.param("", (3, 5), ["fips"], "strict", id="no-activate-is-off"),
        pytest.param("activate = 0\n", (3, 5), ["fips"], "strict", id="0-is-off-since-3.2"),
        pytest.param("activate = 0\n", (3, 0, 15), ["fips", "default"], "preferred", id="any-value-is-on-until-3.1"),
        pytest.param("activate = 0\n", (), ["fips", "default"], "preferred", id="unknown-version-is-the-worse"),
        pytest.param("activate = yes\n", (3, 5), ["fips", "default"], "preferred", id="beside-default"),
        pytest.param("identity = other\nactivate = 1\n", (3, 5), ["fips", "other"], "preferred", id="identity"),
        pytest.param("[a]\ndefault_properties = ?fips=yes\n", (3, 5), ["fips"], "not_enforced", id="a-wish"),
        pytest.param("[a]\ndefault_properties =\nfips_mode = yes\n", (3, 5), ["fips"], "strict", id="fips-mode"),
        pytest.param("[a]\nfips_mode = no\n", (3, 5), ["fips"], "not_enforced", id="fips-mode-off"),
        pytest.param("[f]\nactivate = 0\n", (3, 5), [], "broken", id="demanded-and-not-there"),
        pytest.param("[i]\nalg_section.1 = x\n[x]\n", (3, 5), ["fips"], "strict", id="two-alg-sections"),
    ],
)
def test_what_is_active(more: str, version: tuple[int, ...], active: list[str], state: str) -> None:
    """By version of the library, and by everything that a section can say."""
    found = read_providers(parse("/c", {"/c": (_BODY + more).encode()}.get, {}, "/d"), "openssl_conf", version)
    assert ([provider.name for provider in found.active], found.state()) == (active, state)


@pytest.mark.parametrize(
    "more", ["[d]\nactivate = perhaps\n", "[i]\nproviders = none\n", "[p]\nx = none\n", "[a]\nx = y\n", "openssl_conf = none\n"]
)
def test_a_configuration_with_an_error_is_refused(more: str) -> None:
    """OpenSSL stops, or goes on with the default provider: nothing of it can be relied upon."""
    text = more + _BODY if more.startswith("openssl_conf") else _BODY + more
    text = text if not more.startswith("openssl_conf") else _BODY.replace("openssl_conf = i", more.strip())
    with pytest.raises(Unreadable):
        read_providers(parse("/c", {"/c": text.encode()}.get, {}, "/d"), "openssl_conf", (3, 5))
