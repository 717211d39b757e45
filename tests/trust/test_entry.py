"""Trust entries: what cannot be written down, and what the digest covers."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gate.errors import ConfigError
from gate.trust.entry import IdentityRule, Trust, TrustEntry
from tests.trust.simulator import IDENTITY, ISSUER, Sigstore, public

KEY = public(ec.generate_private_key(ec.SECP256R1()))
RULE = IdentityRule(identity=IDENTITY, issuer=ISSUER)


@pytest.mark.parametrize(
    ("identity", "issuer", "words"), [(IDENTITY, "", "without an issuer"), ("", ISSUER, "without an identity")]
)
def test_a_rule_needs_both(identity: str, issuer: str, words: str) -> None:
    """An identity without an issuer, or the reverse, is refused."""
    with pytest.raises(ConfigError, match=words):
        IdentityRule(identity=identity, issuer=issuer)


def test_a_broken_pattern_is_refused_at_once() -> None:
    """A regular expression that does not compile never reaches a verification."""
    with pytest.raises(ConfigError, match="no regular expression"):
        IdentityRule(identity="(", issuer=ISSUER, regexp=True)


def test_without_regexp_the_identity_is_text() -> None:
    """Special characters mean themselves."""
    rule = IdentityRule(identity="a.c", issuer=ISSUER)
    assert rule.matches("a.c", ISSUER)
    assert not rule.matches("abc", ISSUER)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"identities": (RULE,)},
        {"roots": (Sigstore().root(),)},
        {"keys": (KEY,), "identities": (RULE,)},
        {"keys": (KEY,), "roles": ()},
        {"keys": (KEY,), "log_threshold": 0},
        {"keys": (KEY,), "sct_threshold": 0},
    ],
)
def test_an_entry_that_would_trust_nobody_is_refused(changes: dict[str, Any]) -> None:
    """No keys and no identities, identities without a root, no roles, thresholds of nothing."""
    with pytest.raises(ConfigError):
        TrustEntry(**{"name": "x", "roles": ("*",), **changes})


def test_the_digest_covers_everything_and_no_order() -> None:
    """Every change of an entry changes the digest; the order of entries and roles does not; an empty trust has none."""
    sim = Sigstore()
    entry = TrustEntry(name="a", roles=("sbom", "vex"), keys=(KEY,), identities=(RULE,), roots=(sim.root(),))
    other = TrustEntry(name="b", roles=("*",), keys=(KEY,))
    base = Trust((entry, other)).digest
    assert base.startswith("sha256:")
    assert Trust((other, dataclasses.replace(entry, roles=("vex", "sbom")))).digest == base
    changes: list[dict[str, Any]] = [
        {"name": "c"},
        {"roles": ("sbom",)},
        {"keys": ()},
        {"identities": (IdentityRule(identity=IDENTITY, issuer=ISSUER, regexp=True),)},
        {"roots": (Sigstore().root(),)},
        {"require_log": False},
        {"require_sct": False},
        {"allow_root_in_chain": True},
        {"log_threshold": 2},
        {"sct_threshold": 2},
    ]
    digests = {Trust((dataclasses.replace(entry, **change), other)).digest for change in changes}
    assert len(digests | {base}) == len(changes) + 1
    assert Trust().digest == ""
