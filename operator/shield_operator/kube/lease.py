"""The leader's Lease: taken, renewed, raised and given back. Every write is conditional on the version seen."""

import asyncio
import datetime
import logging
import time
from typing import Any

from shield_operator.kube.api import Api, ApiError, Conflict, Denied, Unreachable
from shield_operator.kube.kinds import LEASE
from shield_operator.kube.leadership import LEASE_SECONDS, RENEW_SECONDS, Leadership, LeaseLost, Sighting, sight
from shield_operator.kube.progress import Progress

NAME = "shield-operator"
log = logging.getLogger(__name__)


class LeaseKeeper:
    """Holds the Lease of one namespace for one process, whose name is unique among all that ever ran."""

    def __init__(self, api: Api, namespace: str, identity: str, leadership: Leadership, progress: Progress) -> None:
        self._api = api
        self._namespace = namespace
        self._identity = identity
        self._leadership = leadership
        self._progress = progress
        self._lease: dict[str, Any] = {}
        """As the last write of this process left it."""
        self._mine = False
        self._sent: float | None = None
        """Monotonic seconds at which the last renewal was sent that succeeded: the right to write counts from there."""
        self._lock = asyncio.Lock()

    async def acquire(self) -> None:
        """Waits until the Lease is this process'; the transition count is then higher than it ever was. Nothing of this
        process writes meanwhile: whoever wrote under the Lease before has ended."""
        last: Sighting | None = None
        while True:
            self._progress.mark("lease")
            try:
                found = await self._api.read(LEASE, self._namespace, NAME)
                now = time.monotonic()
                if found is None:
                    await self._claim(None, 1)
                    return
                last = sight(found, last, now)
                if last.free(now) or self._left_behind(last, now):
                    await self._claim(last.version, last.transitions + 1)
                    return
            except Conflict:
                pass
            except Denied as error:
                log.error("no right to use Leases in namespace %s: %s", self._namespace, error)
            except (ApiError, Unreachable) as error:
                log.warning("the Lease can't be read or written: %s", error)
            await asyncio.sleep(RENEW_SECONDS)

    async def renew_until_lost(self) -> None:
        """Renews while it can; raises LeaseLost once the deadline has passed or somebody else holds the Lease."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            self._progress.mark("lease")
            if not self._leadership.held:
                self._mine = False
            self._leadership.check()
            try:
                await self._renew_or_look_again()
            except (ApiError, Unreachable) as error:
                log.warning("the Lease was not renewed: %s", error)

    async def raise_above(self, transitions: int) -> None:
        """Afterwards this leader's count is higher than `transitions`, which somebody wrote under a Lease now gone."""
        async with self._lock:
            self._leadership.check()
            if self._leadership.transitions <= transitions:
                await self._renew(transitions + 1)
                log.warning("a record was written under Lease count %d; this leader's is now higher", transitions)

    async def release(self) -> None:
        """Writes no more, and lets another take the Lease at once. Does nothing where it is not this process'."""
        self._leadership.end()
        if not self._mine:
            return
        self._mine = False
        self._lease["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now()}
        try:
            async with self._lock:
                await self._api.replace(LEASE, self._lease)
        except (ApiError, Unreachable) as error:
            log.warning("the Lease was not released: %s", error)

    def _left_behind(self, seen: Sighting, now: float) -> bool:
        """Whether the Lease is still this process' own, of a term that has ended with all that it sent.

        Nobody else leads by this name, so there is no renewal to wait for. What was written in that term set out less
        than WRITE_SECONDS after its last renewal and arrives before LEASE_SECONDS, as for any other leader. Renewals
        without an answer may arrive later: they, and what another operator writes, meet a version that is gone.
        """
        return seen.holder == self._identity and (self._sent is None or now - self._sent >= LEASE_SECONDS)

    async def _claim(self, version: str | None, transitions: int) -> None:
        metadata: dict[str, Any] = {"name": NAME, "namespace": self._namespace}
        if version is not None:
            metadata["resourceVersion"] = version
        self._lease = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": metadata, "spec": {}}
        self._lease["spec"]["acquireTime"] = _now()
        async with self._lock:
            await self._renew(transitions)
        log.info("this operator (%s) leads, Lease count %d", self._identity, transitions)

    async def _renew(self, transitions: int) -> None:
        sent = time.monotonic()
        self._lease["spec"] |= {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": LEASE_SECONDS,
            "leaseTransitions": transitions,
            "renewTime": _now(),
        }
        write = self._api.replace if "resourceVersion" in self._lease["metadata"] else self._api.create
        self._lease = await write(LEASE, self._lease)
        self._mine = True
        self._sent = sent
        self._leadership.extend(sent, transitions)

    async def _renew_or_look_again(self) -> None:
        try:
            async with self._lock:
                await self._renew(self._leadership.transitions)
            return
        except Conflict:
            pass
        found = await self._api.read(LEASE, self._namespace, NAME)
        if found is None or found["spec"].get("holderIdentity") != self._identity:
            self._mine = False
            self._leadership.end()
            raise LeaseLost("the Lease is held by another, or gone")
        self._lease = found


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
