"""Makes a plan true: Secrets, record, objects, prune, pushes, statuses, Events, in this order, each once.

One object that is refused does not hold up the others; what was refused is told at the end.
"""

import asyncio
import hashlib
import itertools
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from shield_operator.core import naming
from shield_operator.core.plan import Happening, Plan
from shield_operator.core.world import FleetKey
from shield_operator.kube.api import Api, ApiError, Conflict
from shield_operator.kube.collect import Collector
from shield_operator.kube.events import Publisher
from shield_operator.kube.index import Index
from shield_operator.kube.kinds import CONFIG_MAP, DEPLOYMENT, FLEET, SECRET, ZONE, Kind, kind_of
from shield_operator.kube.observe import Observed
from shield_operator.kube.record import Held, RecordStore, chunks_of, encode
from shield_operator.kube.secrets import SecretKeeper
from shield_operator.kube.views import fingerprint
from shield_proxy.config.state import FleetState

PARALLEL = 8
SECRET_SECONDS = 30.0
"""Copies of Secrets can't be looked at: they are applied again after this."""
Body = Mapping[str, Any]


class Refused(Exception):
    """Objects that the API server did not take; everything else of the plan is true."""


@dataclass(slots=True)
class Done:
    """What was changed for a plan."""

    writes: int = 0
    held: Held | None = None
    """The record that stands in the cluster."""
    refused: list[tuple[Body, ApiError]] = field(default_factory=list)


class Applier:
    """Applies plans; remembers of each object what it applied and how the object stood just after."""

    def __init__(
        self,
        api: Api,
        index: Index,
        keeper: SecretKeeper,
        store: RecordStore,
        collector: Collector,
        publisher: Publisher,
    ) -> None:
        self._api = api
        self._index = index
        self._keeper = keeper
        self._store = store
        self._collector = collector
        self._publisher = publisher
        self._applied: dict[FleetKey, dict[tuple[str, str], tuple[str, str]]] = {}
        self._copied: dict[FleetKey, dict[str, tuple[str, float]]] = {}

    async def apply(self, key: FleetKey, seen: Observed, plan: Plan, done: Done) -> None:
        """The plan is true afterwards, but for what pods do by themselves; `done` says what was changed for it.

        Conflict: look again. Refused: true in part.
        """
        done.held = seen.stored
        await self._secrets(key, plan, done)
        await self._record(key, seen, plan, done)
        for _, group in itertools.groupby(plan.objects, key=lambda body: str(body["kind"])):
            await self._objects(key, list(group), done)
        for body in adoptions(plan, key, self._index):
            await self._adopt(body, done)
        await self._prune(key, plan, done)
        self._collector.expect(key, done.held, _unmeasured(done.held))
        await self._statuses(key, plan, done)
        await self._publisher.publish(key.namespace, [*plan.happenings, *_complaints(done.refused)])
        if done.refused:
            raise Refused("; ".join(f"{body['kind']} {error.message}" for body, error in done.refused[:5]))

    async def _secrets(self, key: FleetKey, plan: Plan, done: Done) -> None:
        if plan.secrets is None:
            done.writes += await self._keeper.forget(key)
            self._applied.pop(key, None)
            self._copied.pop(key, None)
            return
        copied = self._copied.setdefault(key, {})
        now = time.monotonic()
        for body in await self._keeper.copies(key, plan.secrets, now):
            name, digest = body["metadata"]["name"], _digest(body)
            before = copied.get(name)
            if before is not None and before[0] == digest and now - before[1] < SECRET_SECONDS:
                continue
            if await self._try(body, self._api.apply(SECRET, body), done) is not None:
                done.writes += before is None or before[0] != digest
                copied[name] = (digest, now)

    async def _record(self, key: FleetKey, seen: Observed, plan: Plan, done: Done) -> None:
        """Written where it differs from what stands in the cluster, also where that is lost or older than the pods'."""
        state, schema = plan.state, plan.schema
        if plan.secrets is None:
            done.held = None
            return
        if state is None and seen.world.record is not None and seen.world.record.state is not None:
            # The plan leaves the record alone: it stands, is brought back, or only gets other owners.
            state, schema = seen.world.record.state, seen.world.record.schema
        if state is None:
            return
        stored = seen.stored
        same = stored is not None and stored.record.state == state and stored.record.schema == schema
        held = stored if same else encoded(state, schema, plan, done)
        if held is None:
            return  # Pods keep what they have; the zones that wait for more say so, and an Event says why.
        done.held = held
        labels = {**plan.secrets.labels, naming.LABEL_COMPONENT: "state"}
        done.writes += await self._store.write(key, plan.record_objects, done.held, plan.secrets.owners, labels)

    async def _objects(self, key: FleetKey, bodies: Sequence[Body], done: Done) -> None:
        slots = asyncio.Semaphore(PARALLEL)

        async def apply(body: Body) -> None:
            async with slots:
                await self._object(key, body, done)

        try:
            async with asyncio.TaskGroup() as group:
                for body in bodies:
                    group.create_task(apply(body))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None

    async def _object(self, key: FleetKey, body: Body, done: Done) -> None:
        kind, metadata = kind_of(body), body["metadata"]
        applied = self._applied.setdefault(key, {})
        child, digest = (kind.kind, metadata["name"]), _digest(body)
        seen = self._index.get(kind, metadata["namespace"], metadata["name"])
        if seen is not None and applied.get(child) == (digest, fingerprint(seen)):
            return
        after = await self._try(body, self._api.apply(kind, body), done)
        if after is None:
            return
        applied[child] = (digest, fingerprint(after))
        done.writes += seen is None or fingerprint(seen) != fingerprint(after)
        self._index.put(kind, after)

    async def _adopt(self, body: Body, done: Done) -> None:
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        after = await self._try(body, self._api.merge(DEPLOYMENT, namespace, name, body), done)
        if after is not None:
            self._index.put(DEPLOYMENT, after)
            done.writes += 1

    async def _prune(self, key: FleetKey, plan: Plan, done: Done) -> None:
        """Children that are neither applied nor held back; children go with their own children."""
        chunks = plan.record_objects[: chunks_of(done.held)] if done.held is not None else ()
        keep = (plan.keep - {(CONFIG_MAP.kind, name) for name in plan.record_objects}) | {
            (CONFIG_MAP.kind, name) for name in chunks
        }
        for kind, body in list(self._index.owned(key)):
            metadata = body["metadata"]
            child = (kind.kind, metadata["name"])
            if child in keep or "deletionTimestamp" in metadata or self._taken_over(body):
                continue
            self._applied.get(key, {}).pop(child, None)
            # What the index holds has no kind where it came from a list: the API needs only its metadata.
            done.writes += await self._api.delete(kind, body)

    def _taken_over(self, body: Body) -> bool:
        """Whether it is the edge Service of a zone that still exists: the zone's new fleet changes its labels."""
        metadata = body["metadata"]
        zone = metadata["labels"].get(naming.LABEL_ZONE)
        return zone is not None and self._index.get(ZONE, metadata["namespace"], zone) is not None

    async def _statuses(self, key: FleetKey, plan: Plan, done: Done) -> None:
        for name, status in sorted(plan.statuses.items()):
            await self._status(ZONE, key, name, status, done)
        if plan.fleet_status is not None:
            await self._status(FLEET, key, key.name, plan.fleet_status, done)

    async def _status(self, kind: Kind, key: FleetKey, name: str, status: Body, done: Done) -> None:
        seen = self._index.get(kind, key.namespace, name)
        if seen is None or seen.get("status") == status:
            return
        metadata = {"name": name, "namespace": key.namespace, "uid": seen["metadata"]["uid"]}
        body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "status": status}
        try:
            after = await self._api.apply(kind, body, "status")
        except ApiError as error:
            if error.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
                done.refused.append((body, error))
            return  # Gone, or another of its name: its own event brings it here.
        done.writes += 1
        self._index.put(kind, after)

    async def _try(self, body: Body, write: Any, done: Done) -> dict[str, Any] | None:
        try:
            after: dict[str, Any] = await write
        except ApiError as error:
            done.refused.append((body, error))
            return None
        return after


