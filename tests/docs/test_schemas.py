"""The published schemas fit what the gate writes."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from tests import samples
from tests.docs import schemas
from tests.docs.shell import gate_command, run_script
from tests.tools import repository, tool


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A report, its verdict and its input document, of the sample with findings."""
    tool("opa")
    folder = tmp_path_factory.mktemp("schemas")
    image, key = f"oci:{samples.layout('vulnerable')}", samples.public_key()
    verify = f"gate verify {image} --key {key} --offline --dotenv env --output json=report.json"
    script = f'{verify} || true\n. ./env\ngate input show "$GATE_RECORD" > input.json'
    done = run_script(script, folder, path=gate_command(folder, {}))
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "report.json").read_bytes())
    return {
        "gate.report.v1": report,
        "gate.verdict.v1": report["verdicts"][0],
        "gate.input.v1": json.loads((folder / "input.json").read_bytes()),
    }


@pytest.mark.parametrize("name", ["gate.report.v1", "gate.verdict.v1", "gate.input.v1"])
def test_what_is_written_fits(name: str, written: dict[str, Any]) -> None:
    """A real document is valid under the file in docs/schemas; with an unknown field, or without a field, it is not."""
    file = repository() / "docs" / "schemas" / f"{name}.schema.json"
    checker = jsonschema_rs.validator_for(json.loads(file.read_bytes()))
    document = written[name]
    checker.validate(document)
    assert not checker.is_valid({**document, "surprise": 1})
    assert not checker.is_valid({key: value for key, value in document.items() if key != "schema"})


def test_schemas_name_themselves() -> None:
    """Each has a dialect, an id of its own and a title that is the document's schema name."""
    found = [schemas.schema(name) for name in schemas.NAMES]
    assert len({item["$id"] for item in found}) == len(found)
    assert {item["title"] for item in found} == {"gate.input/v1", "gate.verdict/v1", "gate.report/v1", "gate.policy/v1"}
    assert {item["$schema"] for item in found} == {"https://json-schema.org/draft/2020-12/schema"}
    assert {path.name for path in (repository() / "docs" / "schemas").iterdir()} == {
        f"{name}.schema.json" for name in schemas.NAMES
    }
