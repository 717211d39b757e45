"""Facts of the STIG baseline: each row with its traps, on layers made here and on unpacked packages."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence.filesystem.choose import several
from gate.evidence.filesystem.collect import choosers_at
from gate.evidence.filesystem.hardening.collect import choosers, facts
from gate.evidence.filesystem.hardening.packages import unsigned
from gate.evidence.filesystem.hardening.places import cache, secret_file
from gate.evidence.filesystem.hardening.texts import build_steps, secret_texts
from gate.evidence.filesystem.hardening.users import passwords, scheme
from gate.limits import DEFAULT
from gate.model.base import to_json
from gate.model.hardening import Hardening
from gate.model.input import History, ImageConfig
from gate.oci.filesystem import read_layers
from tests import factory
from tests.oci.layering import File, blob, folder, hardlink, read, symlink

NOW = "2026-11-23T12:00:00Z"
CHOOSERS = {**choosers_at(NOW), **choosers()}


def config(**changes: Any) -> ImageConfig:
    """An image configuration."""
    values: dict[str, Any] = {
        "user": "", "env": (), "entrypoint": (), "cmd": (), "exposed_ports": (), "volumes": (), "labels": {}, "created": None,
        "history": (), "diff_ids": (),
    }  # fmt: skip
    return ImageConfig(**(values | changes))


def look(*layers: Iterable[File], **changes: Any) -> Hardening:
    """The facts of these layers under a configuration."""
    return facts(read(*layers, choose=several(CHOOSERS)), factory.subject(config=config(**changes)))


def history(*steps: str) -> tuple[History, ...]:
    """Steps; one that starts with ``~`` makes no layer."""
    return tuple(History(created="", created_by=text.removeprefix("~"), empty_layer=text.startswith("~")) for text in steps)


PASSWD = b"root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/:/sbin/nologin\ntoor:x:0:0::/:/bin/sh\n2000:x:0:5::/:/bin/sh\n"
GROUP = b"root:x:0:\napp:x:1001:\nshadow:x:42:\nzero:x:0:\n"


@pytest.mark.parametrize(
    ("user", "uid", "gid"),
    [
        ("", 0, 0), ("root", 0, 0), ("0", 0, 0), ("0:0", 0, 0), ("000", 0, 0), ("+0", 0, 0), ("-0", 0, 0), ("root:root", 0, 0),
        ("toor", 0, 0), (":1000", 0, 1000), (":app", 0, 1001), ("2000", 0, 0), ("app", 1000, 1001), ("app:root", 1000, 0),
        ("app:0", 1000, 0), ("app:zero", 1000, 0), ("1000", 1000, 1001), ("1000:1000", 1000, 1000), ("65532", 65532, 0),
        ("65532:65532", 65532, 65532), ("nobody", None, None), ("4294967296", None, None), ("-1", None, None),
        (" 0", None, None), ("0x0", None, None), ("app:nogroup", 1000, None),
    ],
)  # fmt: skip
def test_who_the_container_runs_as(user: str, uid: int | None, gid: int | None) -> None:
    """Every way to say root is root, also an account named by a number; a name that nobody has is not known."""
    found = look([folder("etc"), File("etc/passwd", PASSWD), File("etc/group", GROUP)], user=user).user
    assert found is not None
    assert (found.uid, found.gid if uid is not None else None) == (uid, gid)
    assert bool(found.reason) or uid is not None


def test_a_user_of_an_image_without_accounts() -> None:
    """A number runs as it is; a name cannot be told; without a configuration nothing is said."""
    assert look([], user="65532").user.uid == 65532  # type: ignore[union-attr]
    assert look([], user="app").user.uid is None  # type: ignore[union-attr]
    assert look([symlink("etc/passwd", "/run/passwd")], user="app").incomplete == ("accounts", "loose")
    assert facts(read([], choose=several(CHOOSERS)), factory.subject(config=None)).user is None


def programs(*files: File) -> list[tuple[str, str, str]]:
    """Kind, path and target of what is found."""
    return [(item.kind, item.path, item.target) for item in look(list(files)).programs]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([File("usr/bin/bash", b"x", mode=0o755)], [("shell", "usr/bin/bash", "")]),
        ([File("usr/bin/bash", b"x")], []),
        ([File("opt/app/ksh93", b"x", mode=0o755)], [("shell", "opt/app/ksh93", "")]),
        ([File("usr/bin/python3.12", b"x", mode=0o755)], [("interpreter", "usr/bin/python3.12", "")]),
        ([File("usr/bin/python3-config", b"x", mode=0o755)], []),
        (
            [File("bin/busybox", b"x", mode=0o755), symlink("bin/sh", "/bin/busybox"), symlink("bin/ls", "busybox")],
            [("shell", "bin/busybox", ""), ("shell", "bin/sh", "bin/busybox")],
        ),
        (
            [File("bin/busybox", b"x", mode=0o755), symlink("usr/sbin/telnetd", "../../bin/busybox")],
            [("shell", "bin/busybox", ""), ("remote_access", "usr/sbin/telnetd", "bin/busybox")],
        ),
        (
            [File("bin/busybox", b"x", mode=0o755), hardlink("bin/ash", "bin/busybox"), hardlink("bin/cat", "bin/busybox")],
            [("shell", "bin/ash", ""), ("shell", "bin/busybox", "")],
        ),
        (
            [File("bin/bash", b"x", mode=0o755), symlink("srv/tool", "/bin/bash"), hardlink("srv/other", "bin/bash", 0o755)],
            [("shell", "bin/bash", ""), ("shell", "srv/other", "bin/bash"), ("shell", "srv/tool", "bin/bash")],
        ),
        ([symlink("bin/sh", "/nowhere")], []),
        ([File("usr/bin/apt-get", b"x", mode=0o755)], [("package_manager", "usr/bin/apt-get", "")]),
        ([File("usr/sbin/sshd", b"x", mode=0o755)], [("remote_access", "usr/sbin/sshd", "")]),
        (
            [File("etc/init.d/sudo", b"x", mode=0o755), File("usr/bin/sudo", b"x", mode=0o4755)],
            [("privilege", "usr/bin/sudo", "")],
        ),
    ],
)
def test_programs(files: list[File], expected: list[tuple[str, str, str]]) -> None:
    """By name and right anywhere, by where links lead; applets of busybox that are no shells are not listed."""
    assert programs(*files) == expected


STATUS = (
    b"Package: telnetd\nStatus: install ok installed\nArchitecture: amd64\nVersion: 0.17\n\n"
    b"Package: nis\nStatus: deinstall ok config-files\n"
)


def test_remote_access_by_the_database_and_by_files() -> None:
    """Either alone is enough: a daemon without a database, and a package whose file nobody finds."""
    listed = look([folder("var/lib/dpkg"), File("var/lib/dpkg/status", STATUS)])
    assert [(item.package, item.path) for item in listed.programs] == [("telnetd", "var/lib/dpkg/status")]
    assert [item.path for item in look([File("usr/sbin/in.telnetd", b"x", mode=0o755)]).programs] == ["usr/sbin/in.telnetd"]
    apk = look([folder("lib/apk/db"), File("lib/apk/db/installed", b"P:dropbear\nV:1\nA:x86_64\n\nP:zlib\nV:1\n")])
    assert ([item.package for item in apk.programs], apk.package_databases) == (["dropbear"], ("apk",))
    rpm = look([folder("var/lib/rpm"), File("var/lib/rpm/rpmdb.sqlite", b"x")])
    assert (rpm.package_databases, rpm.unread_databases) == ((), ("var/lib/rpm/rpmdb.sqlite",))


AWS = "AKIA" + "A" * 16


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"env": ("DB_PASSWORD=hunter2",)}, [("env", "DB_PASSWORD", "named")]),
        (
            {
                "env": (
                    "DB_PASSWORD=",
                    "X_TOKEN_FILE=/run/secrets/x",
                    "API_KEY=$KEY",
                    "ALLOW_EMPTY_PASSWORD=yes",
                    "GPG_KEY=A035C8C1",
                )
            },
            [],
        ),
        ({"env": ("PATH=/bin", "TOKENIZERS_PARALLELISM=abc", "X_SECRET=/run/secrets/x")}, []),
        ({"env": ("X_TOKEN=/var/lib/x/y.json", "X_KEY=1", "PWD=/app", "TOKEN=${X:-y}", "SECRET=$(cat /run/s)")}, []),
        ({"env": ("DB_PASS=hunter2", "MYSQL_PWD=hunter2")}, [("env", "DB_PASS", "named"), ("env", "MYSQL_PWD", "named")]),
        ({"env": ("A_SECRET=/ab+c/1234=", "B_SECRET=/aB3dEf6hIj9kLm2nO")}, [("env", f"{x}_SECRET", "named") for x in "AB"]),
        ({"env": ("A_SECRET=$ecr!t", "B_SECRET=changeme")}, [("env", f"{x}_SECRET", "named") for x in "AB"]),
        ({"healthcheck": ("CMD-SHELL", "curl -u ann:secret http://x")}, [("command", "1", "credentials of curl")]),
        ({"env": (f"X={AWS}",)}, [("env", "X", "aws access key")]),
        ({"env": ("URL=postgres://app:s3cret@db/x", "OTHER=https://host/x")}, [("env", "URL", "password in an address")]),
        ({"labels": {"com.acme.token": "abcdef"}}, [("label", "com.acme.token", "named")]),
        ({"cmd": ("serve", "--password=hunter2")}, [("command", "1", "password option")]),
        ({"history": history("~ARG NPM_TOKEN=abcd1234")}, [("history", "0", "named")]),
        ({"history": history("RUN |1 NPM_TOKEN=abcd1234 /bin/sh -c npm ci # buildkit")}, [("history", "0", "named")]),
        ({"history": history("~/bin/sh -c #(nop)  ENV APP_SECRET=abcd1234")}, [("history", "0", "named")]),
        ({"history": history("RUN /bin/sh -c curl -u ann:secret https://x")}, [("history", "0", "credentials of curl")]),
        ({"history": history("~ARG NPM_TOKEN", "RUN /bin/sh -c echo $NPM_TOKEN", 'RUN TOKEN="$X" make')}, []),
        ({"history": history("RUN x -----BEGIN RSA PRIVATE KEY-----")}, [("history", "0", "private key")]),
    ],
)
def test_secrets_in_the_configuration(changes: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
    """By name with a value, or by what the value looks like; references, paths and switches are none. Values are not kept."""
    found, whole = secret_texts(config(**changes))
    assert [(item.where, item.name, item.kind) for item in found] == expected and whole
    assert b"hunter2" not in to_json(found) and AWS.encode() not in to_json(found)


def test_a_text_that_is_too_long_to_look_at_is_said() -> None:
    """What is behind the bound is not known."""
    assert look([], env=("X=" + "a" * 70_000,)).incomplete == ("secret_texts",)


@pytest.mark.parametrize(
    ("steps", "told", "expected"),
    [
        (["/bin/sh -c #(nop) ADD file:abc in / "], "told", []),
        (["ADD rootfs.tar.gz / # buildkit", "COPY app / # buildkit"], "told", []),
        (["COPY a / # buildkit", "ADD b / # buildkit"], "told", [("add", 1)]),
        (["ADD app.tar /opt/app # buildkit"], "told", [("add", 0)]),
        (["ADD https://x.example/a.tgz / # buildkit"], "told", [("add_url", 0)]),
        (["~ENV A=b", "/bin/sh -c #(nop) ADD dir:1 in /srv "], "told", [("add", 1)]),
        (["RUN /bin/sh -c apt-get update # buildkit"], "told", [("update_alone", 0)]),
        (["RUN /bin/sh -c apt-get -qq update && apt-get install -y x # buildkit"], "told", []),
        (["/bin/sh -c apk update"], "told", [("update_alone", 0)]),
        (["/bin/sh -c apk add --no-cache x"], "told", []),
        (["RUN apt-get install --allow-unauthenticated x"], "told", [("unverified_install", 0)]),
        (["RUN dnf --setopt=*.gpgcheck=0 install x"], "told", [("unverified_install", 0)]),
        (
            ["RUN apt-get -o Acquire::AllowInsecureRepositories=true update && apt-get install x"],
            "told",
            [("unverified_install", 0)],
        ),
        (["/bin/bash -o pipefail -c #(nop) ADD file:1 in /opt"], "told", [("add", 0)]),
        ([], "missing", []),
        (["COPY a /", "COPY b /", "COPY c /"], "differs", []),
        (["", "~CMD x"], "differs", []),
    ],
)
def test_steps_of_the_history(steps: list[str], told: str, expected: list[tuple[str, int]]) -> None:
    """All forms of ADD; the base's own is only the one that fills the root of the lowest layer; squashed images tell nothing."""
    made = sum(not step.startswith("~") for step in steps)
    layers = tuple(f"sha256:{number}" for number in range(2 if told == "differs" and made == 3 else max(made, 1)))
    state, found = build_steps(config(history=history(*steps)), layers)
    assert (state, [(item.kind, item.place) for item in found]) == (told, expected)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (".git/config", "git"), ("srv/app/.git", "git"), ("srv/app/.git/HEAD", "git"), ("srv/.git/objects/ab", None),
        ("root/.aws/credentials", "aws"), ("home/a/.npmrc", "npm"), ("root/.netrc", "netrc"), ("root/.kube/config", "kubeconfig"),
        ("app/kubeconfig.yaml", "kubeconfig"), ("root/.docker/config.json", "docker"), ("root/.dockercfg", "docker"),
        ("root/.ssh/id_ed25519", "ssh"), ("root/.ssh/known_hosts", None), ("root/.bash_history", "history"), ("app/.env", "env"),
        ("etc/gitconfig", None), ("usr/share/doc/npmrc.md", None), ("x/terraform.tfstate", "terraform"),
    ],
)  # fmt: skip
def test_files_that_hold_credentials(path: str, kind: str | None) -> None:
    """By place; a repository is one thing."""
    found = secret_file(path)
    assert (found[0] if found else None) == kind


