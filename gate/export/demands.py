"""What an admission policy has to demand of a verification summary; the same as `gate.attest.vsa_verify`, and as complete.

Values end up inside other languages (Rego, JMESPath, YAML). Quoting is not trusted with that: a value that holds anything which
means something there is refused.
"""

from __future__ import annotations

import dataclasses
import re

from gate.errors import ConfigError

__all__ = ["Demands", "Identity", "Rendered"]

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:/@%+=&,;#-]*")
"""No wildcard, quote, brace, dollar sign, backslash or space."""
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_REPOSITORY = re.compile(r"(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+|[a-z0-9.-]+:[0-9]+)(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+")
"""With a registry: what Pods call `app` is `docker.io/library/app`, and a policy about the one would not see the other."""
_HUB = ("docker.io", "index.docker.io")
SKEW_S = 300
"""How far a summary's time may lie ahead, as in `gate.attest.vsa_verify`."""


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """A keyless signer. Raises ConfigError for one that a target would take for a wildcard, a variable or everybody."""

    identity: str
    issuer: str
    regexp: bool = False

    def __post_init__(self) -> None:
        exact = (self.issuer,) if self.regexp else (self.issuer, self.identity)
        for value in exact:
            if _PLAIN.fullmatch(value) is None:
                raise ConfigError(
                    f"{value!r} is no name that every admission controller compares as it stands",
                    why="Kyverno takes * and ? in an identity for wildcards, and {{ }} for a variable",
                    fix="name the identity exactly, or give a pattern with --certificate-identity-regexp",
                )
        if not self.regexp:
            return
        everybody = any(re.fullmatch(self.identity, name) for name in ("", "https://example.invalid/anyone", "a@example.invalid"))
        if everybody or "{{" in self.identity:
            raise ConfigError(
                f"the identity pattern {self.identity!r} matches everyone, or holds a variable of the target",
                fix="name the organisation and repository in it",
            )

    @property
    def pattern(self) -> str:
        """The pattern anchored at both ends: the gate matches as a whole, the targets look for it anywhere."""
        return f"^(?:{self.identity})$"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """Raises ConfigError for demands that would let something through unseen."""

    name: str
    """Of the object in the cluster."""
    repository: str
    """The images that the policy is about, without tag or digest; one, because a summary is about one resource."""
    keys: tuple[str, ...]
    """PEM public keys of the verifier."""
    identities: tuple[Identity, ...]
    verifier_id: str
    resource_uri: str
    policy_digest: str
    max_age_s: int
    levels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.keys and not self.identities:
            raise ConfigError(
                "nobody is trusted to sign summaries",
                why="a policy without a signer would admit whatever anyone attaches to an image",
                fix="add --key gate.pub, or a certificate identity",
            )
        if _NAME.fullmatch(self.name) is None:
            raise ConfigError(f"{self.name!r} is no name for an object in a cluster", fix="use a-z, 0-9 and -")
        if _REPOSITORY.fullmatch(self.repository) is None:
            raise ConfigError(
                f"{self.repository!r} is no repository",
                why="one summary is about one resource, so a policy is about one repository and not about a pattern",
                fix="write it with its registry and without tag or digest: registry.example/shop/app",
            )
        for what, value in (("verifier id", self.verifier_id), ("resource URI", self.resource_uri)):
            if _PLAIN.fullmatch(value) is None or _URI.fullmatch(value) is None:
                raise ConfigError(
                    f"the {what} {value!r} is not a URI that every admission controller compares as it stands",
                    why="wildcards, quotes and braces mean something there",
                    fix="use letters, digits and . _ ~ : / @ % + = & , ; # -",
                )
        for level in self.levels:
            if not level or level == "FAILED" or _PLAIN.fullmatch(level) is None:
                raise ConfigError(f"{level!r} is no level that can be demanded", fix="demand levels such as SLSA_BUILD_LEVEL_2")
        if _DIGEST.fullmatch(self.policy_digest) is None:
            raise ConfigError(f"the policy digest {self.policy_digest!r} is not sha256:<64 hex digits>")
        if self.max_age_s <= 0:
            raise ConfigError("the maximum age is not above zero", fix="give it in hours: --max-age 24")

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every way in which a Pod can write the repository: Docker Hub's registry and its folder `library` may be left out."""
        host, _, path = self.repository.partition("/")
        if host not in _HUB:
            return (self.repository,)
        paths = [path, path.removeprefix("library/")] if "/" in path else [path, f"library/{path}"]
        return tuple(dict.fromkeys([*(f"{hub}/{each}" for hub in _HUB for each in paths), *paths]))

    @property
    def alternatives(self) -> tuple[tuple[str, ...], ...]:
        """For each level the names that satisfy it: a SLSA level includes the lower ones of its track."""
        found = []
        for level in self.levels:
            match = re.fullmatch(r"(SLSA_[A-Z]+_LEVEL_)([0-9])", level)
            found.append(tuple(f"{match[1]}{n}" for n in range(int(match[2]), max(int(match[2]), 4) + 1)) if match else (level,))
        return tuple(found)


@dataclasses.dataclass(frozen=True, slots=True)
class Rendered:
    text: str
    """YAML."""
    notes: tuple[str, ...]
    """What the target does not check, or checks in another way than the gate: for whoever applies it."""
