"""Foreign predicates as policies can hold them: OPA's numbers are exact up to 2^53."""

from __future__ import annotations

from typing import Any

from gate.model.evidence import Diagnostic

_EXACT = 2**53


def exact(value: Any) -> tuple[Any, Diagnostic | None]:
    """The predicate, or null where OPA could not hold its integers exactly."""
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            stack += part.values()
        elif isinstance(part, list):
            stack += part
        elif isinstance(part, int) and not isinstance(part, bool) and abs(part) > _EXACT:
            message = "the predicate holds an integer beyond 2^53, which policies cannot see exactly; its body is left out"
            return None, Diagnostic(code="inexact_integer", message=message)
    return value, None
