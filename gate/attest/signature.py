"""What `gate sign` signs: cosign's signature statement, and the simple-signing payload of its legacy tags."""

from __future__ import annotations

from collections.abc import Mapping

from gate.attest import statement
from gate.attest.types import SIGN
from gate.model.base import to_json


def signature_statement(digest: str, annotations: Mapping[str, str], *, named: bool = False) -> bytes:
    """The statement that cosign 3 signs: a subject without a name, and nothing claimed but the signature itself.

    With ``named`` the name is there and empty, which means the same (in-toto v1): the client of keyless signing demands it.
    """
    plain = statement.make([statement.subject_of("", digest)], SIGN, {})
    if not annotations and not named:
        return plain
    algorithm, _, value = digest.partition(":")
    subject: dict[str, object] = {"digest": {algorithm: value}}
    if annotations:
        subject["annotations"] = dict(annotations)
    if named:
        subject["name"] = ""
    return to_json(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [subject],
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
