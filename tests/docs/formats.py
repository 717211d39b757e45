"""Tables of ``docs/evidence.md``: what is read and what is refused, from the code that does it."""

from __future__ import annotations

from gate.evidence import predicates, refused, sniff

__all__ = ["predicates_table", "read_list", "refused_table"]


def read_list() -> str:
    """The formats that are read, as error messages name them."""
    *first, last = sniff.READ.split(", ")
    return "".join(f"- {part}\n" for part in [*first, last.removeprefix("and ")])


def predicates_table() -> str:
    """Predicate types of in-toto statements, and the kind of evidence that each is."""
    rows = "".join(f"| `{family}` | {kind} |\n" for family, kind in predicates.FAMILIES)
    return "| predicate type | kind |\n|---|---|\n" + rows + "| any other | attestation |\n"


def refused_table() -> str:
    """Formats that are refused by name, and what is read instead."""
    found: dict[str, str] = {}
    for item in (*refused._OBJECTS, *refused._ARRAYS):
        found.setdefault(item.name, item.instead)
    for name, _, instead in (*refused._XML, *refused._TEXTS):
        found.setdefault(name, instead)
    rows = "".join(f"| {name} | {found[name]} |\n" for name in sorted(found, key=lambda name: name.removeprefix("a ").lower()))
    return "| recognised and refused | give instead |\n|---|---|\n" + rows
