"""Which rules are asked, and in which mode. Selectors and their specificity are Conforma's, so that packs and habits port.

``*`` scores 1, ``@collection`` and a domain 10, a rule in the domain 100 more, a term 100 more. A rule (or a term of it) is
selected when its best inclusion scores higher than its best exclusion.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Literal

from gate.errors import PolicyError
from gate.policy.decoding import did_you_mean
from gate.policy.inventory import Inventory, RuleMeta

Mode = Literal["enforce", "report"]


@dataclasses.dataclass(frozen=True, slots=True)
class Selector:
    """One parsed selector; an empty part does not narrow."""

    text: str
    collection: str = ""
    domain: str = ""
    rule: str = ""
    term: str = ""

    def score(self, meta: RuleMeta, term: str | None) -> int:
        """Its specificity for a rule and, when given, a term; 0 when it does not apply. A term selector needs a term."""
        if self.text == "*":
            return 1
        if self.collection:
            return 10 if self.collection in meta.custom.collections else 0
        if meta.package != f"rules.{self.domain}" or (self.rule and meta.id != f"{self.domain}.{self.rule}"):
            return 0
        if self.term and (term is None or (self.term != term and self.term != term.partition("|")[0])):
            return 0
        return 10 + (100 if self.rule else 0) + (100 if self.term else 0)


def parse_selector(text: str, inventory: Inventory) -> Selector:
    """Raises PolicyError, with what was probably meant, for a selector that names nothing (invariant 1)."""
    if text == "*":
        return Selector(text)
    if text.startswith("@"):
        if text[1:] in inventory.collections:
            return Selector(text, collection=text[1:])
        raise _unknown(text, (f"@{name}" for name in inventory.collections))
    path, _, term = text.partition(":")
    if path in inventory.rules:
        domain, _, rule = path.rpartition(".")
        return Selector(text, domain=domain, rule=rule, term=term)
    if path in inventory.domains and not term:
        return Selector(text, domain=path)
    raise _unknown(text, [*inventory.rules, *inventory.domains])


def _unknown(text: str, known: Iterable[str]) -> PolicyError:
    return PolicyError(
        f"the selection {text!r} names no rule of the policy",
        why="a selection that matches nothing would judge nothing",
        fix=did_you_mean(text, known),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Selection:
    """The selection and the modes of one decision."""

    includes: tuple[Selector, ...]
    excludes: tuple[Selector, ...]
    modes: tuple[tuple[Selector, Mode], ...]

    def selected(self, meta: RuleMeta, term: str | None = None) -> bool:
        """Whether the rule (or this term of it) is asked. Without a term: whether any term could be."""
        if term is None:
            terms = [(selector, selector.term or None) for selector in self.includes]
            return any(selector.score(meta, named) > _best(self.excludes, meta, named) for selector, named in terms)
        return _best(self.includes, meta, term) > _best(self.excludes, meta, term)

    def excluded_by(self, meta: RuleMeta, term: str) -> str:
        """The selector that keeps a term of a selected rule out, for the record."""
        best = max(self.excludes, key=lambda selector: selector.score(meta, term), default=None)
        return f"-{best.text}" if best is not None and best.score(meta, term) else "not selected"

    def mode(self, meta: RuleMeta, term: str) -> Mode:
        """The mode of the most specific selector; ``enforce`` when none applies, and on a tie."""
        ranked = [(selector.score(meta, term), mode == "enforce", mode) for selector, mode in self.modes]
        score, _, mode = max(ranked, default=(0, True, "enforce"))
        return mode if score else "enforce"


def _best(selectors: Iterable[Selector], meta: RuleMeta, term: str | None) -> int:
    return max((selector.score(meta, term) for selector in selectors), default=0)


def parse_selection(selection: Iterable[str], enforcement: Mapping[str, Mode], inventory: Inventory) -> Selection:
    """From the decision block: exclusions start with ``-``. Raises PolicyError on an empty or unknown selection."""
    texts = list(selection)
    includes = tuple(parse_selector(text, inventory) for text in texts if not text.startswith("-"))
    if not includes:
        raise PolicyError("the selection is empty", why="no rule would judge anything", fix="select: ['*'] or ['@prod']")
    excludes = tuple(parse_selector(text[1:], inventory) for text in texts if text.startswith("-"))
    modes = tuple((parse_selector(text, inventory), mode) for text, mode in sorted(enforcement.items()))
    return Selection(includes, excludes, modes)
