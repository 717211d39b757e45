"""How registries are reached. One value is made per run, and what it opened is shared between all subjects of the run."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class Shared:
    """Things opened once and used by many threads, closed together. The first caller of a key makes its value."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[object, Any] = {}
        self._closers: list[Callable[[], None]] = []

    def get(self, key: object, make: Callable[[], Any], close: Callable[[Any], None] | None = None) -> Any:
        """The value of the key, made by ``make`` when it is new; ``close`` is called with it by `close`."""
        with self._lock:
            if key not in self._values:
                value = self._values[key] = make()
                if close is not None:
                    self._closers.append(lambda: close(value))
            return self._values[key]

    def close(self) -> None:
        """Closes everything, newest first; what is asked for afterwards is made anew."""
        with self._lock:
            closers, self._closers, self._values = self._closers, [], {}
        for close in reversed(closers):
            close()


@dataclasses.dataclass(frozen=True, slots=True)
class RegistryOptions:
    """What the caller chose. Equal for all subjects of a run; `close` it at the end of the run."""

    plain_http: bool | None = None
    """None: HTTPS, but plain HTTP for a registry on this machine; True: always plain HTTP; False: always HTTPS."""
    ca_file: Path | None = None
    """PEM file of further certificate authorities, beside those of the system."""
    offline: bool = False
    """Refuse every network connection."""
    docker_config: Path | None = None
    """A ``config.json`` to read credentials from; None looks where docker and podman keep theirs."""
    username: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    """Given outright; they win over ``docker_config`` and are sent to `credentials_for` only."""
    credentials_for: str | None = None
    """The registry that ``username`` and ``password`` are for; without it they are used nowhere."""
    environ: Mapping[str, str] = dataclasses.field(default_factory=lambda: dict(os.environ), repr=False)
    shared: Shared = dataclasses.field(default_factory=Shared, compare=False, repr=False)

    def close(self) -> None:
        """Ends all connections."""
        self.shared.close()
