"""``gate trust``: bring trusted roots in, once and checked; say how old they are and what ends when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable
    from pathlib import Path

    from gate.trust.record import RootRecord
    from gate.trust.root import TrustedRoot

_BYTES = 16 * 1024 * 1024
_EXAMPLE = "https://github.com/ORG/REPO/.github/workflows/release.yml@refs/heads/main"


@click.group("trust", context_settings={"max_content_width": 120})
def command() -> None:
    """Bring in trusted roots, and look after them.

    A trusted root names the certificate authorities, logs and timestamp authorities that keyless signatures are checked with.
    The gate never fetches one: you import it, pin its digest in the policy file, and import it again from time to time.

    \b
    Examples:
      gate trust init --file trusted_root.json --as-of 2026-11-23 --identity URI --issuer URL
      gate trust import tuf-copy/ --as-of 2026-11-23 --bootstrap root.json
      gate trust show trust/trusted_root.json
      gate trust check trust/trusted_root.json --max-age-days 180
    """


_as_of = click.option("--as-of", required=True, metavar="YYYY-MM-DD", help="The day on which you know that it was current.")
_folder = click.option("--dir", "folder", default="trust", show_default=True, metavar="DIR", help="Where roots are kept.")


@command.command("init")
@click.option("--file", required=True, metavar="FILE", help="A trusted_root.json (JSON or JSON lines) that you have checked.")
@_as_of
@_folder
@click.option("--identity", metavar="URI", help="Who signs; for the entry of the policy file.")
@click.option("--issuer", metavar="URL", help="Who vouches for that identity.")
def init(file: str, as_of: str, folder: str, identity: str | None, issuer: str | None) -> int:
    """Start a folder of trust: copy a trusted root, record its day, print the entry for the policy file.

    Get one with `gh attestation trusted-root`, `cosign trusted-root create`, or from whoever runs your instance of Sigstore.
    Nothing that is there is overwritten: use `gate trust import` for the next one.
    """
    from pathlib import Path

    from gate.cli.files import read_bounded
    from gate.errors import UsageError

    target = Path(folder) / "trusted_root.json"
    if target.exists():
        raise UsageError(f"{target} exists already", fix="gate trust import brings in the next one")
    data = read_bounded(file, _BYTES, "trusted root")
    _write(target, data, _record(data, as_of, file, method="file"))
    _snippet(target, identity, issuer)
    return 0


@command.command("import")
@click.argument("source", metavar="DIR|FILE")
@_as_of
@_folder
@click.option("--name", default="trusted_root.json", show_default=True, metavar="NAME", help="Name of the file in the folder.")
@click.option("--bootstrap", metavar="FILE", help="The TUF root that verification begins with, from a source that you trust.")
@click.option("--bootstrap-digest", metavar="HEX", help="Pins that file, or picks the N.root.json of the copy with this digest.")
@click.option("--target", default="trusted_root.json", show_default=True, metavar="NAME", help="The TUF target.")
def import_(
    source: str, as_of: str, folder: str, name: str, bootstrap: str | None, bootstrap_digest: str | None, target: str
) -> int:
    """Import a trusted root from a copy of a TUF repository (DIR), or as given (FILE).

    DIR holds the metadata (timestamp.json, N.root.json, …) and targets/. Every signature, version, length and hash is verified
    offline, from the bootstrap root on, as of the day; a copy older than the last import is refused. Nothing is fetched.
    Needs `policy-gate[tuf]`. A FILE is taken at your word, and the record says so.

    \b
    Examples:
      gate trust import ./tuf-repo-cdn.sigstore.dev --as-of 2026-11-20 --bootstrap-digest 1d2f…
      gate trust import trusted_root.jsonl --as-of 2026-11-20 --name github.jsonl
    """
    import hashlib
    from pathlib import Path

    import msgspec

    from gate.cli.files import read_bounded
    from gate.errors import ConfigError, UsageError
    from gate.trust.record import TufVersions, end_of_day

    if Path(name).name != name or name.startswith("."):
        raise UsageError(f"--name {name}: a file name, without folders")
    place = Path(folder) / name
    before = _record_of(place)
    if not Path(source).is_dir():
        data = read_bounded(source, _BYTES, "trusted root")
        if before is not None and _day(as_of) < before.as_of:
            raise ConfigError(f"{place} was imported as of {before.as_of}, which is after {as_of}", fix="give the newer one")
        _write(place, data, _record(data, as_of, source, method="file"))
        _snippet(place, None, None)
        return 0
    from gate.trust import tuf

    read = _reader(Path(source))
    root = _bootstrap(read, bootstrap, bootstrap_digest.removeprefix("sha256:") if bootstrap_digest else None)
    moment = end_of_day(_day(as_of))
    found = tuf.import_target(read, root, moment, before=before.tuf if before else None, target=target)
    record = msgspec.structs.replace(
        _record(found.data, as_of, source, method="tuf"),
        tuf=found.versions,
        expires=found.expires,
        bootstrap_sha256=hashlib.sha256(root).hexdigest(),
    )
    _write(place, found.data, record)
    click.echo("verified: " + ", ".join(f"{role} {getattr(found.versions, role)}" for role in TufVersions.__struct_fields__))
    _snippet(place, None, None)
    return 0


@command.command("show")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def show(files: tuple[str, ...]) -> int:
    """Print what each trusted root has, when each part is valid, and how old the root is."""
    for file in files:
        _show(file)
    return 0


@command.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--max-age-days", type=click.IntRange(min=0), metavar="N", help="Fail when a root is older, or its day unknown.")
@click.option(
    "--warn-days", type=click.IntRange(min=0), default=30, show_default=True, metavar="N", help="Say what ends within N days."
)
def check(files: tuple[str, ...], max_age_days: int | None, warn_days: int) -> int:
    """Exit 1 when something in a trusted root has expired without a successor, or the root is too old.

    An authority or log that ended while another of its kind goes on is retired, not expired: that is how instances of Sigstore
    renew themselves. What was signed in its time stays good.
    """
    import datetime

    from gate.report.escape import escape
    from gate.trust.facts import age_s, kinds_of

    now = datetime.datetime.now(datetime.UTC)
    bad = False
    for file in files:
        for root in _load(file):
            age = age_s(root.as_of, now)
            if max_age_days is not None and (age is None or age > max_age_days * 86400):
                bad = True
                click.echo(f"TOO OLD  {escape(file)}: {_age(root, now)}; at most {max_age_days} days are allowed")
            for kind in kinds_of(root):
                end = kind.ends()
                begun = any(member.state(now) == "current" for member in kind.members)
                if not begun:
                    bad = True
                    click.echo(
                        f"EXPIRED  {escape(file)}: no {kind.name} is valid now"
                        + (f"; the last ended {end:%Y-%m-%d}" if end else "")
                    )
                elif end is not None and (end - now).days < warn_days:
                    click.echo(
                        f"ENDING   {escape(file)}: the last of the {kind.name} ends {end:%Y-%m-%d}, in {(end - now).days} days"
                    )
    click.echo("import the root again: gate trust import DIR --as-of DAY" if bad else "ok")
    return 1 if bad else 0


def _show(file: str) -> None:
    import datetime

    from gate.report.escape import escape
    from gate.trust.facts import kinds_of, next_end

    now = datetime.datetime.now(datetime.UTC)
    record = _record_of(_path(file))
    for number, root in enumerate(_load(file), 1):
        click.echo(f"{escape(file)}#{number}  {root.digest}")
        click.echo(f"  {_age(root, now)}")
        if record is not None and number == 1:
            how = "verified by TUF" if record.tuf else "taken as given"
            click.echo(
                f"  imported {escape(record.imported_at)} by {escape(record.importer)} from {escape(record.source)}, {how}"
            )
            if record.tuf:
                click.echo(
                    f"  TUF versions: root {record.tuf.root}, timestamp {record.tuf.timestamp}, snapshot {record.tuf.snapshot}, "
                    f"targets {record.tuf.targets}; began with {record.bootstrap_sha256}"
                )
        for kind in kinds_of(root):
            for member in kind.members:
                state = member.state(now)
                shown = "retired" if state == "ended" and any(one.state(now) == "current" for one in kind.members) else state
                until = f"{member.end:%Y-%m-%d}" if member.end else "open"
                click.echo(f"  {shown:<8} {member.kind}  {member.start:%Y-%m-%d} to {until}  {escape(member.name)}")
        end, name = next_end(root)
        click.echo(f"  next expiry: {f'{end:%Y-%m-%d} ({name})' if end else 'none'}")


def _age(root: TrustedRoot, now: datetime.datetime) -> str:
    from gate.trust.facts import age_s

    age = age_s(root.as_of, now)
    return f"as of {root.as_of}, {age // 86400} days ago" if age is not None else "of an unknown day: nobody recorded an import"


def _path(file: str) -> Path:
    from pathlib import Path

    return Path(file)


def _load(file: str) -> tuple[TrustedRoot, ...]:
    from pathlib import Path

    from gate.cli.trust import load_root
    from gate.model.policy_file import RootSpec

    return load_root(RootSpec(path=file), Path())


def _reader(folder: Path) -> Callable[[str], bytes | None]:
    """Files of the copy; also of one that keeps metadata under ``metadata/`` or ``repository/``."""
    from gate.cli.files import read_bounded

    bases = [folder, folder / "metadata", folder / "repository"]

    def read(name: str) -> bytes | None:
        found = next((base / name for base in bases if (base / name).is_file()), None)
        return None if found is None else read_bounded(str(found), _BYTES, "TUF metadata")

    return read


def _bootstrap(read: Callable[[str], bytes | None], file: str | None, sha256: str | None) -> bytes:
    import hashlib

    from gate.cli.files import read_bounded
    from gate.errors import ConfigError, UsageError

    if file is not None:
        data = read_bounded(file, _BYTES, "TUF root")
        if sha256 not in (None, hashlib.sha256(data).hexdigest()):
            raise ConfigError(f"{file} is not the TUF root with the digest {sha256}")
        return data
    if sha256 is None:
        raise UsageError(
            "nothing says which TUF root to begin with",
            why="a copy that vouches for itself proves nothing",
            fix="give --bootstrap root.json from a source that you trust, or --bootstrap-digest",
        )
    for version in range(1, 257):
        found = read(f"{version}.root.json")
        if found is not None and hashlib.sha256(found).hexdigest() == sha256:
            return found
    raise ConfigError(f"the copy has no N.root.json with the digest {sha256}", fix="copy the old versions of the root too")


def _record_of(place: Path) -> RootRecord | None:
    from gate.cli.files import read_bounded
    from gate.trust.record import SUFFIX, read_record

    beside = place.with_name(place.name + SUFFIX)
    return read_record(read_bounded(str(beside), 64 * 1024, "record"), str(beside)) if beside.exists() else None


def _day(text: str) -> str:
    import datetime

    from gate.errors import UsageError
    from gate.trust.record import is_day

    if not is_day(text):
        raise UsageError(f"--as-of {text}: not a day", fix="for example --as-of 2026-11-23")
    if text > (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)).date().isoformat():
        raise UsageError(f"--as-of {text}: that day is still to come", why="nobody knows what will be current then")
    return text


def _record(data: bytes, as_of: str, source: str, *, method: str) -> RootRecord:
    """The record of an import; the root is read, so that nothing is kept that cannot be used."""
    import datetime
    import getpass
    import hashlib
    import socket

    from gate.trust.facts import kinds_of
    from gate.trust.record import RootRecord
    from gate.trust.root import load_trusted_root

    for root in load_trusted_root(data):
        kinds_of(root)
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"
    return RootRecord(
        sha256=hashlib.sha256(data).hexdigest(),
        as_of=_day(as_of),
        imported_at=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        importer=f"{user}@{socket.gethostname()}",
        source=source,
        method="tuf" if method == "tuf" else "file",
    )


def _write(place: Path, data: bytes, record: RootRecord) -> None:
    import msgspec

    from gate.cli.files import write_atomically
    from gate.errors import StoreError
    from gate.model.base import to_json
    from gate.trust.record import SUFFIX

    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{place.parent} could not be made: {error.strerror or error}") from None
    write_atomically(str(place), data)
    # Second: a record without its file says nothing, for it names the file's digest.
    write_atomically(str(place.with_name(place.name + SUFFIX)), msgspec.json.format(to_json(record), indent=2) + b"\n")


def _snippet(place: Path, identity: str | None, issuer: str | None) -> None:
    """The entry for the policy file, with the digest and the day pinned."""
    import msgspec

    record = _record_of(place)
    assert record is not None
    who = identity or _EXAMPLE
    vouches = issuer or "https://token.actions.githubusercontent.com"
    quoted = [msgspec.json.encode(text).decode() for text in (who, vouches, str(place))]
    click.echo(f"{place} written. For the policy file:\n")
    click.echo("trust:\n  entries:\n    - name: release workflow\n      roles: [signature, provenance, sbom]")
    click.echo(f"      identity: {quoted[0]}\n      issuer: {quoted[1]}")
    click.echo(f'      trusted_root: {{path: {quoted[2]}, sha256: "{record.sha256}", as_of: "{record.as_of}"}}')
    click.echo(f"      # builders: [{{id: {quoted[0]}, level: 2}}]  # for min_build_level")
