"""The Lease of a data centre's run as a value: who probes, from when on, who comes next, and the counters. Pure.

It is the one place where runs agree. Each write is conditional on the version that it was decided on, so of two that
contradict each other one fails; what a run may do follows from the Lease alone (`handover.py`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shield_proxy.config.checks.contract import COUNTERS, MISSED, SUCCESSOR
from shield_proxy.config.checks.health import Health
from shield_proxy.config.checks.samples import SAMPLES
from shield_proxy.health.counters import MOST, Counters

AFTER = "smartshield.io/after"
"""Annotation: the holder owns the slots later than this; without a holder, those up to this were probed."""
PREDECESSOR = "smartshield.io/predecessor"
"""Annotation: the run whose last probes are not all counted yet; the counters are still its own."""
_MOST_CHECKS = 5_000
_VERDICTS = {"u": Health.UNKNOWN, "h": Health.HEALTHY, "n": Health.UNHEALTHY}
_LETTERS = {verdict: letter for letter, verdict in _VERDICTS.items()}


@dataclass(frozen=True, slots=True)
class Remembered:
    """Where a check stands, and for which generation of its resource that was counted."""

    counters: Counters
    generation: int


@dataclass(frozen=True, slots=True)
class Lease:
    """One version of the Lease. Instants are seconds since the epoch."""

    version: str
    """resourceVersion."""
    holder: str = ""
    """The run that probes; empty: none."""
    renewed: float = 0.0
    after: float = 0.0
    successor: str = ""
    granted: float | None = None
    """The last instant of the holder's slots, where it has let the successor take the Lease."""
    predecessor: str = ""
    counters: Mapping[str, Remembered] = field(default_factory=dict)
    missed: int = 0
    samples: str = ""
    """As they are written: read once, by a run that takes over."""


def read_lease(resource: Mapping[str, Any]) -> Lease:
    """The Lease of a resource. What is malformed, for people can write it too, reads as if it were not there."""
    metadata, spec = resource.get("metadata") or {}, resource.get("spec") or {}
    notes = metadata.get("annotations") or {}
    successor, _, granted = str(notes.get(SUCCESSOR) or "").partition(" ")
    return Lease(
        version=str(metadata.get("resourceVersion") or ""),
        holder=spec.get("holderIdentity") or "",
        renewed=_instant(spec.get("renewTime")),
        after=_number(notes.get(AFTER)) or 0.0,
        successor=successor,
        granted=_number(granted) if successor else None,
        predecessor=notes.get(PREDECESSOR) or "",
        counters=read_counters(notes.get(COUNTERS)),
        missed=int(_number(notes.get(MISSED)) or 0),
        samples=str(notes.get(SAMPLES) or ""),
    )


def newer(version: str, than: str) -> bool:
    """Whether a resourceVersion is later than another: watches may tell old news after an answer told new ones."""
    return not (version.isdigit() and than.isdigit()) or int(version) > int(than)


def read_counters(text: object) -> dict[str, Remembered]:
    """What an annotation remembers of checks; what is malformed is forgotten."""
    try:
        told = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    if not isinstance(told, dict) or len(told) > _MOST_CHECKS:
        return {}
    return {check: remembered for check, each in told.items() if (remembered := _remembered(each)) is not None}


def write_counters(counters: Mapping[str, Remembered]) -> str:
    """The annotation of counters, the same for equal ones."""
    told = {
        check: [
            _LETTERS[each.counters.verdict],
            each.counters.fails,
            each.counters.successes,
            each.generation,
        ]
        for check, each in sorted(counters.items())
    }
    return json.dumps(told, separators=(",", ":"))


def write_instant(at: float) -> str:
    """As Kubernetes' MicroTime."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _remembered(told: object) -> Remembered | None:
    match told:
        case [str(letter), int(fails), int(successes), int(generation)] if letter in _VERDICTS:
            if 0 <= fails <= MOST and 0 <= successes <= MOST:
                return Remembered(Counters(_VERDICTS[letter], fails, successes), generation)
    return None


def _instant(text: object) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp() if text else 0.0
    except (ValueError, OverflowError):
        return 0.0


def _number(text: object) -> float | None:
    try:
        number = float(str(text)) if text else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < 1e11 else None