def test_deleted_files_are_shipped_all_the_same() -> None:
    """Credentials, caches, markers and devices of a layer below count, and say that they are hidden."""
    lower = [
        folder("root"), File("root/.netrc", b"x"), folder("run"), File("run/.containerenv"), File("etc/ld.so.preload", b"/x.so"),
        File("var/lib/apt/lists/deb_Packages", b"12345"), File("var/lib/apt/lists/lock"), File("srv/sda", kind=b"4"),
    ]  # fmt: skip
    gone = [File(f"{file.name.rpartition('/')[0]}/.wh.{file.name.rpartition('/')[2]}") for file in lower if "/" in file.name]
    for found, visible in ((look(lower), True), (look(lower, gone), False)):
        assert [(item.kind, item.visible) for item in found.secret_files] == [("netrc", visible)]
        assert [(item.path, item.visible) for item in found.influence] == [
            ("etc/ld.so.preload", visible), ("run/.containerenv", visible)
        ]  # fmt: skip
        assert [(item.kind, item.files, item.bytes, item.visible) for item in found.caches] == [("apt", 1, 5, visible)]
        assert [(item.kind, item.path, item.visible) for item in found.devices] == [("block", "srv/sda", visible)]
        assert found.caches[0].layer == found.devices[0].layer


def test_devices_that_runtimes_bring_are_no_findings() -> None:
    """A block device is one wherever it is."""
    nodes = [File(name, kind=kind) for name, kind in (("dev/null", b"3"), ("dev/sda", b"4"), ("dev/mem", b"3"), ("run/p", b"6"))]
    assert [item.path for item in look([folder("dev"), *nodes]).devices] == ["dev/mem", "dev/sda", "run/p"]


