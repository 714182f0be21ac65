"""Makes a fleet's plan true: Secrets, record, objects, prune, pushes, statuses, Events, in this order, each once."""

import itertools
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from shield_operator.core import naming
from shield_operator.core.plan import Plan
from shield_operator.core.world import FleetKey
from shield_operator.kube.api import Api, ApiError
from shield_operator.kube.children import Children, Done, complaints, digest
from shield_operator.kube.collect import Collector
from shield_operator.kube.events import Publisher
from shield_operator.kube.index import Index
from shield_operator.kube.kinds import CONFIG_MAP, DEPLOYMENT, FLEET, SECRET, ZONE
from shield_operator.kube.observe import Observed
from shield_operator.kube.record import Held, RecordStore, chunks_of, encode
from shield_operator.kube.secrets import SecretKeeper
from shield_proxy.config.state import FleetState

SECRET_SECONDS = 30.0
"""Copies of Secrets can't be looked at: they are applied again after this."""
Body = Mapping[str, Any]


class Applier:
    """Applies plans of fleets."""

    def __init__(
        self,
        api: Api,
        index: Index,
        children: Children,
        keeper: SecretKeeper,
        store: RecordStore,
        collector: Collector,
        publisher: Publisher,
    ) -> None:
        self._api = api
        self._index = index
        self._children = children
        self._keeper = keeper
        self._store = store
        self._collector = collector
        self._publisher = publisher
        self._copied: dict[FleetKey, dict[str, tuple[str, float]]] = {}

    async def apply(self, key: FleetKey, seen: Observed, plan: Plan, done: Done) -> None:
        """The plan is true afterwards, but for what pods do by themselves; `done` says what was changed for it.

        Conflict: look again. Refused: true in part.
        """
        done.held = seen.stored
        await self._secrets(key, plan, done)
        await self._record(key, seen, plan, done)
        for _, group in itertools.groupby(plan.objects, key=lambda body: str(body["kind"])):
            await self._children.apply(key, list(group), done)
        for body in adoptions(plan, key, self._index):
            await self._adopt(body, done)
        await self._prune(key, plan, done)
        self._collector.expect(key, done.held, _unmeasured(done.held))
        await self._statuses(key, plan, done)
        await self._publisher.publish(key.namespace, [*plan.happenings, *complaints(done.refused)])
        done.check()

    async def _secrets(self, key: FleetKey, plan: Plan, done: Done) -> None:
        if plan.secrets is None:
            done.writes += await self._keeper.forget(key)
            self._children.forget(key)
            self._copied.pop(key, None)
            return
        copied = self._copied.setdefault(key, {})
        now = time.monotonic()
        for body in await self._keeper.copies(key, plan.secrets, now):
            name, hashed = body["metadata"]["name"], digest(body)
            before = copied.get(name)
            if before is not None and before[0] == hashed and now - before[1] < SECRET_SECONDS:
                continue
            if await done.attempt(body, self._api.apply(SECRET, body)) is not None:
                done.writes += before is None or before[0] != hashed
                copied[name] = (hashed, now)

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

    async def _adopt(self, body: Body, done: Done) -> None:
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        after = await done.attempt(body, self._api.merge(DEPLOYMENT, namespace, name, body))
        if after is not None:
            self._index.put(DEPLOYMENT, after)
            done.writes += 1

    async def _prune(self, key: FleetKey, plan: Plan, done: Done) -> None:
        """Children that are neither applied nor held back; children go with their own children."""
        chunks = plan.record_objects[: chunks_of(done.held)] if done.held is not None else ()
        keep = (plan.keep - {(CONFIG_MAP.kind, name) for name in plan.record_objects}) | {
            (CONFIG_MAP.kind, name) for name in chunks
        }
        await self._children.prune(key, keep, done, self._taken_over)

    def _taken_over(self, body: Body) -> bool:
        """Whether it is the edge Service of a zone that still exists: the zone's new fleet changes its labels."""
        metadata = body["metadata"]
        zone = metadata["labels"].get(naming.LABEL_ZONE)
        return zone is not None and self._index.get(ZONE, metadata["namespace"], zone) is not None

    async def _statuses(self, key: FleetKey, plan: Plan, done: Done) -> None:
        for name, status in sorted(plan.statuses.items()):
            await self._children.write_status(ZONE, key.namespace, name, status, done)
        if plan.fleet_status is not None:
            await self._children.write_status(FLEET, key.namespace, key.name, plan.fleet_status, done)


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
