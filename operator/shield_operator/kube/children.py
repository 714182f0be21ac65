"""Objects of plans made true: applied where they are not as they were applied last, pruned, statuses written.

One object that is refused does not hold up the others; what was refused is told at the end.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

from shield_operator.core.plan import Happening
from shield_operator.kube.api import Api, ApiError, Conflict
from shield_operator.kube.index import Index
from shield_operator.kube.kinds import SECRET, Kind, kind_of
from shield_operator.kube.record import Held
from shield_operator.kube.views import Key, fingerprint, trim

PARALLEL = 8
Body = Mapping[str, Any]
T = TypeVar("T")


class Refused(Exception):
    """Objects that the API server did not take; everything else of the plan is true."""


@dataclass(slots=True)
class Done:
    """What was changed for a plan."""

    writes: int = 0
    held: Held | None = None
    """The record that stands in the cluster."""
    refused: list[tuple[Body, ApiError]] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    """CronJobs of which a run was to begin, and the API server has answered."""
    told: bool = False
    """The plan's Events were published."""

    async def attempt(self, body: Body, write: Awaitable[dict[str, Any]]) -> dict[str, Any] | None:
        """What the write answers; None, and remembered, where it is refused."""
        try:
            return await write
        except ApiError as error:
            self.refused.append((body, error))
            return None

    def check(self) -> None:
        """Refused, if anything was."""
        if self.refused:
            raise Refused("; ".join(f"{body['kind']} {error.message}" for body, error in self.refused[:5]))


class Children:
    """Applies objects; remembers of each what it applied and how the object stood just after."""

    def __init__(self, api: Api, index: Index, concern: Callable[[frozenset[Key]], None]) -> None:
        """`concern` is told whose plan may change by a status that was written."""
        self._api = api
        self._index = index
        self._concern = concern
        self._applied: dict[Key, dict[tuple[str, str], tuple[str, str]]] = {}

    def forget(self, key: Key) -> None:
        """There is nothing of it any more."""
        self._applied.pop(key, None)

    async def apply(self, key: Key, bodies: Sequence[Body], done: Done) -> None:
        """They stand, but for those refused; several at once."""
        await side_by_side(bodies, lambda body: self._apply(key, body, done))

    async def _apply(self, key: Key, body: Body, done: Done) -> None:
        kind, metadata = kind_of(body), body["metadata"]
        applied = self._applied.setdefault(key, {})
        child, hashed = (kind.kind, metadata["name"]), digest(body)
        seen = self._index.get(kind, metadata["namespace"], metadata["name"])
        if seen is not None and applied.get(child) == (hashed, fingerprint(seen)):
            return
        after = await done.attempt(body, self._api.apply(kind, body))
        if after is None:
            return
        face = fingerprint(trim(kind, after))
        applied[child] = (hashed, face)
        done.writes += seen is None or fingerprint(seen) != face
        self._index.put(kind, after)

    async def prune(
        self, key: Key, keep: Collection[tuple[str, str]], done: Done, spared: Callable[[Body], bool] = lambda _: False
    ) -> None:
        """Children that are neither to be kept nor spared are gone, and with them their own."""
        for kind, body in list(self._index.owned(key)):
            metadata = body["metadata"]
            child = (kind.kind, metadata["name"])
            if child in keep or "deletionTimestamp" in metadata or spared(body):
                continue
            self._applied.get(key, {}).pop(child, None)
            # What the index holds has no kind where it came from a list: the API needs only its metadata.
            done.writes += await self._api.delete(kind, body)

    async def write_status(self, kind: Kind, namespace: str, name: str, status: Body, done: Done) -> None:
        """What the operator writes of the object's status is this, if it still stands."""
        seen = self._index.get(kind, namespace, name)
        if seen is None or seen.get("status") == status:
            return
        metadata = {"name": name, "namespace": namespace, "uid": seen["metadata"]["uid"]}
        body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "status": status}
        try:
            after = await self._api.apply(kind, body, "status")
        except ApiError as error:
            if error.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
                done.refused.append((body, error))
            return  # Gone, or another of its name: its own event brings it here.
        done.writes += 1
        # The watch brings the same version later, which then is no news.
        self._concern(self._index.put(kind, after))


async def side_by_side(items: Iterable[T], act: Callable[[T], Awaitable[None]]) -> None:
    """`act` is done for each, a few at a time. Raises the first error, after which no more are begun."""
    slots = asyncio.Semaphore(PARALLEL)

    async def one(item: T) -> None:
        async with slots:
            await act(item)

    try:
        async with asyncio.TaskGroup() as group:
            for item in items:
                group.create_task(one(item))
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None


def digest(body: Body) -> str:
    """A hash of what is applied."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def refusals(done: Done) -> Mapping[tuple[str, str], str]:
    """(kind, name) of each object that the API server refused for what is in it -> why. No Secret's: those are ours."""
    lasting = (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY)
    return {
        (body["kind"], body["metadata"]["name"]): error.message
        for body, error in done.refused
        if error.status in lasting and body["kind"] != SECRET.kind
    }


def complaints(refused: Iterable[tuple[Body, ApiError]]) -> list[Happening]:
    """An Event on the first owner of each object that was refused."""
    out = []
    for body, error in refused:
        if isinstance(error, Conflict):
            continue  # Somebody wrote at the same moment: the next reconcile mends it.
        owners = body["metadata"].get("ownerReferences") or ()
        for owner in owners[:1]:
            message = f"{body['kind']} {body['metadata']['name']} was refused: {error.message}"
            out.append(Happening(owner["kind"], owner["name"], owner["uid"], "Warning", "ApplyFailed", message))
    return out
