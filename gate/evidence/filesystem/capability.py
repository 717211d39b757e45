"""``security.capability``: struct vfs_cap_data of Linux (include/uapi/linux/capability.h), revisions 1 to 3. Pure."""

from __future__ import annotations

import struct

_TABLE = """
    chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service net_broadcast
    net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice
    sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm
    block_suspend audit_read perfmon bpf checkpoint_restore
"""
_NAMES = _TABLE.split()
_WORDS = {1: 1, 2: 2, 3: 2}


def read_capability(raw: bytes) -> tuple[tuple[str, ...], tuple[str, ...], bool] | None:
    """Permitted and inheritable capabilities by name, and whether they are effective; None for what is no such attribute."""
    if len(raw) < 12:
        return None
    magic = struct.unpack_from("<I", raw)[0]
    words = _WORDS.get(magic >> 24, 0)
    if not words or len(raw) < 4 + 8 * words:
        return None
    values = struct.unpack_from(f"<{2 * words}I", raw, 4)
    permitted = sum(value << (32 * place) for place, value in enumerate(values[0::2]))
    inheritable = sum(value << (32 * place) for place, value in enumerate(values[1::2]))
    return _names(permitted), _names(inheritable), bool(magic & 1)


def _names(bits: int) -> tuple[str, ...]:
    return tuple(
        f"cap_{_NAMES[place]}" if place < len(_NAMES) else f"cap_{place}"
        for place in range(bits.bit_length())
        if bits >> place & 1
    )
