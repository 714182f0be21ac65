"""File descriptors: as many as the system grants, and never more connections than there are descriptors for."""

import logging
import resource

log = logging.getLogger("shield.process")

MOST = 1 << 20
OTHERS = 256
"""For files, Redis, ports and what a measurement opens."""
FEWEST = 16
"""Connections that are admitted whatever the system grants."""


def raise_file_limit() -> int:
    """Raises the soft limit to the hard one, to MOST at most; how many descriptors this process may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MOST if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:
        log.warning("the limit of file descriptors stays %d: %s", soft, error)
        return soft
    return wanted


def fitting_connections(wanted: int, descriptors: int) -> int:
    """How many connections each of the two ports may have: clients, pods and upstreams share the descriptors."""
    fitting = max(FEWEST, (descriptors - OTHERS) // 3)
    if fitting < wanted:
        log.warning("%d file descriptors are enough for %d connections of each port only", descriptors, fitting)
    return min(wanted, fitting)
