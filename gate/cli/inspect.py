"""``gate inspect``: what is inside an image, for a person or as JSON. Facts only; nothing is judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gate.model.compliance import Filesystem
    from gate.model.input import Subject

_SHOWN = 20


@click.command("inspect", context_settings={"max_content_width": 120})
@click.argument("image", metavar="IMAGE")
@click.option("--platform", "platforms", multiple=True, metavar="OS/ARCH", help="Only these platforms of an index.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--effective-time", metavar="RFC3339", help="Judge expiry as of then.")
@click.option("--all", "everything", is_flag=True, help=f"List everything, not the first {_SHOWN} of each.")
@click.option("--offline", is_flag=True, help="Open no socket: layouts and archives only.")
@click.option("--plain-http", is_flag=True, help="Talk to the registry without TLS.")
@click.option("--ca-file", metavar="PEM", help="Further certificate authorities for the registry.")
def command(**options: Any) -> int:
    """Show what is inside IMAGE: users, setuid files, capabilities, package managers, certificates, keys, shells.

    The layers are read once, as a stream, and never unpacked. Private keys are also looked for in files that a later layer
    deletes: they are shipped all the same. Nothing here is judged: exit 0 means that the image could be read.

    \b
    Examples:
      gate inspect registry.example/app:1.4
      gate inspect oci:build/image --format json
      gate inspect app.tar --all
    """
    import contextlib

    from gate.cli.files import emit
    from gate.cli.plan import registry_options, time_of
    from gate.evidence.filesystem.collect import collect
    from gate.limits import Limits
    from gate.oci.image import load
    from gate.oci.source import open_source

    limits = Limits.from_environment()
    now = time_of(options["effective_time"]).now
    with contextlib.ExitStack() as stack:
        registry = registry_options(options)
        stack.callback(registry.close)
        source = stack.enter_context(contextlib.closing(open_source(options["image"], options=registry, limits=limits)))
        image = load(source, source.resolve(), options["platforms"])
        seen = [(child.subject, collect(source, child.subject, now)[0]) for child in image.children or (image,)]
    if options["form"] == "json":
        emit(_json(seen))
    else:
        emit("\n".join(_text(subject, facts, None if options["everything"] else _SHOWN) for subject, facts in seen).encode())
    return 0


def _json(seen: Sequence[tuple[Subject, Filesystem]]) -> bytes:
    import msgspec

    from gate.model.base import to_json

    documents = [{"schema": "gate.inspect/v1", "subject": subject, "filesystem": facts} for subject, facts in seen]
    return msgspec.json.format(to_json(documents), indent=2) + b"\n"


def _text(subject: Subject, facts: Filesystem, most: int | None) -> str:
    from gate.report.escape import escape

    def section(title: str, items: Iterable[str]) -> list[str]:
        lines = [escape(item) for item in items]
        kept = lines if most is None else lines[:most]
        more = [f"  … {len(lines) - len(kept)} more (--all)"] if len(lines) > len(kept) else []
        return [f"{title}: {len(lines) or 'none'}", *(f"  {line}" for line in kept), *more]

    config = subject.config
    system = facts.os_release
    name = system.get("PRETTY_NAME") or " ".join(filter(None, (system.get("ID"), system.get("VERSION_ID")))) or "not said"
    ends = f", supported until {system['SUPPORT_END']}" if system.get("SUPPORT_END") else ""
    lines = [
        escape(f"{subject.reference} {subject.platform or ''}".rstrip()),
        f"digest: {subject.digest}",
        escape(f"system: {name}{ends}"),
        escape(f"base: {subject.base.name or 'not said'} {subject.base.digest or ''}".rstrip()),
        escape(f"runs as: {config.user or 'root (no user is set)'}" if config else "runs as: not known"),
        f"files: {facts.files}, {facts.bytes / 1e6:.1f} MB in {len(facts.layers)} layers",
    ]
    lines += section("environment", config.env if config else ())
    lines += section("exposed ports", config.exposed_ports if config else ())
    lines += section(
        "layers",
        (f"{layer.layer}: {layer.entries} entries, {layer.unpacked / 1e6:.1f} MB, hides {layer.whiteouts} names, {layer.hidden} "
         "files of it are hidden later" for layer in facts.layers),
    )  # fmt: skip
    lines += section(
        "accounts", (f"{a.name} {a.uid}:{a.gid} {a.shell}, password {a.password or 'not said'}" for a in facts.accounts)
    )
    lines += section("setuid and setgid files", (f"{f.mode} {f.uid}:{f.gid} {f.path}" for f in facts.setuid))
    lines += section(
        "files with capabilities",
        (f"{c.path}: {', '.join(c.permitted) or 'none'}{' (effective)' if c.effective else ''}" for c in facts.capabilities),
    )
    lines += section("world-writable", (f"{f.mode} {f.path}" for f in facts.world_writable))
    lines += section("device nodes", (f.path for f in facts.devices))
    lines += section("package databases", (f"{p.name}: {p.path}" for p in facts.package_databases))
    lines += section("package managers", (f"{p.name}: {p.path}" for p in facts.package_managers))
    lines += section("shells", (p.path for p in facts.shells))
    lines += section(
        "files with certificates",
        (f"{c.path}: {c.certificates}, {c.expired} expired" + (f", next {c.next_expiry}" if c.next_expiry else "")
         for c in facts.certificates),
    )  # fmt: skip
    lines += section(
        "private keys",
        (
            f"{k.path}: {k.kind}" + (", encrypted" if k.encrypted else "")
            + ("" if k.visible else f", deleted later and shipped in {k.layer}")
            for k in facts.private_keys
        ),
    )  # fmt: skip
    lines += section(
        "Go programs (as they say; nothing is judged)",
        (f"{g.path}: {g.version or 'unreadable'}" + (f", GOFIPS140={g.gofips140}" if g.gofips140 else "")
         + (f", {g.default_godebug}" if g.default_godebug else "") + (", BoringCrypto" if g.boring else "")
         for g in facts.go_programs),
    )  # fmt: skip
    if not facts.certain:
        lines.append("! runtimes disagree on what is in this image; see the diagnostics")
    lines += section("diagnostics", (f"{d.code} ({d.count}): {d.message} {d.where}".rstrip() for d in facts.diagnostics))
    return "\n".join(lines) + "\n"
