"""The pack compiles strictly against the schema, is formatted, and every line of it is tested."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from tests.policies.opa import fired, opa
from tests.policies.paths import POLICIES, SCHEMA
from tests.policies.samples import finding, make_input, make_nothing, parameters


def _check(folder: Path, body: str) -> str:
    """What the type checker says of a rule with this body; empty when it is content."""
    module = folder / "t.rego"
    module.write_text(f"package t\n\ndeny if {{\n\t{body}\n}}\n", encoding="utf-8")
    done = opa("check", "--strict", "--schema", str(SCHEMA), str(module))
    return "" if done.returncode == 0 else done.stderr.decode() + done.stdout.decode()


def test_strict_check_with_schema() -> None:
    """The whole pack, tests included, passes `opa check --strict` with the schema of the input."""
    done = opa("check", "--strict", "--schema", str(SCHEMA), str(POLICIES))
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()


def test_formatted() -> None:
    """Every file is as `opa fmt` writes it."""
    done = opa("fmt", "--list", str(POLICIES))
    assert (done.returncode, done.stdout.decode()) == (0, "")


def test_rego_tests_pass_and_cover_everything() -> None:
    """All Rego tests pass, and no line of a rule or helper is left untested."""
    done = opa("test", "--bundle", "--timeout", "60s", "--coverage", "--threshold", "100", "--format", "json", str(POLICIES))
    assert done.returncode == 0, (opa("test", "--bundle", str(POLICIES)).stdout + done.stderr).decode()[-4000:]
    report = json.loads(done.stdout)
    gaps = {name: part["not_covered"] for name, part in report["files"].items() if part.get("not_covered")}
    modules = {str(path) for path in POLICIES.rglob("*.rego")}
    assert gaps == {}
    assert modules <= set(report["files"]), "a file that no test touches is not in the report"


@pytest.mark.parametrize(
    "body",
    [
        'input.subjekt.digest == ""',
        'input.subject.config.usr == ""',
        "some f in input.vulnerabilities.findings\n\tf.sevrity.value",
        'some f in input.vulnerabilities.findings\n\tf.vex.statuss == "fixed"',
        "some f in input.vulnerabilities.findings\n\tf.epss.probabilty > 0.5",
        "some e in input.evidence\n\te.verification.stat",
        "input.decision.params.max_hihg",
        "input.decision.params.remediation_days.critcal",
        "some d in input.sbom.documents\n\td.completeness.component",
        "some s in input.provenance.statements\n\ts.bilder",
        "input.subject.platform.arch",
    ],
)
def test_misspelt_fields_do_not_compile(tmp_path: Path, body: str) -> None:
    """A misspelt field is an error at any depth, also below objects that may be null."""
    assert "rego_type_error" in _check(tmp_path, body)


@pytest.mark.parametrize(
    "body",
    [
        "input.subject.config != null",
        "is_null(input.subject.config)",
        "input.decision.params.max_high == null",
        'some f in input.vulnerabilities.findings\n\tf.vex.status == "fixed"',
        'some a in input.attestations\n\tobject.get(a.predicate, ["any", "depth"], "") == ""',
    ],
)
def test_correct_fields_compile(tmp_path: Path, body: str) -> None:
    """The schema does not refuse what is right: tests for null, nullable scalars, foreign predicates."""
    assert _check(tmp_path, body) == ""


def test_an_ordinary_good_image_passes_prod() -> None:
    """Signed, with SBOM, provenance and a fresh scan: no rule has anything to say."""
    assert fired(make_input()) == {"deny": set(), "warn": set(), "no_verdict": set()}


def test_nothing_known_is_denied_by_prod() -> None:
    """An image about which nothing is known is denied for each kind of evidence that it lacks."""
    wanted = {"vulnerabilities.required", "sbom.required", "signatures.required", "provenance.required"}
    assert fired(make_nothing())["deny"] == wanted


def test_nothing_known_is_denied_by_dev() -> None:
    """The lenient profile wants a scan all the same: no vacuous allow."""
    document = make_nothing()
    lenient = msgspec.structs.replace(document.decision, params=parameters("dev"))
    found = fired(msgspec.structs.replace(document, decision=lenient))
    assert found["deny"] == {"vulnerabilities.required"}


def test_an_empty_input_is_denied() -> None:
    """An input with nothing in it denies, whoever calls OPA."""
    assert fired({})["deny"] == {"parameters.invalid"}


def test_dev_stops_at_many_critical_findings() -> None:
    """Ten critical findings pass the lenient profile; eleven do not."""
    ten = tuple(finding(i, "critical") for i in range(10))
    assert fired(make_input(ten, parameters("dev")))["deny"] == set()
    assert fired(make_input((*ten, finding(10, "critical")), parameters("dev")))["deny"] == {"vulnerabilities.max_critical"}
