"""The merged file system of an image: layers applied one after another in memory, names and metadata only.

What runtimes do (OCI image-spec "layer.md", containerd's archive.Apply), and where they disagree a note is made:

1. ``.wh.NAME`` hides NAME of the layers below, ``.wh..wh..opq`` all children of its directory from below; never the own layer's.
2. A name whose parent is a symlink of a lower layer is put where the link leads (containerd); other runtimes replace the link.
3. Of two entries of one name in a layer the last counts.
4. A hard link is its target's inode: mode, owner, size and contents; one whose target is missing is no file.
5. Links are followed inside the root only, at most 40 of them (Linux), and never on the machine of the gate.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from gate.errors import LimitExceeded
from gate.limits import Limits
from gate.oci.layertar import Header, Note

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
_META = ".wh..wh."
_LINKS = 40
_STEPS = 100
"""Names looked up for each entry that is allowed, on average; a deep tree has ten."""


class Entry(msgspec.Struct, frozen=True):
    """A file of one layer, at the path where it ends up. ``found`` is what the file's `Sink` made of it, None without one."""

    path: str
    layer: int
    """Place of the layer, the lowest being 0."""
    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    link: str = ""
    """Target of a symlink as written; of a hard link the path of its target."""
    xattrs: tuple[str, ...] = ()
    capability: bytes = b""
    sparse: bool = False
    found: Any = None


class _Node:
    __slots__ = ("children", "entry")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.children: dict[str, _Node] | None = {} if entry.kind == "dir" else None