def adoptions(plan: Plan, key: FleetKey, index: Index) -> list[Body]:
    """A patch for each Deployment held back that lacks an owner of the plan: the owners it has, and those."""
    out: list[Body] = []
    wanted = plan.secrets.owners if plan.secrets is not None else ()
    for name in plan.held:
        seen = index.get(DEPLOYMENT, key.namespace, name)
        if seen is None:
            continue
        owners = list(seen["metadata"].get("ownerReferences") or ())
        known = {owner["uid"] for owner in owners}
        missing = [dict(owner) for owner in wanted if owner["uid"] not in known]
        if missing:
            metadata: dict[str, Any] = {"name": name, "namespace": key.namespace, "uid": seen["metadata"]["uid"]}
            metadata["ownerReferences"] = owners + missing
            out.append({"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "metadata": metadata})
    return out


def refusals(done: Done) -> Mapping[tuple[str, str], str]:
    """(kind, name) of each object that the API server refused for what is in it -> why. No Secret's: those are ours."""
    lasting = (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY)
    return {
        (body["kind"], body["metadata"]["name"]): error.message
        for body, error in done.refused
        if error.status in lasting and body["kind"] != SECRET.kind
    }


def encoded(state: FleetState, schema: int, plan: Plan, done: Done) -> Held | None:
    """The record; None where it outgrows its ConfigMaps, which counts as their refusal."""
    try:
        return encode(state, schema)
    except ValueError as error:
        metadata = {"name": plan.record_objects[0], "ownerReferences": plan.secrets.owners if plan.secrets else ()}
        refusal = ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error))
        done.refused.append(({"kind": CONFIG_MAP.kind, "metadata": metadata}, refusal))
        return None


def _unmeasured(held: Held | None) -> bool:
    """Whether a backend of the record has no upper tier yet, for want of a measurement."""
    state = held.record.state if held is not None else None
    return state is not None and any(not zone.uppers.get(o.name) for zone in state.zones for o in zone.origins)


def _complaints(refused: Iterable[tuple[Body, ApiError]]) -> list[Happening]:
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


def _digest(body: Body) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