def test_rights_and_owners() -> None:
    """Account files, programs and logs with more rights than they need; owners without a name."""
    found = look([
        folder("etc"), File("etc/passwd", PASSWD, mode=0o644), File("etc/group", GROUP, mode=0o666),
        File("etc/shadow", b"root:*::\n", mode=0o644), File("etc/gshadow", b"", mode=0o640),
        folder("usr/bin"), File("usr/bin/a", mode=0o755), File("usr/bin/b", mode=0o775), File("usr/lib/c.so", uid=1000),
        symlink("usr/bin/d", "a"), folder("var/log", 0o775), File("var/log/app.log", mode=0o644),
        File("var/log/wtmp", mode=0o664), File("var/log/x", mode=0o640), File("srv/data", uid=4242), File("srv/mine", uid=1000),
    ])  # fmt: skip
    assert [(item.kind, item.path) for item in found.loose] == [
        ("account", "etc/group"), ("account", "etc/shadow"), ("system", "usr/bin/b"), ("system", "usr/lib/c.so"),
        ("log", "var/log"), ("log", "var/log/app.log"),
    ]  # fmt: skip
    assert [item.path for item in found.unowned] == ["srv/data"]


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("", "empty"), ("ab1234567890.", "des"), ("_J9..K0AyUubhVxhzBh2", "bsdi"), ("$1$salt$x", "md5"), ("$2b$12$x", "bcrypt"),
        ("$5$s$h", "sha256"), ("$6$s$h", "sha512"), ("$y$j9T$s$h", "yescrypt"), ("$md5,rounds=1$x", "sunmd5"),
        ("$q$x", "unknown"),
        ("plain", "unknown"),
    ],
)  # fmt: skip
def test_how_passwords_are_stored(stored: str, expected: str) -> None:
    """A hash of DES starts with no dollar sign."""
    assert scheme(stored) == expected


