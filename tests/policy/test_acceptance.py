"""Tests that Python and Rego accept the same evidence."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gate.limits import DEFAULT
from gate.model.base import to_json
from gate.model.evidence import Evidence
from gate.model.parameters import Acceptance
from gate.policy import capabilities
from gate.policy.acceptance import accepted, errors_for, rejection
from gate.policy.bundle import BundleSpec, load_pack
from tests.policy.packs import FAILED, UNSIGNED, error, evidence, make_input, opa


def every_item() -> tuple[Evidence, ...]:
    verified = evidence().verification
    checks = [
        UNSIGNED,
        FAILED,
        verified,
        *(msgspec.structs.replace(verified, roles=roles) for roles in ((), ("sbom",), ("signature",))),
    ]
    product = itertools.product(
        ["vulnerabilities", "sbom", "signature", "provenance", "unknown"],
        ["signed", "embedded", "asserted", "none"],
        ["attestation", "referrer", "file", "image", "computed"],
        checks,
    )
    return tuple(
        evidence(kind, number, binding=binding, origin=origin, verification=check)
        for number, (kind, binding, origin, check) in enumerate(product)
    )


def ask(query: str, document: bytes, home: Path) -> Any:
    """The value of a query about the library of the gate's own pack."""
    folder = load_pack(BundleSpec("default"), DEFAULT).source
    options = ["--capabilities", str(capabilities.PATH), "-I", "-d", f"{folder}/lib/evidence/evidence.rego"]
    done = opa().run(["eval", "-f", "json", *options, query], home=home, limits=DEFAULT, seconds=30, stdin=document)
    return json.loads(done.stdout)["result"][0]["expressions"][0]["value"]


ACCEPTANCES = [
    {"*": Acceptance(verified=True, bindings=("signed",))},
    {"*": Acceptance(verified=False, bindings=("signed", "embedded", "asserted"))},
    {"*": Acceptance(verified=False, bindings=("embedded",)), "sbom": Acceptance(verified=True, bindings=("signed", "embedded"))},
]


@pytest.mark.parametrize("accept", ACCEPTANCES)
def test_rego_and_python_agree_on_every_combination(tmp_path: Path, accept: dict[str, Acceptance]) -> None:
    """``lib.evidence.accepted`` and `accepted` name the same items, and only the others have a reason to be rejected."""
    document = make_input(items=every_item(), params={"accept": accept})
    rego = {name for names in ask("data.lib.evidence.accepted", to_json(document), tmp_path).values() for name in names}
    python = {item.id for item in document.evidence if accepted(item, document.decision.params)}
    assert rego == python and python
    for item in document.evidence:
        assert bool(rejection(item, document.decision.params)) != (item.id in python)


def test_rego_and_python_count_the_same_errors(tmp_path: Path) -> None:
    """What kept a kind from being read, without what anyone could have attached."""
    unsigned = [
        evidence("sbom", n, origin=origin, verification=UNSIGNED) for n, origin in enumerate(("referrer", "file", "image"), 1)
    ]
    items = (*unsigned, evidence("sbom", 4))
    known = [error(kind, evidence=item.id, source=f"{kind}{item.id}") for kind in ("sbom", "unknown", "vex") for item in items]
    document = make_input(items=items, errors=(*known, error("sbom", source="registry")))
    for kind in ("sbom", "vulnerabilities"):
        rego = {found["source"] for found in ask(f'data.lib.evidence.errors("{kind}")', to_json(document), tmp_path)}
        assert rego == {found.source for found in errors_for(document, kind)} and rego
