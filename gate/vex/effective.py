"""What holds of a document with history: for formats in which a product has one status."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from gate.vex import holds
from gate.vex.convert import Losses, named
from gate.vex.document import SUPPRESSING, VexComponent, VexDocument, VexProduct, VexStatement

Place = tuple[str, VexComponent, VexComponent | None, tuple[str, ...]]


def effective(document: VexDocument, losses: Losses, now: datetime) -> Sequence[tuple[VexStatement, tuple[VexProduct, ...]]]:
    """Statements with the products for which no later one speaks, in document order.

    Of two at one time the less favourable holds. Statements that do not count (``problem``, later than ``now``) are left out when
    they suppress: a format with one date for all would make them count, and they must replace none that does.
    """
    counted = []
    out: set[int] = set()
    for number, item in enumerate(document.statements):
        idle = item.problem or ("its time lies in the future" if item.timestamp is not None and item.timestamp > now else "")
        if idle and item.status in SUPPRESSING:
            out.add(number)
            losses.add("statement", f"does not count: {idle}", item.id)
        else:
            counted.append((number, item))
    kept: dict[int, list[VexProduct]] = {}
    held = holds.latest(
        counted,
        places=lambda entry: _places(entry[1]),
        rank=lambda entry: (holds.moment(entry[1].timestamp), entry[1].status not in SUPPRESSING),
    )
    for (_, outer, inner, platforms), (number, _) in held.items():
        kept.setdefault(number, []).append(VexProduct(outer, (inner,) if inner else (), platforms))
    made = []
    for number, item in enumerate(document.statements):
        if number in kept:
            made.append((item, tuple(kept[number])))
        elif not item.products and not item.names_products:
            losses.add("statement", "names no product; left out", item.id)
        elif number not in out:
            losses.add("statement", "replaced by a later one", item.id)
    return made


def _places(item: VexStatement) -> Sequence[Place]:
    name = named(item)[0]
    return [
        (name, dataclasses.replace(product.component), part, product.platforms)
        for product in item.products
        for part in (product.subcomponents or (None,))
    ]
