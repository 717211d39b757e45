"""The image configuration (OCI image-spec "config.md", Docker image spec v1.2): the parts that rules look at.

Read tolerantly where builders differ (null for empty, a text for a list of one), strictly where a wrong reading would help an
attacker: a value of another type is an error, not an empty one.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from gate.errors import EvidenceInvalid
from gate.limits import Limits
from gate.model.input import History, ImageConfig, Platform
from gate.oci.strict import is_digest, parse_object


@dataclasses.dataclass(frozen=True, slots=True)
class Configuration:
    """The configuration with the platform that it is for; None when it names none."""

    config: ImageConfig
    platform: Platform | None


def read_config(data: bytes, what: str, limits: Limits) -> Configuration:
    """Raises EvidenceInvalid naming the field that has a wrong type."""
    top = _Fields(parse_object(data, what, limits), what)
    run = top.inner("config")
    rootfs = top.inner("rootfs")
    diff_ids = rootfs.texts("diff_ids")
    for number, digest in enumerate(diff_ids):
        if not is_digest(digest):
            raise EvidenceInvalid(f"{what}: /rootfs/diff_ids/{number} is no digest")
    config = ImageConfig(
        user=run.text("User"),
        env=run.texts("Env"),
        entrypoint=run.texts("Entrypoint"),
        cmd=run.texts("Cmd"),
        exposed_ports=run.keys("ExposedPorts"),
        volumes=run.keys("Volumes"),
        labels=run.map("Labels"),
        created=top.text("created") or None,
        history=tuple(
            History(created=entry.text("created"), created_by=entry.text("created_by"), empty_layer=entry.flag("empty_layer"))
            for entry in top.objects("history")
        ),
        diff_ids=diff_ids,
        healthcheck=run.inner("Healthcheck").texts("Test") if run.has("Healthcheck") else None,
    )
    os, architecture = top.text("os"), top.text("architecture")
    platform = Platform(os=os, architecture=architecture, variant=top.text("variant")) if os or architecture else None
    return Configuration(config, platform)


class _Fields:
    """An object whose fields have the type asked for, or are null or absent."""

    def __init__(self, value: dict[str, Any], what: str, where: str = "") -> None:
        self._value = value
        self._what = what
        self._where = where

    def text(self, name: str) -> str:
        value = self._value.get(name)
        if value is None:
            return ""
        return value if isinstance(value, str) else self._wrong(name, "text")

    def has(self, name: str) -> bool:
        return self._value.get(name) is not None

    def flag(self, name: str) -> bool:
        value = self._value.get(name)
        if value is None:
            return False
        return value if isinstance(value, bool) else self._wrong(name, "true or false")

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._value.get(name)
        if value is None:
            return ()
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._wrong(name, "a list of texts")
        return tuple(value)

    def keys(self, name: str) -> tuple[str, ...]:
        value = self._value.get(name)
        if value is None:
            return ()
        return tuple(sorted(value)) if isinstance(value, dict) else self._wrong(name, "an object")

    def map(self, name: str) -> dict[str, str]:
        value = self._value.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            self._wrong(name, "an object of texts")
        return dict(value)

    def inner(self, name: str) -> _Fields:
        value = self._value.get(name)
        if value is not None and not isinstance(value, dict):
            self._wrong(name, "an object")
        return _Fields(value or {}, self._what, f"{self._where}/{name}")

    def objects(self, name: str) -> tuple[_Fields, ...]:
        value = self._value.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self._wrong(name, "a list of objects")
        return tuple(_Fields(item, self._what, f"{self._where}/{name}/{number}") for number, item in enumerate(value))

    def _wrong(self, name: str, expected: str) -> Any:
        raise EvidenceInvalid(f"{self._what}: {self._where}/{name} is not {expected}")
