"""``docs/schemas``: JSON Schemas (2020-12) of the gate's own documents, from the types that read and write them."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from gate.model.input import Input
from gate.model.verdict import Verdict
from gate.policy.template import schema as policy_schema
from gate.report.interface import ReportDocument

__all__ = ["NAMES", "schema", "schema_text"]

_TYPES: dict[str, Any] = {"gate.input.v1": Input, "gate.verdict.v1": Verdict, "gate.report.v1": ReportDocument}
NAMES = (*_TYPES, "gate.policy.v1")


def schema(name: str) -> dict[str, Any]:
    """One schema by the name of its document."""
    if name == "gate.policy.v1":
        return policy_schema()
    found = msgspec.json.schema(_TYPES[name])
    title = name.removesuffix(".v1") + "/v1"
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:policy-gate:schema:{title.replace('/', '-')}"}
    return {**head, "title": title, **found}


def schema_text(name: str) -> str:
    """The text of the file."""
    return json.dumps(schema(name), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