def test_passwords_that_are_not_locked() -> None:
    """In shadow or in passwd itself; ``x``, ``*`` and ``!`` are none, nor is what is locked behind ``!``."""
    shadow = b"root:*:1::::::\na:!:1\nb:!$6$x$y:1\nc::1\nd:$6$s$h:1\nx:x:1\n"
    assert passwords(shadow) == [("c", "empty"), ("d", "sha512")]
    found = look([folder("etc"), File("etc/passwd", b"g::5:5::/:\nh:ab1234567890.:6:6::/:\n"), File("etc/shadow", shadow)])
    assert [(item.name, item.path, item.scheme) for item in found.passwords] == [
        ("g", "etc/passwd", "empty"), ("h", "etc/passwd", "des"), ("c", "etc/shadow", "empty"), ("d", "etc/shadow", "sha512"),
    ]  # fmt: skip
    assert b"$6$" not in to_json(found)


def test_accounts_that_can_get_a_prompt() -> None:
    """An empty shell is /bin/sh; one that is not in the image, or is nologin by another name, is none."""
    passwd = b"a:x:1:1::/:\nb:x:2:2::/:/bin/bash\nc:x:3:3::/:/usr/sbin/nologin\nd:x:4:4::/:/bin/mine\n"
    files = [
        folder("etc"), File("etc/passwd", passwd), File("bin/sh", b"x", mode=0o755), File("usr/sbin/nologin", b"x", mode=0o755),
        symlink("bin/mine", "../usr/sbin/nologin"),
    ]  # fmt: skip
    assert [(item.name, item.path) for item in look(files).interactive] == [("a", "bin/sh")]


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("etc/apt/sources.list", b"deb [trusted=yes] http://x y z\n# deb [trusted=yes] a\ndeb http://x y z", ["trusted=yes"]),
        ("etc/apt/sources.list.d/a.sources", b"Types: deb\nTrusted: yes\nAllow-Insecure: no\n", ["Trusted: yes"]),
        ("etc/apt/sources.list.d/b.sources", b"Types: deb\nTrusted:\n yes\n", ["Trusted: yes"]),
        ("etc/apt/sources.list.d/c.list", b"deb [ allow-insecure=enable ] http://x y z\n", ["allow-insecure=enable"]),
        (
            "etc/apt/apt.conf.d/9x",
            b'APT::Get::AllowUnauthenticated "true";\n//AllowInsecureRepositories "1"',
            ["AllowUnauthenticated true"],
        ),
        (
            "etc/apt/apt.conf",
            b'Acquire::AllowInsecureRepositories "false"; Acquire::Check-Valid-Until "no";',
            ["Check-Valid-Until no"],
        ),
        (
            "etc/yum.repos.d/a.repo",
            b"[a]\nenabled=1\ngpgcheck = 0\n[b]\ngpgcheck=1\n[c]\nenabled=0\ngpgcheck=0\n",
            ["[a] gpgcheck=0"],
        ),
        ("etc/dnf/dnf.conf", b"[main]\ngpgcheck=False\n", ["[main] gpgcheck=False"]),
        (
            "etc/apk/repositories",
            b"http://x/v3\nhttps://y/v3\n# http://z\n@edge http://e/v3\n",
            ["http://x/v3", "@edge http://e/v3"],
        ),
    ],
)
def test_settings_that_take_unsigned_packages(path: str, text: bytes, expected: list[str]) -> None:
    """Of apt, dnf and apk, as written; comments and what is switched off do not count."""
    assert list(unsigned(path, text)) == expected
    found = look([File(path, text)])
    assert ([item.setting for item in found.repositories], found.repository_files) == (expected, 1)


