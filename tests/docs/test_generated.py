"""What is generated is as committed, and says what is so."""

from __future__ import annotations

import difflib
from pathlib import Path

import jsonschema_rs
import pytest

from gate import errors
from gate.cli.exit_codes import EXIT_CODES
from gate.policy.template import TEMPLATE
from gate.policy.yamlfile import parse_source
from gate.report.interface import EXIT_CODES as WORDS
from tests.docs import schemas
from tests.docs.generate import BLOCKS, FILES
from tests.docs.pages import blocks, pages
from tests.docs.transcripts import normalise
from tests.tools import repository

FOUND = [(page, name) for page in pages() for name in blocks(page.read_text("utf-8"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(repository())))
def test_generated_files_are_current(path: Path) -> None:
    """`python -m tests.docs.generate` would change nothing."""
    assert path.read_text("utf-8") == FILES[path](), "run: python -m tests.docs.generate"


@pytest.mark.xdist_group("docs-demonstration")
@pytest.mark.parametrize(("page", "name"), FOUND, ids=[name for _, name in FOUND])
def test_generated_blocks_are_current(page: Path, name: str) -> None:
    """Each block is what is made now, digests and times aside: tables, and transcripts of commands that are run again."""
    committed, made = blocks(page.read_text("utf-8"))[name], BLOCKS[name]()
    changed = difflib.unified_diff(normalise(committed).splitlines(), normalise(made).splitlines(), lineterm="")
    assert not list(changed), "run: python -m tests.docs.generate"


def test_every_block_is_used() -> None:
    """No maker without a place, and no marker that is misspelt."""
    assert {name for _, name in FOUND} == set(BLOCKS)
    for page in pages():
        text = page.read_text("utf-8")
        assert text.count("<!-- generated: ") == text.count("<!-- end of generated: ") == len(blocks(text)), page


def test_exit_codes_are_those_of_the_code() -> None:
    """The table has the codes that verdicts and errors end in, and no other."""
    by_name = {entry.name.replace(" ", "_"): entry.code for entry in EXIT_CODES}
    assert {word: by_name[word] for word in WORDS} == WORDS
    raised = {
        found.exit_code for found in vars(errors).values() if isinstance(found, type) and issubclass(found, errors.GateError)
    }
    assert {entry.code for entry in EXIT_CODES} == raised | set(WORDS.values())


def test_the_policy_page_shows_what_init_writes() -> None:
    """The example of docs/policy-file.md is the file of `gate init`."""
    assert f"```yaml\n{TEMPLATE}```\n" in (repository() / "docs" / "policy-file.md").read_text("utf-8")


def test_what_init_writes_fits_the_published_schema() -> None:
    """The commented policy file is valid, and one with an unknown key is not."""
    checker = jsonschema_rs.validator_for(schemas.schema("gate.policy.v1"))
    document = parse_source(TEMPLATE.encode(), name="security-policy.yaml", max_bytes=100_000).value
    checker.validate(document)
    assert not checker.is_valid({**document, "enviroments": {}})
