"""Prometheus' text format (version 0.0.4), and the figures of the process itself."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from shield_proxy.config.version import SCHEMA, VERSION

Family = tuple[str, str, str, Iterable[tuple[Mapping[str, str], float]]]
"""Name, type (counter, gauge, histogram), help, and a value for each set of labels. A sample of a histogram names its
series with the label `__name__`."""

_VALUE = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})


def render(families: Iterable[Family]) -> str:
    """The text of all families; label values and help are escaped."""
    lines: list[str] = []
    for name, kind, about, samples in families:
        lines.append(f"# HELP {name} {about.translate(_HELP)}")
        lines.append(f"# TYPE {name} {kind}")
        lines.extend(_sample(name, labels, value) for labels, value in samples)
    return "\n".join(lines) + "\n"


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    series = labels.get("__name__", name)
    pairs = ",".join(f'{key}="{text.translate(_VALUE)}"' for key, text in labels.items() if key != "__name__")
    shown = int(value) if isinstance(value, float) and value.is_integer() else value
    return f"{series}{{{pairs}}} {shown}" if pairs else f"{series} {shown}"


def process_families(tier: str, generation: int, confirmed: bool, draining: bool, started: float) -> list[Family]:
    """Figures of the process; `started` in seconds since the epoch."""
    return [
        (
            "shield_build_info",
            "gauge",
            "The version that runs; always 1.",
            [({"version": VERSION, "schema": str(SCHEMA), "tier": tier}, 1)],
        ),
        ("shield_state_generation", "gauge", "Generation of the zone state in use; 0 without one.", [({}, generation)]),
        (
            "shield_state_confirmed",
            "gauge",
            "Whether operator or a peer has confirmed the zone state since the start.",
            [({}, int(confirmed))],
        ),
        ("shield_draining", "gauge", "Whether the process ends after its running requests.", [({}, int(draining))]),
        ("shield_process_start_time_seconds", "gauge", "Unix time of the start.", [({}, started)]),
        ("shield_process_open_fds", "gauge", "Open file descriptors.", [({}, open_files())]),
        ("shield_process_resident_memory_bytes", "gauge", "Resident memory.", [({}, resident_bytes())]),
        ("shield_process_cpu_seconds_total", "counter", "User and system time.", [({}, sum(os.times()[:2]))]),
    ]


def open_files() -> int:
    """Open file descriptors of this process, without the one that counts them."""
    return len(os.listdir("/proc/self/fd")) - 1


def resident_bytes() -> int:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
