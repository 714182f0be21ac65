"""Connect times as values: the window of an endpoint's latest attempts, the pause to the next, and the score."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from shield_proxy.config.reports import Measurement
from shield_proxy.config.state import FleetState

Endpoint = tuple[str, int]

WINDOW_SECONDS = 60.0
LATEST = 5
"""The lowest of this many successful samples is the score: a busy moment of a process or link is not distance."""
EVERY_SECONDS = 10.0
BURST = 3
BURST_SECONDS = 0.3
"""A new endpoint is tried three times at once, so that its first assignment need not wait."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One attempt to connect."""

    at: float
    """When it ended."""
    seconds: float | None
    """None: it failed."""
    error: str | None = None
    """unresolved, refused, timeout, unreachable."""


def added(samples: tuple[Sample, ...], sample: Sample) -> tuple[Sample, ...]:
    """The window with one more sample, without those that have left it."""
    return (*(s for s in samples if s.at > sample.at - WINDOW_SECONDS), sample)


def pause(attempts: int, jitter: float) -> float:
    """Seconds from one attempt's end to the next, after that many attempts; `jitter` in [0, 1)."""
    return BURST_SECONDS if attempts < BURST else EVERY_SECONDS * (0.9 + 0.2 * jitter)


def summarise(zone: str, backend: str, samples: tuple[Sample, ...], now: float) -> Measurement:
    """The backend's score at `now`. A failure takes nothing off a score: it only lets it end with the window."""
    good = [s.seconds for s in samples if s.seconds is not None and s.at > now - WINDOW_SECONDS]
    latest = good[-LATEST:]
    return Measurement(
        zone=zone,
        backend=backend,
        connect_seconds=min(latest) if latest else None,
        samples=len(good),
        age_seconds=max(0.0, now - samples[-1].at) if samples else 0.0,
        error=samples[-1].error if samples else None,
    )


def backends_to_measure(
    state: FleetState | None, owns: Callable[[bytes], bool]
) -> dict[Endpoint, tuple[tuple[str, str], ...]]:
    """Endpoint -> the (zone UID, backend) pairs that it stands for, of those this pod measures for its data centre.
    An address that several zones name is measured once."""
    found: dict[Endpoint, list[tuple[str, str]]] = {}
    for zone in state.zones if state else ():
        for origin in zone.origins:
            if owns(election_key(zone.uid, origin.name)):
                found.setdefault((origin.host, origin.port), []).append((zone.uid, origin.name))
    return {endpoint: tuple(pairs) for endpoint, pairs in found.items()}


def election_key(zone: str, backend: str) -> bytes:
    """Whose owner in the ring measures the backend for the data centre."""
    return f"latency/{zone}/{backend}".encode()


def report(
    targets: dict[Endpoint, tuple[tuple[str, str], ...]],
    windows: Callable[[Endpoint], tuple[Sample, ...]],
    now: float,
) -> Iterable[Measurement]:
    """The measurements of all targets that have been tried."""
    for endpoint, pairs in targets.items():
        if samples := windows(endpoint):
            for zone, backend in pairs:
                yield summarise(zone, backend, samples, now)
