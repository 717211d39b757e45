"""ELF files made in memory, and images of them: as small as a loader would still take them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

import msgspec

from gate.evidence.filesystem.choose import several
from gate.evidence.filesystem.collect import GO
from gate.evidence.fips import collect
from gate.evidence.fips.elf import ElfFacts, ElfSink
from gate.evidence.fips.gobuild import choose_go
from gate.limits import DEFAULT
from gate.model.fips import CryptoConsumer, FipsFacts
from gate.oci.filesystem import read_layers
from tests.evidence.fips.roots import LIBRARY, about, debian, fipsmodule, libcrypto
from tests.oci.layering import File, blob, tar_of

X86, ARM = 62, 183
BASE = 0x400000


def elf(
    text: bytes = b"",
    *,
    needed: Sequence[str] = (),
    soname: str = "",
    rpath: str = "",
    runpath: str = "",
    loader: str = "",
    machine: int = X86,
    code: bytes = b"",
    wide: bool = True,
    order: str = "<",
    changed: Sequence[tuple[int, int]] = (),
) -> bytes:
    """A shared object, or a program when it has a loader; ``code`` is a segment of its own, ``changed`` replaces dynamic tags."""
    names = b"\0"
    tags: list[tuple[int, int]] = []
    for tag, name in [*((1, name) for name in needed), (14, soname), (15, rpath), (29, runpath)]:
        if name:
            tags.append((tag, len(names)))
            names += name.encode() + b"\0"
    size, count, start = (56, 5, 64) if wide else (32, 5, 52)
    place = start + size * count
    interp = loader.encode() + b"\0" if loader else b""
    at_names, at_text = place + len(interp), place + len(interp) + len(names)
    at_dynamic = at_text + len(text)
    replaced = dict(changed)
    table = [(tag, replaced.get(tag, value)) for tag, value in [*tags, (5, BASE + at_names), (10, len(names)), (0, 0)]]
    dynamic = b"".join(struct.pack(f"{order}{'QQ' if wide else 'II'}", *item) for item in table)
    at_code = at_dynamic + len(dynamic)
    segments = [
        (1, 4 + (not code), 0, at_code),
        (2, 6, at_dynamic, len(dynamic)),
        (3 if interp else 0, 4, place, len(interp)),
        (1 if code else 0, 5, at_code, len(code)),
        (0, 0, 0, 0),
    ]
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    form = f"{order}HHIQQQIHHHHHH" if wide else f"{order}HHIIIIIHHHHHH"
    head = struct.pack(form, 3, machine, 1, 0, start, 0, 0, start, size, count, 0, 0, 0)
    packed = [
        struct.pack(f"{order}IIQQQQQQ", kind, flags, offset, BASE + offset, BASE + offset, length, length, 8)
        if wide
        else struct.pack(f"{order}IIIIIIII", kind, offset, BASE + offset, BASE + offset, length, length, flags, 8)
        for kind, flags, offset, length in segments
    ]
    return ident + head + b"".join(packed) + interp + names + text + dynamic + code


def facts_of(data: bytes, step: int = 1 << 20) -> ElfFacts | None:
    """What is found when the file passes by in pieces of a size."""
    sink = ElfSink(len(data))
    for place in range(0, len(data), step):
        sink.feed(memoryview(data)[place : place + step])
    return sink.result()


def crypto(version: str = "3.5.9", folder: str = "/usr/lib/ssl") -> bytes:
    """A libcrypto that a loader takes."""
    return elf(libcrypto(version, folder)[64:], soname="libcrypto.so.3")


def system(*more: File) -> list[File]:
    """A Debian with libssl and libcrypto that programs can be linked to."""
    folder = LIBRARY.rpartition("/")[0]
    ssl = File(f"{folder}/libssl.so.3", elf(needed=["libcrypto.so.3"], soname="libssl.so.3"))
    return debian(File(LIBRARY, crypto()), ssl, *more)


def fips_system(*more: File) -> list[File]:
    """The same, set to FIPS for everything that reads ``openssl_conf``."""
    from tests.evidence.fips.roots import STRICT, conf

    return system(fipsmodule(), conf(STRICT), *more)


def see(files: Iterable[File], env: Iterable[str] = (), command: Sequence[str] = ()) -> FipsFacts:
    """The facts of one layer, Go programs included."""
    tar = tar_of(files)
    read = read_layers([blob(tar, tar)], several({GO: choose_go, **collect.choosers()}), DEFAULT)
    subject = about(env)
    assert subject.config is not None
    config = msgspec.structs.replace(subject.config, entrypoint=tuple(command))
    return collect.facts(read, msgspec.structs.replace(subject, config=config))


def consumer(facts: FipsFacts, path: str) -> CryptoConsumer:
    """The one consumer at a path."""
    (found,) = [item for item in facts.consumers if item.path == path]
    return found
