"""Image references."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import UsageError
from gate.oci.reference import Reference, is_loopback, parse

D = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alpine", Reference("docker.io", "library/alpine", "latest")),
        ("alpine:3.20", Reference("docker.io", "library/alpine", "3.20")),
        ("team/app", Reference("docker.io", "team/app", "latest")),
        (f"alpine@{D}", Reference("docker.io", "library/alpine", None, D)),
        ("index.docker.io/team/app:1", Reference("docker.io", "team/app", "1")),
        ("localhost/app", Reference("localhost", "app", "latest")),
        ("localhost:5000/app:x", Reference("localhost:5000", "app", "x")),
        ("registry.example/a/b/c", Reference("registry.example", "a/b/c", "latest")),
        ("registry.example:443/a:1.2-rc_3", Reference("registry.example:443", "a", "1.2-rc_3")),
        (f"registry.example/a:1@{D}", Reference("registry.example", "a", "1", D)),
        ("[::1]:5000/app", Reference("[::1]:5000", "app", "latest")),
        ("registry.example/a__b/c--d.e", Reference("registry.example", "a__b/c--d.e", "latest")),
        ("registry.example/a@sha512:" + "b" * 128, Reference("registry.example", "a", None, "sha512:" + "b" * 128)),
    ],
)
def test_the_whole_grammar_is_read(text: str, expected: Reference) -> None:
    """Registry, port, path, tag and digest are found, with Docker Hub's defaults."""
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "empty"),
        (" alpine", "white space"),
        ("alpine\n", "white space"),
        ("a\x1b[31mb", "control"),
        ("https://registry.example/a", "scheme"),
        ("alpine@sha256:short", "digest"),
        ("alpine@sha256:" + "A" * 64, "digest"),
        ("alpine@md5:" + "a" * 32, "digest"),
        ("alpine@", "digest"),
        ("alpine:", "tag"),
        ("alpine:-x", "tag"),
        ("alpine:" + "t" * 129, "tag"),
        ("Team/app", "lower case"),
        ("registry.example/Team/app", "lower case"),
        ("registry.example/", "repository is missing"),
        ("registry.example/a//b", "repository"),
        ("registry.example/../etc", "repository"),
        ("registry.example:99999/a", "registry"),
        ("registry.example:x/a", "registry"),
        ("-bad.example/a", "registry"),
        ("registry.example/" + "a" * 256, "repository"),
        ("registry.example/a?x=y", "repository"),
    ],
)
def test_a_wrong_reference_says_which_part(text: str, part: str) -> None:
    """Every refusal names the part that is wrong, and is a usage error."""
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert part in f"{caught.value.what} {caught.value.why}"
    assert caught.value.exit_code == 2


def test_a_parsed_reference_reads_back_as_itself() -> None:
    """The canonical text is a fixed point."""
    for text in ("alpine", f"localhost:1/a/b:t@{D}", "registry.example/a"):
        assert parse(str(parse(text))) == parse(text)


@given(st.text(max_size=60))
def test_any_text_is_a_reference_or_a_usage_error(text: str) -> None:
    """No other exception leaves the parser, and what it accepts has no room for tricks."""
    try:
        found = parse(text)
    except UsageError:
        return
    assert ".." not in found.repository.split("/")
    assert found.tag or found.digest


def test_docker_hub_is_spoken_to_at_its_api_host() -> None:
    """Names say docker.io, the API is elsewhere."""
    assert parse("alpine").host == "registry-1.docker.io"
    assert parse("registry.example/a").host == "registry.example"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.0.0.9:1", True),
        ("[::1]:5", True),
        ("registry.example", False),
        ("127.0.0.1.example.org", False),
        ("localhost.example", False),
        ("10.0.0.1:5000", False),
    ],
)
def test_loopback_is_this_machine_only(host: str, expected: bool) -> None:
    """Plain HTTP is a default on loopback alone."""
    assert is_loopback(host) is expected
