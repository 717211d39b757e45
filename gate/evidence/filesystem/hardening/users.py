"""Who the container runs as, and what ``passwd``, ``shadow`` and ``group`` allow. Pure.

``config.User`` is resolved as runc does (moby/sys "user", GetExecUser); where readers could differ the answer is root, the least
favourable:

1. The first line of ``passwd`` whose name is the text, or whose number it is, decides; an account may be *named* ``1000``.
2. A number that no line has runs with group 0. A name that no line has does not start at all, so nothing can be told.
3. ``:group`` has no user and is root; ``000`` and ``+0`` are 0 (Go's Atoi).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gate.evidence.filesystem.accounts import text_of
from gate.model.compliance import Account
from gate.model.hardening import GroupFact, RunUser

_NUMBER = re.compile(r"[+-]?[0-9]{1,20}")
_HIGHEST = 2**31 - 1
_MOST = 10_000
_SCHEMES = {
    "1": "md5", "2": "bcrypt", "2a": "bcrypt", "2b": "bcrypt", "2x": "bcrypt", "2y": "bcrypt", "3": "nt", "5": "sha256",
    "6": "sha512", "7": "scrypt", "y": "yescrypt", "gy": "gost-yescrypt", "md5": "sunmd5", "sha1": "sha1",
}  # fmt: skip
QUIET_SHELLS = frozenset({"nologin", "false", "true", "sync", "shutdown", "halt", "poweroff", "reboot", "git-shell"})
"""Programs in the last field of ``passwd`` that give no prompt."""


def run_user(said: str, accounts: Sequence[Account], groups: Sequence[GroupFact], *, known: bool) -> RunUser:
    """Who ``config.User`` is; ``known`` is false where ``passwd`` or ``group`` could not be read."""
    name, _, group = said.partition(":")
    numeric = bool(_NUMBER.fullmatch(name))

    def answer(uid: int | None, gid: int | None, reason: str = "") -> RunUser:
        return RunUser(said=said, uid=uid, gid=gid, numeric=numeric, reason=reason)

    if not name:
        return answer(0, _group(group, groups, 0) if known else None, "no user is set" if not said else "a group and no user")
    number = int(name) if numeric else None
    if number == 0:
        return answer(0, _group(group, groups, 0) if known else None)
    if number is not None and not 0 <= number <= _HIGHEST:
        return answer(None, None, "the number is out of range")
    if not known:
        return answer(None, None, "the image's passwd or group could not be read")
    matches = [account for account in accounts if account.name == name or account.uid == number]  # (1)
    if any(account.uid == 0 for account in matches):
        return answer(0, _group(group, groups, 0), f"{name!r} is uid 0 in /etc/passwd")
    if matches:
        exact = next((account for account in matches if account.uid == number), matches[0])
        return answer(exact.uid, _group(group, groups, exact.gid))
    if number is None:
        return answer(None, None, "no line of /etc/passwd has this name")  # (2)
    return answer(number, _group(group, groups, 0))


def _group(text: str, groups: Sequence[GroupFact], default: int) -> int | None:
    if not text:
        return default
    number = int(text) if _NUMBER.fullmatch(text) else None
    matches = [group.gid for group in groups if group.name == text or group.gid == number]
    if 0 in matches:
        return 0
    return matches[0] if matches else number


def read_groups(data: bytes | None) -> tuple[tuple[GroupFact, ...], int]:
    """The groups, and the number of lines that are none (group(5))."""
    groups: list[GroupFact] = []
    bad = 0
    for line in text_of(data or b"").splitlines()[:_MOST]:
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split(":")
        if len(fields) != 4 or not fields[0] or not (fields[2].isascii() and fields[2].isdigit() and len(fields[2]) <= 10):
            bad += 1
            continue
        groups.append(GroupFact(name=fields[0], gid=int(fields[2])))
    return tuple(sorted(groups, key=lambda group: (group.gid, group.name))), bad


def passwords(data: bytes | None) -> list[tuple[str, str]]:
    """Name and scheme of each line of ``passwd`` or ``shadow`` whose password is neither locked nor elsewhere.

    A hash of DES starts with no ``$``, so whatever is not locked counts.
    """
    found = []
    for line in text_of(data or b"").splitlines()[:_MOST]:
        fields = line.split(":")
        if len(fields) < 2 or not fields[0] or line.startswith("#"):
            continue
        if fields[1] == "x" or fields[1].startswith(("!", "*")):
            continue
        found.append((fields[0], scheme(fields[1])))
    return found


def scheme(stored: str) -> str:
    """How a password is stored (crypt(5))."""
    if not stored:
        return "empty"
    if stored.startswith("$"):
        return _SCHEMES.get(stored.split("$")[1].split(",")[0], "unknown")
    if stored.startswith("_") and len(stored) == 20:
        return "bsdi"
    return "des" if len(stored) == 13 else "unknown"
