"""What a target is sent next, and when: a pure function of what is queued, what has been tried, and the time.

In order of the queue: what comes later waits for what came before, so that nobody hears of an end before its start.
All times are seconds since the epoch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from shield_courier.core.outcomes import Delivered, Failed, Outcome
from shield_proxy.config.alerts.contract import KEEP_SECONDS, MOST_TEXT
from shield_proxy.config.alerts.notification import Delivery, DeliveryError, Notification, TargetStatus

LEAST_PAUSE, MOST_PAUSE = 1.0, 300.0
"""Seconds between two attempts, twice as many after each that failed; jitter takes away up to a half."""
PERMANENT_SECONDS = 300.0
"""What hardly helps to be repeated is, for so long: much is mended in minutes."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Attempts at one notification, of which the last failed."""

    notification: str
    attempts: int
    refused_since: float | None
    """The first of the permanent failures that came in a row; None where the last was none."""
    due: float
    row: int
    """Of the attempts, those since something changed that may have helped."""
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a target is."""

    settled: frozenset[str] = frozenset()
    """Ids of notifications that are done with."""
    trial: Trial | None = None
    last_delivery: Delivery | None = None
    last_error: DeliveryError | None = None
    given_up: frozenset[str] = frozenset()
    """Of the settled ones, those that were not delivered."""


@dataclass(frozen=True, slots=True)
class Send:
    """Now."""

    notification: Notification
    attempt: int
    """The first is 1."""
    left: tuple[str, ...]
    """Whom it is to go to, where others have it already."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is to be sent for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nobody wants it any more."""

    notification: Notification


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing is queued."""


Step = Send | Wait | GiveUp | Rest


def next_step(standing: Standing, queue: Sequence[Notification], now: float) -> Step:
    """What is to happen to the first of the queue that is not settled."""
    head = next((each for each in queue if each.id not in standing.settled), None)
    if head is None:
        return Rest()
    if now - seconds_of(head.time, now) >= KEEP_SECONDS:
        return GiveUp(head)
    trial = standing.trial
    if trial is None or trial.notification != head.id:
        return Send(head, 1, ())
    # A clock that was set back must not make anybody wait for longer than a pause.
    if 0.0 < trial.due - now < MOST_PAUSE + 1.0:
        return Wait(trial.due - now)
    return Send(head, trial.attempts + 1, trial.left)


def after(standing: Standing, sent: Send, outcome: Outcome, now: float, jitter: float) -> Standing:
    """How far the target is after an attempt. `jitter`: in [0, 1), of a uniform distribution."""
    id_ = sent.notification.id
    match outcome:
        case Delivered():
            delivery = Delivery(stamp(now), id_, sent.notification.check, str(sent.notification.event))
            settled = standing.settled | {id_}
            return replace(standing, settled=settled, trial=None, last_delivery=delivery, last_error=None)
        case Failed():
            former = standing.trial if standing.trial is not None and standing.trial.notification == id_ else None
            since = former.refused_since if former is not None else None
            refused = (now if since is None else since) if outcome.permanent else None
            error = DeliveryError(stamp(now), id_, outcome.message[:MOST_TEXT], sent.attempt)
            if refused is not None and now - refused >= PERMANENT_SECONDS:
                return _given_up(standing, error)
            row = 1 if former is None else former.row + 1
            pause = min(MOST_PAUSE, max(pause_after(row, jitter), outcome.retry_after))
            trial = Trial(id_, sent.attempt, refused, now + pause, row, outcome.left)
            return replace(standing, trial=trial, last_error=error)


def outdated(standing: Standing, notification: Notification, now: float) -> Standing:
    """How far the target is once a notification that is too old was given up."""
    error = standing.last_error
    if error is None or error.notification != notification.id:
        error = DeliveryError(stamp(now), notification.id, "it was not tried in time", 0)
    return _given_up(standing, replace(error, time=stamp(now)))


def _given_up(standing: Standing, error: DeliveryError) -> Standing:
    tries = "1 attempt" if error.attempts == 1 else f"{error.attempts} attempts"
    message = f"given up after {tries}: {error.message}"[:MOST_TEXT]
    return replace(
        standing,
        settled=standing.settled | {error.notification},
        given_up=standing.given_up | {error.notification},
        trial=None,
        last_error=replace(error, message=message),
    )


def at_once(standing: Standing) -> Standing:
    """The next attempt is due: something has changed that may help."""
    if standing.trial is None:
        return standing
    return replace(standing, trial=replace(standing.trial, refused_since=None, due=0.0, row=0))


def pause_after(failures: int, jitter: float) -> float:
    """Seconds until the next attempt after so many in a row failed."""
    return min(MOST_PAUSE, LEAST_PAUSE * 2.0 ** min(failures - 1, 16)) * (1.0 - jitter / 2)


def joined(standing: Standing, status: TargetStatus | None, queue: Sequence[Notification]) -> Standing:
    """With what the API knows of the target, and without what is no longer queued."""
    queued = {each.id for each in queue}
    if status is not None:
        standing = Standing(
            standing.settled | frozenset(status.settled),
            standing.trial,
            standing.last_delivery or status.last_delivery,
            standing.last_error or (status.last_error if standing.last_delivery is None else None),
            standing.given_up | frozenset(status.given_up),
        )
    trial = standing.trial
    if trial is not None and (trial.notification not in queued or trial.notification in standing.settled):
        trial = None
    settled = standing.settled & queued
    return replace(standing, settled=settled, given_up=standing.given_up & settled, trial=trial)


def status_of(name: str, standing: Standing, queue: Sequence[Notification]) -> TargetStatus:
    """The entry of status.targets."""
    settled = tuple(each.id for each in queue if each.id in standing.settled)
    given_up = tuple(id_ for id_ in settled if id_ in standing.given_up)
    return TargetStatus(name, settled, standing.last_delivery, standing.last_error, given_up)


def told(statuses: Sequence[TargetStatus]) -> tuple[TargetStatus, ...]:
    """The entries that say something."""
    return tuple(each for each in statuses if each.settled or each.last_delivery or each.last_error)


def waiting(standing: Standing, queue: Sequence[Notification]) -> int:
    """How many notifications the target has yet to get."""
    return sum(each.id not in standing.settled for each in queue)


def seconds_of(text: str, otherwise: float) -> float:
    """Seconds since the epoch of a time of RFC 3339."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return otherwise


def stamp(seconds: float) -> str:
    """RFC 3339, to the second, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
