"""What a run counts of itself. Knows nothing of how it is shown."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from shield_proxy.health.sample import Sample

HEALTHY = "healthy"
"""The result of a probe without a reason."""


class Missed(StrEnum):
    """Why nobody probed a slot."""

    GAP = "gap"
    """No run held the Lease; as many as may have been."""
    LATE = "late"
    """This run came to it too late."""
    OVERRUN = "overrun"
    """The check's probe before took so long."""


@dataclass(slots=True)
class Figures:
    """Counts since the run's start."""

    probes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By the check's name and the result."""
    last: dict[str, Sample] = field(default_factory=dict)
    """By the check's name."""
    missed: Counter[Missed] = field(default_factory=Counter)
    lateness: float = 0.0
    """Seconds, the most that a probe began after its slot."""
    reports: Counter[str] = field(default_factory=Counter)
    """Entries of status.probes: written, failed, dropped."""
    lease: Counter[str] = field(default_factory=Counter)
    """Writes of the Lease by step; `conflict`, `failed`."""
    faults: int = 0
    """Probes that ended by a fault of the prober's own."""

    def probed(self, name: str, sample: Sample) -> None:
        """One more sample of a check."""
        self.probes[name, sample.reason.value if sample.reason is not None else HEALTHY] += 1
        self.last[name] = sample

    def forget(self, name: str) -> None:
        """A check that is probed here no more."""
        self.last.pop(name, None)
        for key in [key for key in self.probes if key[0] == name]:
            del self.probes[key]
