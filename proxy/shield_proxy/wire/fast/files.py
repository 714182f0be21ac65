"""Sending a file behind a head: compiled where the fast path is, for what Python takes for it costs more than the copy
that it avoids for all but very large bodies."""

import os
import socket
from collections.abc import Callable

from shield_proxy.wire.fast import IMPLEMENTATION


def send_file_purely(to: int, head: bytes, descriptor: int, size: int) -> int:
    """Bytes of head and file that the socket `to` took without waiting; whether it fails, its next writer finds out."""
    sent = 0
    bare = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=to)  # only a socket knows MSG_MORE
    try:
        sent = bare.send(head, socket.MSG_MORE | socket.MSG_DONTWAIT)
        if sent == len(head):
            sent += os.sendfile(to, descriptor, 0, size)
    except OSError:
        pass
    finally:
        bare.detach()
    return sent


send_file: Callable[[int, bytes, int, int], int]
LEAST: int
"""Bytes of a body below which the copy costs no more than the calls that avoid it."""
if IMPLEMENTATION == "compiled":
    from shield_proxy.wire.fast import _fast

    send_file, LEAST = _fast.send_file, 64 << 10
else:
    send_file, LEAST = send_file_purely, 256 << 10
