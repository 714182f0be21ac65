"""What a courier counts, and how it is shown (the text format of Prometheus)."""

import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shield_proxy.config.version import VERSION

BOUNDS = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0)
"""Seconds, of the histogram's buckets."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Figures:
    """Since the start."""

    deliveries: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Attempts by kind of target and outcome: delivered, failed, given_up."""
    delays: Counter[float] = field(default_factory=Counter)
    """Deliveries by the least bound that holds the seconds since the notification was decided."""
    delay_sum: float = 0.0
    writes: Counter[str] = field(default_factory=Counter)
    """Of the status, by outcome."""
    faults: int = 0

    def delivered_after(self, seconds: float) -> None:
        """A notification has arrived."""
        seconds = max(0.0, seconds)
        self.delays[next((bound for bound in BOUNDS if seconds <= bound), float("inf"))] += 1
        self.delay_sum += seconds


@dataclass(frozen=True, slots=True)
class Standstill:
    """What waits at the moment."""

    alerts: int
    targets: int
    waiting: int
    """Notifications that targets have yet to get."""
    failing: int
    """Targets of which the last attempt failed."""
    oldest: float
    """Seconds since the oldest of those that wait was decided."""


def exposition(figures: Figures, now: Standstill, lost: Mapping[str, int]) -> bytes:
    """The page of /metrics. `lost`: lines that nobody took, by stream."""
    lines: list[str] = []

    def family(name: str, kind: str, about: str, samples: Iterable[tuple[str, float]]) -> None:
        lines.extend((f"# HELP {name} {about}", f"# TYPE {name} {kind}"))
        lines.extend(f"{name}{labels} {value:.10g}" for labels, value in samples)

    family("shield_courier_info", "gauge", "The courier; always 1.", [(f'{{version="{VERSION}"}}', 1)])
    family(
        "shield_courier_deliveries_total",
        "counter",
        "Attempts by kind of target and outcome.",
        [(f'{{kind="{kind}",outcome="{outcome}"}}', n) for (kind, outcome), n in sorted(figures.deliveries.items())],
    )
    family(
        "shield_courier_delivery_delay_seconds",
        "histogram",
        "From when a notification was decided until it was delivered.",
        [],
    )
    lines.extend(_buckets(figures))
    family("shield_courier_alerts", "gauge", "Alerts that are followed.", [("", now.alerts)])
    family("shield_courier_targets", "gauge", "Their targets.", [("", now.targets)])
    family("shield_courier_targets_failing", "gauge", "Of them, whose last attempt failed.", [("", now.failing)])
    family("shield_courier_waiting", "gauge", "Notifications that targets have yet to get.", [("", now.waiting)])
    family("shield_courier_waiting_seconds_max", "gauge", "The age of the oldest of them.", [("", now.oldest)])
    family(
        "shield_courier_status_writes_total",
        "counter",
        "Writes of status.targets by outcome.",
        [(f'{{outcome="{outcome}"}}', n) for outcome, n in sorted(figures.writes.items())],
    )
    family(
        "shield_courier_faults_total", "counter", "Attempts that a fault of the courier ended.", [("", figures.faults)]
    )
    family(
        "shield_courier_lines_lost_total",
        "counter",
        "Lines that whoever reads the stream did not take.",
        [(f'{{stream="{stream}"}}', n) for stream, n in lost.items()],
    )
    family("shield_process_resident_memory_bytes", "gauge", "Resident memory.", [("", _resident())])
    family("shield_process_cpu_seconds_total", "counter", "User and system time.", [("", time.process_time())])
    return ("\n".join(lines) + "\n").encode()


def _buckets(figures: Figures) -> Iterable[str]:
    name, count = "shield_courier_delivery_delay_seconds", 0
    for bound in (*BOUNDS, float("inf")):
        count += figures.delays[bound]
        yield f'{name}_bucket{{le="{"+Inf" if bound == float("inf") else f"{bound:g}"}"}} {count}'
    yield f"{name}_sum {figures.delay_sum:.10g}"
    yield f"{name}_count {count}"


def _resident() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * _PAGE
