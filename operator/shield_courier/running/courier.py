"""A courier: the alerts of a namespace, a lane for each of their targets, and what became of what was sent."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from shield_courier.core.alerts import Alert, read_alert
from shield_courier.core.trying import status_of
from shield_courier.running.figures import Figures, Standstill
from shield_courier.running.lane import SECONDS, Lane, Shared
from shield_courier.running.statuses import StatusWriter
from shield_courier.sending.delivering import Sender
from shield_proxy.config.alerts.contract import MOST_TARGETS, PLURAL
from shield_proxy.config.alerts.places import left_out
from shield_proxy.kube.api import Api, Collection
from shield_proxy.kube.follow import Follower

GROUP = "/apis/smartshield.io/v1alpha1"
BEAT_SECONDS = 1.0
"""Between two looks at whether a Secret has changed."""
LATE_SECONDS = 15.0
"""Without a look: something is stuck."""
FINISH_SECONDS, WRITE_SECONDS = 8.0, 4.0
"""What attempts that are under way get at the end, and then the statuses."""
log = logging.getLogger(__name__)


class Courier:
    """One run of it, until end()."""

    def __init__(self, namespace: str, api: Api, sender: Sender, tell: Callable[[dict[str, Any]], None]) -> None:
        self.figures = Figures()
        alerts = Collection(GROUP, namespace, PLURAL)
        self._sender = sender
        self._shared = Shared(sender, self.figures, tell)
        self._statuses = StatusWriter(api, alerts, self.figures)
        self._follower: Follower[Alert] = Follower(api, alerts, read_alert, self._take)
        self._alerts: dict[str, Alert] = {}
        self._lanes: dict[tuple[str, str], tuple[Lane, asyncio.Task[None]]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._ended = asyncio.Event()
        self._left_out: frozenset[str] = frozenset()
        self._listed = False
        self._beat = time.monotonic()

    def end(self) -> None:
        """run() returns soon."""
        self._ended.set()

    async def run(self) -> bool:
        """Delivers until end(); then whether everything was written."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            follower = group.create_task(self._follower.run())
            others = [group.create_task(self._statuses.run()), group.create_task(self._look())]
            await self._ended.wait()
            follower.cancel()
            lanes = list(self._lanes.values())
            for lane, _ in lanes:
                lane.end()
            if lanes:
                await asyncio.wait([task for _, task in lanes], timeout=FINISH_SECONDS)
            written = await self._statuses.drain(WRITE_SECONDS)
            for task in (*others, *(task for _, task in lanes)):
                task.cancel()
        return written

    def stuck(self) -> str:
        """Why this process should be started again; "" where it goes on."""
        now = time.monotonic()
        if now - self._beat > LATE_SECONDS:
            return f"nothing has happened for {now - self._beat:.0f} s"
        for lane, _ in self._lanes.values():
            if lane.busy_since is not None and now - lane.busy_since > SECONDS + LATE_SECONDS:
                return f"an attempt has not ended for {now - lane.busy_since:.0f} s"
        return ""

    def unready(self) -> str:
        """Why it can't do its work; "" where it can."""
        return "" if self._listed else "the alerts are not known yet"

    def standstill(self) -> Standstill:
        """What waits now."""
        lanes, now = [lane for lane, _ in self._lanes.values()], time.time()
        return Standstill(
            alerts=len(self._alerts),
            targets=len(lanes),
            waiting=sum(lane.waiting for lane in lanes),
            failing=sum(lane.standing.trial is not None for lane in lanes),
            oldest=max((lane.oldest(now) for lane in lanes), default=0.0),
        )

    def _take(self, view: Mapping[str, Alert]) -> None:
        self._listed = True
        alerts = self._with_room(view)
        news = [alert for uid, alert in alerts.items() if self._alerts.get(uid) is not alert]
        self._statuses.keep(set(alerts))
        wanted = {(alert.uid, target.name) for alert in alerts.values() for target in alert.targets}
        for gone in self._lanes.keys() - wanted:
            self._lanes.pop(gone)[1].cancel()
        former, self._alerts = self._alerts, alerts
        for alert in news:
            if alert.problem and getattr(former.get(alert.uid), "problem", "") != alert.problem:
                log.warning("nothing is delivered for %s: %s", alert.name, alert.problem)
            self._statuses.seen(alert.name, alert.uid, alert.statuses)
            for target in alert.targets:
                running = self._lanes.get((alert.uid, target.name))
                if running is not None:
                    running[0].update(alert, target)
                else:
                    self._open(Lane(alert, target, self._shared, lambda uid=alert.uid: self._say(uid)))  # type: ignore[misc]
            self._say(alert.uid)

    def _with_room(self, view: Mapping[str, Alert]) -> dict[str, Alert]:
        """By uid. Of those for which there is no room the operator tells their owners."""
        without = left_out(alert.place for alert in view.values())
        if without and not self._left_out:
            log.error("alerts have more than %d targets: nothing is delivered for the youngest", MOST_TARGETS)
        self._left_out = without
        return {alert.uid: alert for alert in view.values() if alert.uid not in without}

    def _open(self, lane: Lane) -> None:
        assert self._group is not None
        task = self._group.create_task(lane.run(), name=f"{lane.alert.name}/{lane.target.name}")
        self._lanes[lane.alert.uid, lane.target.name] = lane, task

    def _say(self, uid: str) -> None:
        alert = self._alerts.get(uid)
        if alert is None or not alert.targets:
            return
        running = [self._lanes.get((uid, target.name)) for target in alert.targets]
        self._statuses.say(
            uid,
            [status_of(each[0].target.name, each[0].standing, alert.queue) for each in running if each is not None],
        )

    async def _look(self) -> None:
        """Proves that this process goes on; where the kubelet has changed a Secret, what failed is tried again."""
        version = self._sender.secrets.version()
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            self._beat = time.monotonic()
            now = self._sender.secrets.version()
            if now != version:
                version = now
                for lane, _ in self._lanes.values():
                    lane.try_again()
