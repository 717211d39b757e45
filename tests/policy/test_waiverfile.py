"""Tests of writing waiver files: what is written is what was meant, and what a person wrote stays."""

from __future__ import annotations

import json

import msgspec
import pytest

from gate.errors import UsageError
from gate.model.waiver import Scope, Waiver
from gate.policy.waiverfile import added, ended, render, without
from gate.policy.waivers import waivers_of
from gate.policy.yamlfile import Source, parse_source
from tests.policy.packs import waiver

HAND = """\
# ours
schema: gate.waivers/v1
waivers:
  # the first
  - id: W-1
    rule: demo.limit   # a note
    term: CVE-1
    reason: >-
      two
      lines
    owner: ann
    ticket: T
    expires: 2026-12-31

  - {id: W-2, rule: demo.limit, term: CVE-2, reason: r, owner: o, ticket: t, expires: 2026-12-31}
  # the third
  - owner: bob
    id: W-3
    rule: demo.limit
    reason: r
    ticket: t
    expires: 2026-12-31
# the end
"""


def source(text: str, name: str = "w.yaml") -> Source:
    return parse_source(text.encode(), name=name, max_bytes=10**6)


def ids(text: str, name: str = "w.yaml") -> list[str]:
    return [each.id for each in waivers_of(source(text, name))]


@pytest.mark.parametrize(
    "odd",
    [
        "CVE-1|pkg:deb/debian/a@1:2.0~rc1+b1",
        "plain",
        "yes",
        "null",
        "1.0",
        "a: b #c",
        '"',
        "\\",
        "'",
        "- x",
        "{x}",
        "line\nbreak",
        "\u202eright to left\u2066",
        "\x7f\x85\u2028\ufeff",
        "😀 é",
        "\x00\x1b[31m",
    ],
)
def test_odd_text_comes_back_as_it_was(odd: str) -> None:
    """In every text field and in a scope; nothing of it becomes another key."""
    meant = waiver(id=f"W {odd}", term=f"T{odd}T", reason=f"R{odd}R", scope=Scope(images=(f"i{odd}i",), packages=("p",)))
    text = render([meant], "of a test")
    (found,) = waivers_of(source(text))
    assert (found.id, found.term, found.reason, found.scope) == (meant.id, meant.term, meant.reason, meant.scope)
    assert all(letter.isprintable() or letter == "\n" for letter in text)


def test_what_cannot_be_written_is_refused() -> None:
    """Half of a surrogate pair is no character of any file, and spaces at the end would be lost."""
    for odd in ("a\ud800", "a ", " a", "*\t"):
        with pytest.raises(UsageError):
            render([waiver(term=odd)])


def test_one_is_added_and_the_rest_stays() -> None:
    """At the end, in the style of the file; into an empty list and into JSON too."""
    text = HAND.removesuffix("# the end\n")
    made = added(source(text), text, [waiver(id="W-4")])
    assert made.startswith(text) and ids(made) == ["W-1", "W-2", "W-3", "W-4"]
    empty = render([])
    assert ids(added(source(empty), empty, [waiver(id="W-4"), waiver(id="W-5")])) == ["W-4", "W-5"]
    data = json.dumps({"schema": "gate.waivers/v1", "waivers": []})
    assert ids(added(source(data, "w.json"), data, [waiver()]), "w.json") == ["W-1"]


def test_a_layout_that_cannot_be_added_to_is_left() -> None:
    """A list in one line, or keys behind the list: refused, never mangled."""
    for text in ("schema: gate.waivers/v1\nwaivers: [{id: W-1}]\n", "waivers:\n  - id: W-1\nschema: gate.waivers/v1\n"):
        with pytest.raises(UsageError, match="cannot be edited"):
            added(source(text), text, [waiver(id="W-9")])


@pytest.mark.parametrize(
    ("drop", "left", "gone", "kept"),
    [
        ({0}, ["W-2", "W-3"], "W-1", "# the end"),
        ({1}, ["W-1", "W-3"], "W-2", "# a note"),
        ({2}, ["W-1", "W-2"], "W-3", "# the first"),
        ({0, 1, 2}, [], "W-", "# ours"),
        (set(), ["W-1", "W-2", "W-3"], "W-9", "# the third"),
    ],
)
def test_some_are_cut_out(drop: set[int], left: list[str], gone: str, kept: str) -> None:
    """What stays stays with its comments."""
    made = without(source(HAND), HAND, frozenset(drop))
    assert ids(made) == left and gone not in made and kept in made


def test_one_is_ended() -> None:
    """Its end is moved, the old one is in a comment; a waiver in one line is left to a person."""
    made = ended(source(HAND), HAND, 2, "2026-11-23T00:00:00Z", "fixed\nin 2")
    assert "expires: 2026-11-23T00:00:00Z  # was 2026-12-31; fixed in 2\n" in made and ids(made) == ["W-1", "W-2", "W-3"]
    with pytest.raises(UsageError, match="cannot be edited"):
        ended(source(HAND), HAND, 1, "2026-11-23T00:00:00Z", "x")


def test_flags_are_written() -> None:
    """A draft and a baseline stay what they are."""
    both: list[Waiver] = list(waivers_of(source(render([waiver(id="a", draft=True), waiver(id="b", baseline=True)]))))
    assert [(each.draft, each.baseline) for each in both] == [(True, False), (False, True)]
    assert msgspec.structs.replace(both[0]) == both[0]
