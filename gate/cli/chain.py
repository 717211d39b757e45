"""``gate chain``: the chain from an image to its sources and bases, as a tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gate.model.input import ChainNode
    from gate.trust.entry import LevelRule, Trust

_TITLES = {
    "image": "image",
    "dependency": "base",
    "provenance": "built by",
    "commit": "from",
    "source_vsa": "summarised by",
    "source_provenance": "history",
    "vsa": "summarised by",
}


@click.command("chain", context_settings={"max_content_width": 120})
@click.argument("image", metavar="IMAGE")
@click.option("--policy-file", metavar="FILE", help="A gate.policy/v1 file, for its trust entries.")
@click.option("--key", "keys", multiple=True, metavar="PEM", help="Public key that signs statements. Repeatable.")
@click.option("--certificate-identity", metavar="IDENTITY", help="Exact identity of a keyless signer.")
@click.option("--certificate-identity-regexp", metavar="REGEXP", help="The same as a pattern; it must match as a whole.")
@click.option("--certificate-oidc-issuer", metavar="URL", help="Issuer of that identity.")
@click.option("--trusted-root", metavar="FILE", help="Sigstore trusted root that keyless signatures are checked with.")
@click.option(
    "--builder", "builders", multiple=True, metavar="ID=LEVEL", help="A builder that those signers speak for, and its level."
)
@click.option("--verifier", "verifiers", multiple=True, metavar="ID=LEVEL", help="An issuer of summaries that they speak for.")
@click.option("--evidence", multiple=True, metavar="FILE", help="Provenance, summaries, bundles. Repeatable.")
@click.option("--base", "bases", multiple=True, metavar="IMAGE", help="Where statements about base images may hang. Repeatable.")
@click.option("--git", metavar="DIR", help="Clone whose git notes hold the statements about commits.")
@click.option("--notes-ref", default="refs/notes/commits", show_default=True, metavar="REF", help="The notes of that clone.")
@click.option("--notes", metavar="DIR", help="The same as files: COMMIT.jsonl and COMMIT.commit.")
@click.option("--history", type=click.IntRange(0, 100_000), default=0, metavar="N", help="Follow the source N commits back.")
@click.option(
    "--depth", type=click.IntRange(0, 20), default=5, show_default=True, metavar="N", help="Follow bases of bases so far."
)
@click.option("--platform", "platforms", multiple=True, metavar="OS/ARCH", help="Only these platforms of an index.")
@click.option("--min-build-level", type=click.IntRange(1, 4), metavar="N", help="Exit 1 below this SLSA build level.")
@click.option("--min-source-level", type=click.IntRange(1, 4), metavar="N", help="Exit 1 below this SLSA source level.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--offline", is_flag=True, help="Open no socket: layouts, archives and digests only.")
@click.option("--plain-http", is_flag=True, help="Talk to the registry without TLS.")
@click.option("--ca-file", metavar="PEM", help="Further certificate authorities for the registry.")
def command(**options: Any) -> int:
    """Follow IMAGE to its sources and bases: who built it, from which commit, and how that commit came to be.

    Levels are those that trust entries give to a (signer, builder) pair; what a document says of its own level is not looked at.
    Only places that you name are asked. Exit 1 when a link between image and builder is broken, or a level that you ask for is
    not reached; gaps in the source track count with --min-source-level.

    \b
    Examples:
      gate chain registry.example/app:1.4 --policy-file security-policy.yaml
      gate chain oci:build/image --key ci.pub --builder https://ci.example/v1=2
      gate chain IMAGE --policy-file security-policy.yaml --git . --history 50 --min-source-level 3
    """
    import contextlib
    import shutil

    from gate.cli.files import emit, read_bounded
    from gate.cli.messages import warn
    from gate.cli.plan import registry_options
    from gate.evidence.collect import Opener
    from gate.evidence.interface import Document
    from gate.evidence.provenance.shelves import Shelves, open_history
    from gate.limits import Limits
    from gate.oci.image import load
    from gate.oci.source import open_source

    limits = Limits.from_environment()
    trust = _trust(options, limits)
    opener = Opener(trust, limits)
    documents = [
        Document(data=read_bounded(path, limits.document_bytes, "evidence"), origin="file", source=path)
        for path in options["evidence"]
    ]
    history = open_history(options["git"], options["notes"], shutil.which("git"), options["notes_ref"], limits)
    with contextlib.ExitStack() as stack:
        registry = registry_options(options)
        stack.callback(registry.close)
        opened = [open_source(text, options=registry, limits=limits) for text in (options["image"], *options["bases"])]
        for source in opened:
            stack.callback(source.close)
        found = load(opened[0], opened[0].resolve(), options["platforms"])
        shelf = Shelves(opener.open_all(documents), opened, history, opener)
        chains = []
        for image in found.children or (found,):
            subject = image.subject
            digests = [digest for digest in (subject.digest, subject.index_digest) if digest]
            name = " ".join(filter(None, (subject.reference, str(subject.platform or ""))))
            chains.append(_chain(name, digests, shelf, trust, options))
    for problem in dict.fromkeys(shelf.problems):
        warn(f"not looked at: {problem}")
    emit(_json(chains) if options["form"] == "json" else _text(chains))
    good = all(_holds(nodes, options) for nodes in chains)
    return 0 if good else 3 if shelf.problems else 1


def _trust(options: Mapping[str, Any], limits: Any) -> Trust:
    import dataclasses
    from pathlib import Path

    from gate.cli.trust import trust_from_flags, trust_from_spec
    from gate.errors import UsageError
    from gate.policy.config import load_policy_file
    from gate.trust.entry import Trust

    given = trust_from_flags(
        keys=options["keys"],
        identity=options["certificate_identity"],
        identity_regexp=options["certificate_identity_regexp"],
        issuer=options["certificate_oidc_issuer"],
        trusted_root=options["trusted_root"],
    )
    builders, verifiers = _levels("--builder", options["builders"]), _levels("--verifier", options["verifiers"])
    if (builders or verifiers) and not given.entries:
        raise UsageError("--builder or --verifier without a signer", fix="add --key, or a certificate identity")
    entries = tuple(dataclasses.replace(entry, builders=builders, verifiers=verifiers) for entry in given.entries)
    if options["policy_file"]:
        path = Path(options["policy_file"])
        loaded = load_policy_file(path, limits)
        entries = (*trust_from_spec(loaded.file.trust, loaded.folder).entries, *entries)
    return Trust(entries=entries)


def _levels(flag: str, texts: Sequence[str]) -> tuple[LevelRule, ...]:
    from gate.errors import ConfigError, UsageError
    from gate.trust.entry import LevelRule

    rules = []
    for text in texts:
        name, equals, level = text.rpartition("=")
        try:
            rules.append(LevelRule(name, int(level) if equals and level.isdecimal() else 0))
        except ConfigError as error:
            raise UsageError(f"{flag} {text}: {error.what}", fix="write ID=LEVEL, such as https://ci.example/v1=2") from None
    return tuple(rules)


def _chain(name: str, digests: Sequence[str], shelf: Any, trust: Trust, options: Mapping[str, Any]) -> tuple[ChainNode, ...]:
    import datetime

    from gate.evidence.provenance.chain import build_chain

    now = datetime.datetime.now(datetime.UTC)
    return build_chain(name, digests, shelf, trust, now=now, depth=options["depth"], history=options["history"])


def _holds(nodes: Sequence[ChainNode], options: Mapping[str, Any]) -> bool:
    """Whether what was asked for holds: the build always, the source where its level is asked for."""
    from gate.evidence.provenance.chain import reached

    tracks = {"build"} | ({"source"} if options["min_source_level"] else set())
    if any(gap.track in tracks for node in nodes for gap in node.gaps):
        return False
    build, source = reached(nodes)
    return build >= (options["min_build_level"] or 0) and source >= (options["min_source_level"] or 0)


def _json(chains: Sequence[Sequence[ChainNode]]) -> bytes:
    import msgspec

    from gate.evidence.provenance.chain import as_tree, reached
    from gate.model.base import to_json

    documents = [
        {
            "schema": "gate.chain/v1",
            "build_level": reached(nodes)[0],
            "source_level": reached(nodes)[1],
            "chain": as_tree(nodes)[0],
        }
        for nodes in chains
    ]
    return msgspec.json.format(to_json(documents), indent=2) + b"\n"


def _text(chains: Sequence[Sequence[ChainNode]]) -> bytes:
    from gate.evidence.provenance.chain import as_tree, reached

    lines: list[str] = []
    for nodes in chains:
        lines += _lines(as_tree(nodes)[0], "", "")
        build, source = reached(nodes)
        broken = sum(1 for node in nodes for gap in node.gaps)
        lines.append(f"build level {build or 'none'}, source level {source or 'none'}, {broken} gaps")
    return ("\n".join(lines) + "\n").encode()


def _lines(node: Mapping[str, Any], first: str, rest: str) -> list[str]:
    from gate.report.escape import escape

    level = f"  level {node['level']}" if node["level"] is not None else ""
    lines = [f"{first}{_TITLES[node['kind']]} {escape(node['name'] or '(nobody named)')}{level}"]
    below = node["below"]
    bar = rest + ("│  " if below else "   ")
    about = (
        [node["digest"]]
        + ([f"signed by {node['signer']}"] if node["signer"] else [])
        + ([node["detail"]] if node["detail"] else [])
    )
    lines += [f"{bar}{escape(text)}" for text in about]
    lines += [f"{bar}✗ {gap['kind']} ({gap['track']}): {escape(gap['reason'])}" for gap in node["gaps"]]
    for number, child in enumerate(below, 1):
        last = number == len(below)
        lines += _lines(child, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))
    return lines
