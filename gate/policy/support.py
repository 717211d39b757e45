"""Until when a distribution is supported, by the table of the gate's own pack; for people, no decision rests on it."""

from __future__ import annotations

from collections.abc import Mapping

from gate.policy.bundle import default_path
from gate.policy.yamlfile import read_source

_BYTES = 1024 * 1024


def supported_until(os_release: Mapping[str, str]) -> str:
    """The last day with support and the day of the table, as ``hardening.supported_release`` finds it; empty where nobody says.

    Raises ConfigError when the table cannot be read.
    """
    table = read_source(default_path() / "lib" / "hardening" / "eol" / "data.yaml", max_bytes=_BYTES).value
    name, version = os_release.get("ID", ""), os_release.get("VERSION_ID", "")
    if name in table["rolling"]:
        return "a rolling release"
    known = table["releases"].get(name, {})
    for text in (version, ".".join(version.split(".")[:2]), version.split(".")[0]):
        if text and text in known:
            return f"supported until {known[text]} (as known on {table['as_of']})"
    said = os_release.get("SUPPORT_END", "")
    return f"supported until {said} (by os-release)" if said else ""
