"""From the files of an image and its configuration to `gate.model.hardening.Hardening`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeVar

from gate.evidence.filesystem.accounts import read_accounts
from gate.evidence.filesystem.choose import found
from gate.evidence.filesystem.collect import COLLECTOR, file_fact, shown
from gate.evidence.filesystem.hardening.packages import CONFIGURATION, DATABASE, DIST_INFO, UNREADABLE, installed, unsigned
from gate.evidence.filesystem.hardening.places import INFLUENCE, LOOKED_INTO, cache, loose, moved, odd_device, secret_file
from gate.evidence.filesystem.hardening.programs import programs, remote_package
from gate.evidence.filesystem.hardening.texts import TEXT, build_steps, secret_texts
from gate.evidence.filesystem.hardening.users import QUIET_SHELLS, passwords, read_groups, run_user
from gate.model.compliance import Account, FileFact
from gate.model.hardening import (
    GroupFact,
    Hardening,
    InteractiveAccount,
    LooseFile,
    PackageCache,
    PackageVersions,
    PasswordFact,
    ProgramFact,
    RepositoryFact,
    ShippedFile,
)
from gate.model.input import Subject
from gate.oci.filesystem import Chooser, FileSystem, Keep, Sink
from gate.oci.layertar import Header
from gate.oci.tree import Entry

NAME = "hardening"
_MOST = 10_000
"""Items of one list; a longer one is cut and named in ``incomplete``."""
_KEPT = 32 * 1024 * 1024
_FILES = frozenset({"etc/group"})
T = TypeVar("T")


def choosers() -> dict[str, Chooser]:
    """The collector of this package, by name; passwd and shadow are kept by that of `gate.evidence.filesystem`."""
    return {NAME: choose}


def choose(header: Header) -> Sink | None:
    """Keeps groups, package databases that are text, and the configuration of package managers."""
    path = header.path
    if not path.startswith(("etc/", "var/lib/dpkg/", "lib/apk/", "usr/lib/apk/")):
        return None
    if path in _FILES or CONFIGURATION.fullmatch(path) or DATABASE.fullmatch(path):
        return Keep() if header.size <= _KEPT else None
    return None


def facts(files: FileSystem, subject: Subject) -> Hardening:
    """The facts of a file system that was read with `choosers`, and of the subject's configuration."""
    return _Collector(files, subject).facts()


