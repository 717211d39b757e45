"""Small verdicts for the store: only the members it looks at."""

from __future__ import annotations

from typing import Any

from gate.audit.store import Kind, Store
from gate.model.base import digest_of, to_json

SUBJECT = "sha256:" + "ab" * 32
Refs = dict[Kind, tuple[str, ...]]


def make_verdict(input_digest: str, decision: str = "ALLOW", subject: str = SUBJECT, started: str = "") -> tuple[bytes, str]:
    """A verdict's bytes and its outcome digest; `started` changes the verdict but not its outcome."""
    outcome: dict[str, Any] = {
        "subject": {"digest": subject, "name": "registry.example/app"},
        "decision": decision,
        "time": {"now": "2026-11-23T09:00:00Z", "source": "clock"},
        "digests": {"input": input_digest},
    }
    digest = digest_of(to_json(outcome))
    document = {"schema": "gate.verdict/v1", "outcome": outcome, "outcome_digest": digest, "run": {"started": started}}
    return to_json(document), digest


def fill(store: Store, text: str = "one") -> tuple[bytes, str, Refs]:
    """Put an input, a bundle and two pieces of evidence; return a verdict reached on them, not yet committed."""
    refs: Refs = {
        "input": (store.put("input", b'{"input":"%s"}' % text.encode()),),
        "bundle": (store.put("bundle", b"tar"),),
        "evidence": (store.put("evidence", b"sbom"), store.put("evidence", b"scan")),
        "capabilities": (store.put("capabilities", b"{}"),),
    }
    data, digest = make_verdict(refs["input"][0])
    return data, digest, refs
