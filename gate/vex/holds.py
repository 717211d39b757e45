"""What holds now, of statements that follow each other: the rules about time that every part of VEX shares.

A statement is about *places*: a vulnerability in a product, or in a package inside it. The later statement on a place replaces
the earlier one. One without a time counts as made just now; the readers see to it that such a one never suppresses. At one time
the less favourable holds where a single answer is needed, and all stay where a document is only shortened.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

Place = TypeVar("Place", bound=Hashable)
Item = TypeVar("Item")

JUST_NOW = datetime.max.replace(tzinfo=UTC)
"""Later than every time that is written."""
LEAST_FAVOURABLE = {"affected": 0, "under_investigation": 1, "fixed": 2, "not_affected": 2}
"""The order in which statuses hold where nothing else tells two statements apart."""


def moment(time: datetime | None) -> datetime:
    """The time that counts of a statement."""
    return time if time is not None else JUST_NOW


def latest(items: Iterable[Item], places: Callable[[Item], Iterable[Place]], rank: Callable[[Item], Any]) -> dict[Place, Item]:
    """For each place the item of highest rank; of equal ones the last."""
    held: dict[Place, tuple[Any, Item]] = {}
    for item in items:
        own = rank(item)
        for place in places(item):
            if place not in held or not own < held[place][0]:
                held[place] = own, item
    return {place: item for place, (_, item) in held.items()}


def ends(items: Iterable[Item], key: Callable[[Item], Any]) -> tuple[Item, Item]:
    """The oldest and the newest, for readers that take one or the other; ``key`` begins with the time. Never empty."""
    ordered = sorted(items, key=key)
    return ordered[0], ordered[-1]


def shortened(
    items: Sequence[Item],
    time: Callable[[Item], datetime],
    places: Callable[[Item], Iterable[Place]],
    without: Callable[[Item, set[Place]], Item | None],
) -> list[Item]:
    """The items in their order, each without the places of which a later one speaks; ``without`` gives None when nothing is left.

    What was said at one time stays, also where it contradicts itself.
    """
    replaced: set[Place] = set()
    kept: dict[int, Item] = {}
    newest_first = sorted(range(len(items)), key=lambda number: time(items[number]), reverse=True)
    for _, at_once in itertools.groupby(newest_first, key=lambda number: time(items[number])):
        numbers = list(at_once)
        kept.update((number, left) for number in numbers if (left := without(items[number], replaced)) is not None)
        replaced.update(place for number in numbers for place in places(items[number]))
    return [kept[number] for number in sorted(kept)]


def newest_versions(versions: Iterable[tuple[Place, int]]) -> Mapping[Place, int]:
    """The highest version of each document: an older one's statements are taken back where it no longer makes them."""
    newest: dict[Place, int] = {}
    for document, version in versions:
        newest[document] = max(newest.get(document, 0), version)
    return newest