def test_packages_in_several_versions() -> None:
    """In one database, and in one directory of Python packages."""
    twice = STATUS.replace(
        b"nis\nStatus: deinstall ok config-files", b"telnetd\nStatus: install ok installed\nArchitecture: amd64\nVersion: 0.18"
    )
    place = "usr/lib/python3/site-packages"
    found = look(
        [File("var/lib/dpkg/status", twice), File(f"{place}/Foo_Bar-1.0.dist-info/METADATA"),
         File(f"{place}/foo_bar-2.0.dist-info/METADATA"),
         File("opt/v/site-packages/foo_bar-3.0.dist-info/METADATA")]
    )  # fmt: skip
    assert [(item.database, item.name, item.versions) for item in found.repeated_packages] == [
        ("dpkg", "telnetd:amd64", ("0.17", "0.18")), ("python", "foo_bar", ("1.0", "2.0")),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("var/cache/apt/archives/a.deb", "apt"), ("var/cache/apt/pkgcache.bin", "apt"), ("var/lib/apt/lists/lock", None),
        ("var/cache/apk/x.tgz", "apk"), ("var/cache/dnf/x/y", "dnf"), ("root/.cache/pip/http/a", "pip"),
        ("var/cache/man/a", None),
    ],
)  # fmt: skip
def test_caches(path: str, kind: str | None) -> None:
    """Of package managers only, and not their locks."""
    assert cache(path) == kind


