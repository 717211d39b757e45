"""What sshd and ssh allow, compared with what the real programs say of the same configuration."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from gate.evidence.crypto.names import of_ssh
from gate.evidence.crypto.openssh import expand
from gate.evidence.crypto.openssh_defaults import ALL, defaults
from gate.model.input import ImageConfig, Subject
from tests.evidence.crypto.support import allowed, look, program
from tests.factory import subject
from tests.oci.layering import File, folder, hardlink, symlink

SSHD = program("usr/sbin/sshd", "9.2")
AES = ["aes256-ctr", "aes256-gcm@openssh.com"]
STRONG = f"Ciphers {','.join(AES)}\n"


def config(text: str, name: str = "etc/ssh/sshd_config") -> File:
    """A configuration file."""
    return File(name, text.encode())


def ciphers(*files: File) -> list[str]:
    """What sshd allows with these files."""
    return sorted(allowed(look([SSHD, *files]), "Ciphers"))


def started(*words: str) -> Subject:
    """An image that starts this."""
    return subject(
        config=ImageConfig(
            user="",
            env=(),
            entrypoint=words,
            cmd=(),
            labels={},
            exposed_ports=(),
            volumes=(),
            created=None,
            history=(),
            diff_ids=(),
        )
    )


DEFAULT = sorted(defaults((9, 2), server=True)[0]["Ciphers"])


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ([], DEFAULT),
        ([config("")], DEFAULT),
        ([config("#" + STRONG)], DEFAULT),
        ([config(STRONG)], AES),
        ([config("ciphers=" + ",".join(AES) + " # why\n")], AES),
        ([config('Ciphers "aes256-ctr,aes256-gcm@openssh.com"\n')], AES),
        ([config(STRONG + "Ciphers 3des-cbc\n")], AES),
        ([config("Ciphers 3des-cbc\n" + STRONG)], ["3des-cbc"]),
        ([config("Ciphers -chacha20*\n")], [name for name in DEFAULT if "chacha" not in name]),
        ([config("Ciphers +3des-cbc\n")], sorted([*DEFAULT, "3des-cbc"])),
        ([config("Ciphers ^aes256-ctr\n")], DEFAULT),
        ([config("Ciphers aes256-*\n")], ["aes256-cbc", "aes256-ctr", "aes256-gcm@openssh.com"]),
        ([config("Match all\n" + STRONG)], AES),
        ([config("Match User x\n" + STRONG)], sorted([*AES, *DEFAULT])),
        ([config("Include sshd_config.d/*.conf\nCiphers 3des-cbc\n"), config(STRONG, "etc/ssh/sshd_config.d/50.conf")], AES),
        ([config("Ciphers 3des-cbc\nInclude /etc/ssh/x.conf\n"), config(STRONG, "etc/ssh/x.conf")], ["3des-cbc"]),
        ([config("Match User x\nInclude x.conf\n"), config(STRONG, "etc/ssh/x.conf")], sorted([*AES, *DEFAULT])),
        ([config("Include nowhere/*\n")], DEFAULT),
        ([config("Include sshd_config\n" * 3)], DEFAULT),
    ],
)  # fmt: skip
def test_effective_lists(files: list[File], names: list[str]) -> None:
    """First value wins, through includes too; conditions add; no line is not a pass."""
    assert ciphers(folder("etc/ssh"), *files) == names


def test_rhels_back_end_is_included_through_links() -> None:
    """``50-redhat.conf`` leads to the crypto-policies of the system."""
    found = look([
        program("usr/sbin/sshd", "8.7"), folder("etc/ssh/sshd_config.d"), folder("etc/crypto-policies/back-ends"),
        config("Include /etc/ssh/sshd_config.d/*.conf\n"),
        config("Include /etc/crypto-policies/back-ends/opensshserver.config\n", "etc/ssh/sshd_config.d/50-redhat.conf"),
        File("usr/share/crypto-policies/FIPS/opensshserver.txt", STRONG.encode()),
        symlink("etc/crypto-policies/back-ends/opensshserver.config", "/usr/share/crypto-policies/FIPS/opensshserver.txt"),
    ])  # fmt: skip
    assert allowed(found, "Ciphers") == AES and found.complete
    assert "hmac-sha1" in allowed(found, "MACs"), "what the back-end does not say has its default"


def test_without_the_program_nothing_is_said() -> None:
    """A configuration alone does nothing; neither does a script of that name, nor a file that cannot be run."""
    script, dead = File("usr/sbin/sshd", b"#!/bin/sh OpenSSH_9.2", mode=0o755), File("usr/bin/ssh", SSHD.data, mode=0o644)
    assert look([config("Ciphers 3des-cbc\n"), script, dead]).algorithms == ()


def test_a_program_under_another_name_is_found_by_its_links() -> None:
    """A link of either kind to a file of another name: it is there, and its version is unknown."""
    other = File("opt/daemon", SSHD.data, mode=0o755)
    for link in (symlink("usr/sbin/sshd", "/opt/daemon"), hardlink("usr/sbin/sshd", "opt/daemon", 0o755)):
        found = [fact for fact in look([other, link, config("")]).algorithms if fact.setting == "Ciphers"]
        assert {fact.by for fact in found} == {"unknown"} and sorted(fact.name for fact in found) == DEFAULT
    twice = look([SSHD, symlink("usr/local/sbin/sshd", "/usr/sbin/sshd")])
    assert {fact.path for fact in twice.algorithms} == {"usr/sbin/sshd"}, "a link to a known program is not another one"


@pytest.mark.parametrize(("version", "by"), [("9.2", "default"), ("6.6", "unknown"), ("99.1", "unknown")])
def test_a_version_that_nobody_knows_is_said_so(version: str, by: str) -> None:
    """Its defaults are a guess, and still no pass."""
    found = [fact for fact in look([program("usr/sbin/sshd", version)]).algorithms if fact.setting == "Ciphers"]
    assert {fact.by for fact in found} == {by} and "chacha20-poly1305" in {fact.algorithm for fact in found}


def test_the_command_of_the_image_names_another_configuration() -> None:
    """``-f`` and ``-o`` count as allowed beside the usual file: the command may be replaced."""
    own = config("Ciphers 3des-cbc\n", "opt/own.conf")
    found = look([SSHD, config(STRONG), own], about=started("/usr/sbin/sshd", "-D", "-f", "/opt/own.conf", "-o", "MACs hmac-md5"))
    assert sorted(allowed(found, "Ciphers")) == ["3des-cbc", *AES] and "hmac-md5" in allowed(found, "MACs")
    found = look([SSHD, config(STRONG), File("opt/own", b"x")], about=started("sshd", "-f/opt/own", "-oMACs=hmac-md5"))
    assert allowed(found, "Ciphers") == AES and not found.complete, "a file of no known name was not kept: that is said"
    assert "hmac-md5" in allowed(found, "MACs")


def test_an_include_that_was_not_kept_makes_it_incomplete() -> None:
    """What it allows is not known."""
    found = look([SSHD, config("Include /usr/lib/blob\n"), File("usr/lib/blob", b"Ciphers 3des-cbc\n")])
    assert not found.complete and [note.code for note in found.diagnostics] == ["not_looked_at"]


def test_every_name_of_openssh_is_known() -> None:
    """No name that OpenSSH has lacks a key, so that `unknown_algorithm` speaks of what is really unknown."""
    assert {name for names in ALL.values() for name in names if not of_ssh(name)} == set()
    for version in ((7, 4), (8, 0), (8, 4), (8, 9), (9, 2), (9, 9), (10, 0)):
        for server in (True, False):
            assert not {name for names in defaults(version, server=server)[0].values() for name in names if not of_ssh(name)}


@pytest.mark.parametrize("name", ["chacha21", "aes512-ctr", "aes256-ctr@example.com", "", "hmac-sha3"])
def test_other_names_are_not(name: str) -> None:
    """Also a known name under another domain."""
    assert of_ssh(name) == ""


def _real() -> tuple[str, str] | None:
    path = shutil.which("ssh")
    if path is None:
        return None
    banner = subprocess.run([path, "-V"], capture_output=True, text=True, check=False).stderr
    return path, banner.removeprefix("OpenSSH_").partition("p")[0]


@pytest.mark.parametrize(
    "line",
    ["", "Ciphers +3des-cbc", "MACs -umac*,*sha1*", "KexAlgorithms ^ecdh-sha2-nistp256", "Ciphers -aes*", "MACs hmac-sha2-256"],
)
def test_the_real_ssh_says_the_same(tmp_path: Path, line: str) -> None:
    """``ssh -G``: every name that the program allows is listed."""
    real = _real()
    if real is None:
        pytest.skip("there is no ssh here")
    path, version = real
    (tmp_path / "config").write_text(line + "\n")
    said = subprocess.run([path, "-G", "-F", str(tmp_path / "config"), "host"], capture_output=True, text=True, check=True).stdout
    words = dict(text.partition(" ")[::2] for text in said.splitlines())
    major, _, minor = version.partition(".")
    own, known = defaults((int(major), int(minor)), server=False)
    assert known
    for keyword in ("Ciphers", "MACs", "KexAlgorithms", "HostKeyAlgorithms", "PubkeyAcceptedAlgorithms", "CASignatureAlgorithms"):
        name, _, value = line.partition(" ")
        mine = expand(value, own[keyword], ALL[keyword]) if name == keyword else own[keyword]
        theirs = set(words.get(keyword.casefold(), words.get("pubkeyacceptedalgorithms", "")).split(","))
        assert theirs <= set(mine), keyword
        assert set(mine) - theirs <= {"sntrup761x25519-sha512"}, keyword
