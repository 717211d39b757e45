"""How property tests run here: without a deadline, since machines are shared."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Decorator for every property test."""
