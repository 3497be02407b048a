"""Which of the sockets that share a port the kernel gives new connections to.

Without a word the kernel spreads them over all, also to one whose process is gone: they would wait
in its queue until somebody serves it again, perhaps for half a minute. A small program in the
kernel (classic BPF, SO_ATTACH_REUSEPORT_CBPF in socket(7)) chooses among the others meanwhile.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Sequence
from typing import Final

_ATTACH: Final = 51  # SO_ATTACH_REUSEPORT_CBPF in asm-generic/socket.h
_DETACH: Final = 68  # SO_DETACH_REUSEPORT_BPF

_LOAD_WORD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_MODULO: Final = 0x94  # BPF_ALU | BPF_MOD | BPF_K
_JUMP_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_RANDOM: Final = 0xFFFF_F000 + 56  # SKF_AD_OFF + SKF_AD_RANDOM


def steer(sockets: Sequence[socket.socket], chosen: Sequence[int]) -> None:
    """Give new connections to the ``chosen`` of all ``sockets``, by index in the order in which they listen.

    All, or none, means that the kernel spreads as it likes. Where the kernel cannot do it, nothing changes.
    """
    if len(chosen) in {0, len(sockets)}:
        _set(sockets[0], _DETACH, struct.pack("i", 0))
        return
    code = choose_among(chosen)
    text = ctypes.create_string_buffer(code, len(code))
    _set(sockets[0], _ATTACH, struct.pack("@HP", len(code) // 8, ctypes.addressof(text)))


def choose_among(chosen: Sequence[int]) -> bytes:
    """Write the program: one of ``chosen`` at random, for each new connection."""
    steps = [(_LOAD_WORD, 0, 0, _RANDOM), (_MODULO, 0, 0, len(chosen))]
    for turn, index in enumerate(chosen):
        steps += [(_JUMP_EQUAL, 0, 1, turn), (_RETURN, 0, 0, index)]
    steps.append((_RETURN, 0, 0, chosen[0]))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _set(listening: socket.socket, option: int, value: bytes) -> None:
    try:
        listening.setsockopt(socket.SOL_SOCKET, option, value)
    except OSError:  # nothing was attached, or this kernel has no such option
        return
