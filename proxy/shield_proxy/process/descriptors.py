"""File descriptors: as many as the system grants, and never more connections than there are descriptors for."""

import logging
import resource

log = logging.getLogger("shield.process")

MOST = 1 << 20
OTHERS = 256
"""For files, Redis, ports and what a measurement opens."""
UPSTREAMS = 4096
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


def fitting_connections(wanted: int, descriptors: int, *, clients: bool) -> tuple[int, int]:
    """How many connections of clients and of pods there may be: a quarter of the descriptors, UPSTREAMS at most, is
    left for upstreams. Where there are `clients`, an eighth of the rest is the pods', so that no flood of clients cuts
    a pod off from its tier; else they have it all."""
    rest = descriptors - OTHERS - min(UPSTREAMS, descriptors // 4)
    fitting = rest - rest // 8 if clients else rest
    if fitting < wanted:
        log.warning("%d file descriptors are enough for %d connections only", descriptors, max(FEWEST, fitting))
    pods = rest // 8 if clients else rest
    return min(wanted, max(FEWEST, fitting)), min(wanted, max(FEWEST, pods))