class Tree:
    """Layers are applied in order by `start_layer` and `apply`; then it is only read."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._root = _Node(Entry("", 0, "dir", 0o755, 0, 0, 0))
        self._layer = -1
        self._nodes = 0
        self._steps = 0
        self.whiteouts = 0
        """Of the layer at hand."""

    def start_layer(self) -> None:
        """What is applied from here on belongs to the next layer."""
        self._layer += 1
        self.whiteouts = 0

    def apply(self, header: Header, found: Any, note: Note) -> Entry | None:
        """Puts one entry in its place; None for whiteouts, and for what is no file. Raises LimitExceeded."""
        if not header.path:
            return self._set_root(header)
        folder, _, name = header.path.rpartition("/")
        parent = self._parent(folder, note)
        if parent is None:
            note("unreachable", header.path)
            return None
        place, children = parent
        path = f"{place}/{name}" if place else name
        if name.startswith(WHITEOUT):
            self._whiteout(children, name, header, note)
            return None
        entry = self._entry(header, path, found, note)
        if entry is None:
            return None
        old = children.get(name)
        if old is not None and old.entry.layer == self._layer and not (old.entry.kind == entry.kind == "dir"):
            note("duplicate", path)  # (3)
        if old is not None and old.children is not None and entry.kind == "dir":
            old.entry = entry
        else:
            children[name] = self._node(entry)
        return entry

    def get(self, path: str, *, follow: bool = True) -> Entry | None:
        """The file at a path, symlinks followed inside the root; None when there is none, or links go in circles."""
        node = self._find([part for part in path.split("/") if part], follow=follow)
        return node.entry if node is not None else None

    def visible(self, entry: Entry) -> bool:
        """Whether this very file is still there once all layers are applied."""
        node = self._find(entry.path.split("/") if entry.path else [], follow=False, literal=True)
        return node is not None and node.entry is entry

    def entries(self) -> Iterator[Entry]:
        """Everything in the merged file system but the root, directories before what is in them."""
        stack = [self._root]
        while stack:
            children = stack.pop().children or {}
            for node in children.values():
                yield node.entry
                if node.children:
                    stack.append(node)

    def _step(self, count: int = 1) -> None:
        """Counts the work: links that lead through links, and marks that empty full directories, are cheap to write."""
        self._steps += count
        if self._steps > _STEPS * self._limits.image_entries:
            raise LimitExceeded("image_entries", self._limits.image_entries, "steps through directories and links of the image")

    def _set_root(self, header: Header) -> Entry | None:
        if header.kind != "dir":
            return None
        self._root.entry = Entry("", self._layer, "dir", header.mode, header.uid, header.gid, 0, xattrs=header.xattrs)
        return self._root.entry

    def _node(self, entry: Entry) -> _Node:
        self._nodes += 1
        if self._nodes > self._limits.image_entries:
            raise LimitExceeded("image_entries", self._limits.image_entries, "files of the image")
        return _Node(entry)

    def _entry(self, header: Header, path: str, found: Any, note: Note) -> Entry | None:
        kind, mode, uid, gid, size, link = header.kind, header.mode, header.uid, header.gid, header.size, header.link
        xattrs, capability, sparse = header.xattrs, header.capability, header.sparse
        if kind == "hardlink":
            parts = [part for part in link.split("/") if part not in {"", "."}]
            if ".." in parts:
                note("link_leads_out", path)
                parts = [part for part in parts if part != ".."]
            node = self._find(parts, follow=False)
            if node is None or node.entry.kind == "dir":
                note("broken_hard_link", path)  # (4)
                return None
            target = node.entry
            if mode != target.mode and target.kind == "file":
                note("hard_link_mode", path)
            mode = target.mode | (mode & 0o6000)
            kind, uid, gid, size, link = target.kind, target.uid, target.gid, target.size, target.path
            link = target.link if target.kind == "symlink" else link
            xattrs, capability, sparse, found = target.xattrs, target.capability or capability, target.sparse, target.found
        elif kind == "symlink" and _climbs(link, path):
            note("link_leads_out", path)
        elif kind in {"char", "block"}:
            note("device", path)
        elif kind != "symlink":
            link = ""
        return Entry(path, self._layer, kind, mode, uid, gid, size, link, xattrs, capability, sparse, found)

    def _parent(self, folder: str, note: Note) -> tuple[str, dict[str, _Node]] | None:
        """The directory that an entry goes into and its real path; missing ones are made, links followed (2)."""
        node, place = self._root, ""
        pending = folder.split("/")[::-1] if folder else []
        links = 0
        while pending:
            name = pending.pop()
            self._step()
            if name in {"", "."}:
                continue
            if name == "..":
                place = place.rpartition("/")[0]
                node = self._find(place.split("/") if place else [], follow=False, literal=True) or self._root
                continue
            children = node.children
            if children is None:
                return None
            below = children.get(name)
            path = f"{place}/{name}" if place else name
            if below is not None and below.entry.kind == "symlink":
                links += 1
                if links > _LINKS:
                    return None  # (5)
                if below.entry.layer != self._layer:
                    note("through_link", path)
                target = below.entry.link
                if target.startswith("/"):
                    node, place = self._root, ""
                pending += target.split("/")[::-1]
                continue
            if below is None or below.children is None:
                if below is not None:
                    note("file_as_directory", path)
                below = self._node(Entry(path, self._layer, "dir", 0o755, 0, 0, 0))
                children[name] = below
            node, place = below, path
        return None if node.children is None else (place, node.children)

    def _whiteout(self, children: dict[str, _Node], name: str, header: Header, note: Note) -> None:
        """(1)"""
        if header.kind != "file":
            note("odd_whiteout", header.path)
        if name == OPAQUE:
            self.whiteouts += 1
            self._hide(children)
        elif name.startswith(_META):
            note("aufs_metadata", header.path)
        elif name[len(WHITEOUT) :] in {"", ".", ".."}:
            note("odd_whiteout", header.path)
        else:
            self.whiteouts += 1
            hidden = name[len(WHITEOUT) :]
            node = children.get(hidden)
            if node is None:
                return
            if node.entry.layer == self._layer:
                note("whiteout_of_own_layer", header.path)
                self._hide(node.children)
            elif self._hide(node.children):
                del children[hidden]

    def _hide(self, children: dict[str, _Node] | None) -> bool:
        """Removes what comes from below, in any depth; whether nothing of the own layer is left."""
        if not children:
            return True
        order: list[dict[str, _Node]] = [children]
        for level in order:
            self._step(len(level))
            order += [node.children for node in level.values() if node.children]
        for level in reversed(order):
            gone = [name for name, node in level.items() if node.entry.layer != self._layer and not node.children]
            for name in gone:
                del level[name]
        return not children

    def _find(self, parts: list[str], *, follow: bool, literal: bool = False) -> _Node | None:
        """The node at a path; ``literal`` follows no links at all, else those on the way are followed, and the last if asked."""
        trail = [self._root]
        pending = parts[::-1]
        links = 0
        while pending:
            name = pending.pop()
            self._step()
            if name in {"", "."}:
                continue
            if name == "..":
                if len(trail) > 1:
                    trail.pop()
                continue
            below = (trail[-1].children or {}).get(name)
            if below is None:
                return None
            if below.entry.kind == "symlink" and not literal and (pending or follow):
                links += 1
                if links > _LINKS:
                    return None
                if below.entry.link.startswith("/"):
                    trail = [self._root]
                pending += below.entry.link.split("/")[::-1]
                continue
            trail.append(below)
        return trail[-1]


def _climbs(target: str, path: str) -> bool:
    """Whether a symlink's text goes above the root. Inside a container it stays at the root."""
    if ".." not in target:
        return False
    depth = 0 if target.startswith("/") else path.count("/")
    for part in target.split("/"):
        depth += -1 if part == ".." else 0 if part in {"", "."} else 1
        if depth < 0:
            return True
    return False
