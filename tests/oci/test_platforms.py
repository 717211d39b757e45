"""Platform names."""

import pytest

from gate.errors import UsageError
from gate.model.input import Platform
from gate.oci.platforms import matches, normalize, parse, runnable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linux/amd64", "linux/amd64"),
        ("amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("Linux/AMD64", "linux/amd64"),
    ],
)
def test_names_are_normalized_as_runtimes_do(text: str, expected: str) -> None:
    """Aliases and implied variants are one platform."""
    assert str(parse(text)) == expected


@pytest.mark.parametrize("text", ["", "/", "linux/", "a/b/c/d", "linux/amd 64", "linux/*"])
def test_a_wrong_platform_is_a_usage_error(text: str) -> None:
    """With an example to copy."""
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert "linux/amd64" in caught.value.fix


def test_a_filter_without_variant_takes_all_variants() -> None:
    """Nothing that could run is left out because a variant was not named."""
    v6 = Platform(os="linux", architecture="arm", variant="v6")
    assert matches(parse("linux/arm"), v6, variant_named=False)
    assert not matches(parse("linux/arm/v7"), v6, variant_named=True)
    assert not matches(parse("linux/arm"), None, variant_named=False)


def test_only_unknown_is_not_runnable() -> None:
    """A platform that nobody named is judged; buildkit's unknown/unknown is not."""
    assert runnable(None)
    assert runnable(normalize(Platform(os="windows", architecture="amd64")))
    assert not runnable(Platform(os="unknown", architecture="unknown"))
