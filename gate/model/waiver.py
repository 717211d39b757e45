"""A waiver: a risk that somebody accepted until a date. VEX states a fact; the two are never converted into each other."""

from __future__ import annotations

from typing import Literal

from gate.model.base import Model

COMPLIANCE_DOMAINS = ("stig", "hardening", "fips", "crypto")
"""Domains of rules that are about compliance first."""


class Scope(Model, frozen=True, kw_only=True):
    """Where a waiver holds; empty lists do not narrow. All given lists must match."""

    images: tuple[str, ...] = ()
    """Repository names, exact."""
    digests: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    """purls without qualifiers, with or without version."""


class Waiver(Model, frozen=True, kw_only=True):
    id: str
    rule: str
    """``domain.rule``; never ``*`` and never a whole domain."""
    term: str
    """The result's term, or a vulnerability id that stands before ``|`` in it; empty waives the rule as a whole."""
    scope: Scope
    reason: str
    owner: str
    ticket: str
    created: str
    expires: str
    """RFC 3339, UTC, exclusive."""
    approved_by: str = ""
    compensating_control: str = ""
    """What holds in place of the control; `waiver_compensating_control` demands it, and an approver, in compliance domains."""
    source: str = ""
    """File name and digest it was read from."""
    state: Literal["active", "pending", "expired", "invalid", "draft"]
    """Worked out by `gate.policy.waivers.judge`, the one place that decides."""
    problem: str = ""
    """Why it is ``invalid``."""
    expires_in_s: int | None = None
    draft: bool = False
    """Written by a program and not yet accepted by anybody: whatever else it says, it waives nothing."""
    baseline: bool = False
    """Debt of the day the gate was adopted: it covers exactly its term, and never a finding that is exploited or malware."""
