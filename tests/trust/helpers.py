"""Opening documents in tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gate.limits import DEFAULT, Limits
from gate.trust.entry import Trust
from gate.trust.envelope import Envelope, open_envelope


def opened(
    document: Any, trust: Trust, *, annotations: Mapping[str, str] | None = None, limits: Limits = DEFAULT, **more: Any
) -> Envelope:
    """The envelope of a JSON value or of bytes, which must be one."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    media_type = more.pop("media_type", "")
    envelope = open_envelope(data, annotations=annotations or {}, media_type=media_type, trust=trust, limits=limits, **more)
    assert envelope is not None
    return envelope


def reason(document: Any, trust: Trust, **more: Any) -> str:
    """Why it failed; it must have."""
    verification = opened(document, trust, **more).verification
    assert verification.state == "failed", verification
    assert verification.reason
    return verification.reason