class _Collector:
    def __init__(self, files: FileSystem, subject: Subject) -> None:
        self._files = files
        self._config = subject.config
        self._incomplete: set[str] = set()
        self._merged = sorted(files.entries(), key=lambda entry: entry.path)

    def facts(self) -> Hardening:
        """Everything, in one look at the merged tree and one at what is hidden."""
        files, config = self._files, self._config
        passwd, shadow = self._text("etc/passwd", "accounts"), self._text("etc/shadow", "passwords")
        accounts, bad = read_accounts(passwd, None)
        groups, odd = read_groups(self._text("etc/group", "groups", NAME))
        if bad:
            self._incomplete.add("accounts")
        if odd:
            self._incomplete.add("groups")
        readable = not self._incomplete & {"accounts", "groups"}
        self._check_places()
        self._sort_out(accounts, groups)
        names = self._packages()
        told: Literal["told", "missing", "differs"] = "missing"
        if config is not None:
            layers = tuple(layer.digest or layer.diff_id for layer in files.layers)
            state, steps = build_steps(config, layers)
            told = state  # type: ignore[assignment]  # one of the three words
            texts, whole = secret_texts(config)
            if not whole:
                self._incomplete.add("secret_texts")
            if any(len(step.created_by) > TEXT for step in config.history):
                self._incomplete.add("steps")
        else:
            steps, texts = (), ()
        stored = (("etc/passwd", passwd), ("etc/shadow", shadow))
        hashes = [(path, name, how) for path, data in stored for name, how in passwords(data)]
        return Hardening(
            collected=True,
            certain=files.certain,
            user=run_user(config.user, accounts, groups, known=readable) if config is not None else None,
            programs=self._bounded("programs", [*programs(files, self._merged), *names]),
            secret_texts=self._bounded("secret_texts", texts),
            secret_files=self._bounded("secret_files", _once(self._secrets)),
            history=told,
            steps=self._bounded("steps", steps),
            caches=self._bounded("caches", self._summed()),
            groups=self._bounded("groups", groups),
            passwords=self._bounded("passwords", (self._password(*one) for one in hashes)),
            interactive=self._bounded("interactive", self._interactive(accounts)),
            unowned=self._bounded("unowned", self._unowned),
            loose=self._bounded("loose", self._loose),
            repositories=self._bounded("repositories", self._repositories()),
            repository_files=self._read,
            package_databases=tuple(sorted(self._databases)),
            unread_databases=tuple(sorted(set(self._unread)))[:_MOST],
            repeated_packages=self._bounded("repeated_packages", self._repeated()),
            influence=self._bounded("influence", _once(self._influence)),
            devices=self._bounded("devices", _once(self._devices)),
            incomplete=tuple(sorted(self._incomplete)),
        )

    def _bounded(self, field: str, items: Iterable[T]) -> tuple[T, ...]:
        listed = list(items)
        if len(listed) > _MOST:
            self._incomplete.add(field)
        return tuple(listed[:_MOST])

    def _text(self, path: str, field: str, collector: str = COLLECTOR) -> bytes | None:
        """Contents of a file; None without it. A file that was not kept makes the field incomplete."""
        entry = self._files.tree.get(path)
        if entry is None or not entry.size:
            there = self._files.tree.get(path, follow=False)
            if there is not None and entry is None:  # a link that leads nowhere here may lead somewhere when mounted
                self._incomplete.add(field)
            return None
        data = found(entry, collector)
        if not isinstance(data, bytes):
            self._incomplete.add(field)
            return None
        if data.count(b"\n") > _MOST:  # readers stop there
            self._incomplete.add(field)
        return data

    def _check_places(self) -> None:
        """What is known by its path is missed where a directory above it is a link to another place."""
        tree = self._files.tree
        for path, fields in LOOKED_INTO.items():
            end = tree.get(path)
            there = end or tree.get(path, follow=False)
            if there is not None and (end is None or moved(path, end.path)):
                self._incomplete.update(fields)
        for path in ("etc/os-release", "usr/lib/os-release"):
            if tree.get(path, follow=False) is not None:
                entry = tree.get(path)
                if entry is None or (entry.size and not isinstance(found(entry, COLLECTOR), bytes)):
                    self._incomplete.add("os_release")
                break

    def _sort_out(self, accounts: tuple[Account, ...], groups: tuple[GroupFact, ...]) -> None:
        files = self._files
        uids = {0, *(account.uid for account in accounts)}
        gids = {0, *(group.gid for group in groups)}
        shadow = next((group.gid for group in groups if group.name == "shadow"), None)
        self._secrets: list[ShippedFile] = []
        self._caches: dict[tuple[str, int, bool], list[Entry]] = {}
        self._unowned: list[FileFact] = []
        self._loose: list[LooseFile] = []
        self._influence: list[ShippedFile] = []
        self._devices: list[ShippedFile] = []
        self._configuration: list[Entry] = []
        self._databases: set[str] = set()
        self._database_files: list[Entry] = []
        self._unread: list[str] = []
        self._dist: dict[tuple[str, str], set[str]] = {}
        for entry in self._merged:
            path, kind = entry.path, entry.kind
            self._shipped(entry, visible=True)
            if entry.uid not in uids or entry.gid not in gids:
                self._unowned.append(file_fact(files, entry))
            if found_loose := loose(entry, shadow):
                fact = file_fact(files, entry)
                self._loose.append(
                    LooseFile(
                        kind=found_loose[0], path=fact.path, layer=fact.layer, mode=fact.mode, uid=fact.uid, gid=fact.gid,
                        expected=found_loose[1],
                    )
                )  # fmt: skip
            if kind == "dir":
                continue
            if path.endswith(("-info/METADATA", "-info/PKG-INFO")) and (match := DIST_INFO.fullmatch(path.rpartition("/")[0])):
                self._dist.setdefault((f"{match[1] or ''}{match[2]}-packages", _normal(match[3])), set()).add(match[4])
            if path.startswith("etc/"):
                if CONFIGURATION.fullmatch(path):
                    self._configuration.append(entry)
            elif path.startswith(("var/lib/", "lib/apk/", "usr/lib/", "usr/share/rpm/")):
                if UNREADABLE.fullmatch(path):
                    self._unread.append(shown(path))
                elif DATABASE.fullmatch(path):
                    self._database_files.append(entry)
        for entry in files.hidden():
            self._shipped(entry, visible=False)

    def _shipped(self, entry: Entry, *, visible: bool) -> None:
        """What counts in every layer: it can be had by whoever pulls the image."""
        path = entry.path
        if (secret := secret_file(path)) and (entry.kind != "dir" or secret[0] == "git"):
            self._secrets.append(self._ship(secret[0], secret[1], entry, visible))
        if entry.kind == "file" and (kind := cache(path)):
            self._caches.setdefault((kind, entry.layer, visible), []).append(entry)
        if path in INFLUENCE:
            self._influence.append(self._ship(INFLUENCE[path], path, entry, visible))
        if node := odd_device(entry):
            self._devices.append(self._ship(node, path, entry, visible))

    def _ship(self, kind: str, path: str, entry: Entry, visible: bool) -> ShippedFile:
        return ShippedFile(kind=kind, path=shown(path), layer=self._files.layer_name(entry), visible=visible)

    def _summed(self) -> Iterable[PackageCache]:
        for (kind, _, visible), entries in sorted(self._caches.items()):
            yield PackageCache(
                kind=kind,
                path=shown(min(entry.path for entry in entries)),
                layer=self._files.layer_name(entries[0]),
                visible=visible,
                files=len(entries),
                bytes=sum(entry.size for entry in entries),
            )

    def _password(self, path: str, name: str, how: str) -> PasswordFact:
        entry = self._files.tree.get(path)
        return PasswordFact(name=name, path=path, layer=self._files.layer_name(entry) if entry else "", scheme=how)

    def _interactive(self, accounts: tuple[Account, ...]) -> Iterable[InteractiveAccount]:
        """An empty shell is ``/bin/sh`` (passwd(5)); one that is not in the image lets nobody in."""
        for account in accounts:
            shell = account.shell.strip() or "/bin/sh"
            entry = self._files.tree.get(shell)
            if entry is None or entry.kind != "file" or not entry.mode & 0o111:
                continue
            names = {shell.rpartition("/")[2], entry.path.rpartition("/")[2]}
            if not names & QUIET_SHELLS:
                yield InteractiveAccount(
                    name=account.name,
                    uid=account.uid,
                    shell=account.shell,
                    path=shown(entry.path),
                    layer=self._files.layer_name(entry),
                )

    def _packages(self) -> list[ProgramFact]:
        """Servers for remote access that only a package database knows of; versions by package on the way."""
        named: list[ProgramFact] = []
        self._versions: dict[tuple[str, str, str], tuple[str, set[str]]] = {}
        for entry in self._database_files:
            kind = "dpkg" if entry.path.startswith("var/") else "apk"
            data = found(self._files.tree.get(entry.path), NAME)
            if not isinstance(data, bytes):
                if entry.size or entry.kind == "symlink":
                    self._unread.append(shown(entry.path))
                    self._incomplete |= {"programs", "repeated_packages"}
                continue
            self._databases.add(kind)
            for name, architecture, version in installed(entry.path, data):
                self._versions.setdefault((kind, name, architecture), (entry.path, set()))[1].add(version)
                if remote_package(name):
                    named.append(
                        ProgramFact(
                            kind="remote_access",
                            name=name,
                            path=shown(entry.path),
                            layer=self._files.layer_name(entry),
                            target="",
                            package=name,
                        )
                    )
        return named

    def _repeated(self) -> Iterable[PackageVersions]:
        for (kind, name, architecture), (path, versions) in sorted(self._versions.items()):
            if len(versions) > 1:
                text = f"{name}:{architecture}" if architecture else name
                yield PackageVersions(database=kind, name=text, path=shown(path), versions=tuple(sorted(versions)))
        for (place, name), versions in sorted(self._dist.items()):
            if len(versions) > 1:
                yield PackageVersions(
                    database="python", name=shown(name), path=shown(place), versions=tuple(sorted(map(shown, versions)))
                )

    def _repositories(self) -> Iterable[RepositoryFact]:
        self._read = 0
        facts: list[RepositoryFact] = []
        for entry in self._configuration:
            data = found(self._files.tree.get(entry.path), NAME)
            if not isinstance(data, bytes):
                if entry.size or entry.kind == "symlink":
                    self._incomplete.add("repositories")
                continue
            self._read += 1
            layer = self._files.layer_name(entry)
            facts += [RepositoryFact(path=shown(entry.path), layer=layer, setting=text) for text in unsigned(entry.path, data)]
        return facts


def _normal(name: str) -> str:
    """A distribution's name as it is compared (PEP 503)."""
    return name.lower().replace("-", "_").replace(".", "_")


def _once(items: Iterable[ShippedFile]) -> list[ShippedFile]:
    return sorted(set(items), key=lambda item: (item.path, item.kind, item.layer, item.visible))
