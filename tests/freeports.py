"""Ports for servers that tests start.

The kernel gives what it likes to every `bind(0)` and to every connection that goes out: a number that it gave once and
that was let go may be somebody else's, or be given twice, before the server of the test takes it. So these are counted
upwards outside of the kernel's range (32768 to 60999 on Linux) and of NodePorts (30000 to 32767), from a place that
differs by process; each is tried on all addresses.
"""

import os
import socket
from itertools import count

FIRST, PAST = 12_000, 30_000
_next = count(os.getpid() * 97 % (PAST - FIRST))


def free_ports(number: int) -> list[int]:
    """So many different ports on which nobody listens, on no address."""
    return [free_port() for _ in range(number)]


def free_port() -> int:
    """A port on which nobody listens, on no address; another one at each call, for 18,000 calls."""
    for _ in range(PAST - FIRST):
        port = FIRST + next(_next) % (PAST - FIRST)
        if _free(port):
            return port
    raise AssertionError(f"every port from {FIRST} to {PAST - 1} is in use")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
        return True
