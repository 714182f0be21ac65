"""When the garbage collector looks at everything.

By itself it does so whenever a quarter more objects have survived, and takes 260 ms for a million stored responses
where these are Python objects (compiled, it does not see them). Most garbage dies without it; what it is needed for are
cycles that got old before they died, and those are few. So only the young are looked at automatically, and everything
so seldom that it costs no more than a ten-thousandth of the time.

The C library is asked at the same time to give back what is free: of its own accord it only does so at the end of its
heap, and a burst of connections, each with a buffer of 256 KiB for TLS, leaves free pages everywhere in it.
"""

import asyncio
import ctypes
import gc
import time
from collections.abc import Callable

YOUNG, TWICE_YOUNG, NEVER = 5_000, 3, 1 << 30
"""Thresholds: the second generation stays small enough to be looked at in a few milliseconds."""
SHARE = 1e-4
SHORTEST = 60.0
"""Seconds between two looks at everything, at least."""


def pause_after(took: float) -> float:
    """Seconds until the next look at everything after one of `took` seconds."""
    return max(SHORTEST, took / SHARE)


def memory_returner() -> Callable[[int], object]:
    """glibc's malloc_trim(3); does nothing where the C library is another."""
    try:
        trim: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return abs
    return trim


async def collect_seldom(clock: Callable[[], float] = time.monotonic) -> None:
    """Runs until it is cancelled. What lives at the start is never looked at again."""
    give_back = memory_returner()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, TWICE_YOUNG, NEVER)
    took = 0.0
    while True:
        await asyncio.sleep(pause_after(took))
        began = clock()
        gc.collect()
        give_back(0)
        took = clock() - began