@pytest.mark.parametrize(
    ("files", "fields"),
    [
        ([File("srv/apt/sources.list", b"deb [trusted=yes] x"), symlink("etc/apt", "/srv/apt")], {"repositories"}),
        ([File("srv/run/.containerenv"), symlink("run", "srv/run")], {"influence"}),
        ([File("srv/lib/dpkg/status", STATUS), symlink("var", "srv")], {"caches", "loose", "programs", "repeated_packages"}),
        ([symlink("var/lib/dpkg/status", "/srv/status"), File("srv/status", STATUS)], {"programs", "repeated_packages"}),
        ([symlink("etc/os-release", "/srv/x"), File("srv/x", b"ID=a"), File("usr/lib/os-release", b"ID=b")], {"os_release"}),
        ([symlink("etc/os-release", "../run/x")], {"os_release"}),
        ([symlink("etc/gshadow", "/srv/g"), File("srv/g", mode=0o666)], {"loose"}),
        ([symlink("usr/bin", "/srv/bin"), File("srv/bin/x", mode=0o777)], {"loose"}),
        ([symlink("etc", "gone")], {"accounts", "groups", "influence", "loose", "os_release", "passwords", "repositories"}),
        ([symlink("lib", "usr/lib"), symlink("usr/sbin", "bin"), folder("usr/bin"), File("usr/lib/os-release"),
          File("usr/lib/apk/db/installed", b"P:a\n"), symlink("etc/os-release", "../usr/lib/os-release")], set()),
    ],
)  # fmt: skip
def test_what_links_lead_away_is_not_read_whole(files: list[File], fields: set[str]) -> None:
    """What is known by its path would be missed behind a link to another place; merged ``/usr`` is none."""
    assert set(look(files).incomplete) == fields


