"""A lane: what one target of one alert is sent, one notification after another."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, assert_never

from shield_courier.core.alerts import Alert
from shield_courier.core.outcomes import Delivered, Failed, Outcome
from shield_courier.core.trying import (
    GiveUp,
    Rest,
    Send,
    Standing,
    Wait,
    after,
    at_once,
    joined,
    next_step,
    outdated,
    seconds_of,
    waiting,
)
from shield_courier.running.figures import Figures
from shield_courier.sending.delivering import Sender, kind_of
from shield_proxy.config.alerts.alert import Target
from shield_proxy.config.alerts.notification import Notification

FIRST_AT_ONCE, REPEATS_AT_ONCE = 64, 16
"""Attempts under way in all lanes. Those to targets of which the last one failed have places of their own, so that
however many hang, others find theirs free."""
SECONDS = 75.0
"""The most an attempt takes; what it is made of has shorter ones."""
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Shared:
    """What all lanes have together."""

    sender: Sender
    figures: Figures
    tell: Callable[[dict[str, Any]], None]
    """Takes the record of an attempt."""
    first: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FIRST_AT_ONCE))
    repeats: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(REPEATS_AT_ONCE))


class Lane:
    """Runs from run() on, until end() or its task is cancelled. `changed` is told when its standing is another."""

    def __init__(self, alert: Alert, target: Target, shared: Shared, changed: Callable[[], None]) -> None:
        self.alert, self.target = alert, target
        self.standing = Standing()
        self.busy_since: float | None = None
        """Monotonic seconds, of the attempt that is under way."""
        self._shared, self._changed = shared, changed
        self._news = asyncio.Event()
        self._ending = False
        self.update(alert, target)

    @property
    def waiting(self) -> int:
        """How many notifications it has yet to deliver."""
        return waiting(self.standing, self.alert.queue)

    def oldest(self, now: float) -> float:
        """Seconds since the first of them was decided; 0 where there is none."""
        queue, settled = self.alert.queue, self.standing.settled
        return max((now - seconds_of(each.time, now) for each in queue if each.id not in settled), default=0.0)

    def update(self, alert: Alert, target: Target) -> None:
        """What the API says by now. A target that was changed is tried at once."""
        if target != self.target:
            self.standing = at_once(self.standing)
        self.alert, self.target = alert, target
        status = next((each for each in alert.statuses if each.name == target.name), None)
        self.standing = joined(self.standing, status, alert.queue)
        self._news.set()

    def try_again(self) -> None:
        """Something has changed that may help."""
        if self.standing.trial is not None:
            self.standing = at_once(self.standing)
            self._news.set()

    def end(self) -> None:
        """run() returns once the attempt that is under way has an end."""
        self._ending = True
        self._news.set()

    async def run(self) -> None:
        """Delivers until end()."""
        while not self._ending:
            self._news.clear()
            step = next_step(self.standing, self.alert.queue, time.time())
            match step:
                case Rest():
                    await self._news.wait()
                case Wait(seconds):
                    try:
                        async with asyncio.timeout(seconds):
                            await self._news.wait()
                    except TimeoutError:
                        pass
                case GiveUp(notification):
                    self.standing = outdated(self.standing, notification, time.time())
                    self._told(notification, "given_up", "it is too old")
                    self._changed()
                case Send():
                    await self._send(step)
                case _:
                    assert_never(step)

    async def _send(self, send: Send) -> None:
        shared = self._shared
        async with shared.first if self.standing.last_error is None else shared.repeats:
            # It may have waited for its place for minutes, and by now be wanted no more, or elsewhere.
            if self._ending or next_step(self.standing, self.alert.queue, time.time()) != send:
                return
            alert, target = self.alert, self.target
            self.busy_since = time.monotonic()
            try:
                outcome = await self._attempt(alert, target, send)
            finally:
                took, self.busy_since = time.monotonic() - self.busy_since, None
        now = time.time()
        self.standing = after(self.standing, send, outcome, now, random.random())  # noqa: S311 - spreads load
        more: dict[str, Any] = {"attempt": send.attempt, "seconds": round(took, 3)}
        match outcome:
            case Delivered():
                delay = now - seconds_of(send.notification.time, now)
                shared.figures.delivered_after(delay)
                self._told(send.notification, "delivered", "", delay=round(delay, 1), **more)
            case Failed():
                settled = send.notification.id in self.standing.settled
                self._told(send.notification, "given_up" if settled else "failed", outcome.message, **more)
        self._changed()

    async def _attempt(self, alert: Alert, target: Target, send: Send) -> Outcome:
        try:
            async with asyncio.timeout(SECONDS):
                return await self._shared.sender.deliver(alert, target, send.notification, send.left)
        except TimeoutError:
            return Failed("no answer in time")
        except Exception as error:  # noqa: BLE001 - the shell of a target: its fault must not end the others
            # Nothing of its text: it may quote what was to be kept.
            self._shared.figures.faults += 1
            log.error("the attempt at %s of %s failed by %s at %s", target.name, alert.name, *_fault(error))
            return Failed(f"a fault of the courier: {type(error).__name__}")

    def _told(self, notification: Notification, outcome: str, error: str, **more: object) -> None:
        self._shared.figures.deliveries[kind_of(self.target), outcome] += 1
        record: dict[str, Any] = {
            "event": "delivery",
            "namespace": self.alert.namespace,
            "alert": self.alert.name,
            "target": self.target.name,
            "kind": kind_of(self.target),
            "notification": notification.id,
            "about": str(notification.event),
            "check": notification.check,
            "outcome": outcome,
            **more,
            "error": error,
        }
        self._shared.tell({name: value for name, value in record.items() if value not in (None, "")})


def _fault(error: BaseException) -> tuple[str, str]:
    """Its kind and the place of it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "an unknown place"
    return type(error).__name__, place
