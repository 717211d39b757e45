"""Writing OpenVEX 0.2.0: deterministic bytes and ids, and no field that its published schema forbids.

The schema is narrower than its text: ``not_affected`` has *either* a justification or an impact statement, so that with both the
second goes into the notes; identifiers are purls, and a CPE is written as ``@id``, where go-vex compares it as text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gate import __version__
from gate.errors import ConfigError
from gate.model.findings import VexStatus
from gate.vex.document import JUSTIFICATIONS

CONTEXT = "https://openvex.dev/ns/v0.2.0"
TOOLING = f"policy-gate {__version__}"
NAMESPACE = "urn:policy-gate:vex"

_ORDER = ("@context", "@id", "author", "role", "timestamp", "last_updated", "version", "tooling", "statements")
_STATEMENT_ORDER = (
    "@id", "version", "vulnerability", "timestamp", "last_updated", "products", "status", "supplier", "status_notes",
    "justification", "impact_statement", "action_statement", "action_statement_timestamp",
)  # fmt: skip


def clock(environ: Mapping[str, str]) -> datetime:
    """Now in whole seconds, or ``SOURCE_DATE_EPOCH``. Raises ConfigError when that is no number of seconds."""
    epoch = environ.get("SOURCE_DATE_EPOCH")
    if epoch is None or epoch == "":
        return datetime.now(UTC).replace(microsecond=0)
    try:
        return datetime.fromtimestamp(int(epoch), UTC)
    except (ValueError, OverflowError, OSError):
        raise ConfigError(f"SOURCE_DATE_EPOCH is {epoch!r}", fix="set it to seconds since 1970, or unset it") from None


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="auto").replace("+00:00", "Z")


def document_id(*parts: str) -> str:
    """The same IRI for the same parts (author, image name …)."""
    return f"{NAMESPACE}:{_hash(list(parts))[:32]}"


def statement(
    *,
    name: str,
    aliases: Iterable[str],
    products: Sequence[Mapping[str, Any]],
    status: VexStatus,
    timestamp: datetime | str,
    justification: str = "",
    impact: str = "",
    action: str = "",
    notes: str = "",
) -> dict[str, Any]:
    """One statement; its ``@id`` is a digest of what it says.

    Raises ConfigError for what must not be written: ``not_affected`` without justification or impact, ``affected`` without
    action, no product.
    """
    if status == "not_affected" and not justification and not impact:
        raise ConfigError(
            f"{name}: not_affected without a justification",
            why="a claim without reason cannot be reviewed, and neither grype nor this gate counts it",
            fix=f"give one of {', '.join(sorted(JUSTIFICATIONS))}",
        )
    if justification and justification not in JUSTIFICATIONS:
        raise ConfigError(f"{name}: unknown justification {justification!r}", fix=f"one of {', '.join(sorted(JUSTIFICATIONS))}")
    if status == "affected" and not action:
        raise ConfigError(f"{name}: affected without an action", fix="say what users should do: upgrade to …, or mitigate by …")
    if not products:
        raise ConfigError(f"{name}: no product", why="a statement without product binds nothing in grype and trivy")
    if status == "not_affected" and justification and impact:
        notes = f"{notes}\n\n{impact}" if notes else impact
        impact = ""
    others = sorted({alias for alias in aliases if alias and alias != name})
    made: dict[str, Any] = {
        "vulnerability": {"name": name, **({"aliases": others} if others else {})},
        "timestamp": timestamp if isinstance(timestamp, str) else stamp(timestamp),
        "products": [dict(product) for product in products],
        "status": status,
        "status_notes": notes,
        "justification": justification if status == "not_affected" else "",
        "impact_statement": impact if status == "not_affected" else "",
        "action_statement": action if status == "affected" else "",
    }
    return identified({key: value for key, value in made.items() if value})


def identified(item: Mapping[str, Any]) -> dict[str, Any]:
    """The statement with an ``@id`` made from its contents; one that it has is kept."""
    return _ordered({"@id": f"{NAMESPACE}:statement:{_hash(item)[:32]}", **item}, _STATEMENT_ORDER)


def document(
    statements: Sequence[Mapping[str, Any]],
    *,
    id: str,
    author: str,
    timestamp: datetime,
    role: str = "",
    version: int = 1,
    last_updated: datetime | None = None,
) -> dict[str, Any]:
    """A document of these statements, in their order. Raises ConfigError without author."""
    if not author.strip():
        raise ConfigError("no author", why="a statement is worth what its author is", fix="--author 'Name <address>'")
    made: dict[str, Any] = {
        "@context": CONTEXT,
        "@id": id,
        "author": author.strip(),
        "timestamp": stamp(timestamp),
        "version": version,
        "tooling": TOOLING,
        "statements": [_ordered(item, _STATEMENT_ORDER) for item in statements],
    }
    if role:
        made["role"] = role
    if last_updated is not None:
        made["last_updated"] = stamp(last_updated)
    return _ordered(made, _ORDER)


def to_bytes(body: Mapping[str, Any]) -> bytes:
    """ASCII, two spaces, fields in the order of the specification, one line feed at the end."""
    listed = body.get("statements")
    statements = [_ordered(item, _STATEMENT_ORDER) if isinstance(item, dict) else item for item in listed or ()]
    return (json.dumps(_ordered({**body, "statements": statements}, _ORDER), indent=2) + "\n").encode("ascii")


def canonical(item: Any) -> bytes:
    """Bytes that are equal for equal values, whatever their order of keys."""
    return json.dumps(item, sort_keys=True, separators=(",", ":")).encode("ascii")


def _hash(item: Any) -> str:
    return hashlib.sha256(canonical(item)).hexdigest()


def _ordered(item: Mapping[str, Any], order: Sequence[str]) -> dict[str, Any]:
    known = {name: item[name] for name in order if name in item}
    return known | {name: value for name, value in item.items() if name not in known}
