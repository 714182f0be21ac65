"""The upper tiers of a zone: what was assigned, what is assigned now, and in which order pods use it.

The assignment stands in the record (order of use) and in the zone's status (which of them is meant, since when, why).
A data centre comes first in the order of use only once its upper pods are there; the one before serves until then,
and stays at the end of the list until every lower pod knows that it is no longer first.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from shield_operator.core import acknowledged
from shield_operator.core.assignment import (
    Choice,
    Reason,
    choose_runner_up,
    confirmation,
    first_choice,
    next_choice,
)
from shield_operator.core.fleets import fleet_spec
from shield_operator.core.latency import Latencies
from shield_operator.core.places import Place
from shield_operator.core.world import Challenge, World, ZoneObject
from shield_proxy.config.contract import Tier
from shield_proxy.config.state import Zone


@dataclass(frozen=True, slots=True)
class Upper:
    """The upper tier of one backend."""

    backend: str
    data_center: str
    runner_up: str | None
    milliseconds: float | None
    """Connect time at the decision."""
    since: str
    reason: str
    message: str
    order: tuple[str, ...]
    """Data centres in the order pods use them; each has upper pods, or is getting them."""
    listed: tuple[str, ...] = ()
    """The order that pods have now."""

    @property
    def needed(self) -> frozenset[str]:
        """Data centres that need upper pods for it."""
        return frozenset((*self.order, *self.listed))

    @property
    def leading(self) -> frozenset[str]:
        """Those of them that carry its traffic, now or next."""
        return frozenset((self.data_center, *self.order[:1], *self.listed[:1]))


@dataclass(frozen=True, slots=True)
class Watch:
    """What of Memory belongs to one backend."""

    challenge: Challenge | None = None
    runner_up_challenge: Challenge | None = None
    unmeasured_since: float | None = None


def standing(zone: ZoneObject, backend: str, last: Zone | None) -> Upper | None:
    """The backend's assignment before this plan: by the record, detailed by the status; without a record by the
    status alone; None where there is none."""
    entry: Mapping[str, Any] = next(
        (e for e in zone.status.get("upperTiers") or () if isinstance(e, Mapping) and e.get("backend") == backend), {}
    )
    said = [key for key in (entry.get("dataCenter"), entry.get("runnerUp")) if isinstance(key, str)]
    listed = tuple(said) if last is None else tuple(last.uppers.get(backend, ()))
    if not listed:
        return None
    meant = entry.get("dataCenter") in listed
    data_center = entry["dataCenter"] if meant else listed[0]
    others = [key for key in listed if key != data_center]
    runner_up = entry.get("runnerUp")
    return Upper(
        backend=backend,
        data_center=data_center,
        runner_up=runner_up if runner_up in others else next(iter(others), None),
        milliseconds=entry.get("latencyMilliseconds") if meant else None,
        since=str(entry.get("since", "")) if meant else "",
        reason=str(entry.get("reason", Reason.MEASURED)) if meant else Reason.MEASURED,
        message=str(entry.get("message", "")) if meant else "taken over from the zone state",
        order=listed,
        listed=() if last is None else listed,
    )


def assign(
    zone: ZoneObject,
    backend: str,
    last: Zone | None,
    candidates: Collection[str],
    seen: Latencies,
    watch: Watch,
    places: Mapping[str, Place],
    world: World,
) -> tuple[Upper | None, Watch]:
    """The backend's assignment after this plan, and what to remember; None while it waits for measurements."""
    before = standing(zone, backend, last)
    if before is None:
        measurable = any(acknowledged.ready_pods(world, Tier.LOWER, key) for key in candidates)
        since = watch.unmeasured_since if watch.unmeasured_since is not None else world.now if measurable else None
        choice = first_choice(candidates, seen, 0.0 if since is None else world.now - since)
        if choice is None:
            return None, Watch(unmeasured_since=since)
        return _entered(backend, choice, None, candidates, seen, Watch(), places, last, world)
    verdict = next_choice(before.data_center, before.runner_up, candidates, seen, watch.challenge, world.now)
    kept = Watch(verdict.challenge, watch.runner_up_challenge)
    choice = verdict.choice or confirmation(before.data_center, before.reason, candidates, seen)
    if choice is None and before.data_center not in places:
        return None, kept
    if choice is None:
        choice = Choice(before.data_center, before.reason, before.message, None)
        return _entered(backend, choice, before, candidates, seen, kept, places, last, world, stays=True)
    return _entered(backend, choice, before, candidates, seen, kept, places, last, world)


def _entered(
    backend: str,
    choice: Choice,
    before: Upper | None,
    candidates: Collection[str],
    seen: Latencies,
    watch: Watch,
    places: Mapping[str, Place],
    last: Zone | None,
    world: World,
    stays: bool = False,
) -> tuple[Upper, Watch]:
    chosen = choice.data_center
    moved = before is not None and before.data_center != chosen
    second = None if before is None else before.data_center if before.runner_up in (None, chosen) else before.runner_up
    runner_up, challenge = choose_runner_up(chosen, second, candidates, seen, watch.runner_up_challenge, world.now)
    milliseconds = None if choice.seconds is None else round(choice.seconds * 1000, 1)
    listed = before.listed if before is not None else ()
    upper = Upper(
        backend=backend,
        data_center=chosen,
        runner_up=runner_up,
        milliseconds=before.milliseconds if stays and before is not None else milliseconds,
        since=before.since if before is not None and before.since and not moved else world.timestamp,
        reason=choice.reason,
        message=choice.message,
        order=_order_of_use(chosen, runner_up, listed, candidates, seen, places, last, world),
        listed=tuple(key for key in listed if key in places),
    )
    return upper, Watch(watch.challenge, challenge)


def _order_of_use(
    assigned: str,
    runner_up: str | None,
    listed: tuple[str, ...],
    candidates: Collection[str],
    seen: Latencies,
    places: Mapping[str, Place],
    last: Zone | None,
    world: World,
) -> tuple[str, ...]:
    first = next((key for key in listed if key in places), None)
    known = last is not None and first == assigned and _all_lower_hold(world, last.generation)
    leaving = () if known else tuple(k for k in listed if k in places and k not in (assigned, runner_up))
    head = assigned
    if first is not None and first != assigned and not _took_over(world, assigned, last):
        able = (k for k in (first, runner_up) if k is not None and _can_serve(world, k, candidates, seen))
        head = next(able, assigned)
    return tuple(dict.fromkeys(key for key in (head, assigned, runner_up, *leaving) if key is not None))


def _took_over(world: World, key: str, last: Zone | None) -> bool:
    """Whether the upper pods of a data centre are all there, and one is Ready and knows the zone."""
    replicas = fleet_spec(world).upper.replicas
    there = [w for w in world.workloads if w.tier == Tier.UPPER and w.data_center == key]
    settled = any(w.settled and w.replicas >= replicas for w in there)
    return settled and acknowledged.any_holds(world, Tier.UPPER, key, last.generation if last is not None else 0)


def _can_serve(world: World, key: str, candidates: Collection[str], seen: Latencies) -> bool:
    fails = key in seen and seen[key].seconds is None
    return key in candidates and not fails and bool(acknowledged.ready_pods(world, Tier.UPPER, key))


def _all_lower_hold(world: World, generation: int) -> bool:
    pods = [pod for pod in world.pods if pod.tier is Tier.LOWER and pod.ready and not pod.deleting]
    return acknowledged.all_hold(world, pods, generation)
