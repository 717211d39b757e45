"""Platforms as container runtimes understand them (image-spec "Platform Variants", containerd's normalization)."""

from __future__ import annotations

import re

from gate.errors import UsageError
from gate.model.input import Platform

_ARCHITECTURES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "i386": "386",
    "i686": "386",
    "armhf": "arm",
    "armel": "arm",
}
_IMPLIED = {
    ("arm64", "v8"): "",
    ("arm64", "8"): "",
    ("amd64", "v1"): "",
    ("arm", ""): "v7",
    ("arm", "7"): "v7",
    ("arm", "6"): "v6",
}
_PART = re.compile(r"[A-Za-z0-9._-]{1,64}")
UNKNOWN = "unknown"


def normalize(platform: Platform) -> Platform:
    """The platform with the names that Go uses, and without a variant that goes without saying."""
    named = platform.architecture.lower()
    architecture = _ARCHITECTURES.get(named, named)
    variant = {"armhf": "v7", "armel": "v6"}.get(named, platform.variant.lower())
    variant = _IMPLIED.get((architecture, variant), variant)
    return Platform(
        os={"macos": "darwin"}.get(platform.os.lower(), platform.os.lower()), architecture=architecture, variant=variant
    )


def parse(text: str) -> Platform:
    """``os/architecture[/variant]`` or an architecture alone, for Linux; raises UsageError."""
    parts = text.split("/")
    if not 1 <= len(parts) <= 3 or not all(_PART.fullmatch(part) for part in parts):
        raise UsageError(f"{text!r} is no platform", why="a platform is os/architecture[/variant]", fix="for example linux/amd64")
    if len(parts) == 1:
        parts = ["linux", *parts]
    return normalize(Platform(os=parts[0], architecture=parts[1], variant=parts[2] if len(parts) == 3 else ""))


def matches(wanted: Platform, platform: Platform | None, *, variant_named: bool) -> bool:
    """Whether a platform is the wanted one. A filter without a variant takes every variant, as nothing may be left unjudged."""
    if platform is None:
        return False
    found = normalize(platform)
    same = (found.os, found.architecture) == (wanted.os, wanted.architecture)
    return same and (not variant_named or found.variant == wanted.variant)


def runnable(platform: Platform | None) -> bool:
    """False only for what says of itself that it runs nowhere: buildkit's ``unknown/unknown``."""
    return platform is None or UNKNOWN not in {platform.os.lower(), platform.architecture.lower()}
