"""The operator in one screen: observe, plan, apply, for one fleet or the checks of one namespace at a time, as often as
something may have changed."""

import asyncio
import logging
import time

from shield_operator.core.planning import make_plan
from shield_operator.core.world import FleetKey
from shield_operator.kube.api import ApiError, Conflict, Unreachable
from shield_operator.kube.apply import Applier
from shield_operator.kube.certificates import InvalidAuthority
from shield_operator.kube.checks import Checks
from shield_operator.kube.children import Done, Refused, refusals
from shield_operator.kube.counters import Counters
from shield_operator.kube.kinds import CHECK
from shield_operator.kube.leadership import LeaseLost
from shield_operator.kube.observe import NotYet, Observer
from shield_operator.kube.progress import Progress
from shield_operator.kube.queue import Lap
from shield_operator.kube.views import Key

MOST_SECONDS = 60.0
"""Of one reconcile."""
RESYNC_SECONDS = 30.0
"""Everything is looked at again after this even if nothing happens."""
log = logging.getLogger(__name__)


class Loop:
    """Reconciles fleets, and health checks."""

    def __init__(
        self, observer: Observer, applier: Applier, checks: Checks, progress: Progress, counters: Counters
    ) -> None:
        self._observer = observer
        self._applier = applier
        self._checks = checks
        self._progress = progress
        self._counters = counters

    async def reconcile(self, key: Key, done: Done) -> float:
        """All is as it is wanted. Returns the seconds after which to look again; raises what went wrong."""
        if not isinstance(key, FleetKey):
            return min(RESYNC_SECONDS, await self._checks.reconcile(key, done))
        seen = await self._observer.observe(key)
        plan = make_plan(seen.world)
        try:
            await self._applier.apply(key, seen, plan, done)
        except Refused:
            # All the rest is true, and what is waited for must not wait for ever.
            self._observer.remember(key, plan.memory, refusals(done))
            raise
        if plan.secrets is not None:
            self._observer.remember(key, plan.memory, {})
        else:
            self._observer.forget(key)
        return min(RESYNC_SECONDS, plan.again_after)

    async def lap(self, key: Key) -> Lap:
        """One reconcile with its line in the log. Only LeaseLost comes through."""
        began, done = time.monotonic(), Done()
        outcome, reason, lap = "ok", "", Lap(failed=True)
        try:
            async with asyncio.timeout(MOST_SECONDS):
                lap = Lap(again_after=await self.reconcile(key, done))
        except Conflict as error:
            outcome, reason = "conflict", str(error)
        except (ApiError, Unreachable, Refused, NotYet, InvalidAuthority) as error:
            outcome, reason = "error", f"{type(error).__name__}: {error}"
        except TimeoutError:
            outcome, reason = "timeout", f"took longer than {MOST_SECONDS:.0f} s"
        except LeaseLost:
            raise
        except Exception as error:
            # A fault of this program, met with one of many: the others must not wait for its mending.
            log.exception("reconcile of %s failed", name_of(key))
            outcome, reason = "fault", repr(error)
        self._note(key, began, outcome, reason, done)
        return lap

    def _note(self, key: Key, began: float, outcome: str, reason: str, done: Done) -> None:
        seconds = time.monotonic() - began
        self._progress.mark("reconcile")
        self._counters.reconciled(outcome, seconds, done.writes, time.time())
        fields = {
            "key": name_of(key),
            "outcome": outcome,
            "seconds": round(seconds, 3),
            "changed": done.writes,
            "generation": done.held.record.generation if done.held is not None else None,
        }
        if reason:
            fields["reason"] = reason
        # A look that changed nothing is worth a line only to somebody who asks for it.
        level = logging.WARNING if outcome != "ok" else logging.INFO if done.writes else logging.DEBUG
        log.log(level, "reconciled", extra={"fields": fields})


def name_of(key: Key) -> str:
    """NAMESPACE/FLEET, or NAMESPACE/healthchecks."""
    return f"{key.namespace}/{key.name if isinstance(key, FleetKey) else CHECK.plural}"
