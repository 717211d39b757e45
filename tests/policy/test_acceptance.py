"""Tests that Python and Rego accept the same evidence."""

from __future__ import annotations

import itertools
import json

import msgspec

from gate.limits import DEFAULT
from gate.model.base import to_json
from gate.model.parameters import Acceptance
from gate.policy import capabilities
from gate.policy.acceptance import accepted, rejection
from gate.policy.bundle import BundleSpec, load_pack
from tests.policy.packs import FAILED, UNSIGNED, evidence, make_input, opa


def every_item() -> list[object]:
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
    return [
        evidence(kind, number, binding=binding, origin=origin, verification=check)
        for number, (kind, binding, origin, check) in enumerate(product)
    ]


def test_rego_and_python_agree_on_every_combination(tmp_path: object) -> None:
    """``lib.evidence.accepted`` and `accepted` name the same items, under three acceptances."""
    from pathlib import Path

    items = every_item()
    folder = load_pack(BundleSpec("default"), DEFAULT).source
    acceptances = [
        {"*": Acceptance(verified=True, bindings=("signed",))},
        {"*": Acceptance(verified=False, bindings=("signed", "embedded", "asserted"))},
        {
            "*": Acceptance(verified=False, bindings=("embedded",)),
            "sbom": Acceptance(verified=True, bindings=("signed", "embedded")),
        },
    ]
    for accept in acceptances:
        document = make_input(items=tuple(items), params={"accept": accept})  # type: ignore[arg-type]
        arguments = [
            "eval",
            "-f",
            "json",
            "--capabilities",
            str(capabilities.PATH),
            "-I",
            "-d",
            f"{folder}/lib/evidence/evidence.rego",
        ]
        done = opa().run(
            [*arguments, "data.lib.evidence.accepted"],
            home=Path(str(tmp_path)),
            limits=DEFAULT,
            seconds=30,
            stdin=to_json(document),
        )
        by_kind = json.loads(done.stdout)["result"][0]["expressions"][0]["value"]
        rego = {name for names in by_kind.values() for name in names}
        python = {item.id for item in document.evidence if accepted(item, document.decision.params)}
        assert rego == python and python
        for item in document.evidence:
            assert bool(rejection(item, document.decision.params)) != (item.id in python)
