"""Numbers of the operator's own work, and their Prometheus text."""

from collections.abc import Iterable
from dataclasses import dataclass, field

BUCKETS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Seconds."""
Sample = tuple[str, float]
"""Suffix with labels, value."""


@dataclass(slots=True)
class Counters:
    """Counted since the start of the process."""

    outcomes: dict[str, int] = field(default_factory=dict)
    """Reconciles by outcome."""
    seconds: float = 0.0
    """Spent in reconciles."""
    buckets: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))
    writes: int = 0
    """Objects changed."""
    pushes: int = 0
    silent: int = 0
    """Visits that a pod did not answer."""
    missed: int = 0
    """Slots of health checks that nobody probed, as far as people were told of them."""
    last_success: float = 0.0
    """Unix time of the last reconcile that succeeded."""

    def reconciled(self, outcome: str, seconds: float, writes: int, at: float) -> None:
        """A reconcile ended at Unix time `at`."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        self.seconds += seconds
        self.writes += writes
        for i, bound in enumerate(BUCKETS):
            self.buckets[i] += seconds <= bound
        if outcome == "ok":
            self.last_success = at


def render(counters: Counters, leader: bool, transitions: int, queued: int, fleets: int) -> str:
    """The Prometheus text format, version 0.0.4."""
    total = sum(counters.outcomes.values())
    histogram = [(f'_bucket{{le="{bound}"}}', float(n)) for bound, n in zip(BUCKETS, counters.buckets, strict=True)]
    histogram += [('_bucket{le="+Inf"}', float(total)), ("_sum", counters.seconds), ("_count", float(total))]
    families: list[tuple[str, str, str, list[Sample]]] = [
        (
            "reconciles_total",
            "counter",
            "Reconciles by outcome.",
            [(f'{{outcome="{name}"}}', float(count)) for name, count in sorted(counters.outcomes.items())],
        ),
        ("reconcile_seconds", "histogram", "Duration of reconciles.", histogram),
        ("writes_total", "counter", "Objects changed in the cluster.", [("", counters.writes)]),
        ("pushes_total", "counter", "Records pushed to pods.", [("", counters.pushes)]),
        ("silent_visits_total", "counter", "Visits that a pod did not answer.", [("", counters.silent)]),
        ("check_slots_missed_total", "counter", "Slots of health checks that nobody probed.", [("", counters.missed)]),
        ("queue_length", "gauge", "Fleets that are due for a reconcile.", [("", queued)]),
        ("fleets", "gauge", "Fleets with a zone or a child.", [("", fleets)]),
        ("leader", "gauge", "1 where this process holds the Lease.", [("", float(leader))]),
        ("lease_transitions", "gauge", "Transition count of the Lease as last held.", [("", transitions)]),
        (
            "last_success_timestamp_seconds",
            "gauge",
            "Unix time of the last reconcile that succeeded.",
            [("", counters.last_success)],
        ),
    ]
    return "".join(_family(*family) for family in families)


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> str:
    full = f"shield_operator_{name}"
    lines = [f"# HELP {full} {text}", f"# TYPE {full} {kind}"]
    lines += [
        f"{full}{suffix} {value:g}" if value < 1e6 else f"{full}{suffix} {value:.3f}" for suffix, value in samples
    ]
    return "\n".join(lines) + "\n"
