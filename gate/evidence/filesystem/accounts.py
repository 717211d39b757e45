"""``/etc/passwd``, ``/etc/shadow`` and ``os-release``, as their readers in the C library and systemd take them. Pure."""

from __future__ import annotations

import shlex

from gate.model.compliance import Account

_MOST = 10_000
_LOCKED = ("!", "*")


def text_of(data: bytes) -> str:
    """The bytes as text that JSON can hold; what is not UTF-8 is shown by its escapes."""
    return data.decode("utf-8", "backslashreplace")


def read_accounts(passwd: bytes | None, shadow: bytes | None) -> tuple[tuple[Account, ...], int]:
    """The accounts by name, and the number of lines that are none (passwd(5), shadow(5))."""
    passwords: dict[str, str] = {}
    for line in text_of(shadow or b"").splitlines():
        fields = line.split(":")
        if len(fields) >= 2 and fields[0]:
            passwords.setdefault(fields[0], fields[1])
    accounts: list[Account] = []
    bad = 0
    for line in text_of(passwd or b"").splitlines()[:_MOST]:
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split(":")
        if len(fields) != 7 or not fields[0] or not _number(fields[2]) or not _number(fields[3]):
            bad += 1
            continue
        name, stored = fields[0], fields[1]
        if stored == "x":
            held = passwords.get(name)
        else:
            held = stored
        state = None if held is None else "empty" if not held else "locked" if held.startswith(_LOCKED) else "set"
        accounts.append(
            Account(
                name=name,
                uid=int(fields[2]),
                gid=int(fields[3]),
                home=fields[5],
                shell=fields[6],
                password=state,  # type: ignore[arg-type]  # one of the three words by construction
            )
        )
    return tuple(sorted(accounts, key=lambda account: (account.uid, account.name))), bad


def read_os_release(data: bytes | None) -> dict[str, str]:
    """The assignments of os-release(5); the last of one name counts, lines that are none are left out."""
    values: dict[str, str] = {}
    for line in text_of(data or b"").splitlines()[:_MOST]:
        name, equals, value = line.strip().partition("=")
        if not equals or not name.replace("_", "").isalnum() or not name.isascii():
            continue
        try:
            parts = shlex.split(value)
        except ValueError:
            continue
        values[name] = parts[0] if parts else ""
    return values


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10
