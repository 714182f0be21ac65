"""Probes each check at its slots, as far as the run owns them: many at once, each check's own one after another."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from shield_proxy.config.checks.check import Check
from shield_proxy.health.running.assigned import Assigned
from shield_proxy.health.running.due import PATIENCE, due, early
from shield_proxy.health.running.figures import Figures, Missed
from shield_proxy.health.running.lease import Remembered
from shield_proxy.health.sample import Sample, misconfigured
from shield_proxy.health.slots import last_slot, next_slot, slots_between

MOST_AT_ONCE = 100
"""Probes that run; more wait."""
LOOK = 1.0
"""Seconds after which the clock is looked at again, for it may have been set."""
CLOCK_SET = 60.0
"""Seconds that slots may be settled ahead of the clock; it was set back if they are further."""
log = logging.getLogger(__name__)

Probe = Callable[[Check, float], Awaitable[Sample]]


@dataclass(slots=True)
class _Turn:
    """A check and where its probes stand."""

    assigned: Assigned
    handled: float
    """Slots up to here are settled."""
    news: bool
    """It is new, or was changed: it need not wait long for its slot."""
    begun: float
    """When its last probe began, or may have."""
    task: asyncio.Task[None] | None = None
    why_missed: Missed = Missed.GAP
    """Of slots that are found to be missed at the next look; at the first, they came before the run owned any."""


class Rota:
    """Runs from run() on, until that is cancelled. `sampled` is told of each sample."""

    def __init__(
        self,
        probe: Probe,
        sampled: Callable[[Assigned, Sample], None],
        figures: Figures,
        wall: Callable[[], float],
    ) -> None:
        self._probe, self._sampled, self._figures, self._wall = probe, sampled, figures, wall
        self._turns: dict[str, _Turn] = {}
        self._known = False
        self._after, self._until = math.inf, -math.inf
        self._gap = (math.inf, math.inf)
        self._before: Mapping[str, Remembered] | None = None
        self._changed = asyncio.Event()
        self._permits = asyncio.Semaphore(MOST_AT_ONCE)

    def own(self, after: float, until: float) -> None:
        """The slots in (after, until] are this run's."""
        if (after, until) != (self._after, self._until):
            self._after, self._until = after, until
            self._changed.set()

    def gap(self, since: float, until: float) -> None:
        """Nobody, it seems, probed the slots of this time before the run's own."""
        self._gap = since, until
        for turn in self._turns.values():
            self._count_gap(turn.assigned)

    def settle(self, before: Mapping[str, Remembered]) -> None:
        """What the runs before have counted is known, and so which checks are new."""
        self._before = before
        for turn in self._turns.values():
            turn.news = turn.news or self._is_news(turn.assigned)
        self._changed.set()

    def assign(self, checks: Mapping[str, Assigned]) -> None:
        """From now on these are probed, by name, and no others."""
        now, wanted = self._wall(), {each.id: each for each in checks.values()}
        for gone in self._turns.keys() - wanted.keys():
            turn = self._turns.pop(gone)
            self._figures.forget(turn.assigned.name)
            if turn.task is not None:
                turn.task.cancel()
        for id_, assigned in wanted.items():
            turn_before = self._turns.get(id_)
            if turn_before is None:
                # Of checks that were there before this run, the slots since the run before are its own.
                handled = now if self._known else assigned.created
                self._turns[id_] = _Turn(assigned, handled, self._is_news(assigned), self._last_begun(assigned, now))
                self._count_gap(assigned)
            else:
                changed = assigned.generation != turn_before.assigned.generation
                turn_before.news = turn_before.news or changed
                turn_before.assigned = assigned
        self._known = True
        self._changed.set()

    def idle(self, now: float) -> bool:
        """Whether no probe runs, and no slot that this run owns is left."""
        return all(
            turn.task is None and (turn.assigned.suspended or turn.handled >= min(now, self._until))
            for turn in self._turns.values()
        )

    async def run(self) -> None:
        """Never returns; cancelled, it has ended its probes."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                now = self._wall()
                following = min((self._look(turn, now, group) for turn in self._turns.values()), default=math.inf)
                try:
                    async with asyncio.timeout(max(0.0, min(LOOK, following - self._wall()))):
                        await self._changed.wait()
                except TimeoutError:
                    pass

    def _look(self, turn: _Turn, now: float, group: asyncio.TaskGroup) -> float:
        """Begins what is due; when to look again."""
        assigned = turn.assigned
        if turn.task is not None or self._after > now:
            return math.inf if turn.task is not None else self._after
        if assigned.suspended:
            turn.handled = max(turn.handled, now)
            return math.inf
        if turn.handled > now + CLOCK_SET:
            turn.handled = now
        found = due(max(turn.handled, self._after), now, self._until, assigned.interval, assigned.phase)
        turn.handled = found.handled
        if found.missed:
            self._figures.missed[turn.why_missed] += found.missed
        turn.why_missed = Missed.LATE
        if found.slot is not None:
            self._figures.lateness = max(self._figures.lateness, now - found.slot)
            self._begin(turn, now, group)
            return math.inf
        told = turn.news and self._before is not None and now < self._until
        if told and early(now, turn.begun, assigned.interval, assigned.phase):
            self._begin(turn, now, group)
            return math.inf
        following = next_slot(turn.handled, assigned.interval, assigned.phase)
        return following if following <= self._until else math.inf

    def _begin(self, turn: _Turn, now: float, group: asyncio.TaskGroup) -> None:
        turn.news, turn.begun = False, now
        turn.task = group.create_task(self._turn(turn, turn.assigned), name=f"probe of {turn.assigned.name}")

    async def _turn(self, turn: _Turn, assigned: Assigned) -> None:
        try:
            async with self._permits:
                if assigned.check is None:
                    sample = misconfigured(self._wall(), assigned.problem)
                else:
                    sample = await self._probe(assigned.check, assigned.interval)
            self._figures.probed(assigned.name, sample)
            self._sampled(assigned, sample)
        except Exception:  # a fault in the probe of one check must not end those of others, nor accuse its origin
            self._figures.faults += 1
            log.exception("the probe of %s failed by a fault of the prober", assigned.name)
        finally:
            turn.task, turn.why_missed = None, Missed.OVERRUN
            self._changed.set()

    def _is_news(self, assigned: Assigned) -> bool:
        if self._before is None:
            return False
        before = self._before.get(assigned.id) or assigned.entry  # one of another shard has an entry
        return before is None or before.generation != assigned.generation

    def _last_begun(self, assigned: Assigned, now: float) -> float:
        """A check that was there before may have been probed by the run before at its last slot."""
        if assigned.created > now - PATIENCE:
            return -math.inf
        return last_slot(now, assigned.interval, assigned.phase)

    def _count_gap(self, assigned: Assigned) -> None:
        since, until = self._gap
        if since < until and not assigned.suspended:
            missed = slots_between(max(since, assigned.created), until, assigned.interval, assigned.phase)
            self._figures.missed[Missed.GAP] += missed
