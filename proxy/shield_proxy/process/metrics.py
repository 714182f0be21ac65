"""Prometheus' text format (version 0.0.4), and the figures of the process itself."""

import asyncio
import os
import resource
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from shield_proxy.config.version import SCHEMA, VERSION
from shield_proxy.tiers.telemetry.families import Family, labelled
from shield_proxy.wire.fast import IMPLEMENTATION

LINES = 500
"""Made between two looks at the clock."""
TURN = 0.004
"""Seconds after which others have their turn: thousands of zones must not hold up requests."""
_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})


def lines(families: Iterable[Family]) -> Iterator[str]:
    """The lines of all families, each with its end."""
    for name, kind, about, samples in families:
        yield f"# HELP {name} {about.translate(_HELP)}\n# TYPE {name} {kind}\n"
        for series, value in samples:
            if type(value) is float and value.is_integer():
                value = int(value)
            yield f"{name}{series} {value}\n"


async def render(families: Iterable[Family]) -> bytes:
    """The text of all families, made in turns."""
    made: list[str] = []
    began = time.perf_counter()
    for line in lines(families):
        made.append(line)
        if len(made) % LINES == 0 and time.perf_counter() - began > TURN:
            await asyncio.sleep(0)
            began = time.perf_counter()
    return "".join(made).encode()


def process_families(tier: str, generation: int, confirmed: bool, draining: bool, started: float) -> list[Family]:
    """Figures of the process; `started` in seconds since the epoch."""
    build = labelled(version=VERSION, schema=str(SCHEMA), tier=tier, fast_path=IMPLEMENTATION)
    return [
        ("shield_build_info", "gauge", "The version that runs; always 1.", [(build, 1)]),
        ("shield_state_generation", "gauge", "Generation of the zone state in use; 0 without one.", [("", generation)]),
        (
            "shield_state_confirmed",
            "gauge",
            "Whether operator or a peer has confirmed the zone state since the start.",
            [("", int(confirmed))],
        ),
        ("shield_draining", "gauge", "Whether the process ends after its running requests.", [("", int(draining))]),
        ("shield_process_start_time_seconds", "gauge", "Unix time of the start.", [("", started)]),
        ("shield_process_open_fds", "gauge", "Open file descriptors.", [("", open_files())]),
        ("shield_process_max_fds", "gauge", "File descriptors that may be open.", [("", most_files())]),
        ("shield_process_resident_memory_bytes", "gauge", "Resident memory.", [("", resident_bytes())]),
        ("shield_process_tasks", "gauge", "Tasks of the event loop.", [("", len(asyncio.all_tasks()))]),
        ("shield_process_cpu_seconds_total", "counter", "User and system time.", [("", sum(os.times()[:2]))]),
    ]


def open_files() -> int:
    """Open file descriptors of this process, without the one that counts them."""
    return len(os.listdir("/proc/self/fd")) - 1


def most_files() -> int:
    """File descriptors this process may have open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def resident_bytes() -> int:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
