"""The product tree of a CSAF document: from a product id to what can be matched (CSAF 2.0 and 2.1, section 3.2.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gate.errors import LimitExceeded
from gate.limits import Limits
from gate.vex.document import Oddities, VexComponent, VexProduct, mapping, objects, strings, text
from gate.vex.purl import parse

_DEEP = 30
"""Branches in the schema nest as deep as they like; real ones have four levels."""
_MODULE = "pkg:rpmmod/"
_VERSION = re.compile(r"v?\d+(?:\.\d+)+[A-Za-z0-9.+~:_\-]*")
"""Red Hat names branches of category ``product_version`` after packages, too (``389-ds-base``)."""
UNREAD = "?"
"""A range that is no ``vers:`` one: nothing lies in it for sure."""


class Tree:
    """Products by id, with the chain of what each is a component of."""

    def __init__(self, tree: Mapping[str, Any], odd: Oddities, limits: Limits) -> None:
        self._odd = odd
        self._limit = limits.components
        self._components: dict[str, VexComponent] = {}
        self._links: dict[str, tuple[str, list[str]]] = {}
        self._products: dict[str, tuple[VexProduct, ...]] = {}
        self._ambiguous: set[str] = set()
        self._branches(tree)
        for item in objects(tree, "full_product_names"):
            self._define(item, "")
        for item in objects(tree, "relationships"):
            self._link(item, text(item, "product_reference"), [text(item, "relates_to_product_reference")])
        for item in objects(tree, "product_paths"):
            steps = [text(step, "next_product_reference") for step in objects(item, "subpaths")]
            self._link(item, text(item, "beginning_product_reference"), steps)

    def _branches(self, tree: Mapping[str, Any]) -> None:
        stack = [(item, "", 1) for item in reversed(objects(tree, "branches"))]
        while stack:
            item, span, depth = stack.pop()
            if depth > _DEEP:
                raise LimitExceeded("json_depth", _DEEP, "branches of a CSAF product tree")
            category, name = text(item, "category"), text(item, "name")
            if category == "product_version_range":
                span = name or UNREAD
            elif category == "product_version" and _VERSION.fullmatch(name):
                span = f"={name}"
            # What a branch says of versions holds for all below it.
            stack += [(entry, span, depth + 1) for entry in reversed(objects(item, "branches"))]
            if mapping(item, "product"):
                self._define(mapping(item, "product"), span)

    def _define(self, item: Mapping[str, Any], span: str) -> None:
        identity = text(item, "product_id")
        if identity:
            component = self._component(item, span)
            if self._is_new(identity, self._components.get(identity) == component):
                self._components[identity] = component

    def _is_new(self, identity: str, same: bool) -> bool:
        """Whether the id has no meaning yet; one with two different meanings has none at all."""
        if identity in self._components or identity in self._links:
            self._odd.add("duplicate_product" if same else "ambiguous_product", identity)
            if not same:
                self._ambiguous.add(identity)
            return False
        if len(self._components) + len(self._links) >= self._limit:
            raise LimitExceeded("components", self._limit, "products of a CSAF document")
        return True

    def _component(self, item: Mapping[str, Any], span: str) -> VexComponent:
        helper = mapping(item, "product_identification_helper")
        purl = text(helper, "purl")
        ids = [purl] if purl else []
        ids += strings(helper, "purls")
        for one in ids:
            if parse(one) is None:
                self._odd.add("malformed_purl", one)
        if text(helper, "cpe"):
            ids.append(text(helper, "cpe"))
        hashes: tuple[tuple[str, str], ...] = ()
        if "hashes" in helper:
            hashes = tuple(
                (text(entry, "algorithm").lower().replace("-", ""), text(entry, "value").lower())
                for group in objects(helper, "hashes")
                for entry in objects(group, "file_hashes")
                if text(entry, "value")
            )
        ranges: tuple[str, ...] = ()
        if span.startswith("="):
            # One version, which narrows what has none of its own.
            ranges = (span,) if any(_bare(one) for one in ids) else ()
        elif span:
            ranges = (span if span.startswith("vers:") else UNREAD,)
            if ranges == (UNREAD,):
                self._odd.add("unread_range", span)
        return VexComponent(tuple(ids), hashes, ranges)

    def _link(self, item: Mapping[str, Any], component: str, around: list[str]) -> None:
        identity = text(mapping(item, "full_product_name"), "product_id")
        if not identity or not self._is_new(identity, self._links.get(identity) == (component, around)):
            return
        self._links[identity] = component, around
        if mapping(item, "full_product_name").get("product_identification_helper"):
            # Its own helper (a purl on the combination) is one more spelling of the component.
            own = self._component(mapping(item, "full_product_name"), "")
            self._components[f"{identity}\0own"] = own

    def product(self, identity: str) -> tuple[VexProduct, ...]:
        """What the id stands for; empty with a diagnostic when nothing can be matched with it."""
        known = self._products.get(identity)
        if known is None:
            known = self._products[identity] = self._resolve(identity)
        return known

    def _resolve(self, identity: str) -> tuple[VexProduct, ...]:
        chain = self._chain(identity)
        if chain is None:
            return ()
        leaf, *around = chain
        component = self._components.get(leaf)
        if component is None or any(name not in self._components for name in around):
            missing = next(name for name in chain if name not in self._components)
            self._odd.add("unknown_product", missing)
            return ()
        own = self._components.get(f"{identity}\0own")
        if own is not None:
            component = VexComponent(
                tuple(dict.fromkeys(component.ids + own.ids)), component.hashes + own.hashes, component.ranges
            )
        if not component.ids and not component.hashes:
            self._odd.add("unidentified_product", leaf)
            return ()
        return (self._product(component, around),)

    def _product(self, component: VexComponent, around: list[str]) -> VexProduct:
        """A purl around the component is a product that contains it; anything else is the platform that it runs on."""
        parent: VexComponent | None = None
        platforms: list[str] = []
        for name in around:
            outer = self._components[name]
            purls = [text for text in outer.ids if text.startswith("pkg:")]
            if any(text.startswith(_MODULE) for text in purls):
                # A module stream. Its builds carry it in their release (…module+el8…), so that a version says it too; without
                # one, nobody can tell whether the package comes from this stream, and the module stays a platform unknown.
                if not _versioned(component):
                    platforms.append(name)
                continue
            cpes = [text for text in outer.ids if text.startswith("cpe:")]
            if (purls or outer.hashes) and parent is None:
                parent = outer
            else:
                # Of a range of a platform's versions nothing is known to lie in it.
                platforms.append(cpes[0] if cpes and not outer.ranges else name)
        if parent is not None:
            return VexProduct(parent, (component,), tuple(platforms))
        return VexProduct(component, (), tuple(platforms))

    def _chain(self, identity: str) -> list[str] | None:
        """The component and all that it is a component of, from the inside out; None for a circle or an ambiguous id."""
        chain = [identity]
        seen = {identity}
        while chain[0] in self._links:
            inner, around = self._links[chain[0]]
            chain[:1] = [inner, *around]
            if inner in seen or len(chain) > _DEEP:
                self._odd.add("circular_relationship", identity)
                return None
            seen.add(inner)
        flat = [chain[0]]
        if len(chain) > _DEEP:
            self._odd.add("circular_relationship", identity)
            return None
        for name in chain[1:]:
            expanded = self._outer(name, seen)
            if expanded is None:
                self._odd.add("circular_relationship", identity)
                return None
            flat += expanded
        return flat if self._ambiguous.isdisjoint({*seen, *flat}) else None

    def _outer(self, name: str, seen: set[str]) -> list[str] | None:
        """An outer product may itself be a component of something: a module of a platform."""
        found: list[str] = []
        stack = [name]
        while stack:
            one = stack.pop()
            if one not in self._links:
                found.append(one)
                continue
            if one in seen or len(seen) > _DEEP:
                return None
            seen.add(one)
            inner, around = self._links[one]
            stack += [*reversed(around), inner]
        return found


def _bare(text: str) -> bool:
    purl = parse(text)
    return purl is not None and not purl.version and "tag" not in dict(purl.qualifiers)


def _versioned(component: VexComponent) -> bool:
    return all((purl := parse(text)) is not None and bool(purl.version) for text in component.ids if text.startswith("pkg:"))
