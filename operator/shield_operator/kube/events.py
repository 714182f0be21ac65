"""Kubernetes Events: an equal one at most once in ten minutes, then with a higher count, and few for each object."""

import datetime
import hashlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from shield_operator.core.naming import API_VERSION, MANAGED_BY
from shield_operator.core.plan import Happening
from shield_operator.kube.api import Api, ApiError, Conflict, Unreachable
from shield_operator.kube.children import side_by_side
from shield_operator.kube.kinds import BY_NAME, EVENT

AGAIN_SECONDS = 600.0
MOST_PER_OBJECT = 25
"""Different Events on one object within AGAIN_SECONDS."""
MOST_REMEMBERED = 4000
PUBLISH_SECONDS = 2.0
"""For the Events of one reconcile."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Telling:
    """An Event to publish: new, or its `count`th time."""

    happening: Happening
    count: int


class Memory:
    """Which Events were published when. Knows no API."""

    def __init__(self) -> None:
        self._told: dict[Happening, tuple[float, int]] = {}

    def choose(self, happenings: Sequence[Happening], now: float) -> list[Telling]:
        """Those to publish now, remembered as published."""
        chosen = []
        lately = Counter(told.uid for told, (at, _) in self._told.items() if now - at < AGAIN_SECONDS)
        for happening in happenings:
            at, count = self._told.get(happening, (now - AGAIN_SECONDS, 0))
            if now - at < AGAIN_SECONDS or lately[happening.uid] >= MOST_PER_OBJECT:
                continue
            lately[happening.uid] += 1
            self._told.pop(happening, None)  # The newest stand last: the oldest are forgotten first.
            self._told[happening] = (now, count + 1)
            chosen.append(Telling(happening, count + 1))
        while len(self._told) > MOST_REMEMBERED:
            del self._told[next(iter(self._told))]
        return chosen


class Publisher:
    """Publishes Events; one that can't be published is logged, for nothing depends on it, and nothing waits long."""

    def __init__(self, api: Api, identity: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._identity = identity
        self._clock = clock
        self._memory = Memory()

    async def publish(self, namespace: str, happenings: Sequence[Happening]) -> None:
        """Tells of happenings on objects of a namespace: all at once, in PUBLISH_SECONDS or not at all. One that is
        being deleted takes no Events, which is not worth a word."""
        tellings = self._memory.choose(happenings, self._clock())
        late, until, ends = 0, self._clock() + PUBLISH_SECONDS, False

        async def one(telling: Telling) -> None:
            nonlocal late, ends
            if ends:
                return
            if self._clock() >= until:
                late += 1
                return
            body = event_body(namespace, telling, self._identity, datetime.datetime.now(datetime.UTC))
            try:
                await self._create_or_count(body)
            except (ApiError, Unreachable) as error:
                ends = ends or refused_for_its_end(error)
                if not ends:
                    log.warning("Event %s was not published: %s", telling.happening.reason, error)

        await side_by_side(tellings, one)
        if late:
            log.warning("%d Events of %s were not published in time", late, namespace)

    async def _create_or_count(self, body: dict[str, Any]) -> None:
        try:
            await self._api.create(EVENT, body)
        except Conflict:
            metadata = body["metadata"]
            patch = {"count": body["count"], "lastTimestamp": body["lastTimestamp"]}
            await self._api.merge(EVENT, metadata["namespace"], metadata["name"], patch)


def refused_for_its_end(error: Exception) -> bool:
    """Whether nothing can be made in a namespace because it is being deleted, or is gone."""
    if not isinstance(error, ApiError):
        return False
    ending = error.status == HTTPStatus.FORBIDDEN and error.message.endswith("because it is being terminated")
    return ending or (error.status == HTTPStatus.NOT_FOUND and "namespaces" in error.message)


def event_body(namespace: str, telling: Telling, identity: str, now: datetime.datetime) -> dict[str, Any]:
    """The Event; equal happenings have equal names."""
    it = telling.happening
    digest = hashlib.sha256("\0".join((it.kind, it.uid, it.type, it.reason, it.message)).encode()).hexdigest()[:16]
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.kind,
        "metadata": {"name": f"{it.name[:200]}.{digest}", "namespace": namespace},
        "involvedObject": {
            "apiVersion": BY_NAME[it.kind].api_version if it.kind in BY_NAME else API_VERSION,
            "kind": it.kind,
            "name": it.name,
            "namespace": namespace,
            "uid": it.uid,
        },
        "type": it.type,
        "reason": it.reason,
        "message": it.message[:1000],
        "source": {"component": MANAGED_BY},
        "reportingComponent": MANAGED_BY,
        "reportingInstance": identity[:128],
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": telling.count,
    }