@pytest.mark.parametrize(
    "word", ["apt ", "apt-get x ", "apk ", "yum -y ", "--setopt=", "curl -u ", "a=", "eyJaaaaaaaa", "https://a"]
)
def test_no_step_of_a_history_takes_long(word: str) -> None:
    """Patterns that look for one word after another must not start anew at each; a step of 64 KiB took half a minute."""
    text = ("RUN " + word * 70_000)[: 64 * 1024]
    started = time.process_time()
    look([], history=history(text, text), env=(f"A_SECRET=/{word * 20_000}",))
    assert time.process_time() - started < 3


def test_a_long_history_is_not_read_whole() -> None:
    """What stands behind 64 KiB of a step is not looked at, for secrets and for steps."""
    assert look([], history=history("RUN " + "x" * 70_000)).incomplete == ("secret_texts", "steps")


def test_what_could_not_be_read_is_named() -> None:
    """Lines that are no accounts, and files that were not kept."""
    found = look(
        [folder("etc"), File("etc/passwd", b"bad\n"), File("etc/group", b"worse\n"), File("etc/shadow", b"x" * (2 << 20))]
    )
    assert found.incomplete == ("accounts", "groups", "passwords")
    assert look([File("etc/passwd", b"a:x:1:1::/:\n" * 10_001)]).incomplete == ("accounts",)
    assert not look([File("../x")]).certain and look([File("x")]).certain


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.text(max_size=80))
def test_any_files_and_texts_are_read(data: bytes, text: str) -> None:
    """Never an error, and always JSON."""
    files = [
        File(name, data)
        for name in ("etc/group", "var/lib/dpkg/status", "etc/apt/sources.list", "etc/yum.conf", "lib/apk/db/installed")
    ]
    said = text.encode("utf-8", "replace").decode()
    assert to_json(look(files, user=said, env=(said,), history=history(said), labels={said: said}))


def unpacked(packages: tuple[str, ...], into: Path) -> Path:
    """Debian packages unpacked without being installed; skips where they cannot be had."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        pytest.skip("apt-get and dpkg-deb are not there")
    debs = into / "debs"
    debs.mkdir()
    done = subprocess.run(["apt-get", "download", "-qq", *packages], cwd=debs, capture_output=True, check=False, timeout=60)
    if done.returncode:
        pytest.skip(f"the packages {', '.join(packages)} cannot be had here")
    root = into / "root"
    for deb in debs.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(deb), str(root)], check=True)
    return root


def test_real_packages(tmp_path: Path) -> None:
    """sshd, telnetd and a shell are found in unpacked packages that no database names."""
    root = unpacked(("openssh-server", "inetutils-telnetd", "dash"), tmp_path)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(root, arcname=".", filter=_as_root)
    files = read_layers([blob(out.getvalue())], several(CHOOSERS), DEFAULT)
    found = facts(files, factory.subject(config=config()))
    names = {(item.kind, item.name) for item in found.programs}
    assert {("remote_access", "sshd"), ("remote_access", "telnetd"), ("shell", "dash")} <= names
    assert found.package_databases == () and found.loose == () and found.incomplete == ()


def _as_root(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    return info
