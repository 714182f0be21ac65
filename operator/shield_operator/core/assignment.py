"""Which data centre talks to a backend: the lowest connect time, with hysteresis. Values in, values out.

An incumbent stays until another data centre has been better by the margin for HOLD_SECONDS, or until it can't do the
work at all. The runner-up follows the same rules among the others, so that neither flaps.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from shield_operator.core.latency import Latencies
from shield_operator.core.world import Challenge

MARGIN_SECONDS = 0.005
MARGIN_SHARE = 0.2
HOLD_SECONDS = 30.0
PATIENCE_SECONDS = 15.0
"""How long a first assignment waits for the measurements of all data centres."""


class Reason(StrEnum):
    """Why a data centre is the upper tier."""

    MEASURED = "Measured"
    CLOSER = "Closer"
    VANISHED = "Vanished"
    UNREACHABLE = "Unreachable"
    SILENT = "Silent"
    NOT_MEASURED = "NotMeasured"


@dataclass(frozen=True, slots=True)
class Choice:
    """A data centre chosen, and why."""

    data_center: str
    reason: str
    """A Reason, or what an earlier version called it."""
    message: str
    seconds: float | None
    """Its connect time at the decision."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about the incumbent: `choice` None leaves it; `challenge` is to be remembered."""

    choice: Choice | None
    challenge: Challenge | None = None


def beats(challenger: float, incumbent: float) -> bool:
    """Whether a connect time (seconds) is lower by the margin: 5 ms or 20 %, whichever is more."""
    return incumbent - challenger >= max(MARGIN_SECONDS, MARGIN_SHARE * incumbent)


def first_choice(candidates: Collection[str], seen: Latencies, waited: float) -> Choice | None:
    """The first assignment of a backend, after `waited` seconds; None while it is better to wait for measurements."""
    times = _times(candidates, seen)
    complete = all(key in times and seen[key].enough for key in candidates)
    if not candidates or (waited < PATIENCE_SECONDS and not complete):
        return None
    if not times:
        key = min(candidates)
        why = f"no data centre could connect to the origin for {PATIENCE_SECONDS:.0f} s; the first in order is used"
        return Choice(key, Reason.NOT_MEASURED, f"{why}{_error(seen, key)}", None)
    key = _lowest(times)
    return Choice(
        key, Reason.MEASURED, f"connects in {_ms(times[key])}, the lowest of {len(times)} measured", times[key]
    )


def next_choice(
    incumbent: str,
    preferred: str | None,
    candidates: Collection[str],
    seen: Latencies,
    challenge: Challenge | None,
    now: float,
) -> Verdict:
    """Whether the incumbent stays. `preferred` (the runner-up) takes over from one that can't go on, unless beaten."""
    times = _times(candidates, seen)
    if incumbent not in candidates:
        key = _successor(preferred, candidates, times, seen)
        if key is None:
            return Verdict(None)
        return Verdict(
            Choice(
                key,
                Reason.VANISHED,
                f"{incumbent} is not available any more: no usable node, or outside the placement",
                times.get(key),
            )
        )
    if not times:
        return Verdict(None)
    if incumbent in seen and incumbent not in times:
        key = _successor(preferred, times, times, seen) or _lowest(times)
        why = f"{incumbent} can't connect to the origin{_error(seen, incumbent)}; {key} can, in {_ms(times[key])}"
        return Verdict(Choice(key, Reason.UNREACHABLE, why, times[key]))
    best = _lowest(times)
    better = sorted(key for key in times if incumbent not in times or beats(times[key], times[incumbent]))
    if not better:
        return Verdict(None)
    if challenge is None or challenge.data_center not in better:
        return Verdict(None, Challenge(best, now))
    if now - challenge.since < HOLD_SECONDS:
        return Verdict(None, challenge)
    if incumbent in times:
        why = f"{_ms(times[best])} against {_ms(times[incumbent])} of {incumbent}, for {HOLD_SECONDS:.0f} s"
        return Verdict(Choice(best, Reason.CLOSER, why, times[best]))
    why = f"no measurement from {incumbent} for {HOLD_SECONDS:.0f} s; {best} connects in {_ms(times[best])}"
    return Verdict(Choice(best, Reason.SILENT, why, times[best]))


def choose_runner_up(
    assigned: str,
    incumbent: str | None,
    candidates: Collection[str],
    seen: Latencies,
    challenge: Challenge | None,
    now: float,
) -> tuple[str | None, Challenge | None]:
    """The second best, and the challenge to remember. None where there is no second candidate."""
    others = frozenset(candidates) - {assigned}
    if not others:
        return None, None
    if incumbent is None or incumbent == assigned:
        return _successor(None, others, _times(others, seen), seen), None
    verdict = next_choice(incumbent, None, others, seen, challenge, now)
    return (verdict.choice.data_center if verdict.choice else incumbent), verdict.challenge


def confirmation(data_center: str, reason: str, candidates: Collection[str], seen: Latencies) -> Choice | None:
    """For one assigned unmeasured: the same again with its value, once it is measured and nobody beats it."""
    times = _times(candidates, seen)
    if reason != Reason.NOT_MEASURED or data_center not in times:
        return None
    if any(beats(seconds, times[data_center]) for seconds in times.values()):
        return None
    said = f"connects in {_ms(times[data_center])}, not beaten by any of {len(times)} measured"
    return Choice(data_center, Reason.MEASURED, said, times[data_center])


def _successor(
    preferred: str | None, candidates: Collection[str], times: Mapping[str, float], seen: Latencies
) -> str | None:
    """The preferred one if it can do the work and isn't beaten; else the lowest; else the first not known to fail."""
    if times:
        best = _lowest(times)
        return preferred if preferred and preferred in times and not beats(times[best], times[preferred]) else best
    if preferred in candidates:
        return preferred
    return min(candidates, key=lambda key: (key in seen, key), default=None)


def _times(candidates: Collection[str], seen: Latencies) -> dict[str, float]:
    return {key: at.seconds for key, at in seen.items() if key in candidates and at.seconds is not None}


def _lowest(times: Mapping[str, float]) -> str:
    return min(times, key=lambda key: (times[key], key))


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _error(seen: Latencies, key: str) -> str:
    error = seen[key].error if key in seen else None
    return f" ({error})" if error else ""
