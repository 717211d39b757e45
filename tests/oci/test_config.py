"""Image configurations."""

from typing import Any

import pytest

from gate.errors import EvidenceInvalid
from gate.limits import DEFAULT
from gate.oci.config import read_config
from tests.fakes.images import encode


def test_every_field_that_rules_look_at_is_read() -> None:
    """User, environment, entry point, ports, volumes, labels, times, history, layers."""
    found = read_config(
        encode(
            {
                "os": "linux",
                "architecture": "arm",
                "variant": "v7",
                "created": "2026-01-01T00:00:00Z",
                "config": {
                    "User": "1000:1000",
                    "Env": ["A=b"],
                    "Entrypoint": ["/a"],
                    "Cmd": ["x"],
                    "ExposedPorts": {"80/tcp": {}, "22/tcp": {}},
                    "Volumes": {"/v": {}},
                    "Labels": {"k": "v"},
                },
                "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "1" * 64]},
                "history": [{"created_by": "RUN x", "empty_layer": True}],
            }
        ),
        "it",
        DEFAULT,
    )
    assert str(found.platform) == "linux/arm/v7"
    assert found.config.user == "1000:1000"
    assert found.config.exposed_ports == ("22/tcp", "80/tcp")
    assert (found.config.env, found.config.entrypoint, found.config.cmd) == (("A=b",), ("/a",), ("x",))
    assert (found.config.volumes, found.config.labels) == (("/v",), {"k": "v"})
    assert found.config.history[0].empty_layer
    assert found.config.diff_ids == ("sha256:" + "1" * 64,)


@pytest.mark.parametrize(
    "value", [{}, {"config": None, "history": None, "rootfs": None}, {"config": {"Labels": None, "Env": None}}]
)
def test_absent_and_null_are_empty(value: dict[str, Any]) -> None:
    """Builders write null for empty; no user means root, and the text stays empty."""
    found = read_config(encode(value), "it", DEFAULT)
    assert (found.config.user, found.config.env, found.config.labels, found.platform) == ("", (), {}, None)


def test_a_text_in_place_of_a_list_is_a_list_of_one() -> None:
    """Old Docker wrote entry points so."""
    assert read_config(encode({"config": {"Entrypoint": "/a"}}), "it", DEFAULT).config.entrypoint == ("/a",)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"config": []}, "/config"),
        ({"config": {"User": 0}}, "/config/User"),
        ({"config": {"Env": [1]}}, "/config/Env"),
        ({"config": {"Labels": {"a": 1}}}, "/config/Labels"),
        ({"config": {"ExposedPorts": ["80"]}}, "/config/ExposedPorts"),
        ({"created": 5}, "/created"),
        ({"history": [1]}, "/history"),
        ({"history": [{"empty_layer": "yes"}]}, "/history/0/empty_layer"),
        ({"rootfs": {"diff_ids": ["x"]}}, "/rootfs/diff_ids/0"),
        ({"os": ["linux"]}, "/os"),
    ],
)
def test_a_wrong_type_is_an_error_with_its_place(value: dict[str, Any], field: str) -> None:
    """A user of 0 as a number must not read as "no user set"."""
    with pytest.raises(EvidenceInvalid) as caught:
        read_config(encode(value), "it", DEFAULT)
    assert field in caught.value.what
