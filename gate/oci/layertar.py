"""The entries of one layer's tar stream, in order, as container runtimes read them (POSIX ustar and pax, GNU long names).

A layer holds what `gate.oci.tar` refuses: devices, fifos, links anywhere. What is odd is counted by a stable name and not
stopped at; what no runtime could read either (a wrong header sum, a cut stream) raises EvidenceInvalid.

1. Runtimes (Go's archive/tar) end at two zero blocks, or where the stream ends between entries. What follows is shipped, unread.
2. Global pax headers are ignored by runtimes; other readers obey them.
3. A sparse file's contents are never expanded, nor given to anyone.
4. Names are joined to the root as ``Clean("/" + name)``: ``..`` never leads out, and is counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.limits import Limits
from gate.oci.unpack import Unpacked

BLOCK = 512
_EXTENDED_BYTES = 1024 * 1024
_PATH_BYTES = 4096
_KINDS = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "char",
    b"4": "block",
    b"5": "dir",
    b"6": "fifo",
    b"S": "file",
}
_OCTAL = re.compile(rb"[ \0]*([0-7]*)[ \0]*")
_XATTR = "SCHILY.xattr."
CAPABILITY = "security.capability"
Note = Callable[[str, str], None]
"""Takes the stable name of something odd, and where it is."""


class Header(msgspec.Struct, frozen=True, gc=False):
    """One entry. ``path`` is clean and relative, empty for the root; undecodable bytes are surrogates."""

    path: str
    kind: str
    """``file``, ``dir``, ``symlink``, ``hardlink``, ``char``, ``block`` or ``fifo``."""
    mode: int
    """Permission bits with setuid, setgid and sticky."""
    uid: int
    gid: int
    size: int
    link: str
    xattrs: tuple[str, ...]
    capability: bytes
    """The raw ``security.capability`` attribute; empty without one."""
    sparse: bool


def walk(stream: Unpacked, limits: Limits, note: Note) -> Iterator[tuple[Header, int]]:
    """Every entry with the number of stored bytes of its contents, which the consumer may read before it asks for the next.

    Raises EvidenceInvalid and LimitExceeded.
    """
    records: dict[str, bytes] = {}
    count = 0
    while True:
        block = stream.take(BLOCK)
        if not block or (len(block) == BLOCK and not any(block)):
            _end(stream, bool(block), note)
            return
        if len(block) != BLOCK:
            raise stream.cut()
        count += 1
        if count > 2 * limits.image_entries:  # an extended header each
            raise LimitExceeded("image_entries", limits.image_entries, stream.what)
        stored = _check(block, stream)
        flag = block[156:157]
        if flag in b"xgLK":
            records |= _extended(flag, stored, stream, note)
            continue
        header, stored = _header(block, flag, stored, records, stream, note)
        records = {}
        if flag == b"S":
            _old_sparse(block, stream)
        end = stream.position + stored
        if header is not None:
            yield header, stored
        stream.skip(end - stream.position)
        stream.skip(-stored % BLOCK)


def _end(stream: Unpacked, marked: bool, note: Note) -> None:
    """(1)"""
    if not marked:
        note("no_end_marker", "")
    elif any(second := stream.take(BLOCK)):
        raise EvidenceInvalid(f"{stream.what} is damaged", why="one zero block stands between entries")
    elif not second:
        note("no_end_marker", "")
    if stream.drain():
        note("bytes_after_end", "")


def _check(block: bytes, stream: Unpacked) -> int:
    total = sum(block) - sum(block[148:156]) + 256
    if _number(block[148:156], stream) != total:
        raise EvidenceInvalid(f"{stream.what} is no tar stream, or damaged", why="a header has a wrong sum")
    size = _number(block[124:136], stream)
    if size < 0 or size > 1 << 60:
        raise EvidenceInvalid(f"{stream.what} is damaged", why="a header has no valid size")
    return size


def _number(field: bytes, stream: Unpacked) -> int:
    if field[0] & 0x80:  # GNU base 256
        value = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
        return value - (1 << (8 * len(field) - 1)) if field[0] & 0x40 else value
    found = _OCTAL.match(field)
    rest = field[found.end() :] if found else field
    if found is None or (rest and rest[:1] != b"\0" and b"\0" not in field[: found.end()]):
        raise EvidenceInvalid(f"{stream.what} is damaged", why="a number in a header is none")
    return int(found.group(1) or b"0", 8)


def _extended(flag: bytes, size: int, stream: Unpacked, note: Note) -> dict[str, bytes]:
    if size > _EXTENDED_BYTES:
        raise EvidenceInvalid(f"{stream.what} has an extended header of {size} bytes", why=f"at most {_EXTENDED_BYTES} are read")
    data = stream.take(size)
    if len(data) != size:
        raise stream.cut()
    stream.skip(-size % BLOCK)
    if flag == b"L":
        return {"path": data.split(b"\0")[0]}
    if flag == b"K":
        return {"linkpath": data.split(b"\0")[0]}
    records: dict[str, bytes] = {}
    position = 0
    while position < len(data):
        space = data.find(b" ", position, position + 10)
        length = int(data[position:space]) if space > position and data[position:space].isdigit() else 0
        end = position + length
        if not space - position + 2 < length or end > len(data) or data[end - 1 : end] != b"\n":
            raise EvidenceInvalid(f"{stream.what} is damaged", why="a pax header is malformed")
        key, _, value = data[space + 1 : end - 1].partition(b"=")
        records[key.decode("utf-8", "replace")] = value
        position = end
    if flag == b"g":
        if records.keys() - {"comment"}:
            note("global_header", "")  # (2)
        return {}
    return records


def _header(
    block: bytes, flag: bytes, stored: int, records: dict[str, bytes], stream: Unpacked, note: Note
) -> tuple[Header | None, int]:
    sparse = flag == b"S" or any(key.startswith("GNU.sparse") for key in records)
    if "size" in records:
        stored = _decimal(records["size"], stream)
    raw = records.get("GNU.sparse.name") or records.get("path") or _ustar_name(block)
    kind = _KINDS.get(flag, "")
    if kind == "file" and raw.endswith(b"/"):
        kind = "dir"
    if kind not in {"file", ""}:
        if stored:
            note("contents_of_no_file", raw[:100].decode("utf-8", "replace"))  # runtimes read on right after the header
        stored = 0
    path = _clean(raw, note)
    if path is None:
        return None, stored
    if not kind:
        note("unknown_type", path)
        return None, stored
    if sparse:
        note("sparse", path)  # (3)
    real = records.get("GNU.sparse.realsize") or records.get("GNU.sparse.size")
    size = _decimal(real, stream) if real else _number(block[483:495], stream) if flag == b"S" else stored
    link = (records.get("linkpath") or block[157:257].split(b"\0")[0]).decode("utf-8", "surrogateescape")
    xattrs = tuple(sorted(key[len(_XATTR) :] for key in records if key.startswith(_XATTR))) if records else ()
    header = Header(
        path,
        kind,
        _number(block[100:108], stream) & 0o7777,
        _decimal(records["uid"], stream) if "uid" in records else _number(block[108:116], stream),
        _decimal(records["gid"], stream) if "gid" in records else _number(block[116:124], stream),
        size if kind == "file" else 0,
        link,
        xattrs,
        records.get(_XATTR + CAPABILITY, b""),
        sparse,
    )
    return header, stored


def _old_sparse(block: bytes, stream: Unpacked) -> None:
    """Passes over the extension blocks of an old GNU sparse header."""
    more = block[482]
    while more:
        extension = stream.take(BLOCK)
        if len(extension) != BLOCK:
            raise stream.cut()
        more = extension[504]


def _decimal(value: bytes, stream: Unpacked) -> int:
    if not value.isdigit() or len(value) > 18:
        raise EvidenceInvalid(f"{stream.what} is damaged", why="a number in a pax header is none")
    return int(value)


def _ustar_name(block: bytes) -> bytes:
    name = block[:100].split(b"\0")[0]
    if block[257:263] == b"ustar\0" and (prefix := block[345:500].split(b"\0")[0]):
        return prefix + b"/" + name
    return name


def _clean(raw: bytes, note: Note) -> str | None:
    """The path below the root (4); None for one that no system could hold."""
    if len(raw) > _PATH_BYTES or b"\0" in raw:
        note("impossible_name", raw[:100].decode("utf-8", "replace"))
        return None
    name = raw.decode("utf-8", "surrogateescape")
    if name.isascii() and "//" not in name and "./" not in name and not name.startswith("/") and not name.endswith(("/", ".")):
        return name
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            if not parts:
                note("leads_out", name)
            else:
                note("dotted_name", name)
                parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)
