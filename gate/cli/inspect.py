"""``gate inspect``: what is inside an image, for a person or as JSON. Facts only; nothing is judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gate.evidence.look import Looked
    from gate.model.evidence import Diagnostic
    from gate.model.input import Subject

_SHOWN = 20


@click.command("inspect", context_settings={"max_content_width": 120})
@click.argument("image", metavar="IMAGE")
@click.option("--platform", "platforms", multiple=True, metavar="OS/ARCH", help="Only these platforms of an index.")
@click.option("--format", "form", type=click.Choice(["text", "json", "cbom"]), default="text", show_default=True)
@click.option("--effective-time", metavar="RFC3339", help="Judge expiry as of then.")
@click.option("--all", "everything", is_flag=True, help=f"List everything, not the first {_SHOWN} of each.")
@click.option("--offline", is_flag=True, help="Open no socket: layouts and archives only.")
@click.option("--plain-http", is_flag=True, help="Talk to the registry without TLS.")
@click.option("--ca-file", metavar="PEM", help="Further certificate authorities for the registry.")
def command(**options: Any) -> int:
    """Show what is inside IMAGE: users, setuid files, capabilities, programs, certificates, keys, algorithms, FIPS, STIG.

    The layers are read once, as a stream, and never unpacked. Private keys are also looked for in files that a later layer
    deletes: they are shipped all the same. Nothing here is judged: exit 0 means that the image could be read. `--format cbom`
    writes a CycloneDX 1.6 CBOM of one platform.

    \b
    Examples:
      gate inspect registry.example/app:1.4
      gate inspect oci:build/image --format json
      gate inspect app.tar --all
      gate inspect oci:build/image --format cbom > app.cbom.json
    """
    import contextlib

    from gate.cli.files import emit
    from gate.cli.plan import registry_options, time_of
    from gate.errors import UsageError
    from gate.evidence.look import look
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
        children = image.children or (image,)
        if options["form"] == "cbom" and len(children) > 1:
            names = ", ".join(str(child.subject.platform) for child in children)
            raise UsageError(f"{options['image']} is an index of {names}", fix="choose one with --platform")
        seen = [(child.subject, look(source, child.subject, now)) for child in children]
    if options["form"] == "json":
        emit(_json(seen))
    elif options["form"] == "cbom":
        emit(_cbom(*seen[0], now))
    else:
        emit("\n".join(_text(subject, facts, None if options["everything"] else _SHOWN) for subject, facts in seen).encode())
    return 0


def _json(seen: Sequence[tuple[Subject, Looked]]) -> bytes:
    import msgspec

    from gate.model.base import to_json

    documents = [
        {
            "schema": "gate.inspect/v1",
            "subject": subject,
            "filesystem": looked.filesystem,
            "fips": looked.fips,
            "crypto": looked.crypto,
            "hardening": looked.hardening,
        }
        for subject, looked in seen
    ]
    return msgspec.json.format(to_json(documents), indent=2) + b"\n"


def _cbom(subject: Subject, looked: Looked, now: str) -> bytes:
    import msgspec

    from gate.evidence.crypto.cbom_write import write_cbom

    document = write_cbom(subject, looked.crypto, looked.fips, now)
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _text(subject: Subject, looked: Looked, most: int | None) -> str:
    from gate.policy.support import supported_until
    from gate.report.escape import escape

    facts = looked.filesystem

    def section(title: str, items: Iterable[str]) -> list[str]:
        lines = [escape(item) for item in items]
        kept = lines if most is None else lines[:most]
        more = [f"  … {len(lines) - len(kept)} more (--all)"] if len(lines) > len(kept) else []
        return [f"{title}: {len(lines) or 'none'}", *(f"  {line}" for line in kept), *more]

    config = subject.config
    system = facts.os_release
    name = system.get("PRETTY_NAME") or " ".join(filter(None, (system.get("ID"), system.get("VERSION_ID")))) or "not said"
    ends = supported_until(system)
    lines = [
        escape(f"{subject.reference} {subject.platform or ''}".rstrip()),
        f"digest: {subject.digest}",
        escape(f"system: {name}{f', {ends}' if ends else ''}"),
        escape(f"base: {subject.base.name or 'not said'} {subject.base.digest or ''}".rstrip()),
        escape(f"runs as: {config.user or 'root (no user is set)'}" if config else "runs as: not known"),
        f"files: {facts.files}, {facts.bytes / 1e6:.1f} MB in {len(facts.layers)} layers",
    ]
    secret = {text.name for text in looked.hardening.secret_texts if text.where == "env"}
    lines += section("environment", (_masked(item, secret) for item in (config.env if config else ())))
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
    for title, items in (*_baseline(looked), *_cryptography(looked)):
        lines += section(title, items)
    if not facts.certain:
        lines.append("! runtimes disagree on what is in this image; see the diagnostics")
    lines += section("diagnostics", (f"{d.code} ({d.count}): {d.message} {d.where}".rstrip() for d in _diagnostics(looked)))
    return "\n".join(lines) + "\n"


def _diagnostics(looked: Looked) -> Iterable[Diagnostic]:
    parts = (looked.filesystem, looked.fips, looked.crypto)
    return dict.fromkeys(note for part in parts for note in part.diagnostics)


def _masked(item: str, secret: set[str]) -> str:
    name, _, value = item.partition("=")
    return f"{name}=({len(value)} characters, not shown)" if name in secret else item


def _baseline(looked: Looked) -> Iterable[tuple[str, list[str]]]:
    """What controls of the STIG baseline are decided from, beside the lists above; secrets are named and never shown."""
    facts = looked.hardening
    user = facts.user
    gone = {True: "", False: ", deleted later"}
    yield (
        "user it runs as",
        [f"uid {user.uid if user.uid is not None else '?'}, gid {user.gid if user.gid is not None else '?'}"
         + (f" ({user.reason})" if user.reason else "")] if user else [],
    )  # fmt: skip
    kinds: dict[str, list[str]] = {}
    for program in facts.programs:
        kinds.setdefault(program.kind, []).append(program.path if not program.package else f"package {program.package}")
    yield (
        "programs to do without",
        [
            f"{kind.replace('_', ' ')}: {', '.join(paths[:5])}" + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
            for kind, paths in sorted(kinds.items())
        ],
    )
    yield "secrets in the configuration", [f"{text.where} {text.name}: {text.kind}" for text in facts.secret_texts]
    yield "files that hold credentials", [f"{file.path}: {file.kind}{gone[file.visible]}" for file in facts.secret_files]
    yield "accounts with a password", [f"{entry.name} in {entry.path}: {entry.scheme}" for entry in facts.passwords]
    yield "accounts with a shell", [f"{entry.name} {entry.uid}: {entry.path}" for entry in facts.interactive]
    yield (
        "caches of package managers",
        [f"{entry.kind}: {entry.files} files, {entry.bytes / 1e6:.1f} MB{gone[entry.visible]}" for entry in facts.caches],
    )
    yield "files without an owner's name", [f"{file.uid}:{file.gid} {file.path}" for file in facts.unowned]
    yield (
        "looser rights than usual",
        [f"{file.mode} {file.uid}:{file.gid} {file.path}, expected {file.expected}" for file in facts.loose],
    )
    yield "repositories taken unsigned", [f"{entry.path}: {entry.setting}" for entry in facts.repositories]
    yield "packages in several versions", [f"{entry.name}: {', '.join(entry.versions)}" for entry in facts.repeated_packages]
    yield "files that change what others do", [f"{file.path}: {file.kind}{gone[file.visible]}" for file in facts.influence]
    yield "not read whole", [*facts.incomplete, *facts.unread_databases]


def _cryptography(looked: Looked) -> Iterable[tuple[str, list[str]]]:
    """Modules, settings, certificates and keys, each in one line; trust anchors are counted only."""
    yield (
        "cryptographic modules",
        [
            f"{m.path}: {m.family} {m.version or '(version not told)'}, {m.place}, capable {m.capable}, activated {m.activated}"
            + (f", overridden {m.overridden}" if m.overridden != "no" else "")
            for m in looked.fips.modules
        ],
    )
    settings: dict[tuple[str, str, str, str], list[str]] = {}
    for a in looked.crypto.algorithms:
        settings.setdefault((a.scope, a.path, a.setting, a.by), []).append(a.name)
    yield (
        "configured algorithms",
        [f"{scope} {path} {name} ({by}): {', '.join(names)}" for (scope, path, name, by), names in settings.items()],
    )
    anchors = [c for c in looked.crypto.certificates if c.role == "trust_anchor" and c.visible]
    odd = len({c.fingerprint for c in anchors if c.packaged is False})
    counted = f"{len({c.fingerprint for c in anchors})} in {len({c.path for c in anchors})} files"
    yield "trust anchors", [counted + (f", {odd} not from the distribution's package" if odd else "")] if anchors else []
    yield (
        "certificates that are no trust anchors",
        [
            f"{c.path}: {c.subject}, {c.role}, {_size(c.key, c.bits)}, {c.signature_hash or 'no hash'}, "
            + (f"expired {c.not_after}" if c.expired else f"until {c.not_after}")
            + ("" if c.visible else ", deleted later")
            for c in looked.crypto.certificates
            if c.role != "trust_anchor"
        ],
    )
    yield (
        "keys",
        [f"{k.path}: {'private' if k.private else 'public'} {_size(k.key, k.bits)}" for k in looked.crypto.keys],
    )


def _size(key: str, bits: int | None) -> str:
    return f"{key or 'unknown'}{f' {bits}' if bits else ''}"
