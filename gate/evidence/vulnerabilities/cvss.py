"""CVSS v3.0 and v3.1 base scores from their vectors (CVSS v3.1 specification §7.1, §7.4, appendix A).

Only for reports that give a vector without a score. Other versions give no score here, so their findings stay ``unknown``.
"""

from __future__ import annotations

_WEIGHTS: dict[str, dict[str, float]] = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "UI": {"N": 0.85, "R": 0.62},
    "C": {"H": 0.56, "L": 0.22, "N": 0.0},
    "I": {"H": 0.56, "L": 0.22, "N": 0.0},
    "A": {"H": 0.56, "L": 0.22, "N": 0.0},
}
_PRIVILEGES = {"U": {"N": 0.85, "L": 0.62, "H": 0.27}, "C": {"N": 0.85, "L": 0.68, "H": 0.5}}


def base_score(vector: str) -> float | None:
    """The base score; null for another version and for a vector that lacks a base metric or has an unknown value."""
    head, *parts = vector.strip().split("/")
    if head not in ("CVSS:3.0", "CVSS:3.1"):
        return None
    metrics = dict(part.partition(":")[::2] for part in parts)
    try:
        scope = metrics["S"]
        privileges = _PRIVILEGES[scope][metrics["PR"]]
        weight = {name: values[metrics[name]] for name, values in _WEIGHTS.items()}
    except KeyError:
        return None
    iss = 1 - (1 - weight["C"]) * (1 - weight["I"]) * (1 - weight["A"])
    impact = 6.42 * iss if scope == "U" else 7.52 * (iss - 0.029) - 3.25 * (iss - 0.02) ** 15
    if impact <= 0:
        return 0.0
    exploitability = 8.22 * weight["AV"] * weight["AC"] * privileges * weight["UI"]
    total = (impact + exploitability) * (1 if scope == "U" else 1.08)
    return _round_up(min(total, 10.0))


def _round_up(value: float) -> float:
    """To one decimal, upwards, without floating-point surprises (appendix A)."""
    scaled = round(value * 100_000)
    return scaled / 100_000 if scaled % 10_000 == 0 else (scaled // 10_000 + 1) / 10
