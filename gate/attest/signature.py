"""What `gate sign` signs: cosign's signature statement, and the simple-signing payload of its legacy tags."""

from __future__ import annotations

from collections.abc import Mapping

from gate.attest import statement
from gate.attest.types import SIGN
from gate.model.base import to_json


def signature_statement(digest: str, annotations: Mapping[str, str]) -> bytes:
    """The statement that cosign 3 signs: a subject without a name, and nothing claimed but the signature itself."""
    plain = statement.make([statement.subject_of("", digest)], SIGN, {})
    if not annotations:
        return plain
    algorithm, _, value = digest.partition(":")
    return to_json(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {algorithm: value}, "annotations": dict(annotations)}],
            "predicateType": SIGN,
            "predicate": {},
        }
    )


def simple_signing(digest: str, name: str, annotations: Mapping[str, str]) -> bytes:
    """The payload under cosign's ``.sig`` tag (containers-signature(5)); ``name`` is the repository, a mere hint."""
    return to_json(
        {
            "critical": {
                "identity": {"docker-reference": name},
                "image": {"docker-manifest-digest": digest},
                "type": "cosign container image signature",
            },
            "optional": dict(annotations) or None,
        }
    )
