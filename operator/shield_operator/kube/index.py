"""The view of the cluster: the newest version of every watched object, and what a change concerns."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from shield_operator.core import naming
from shield_operator.core.world import FleetKey
from shield_operator.kube.kinds import CHECK, LEASE, NODE, OWNED, SERVICE, WATCHED, ZONE, Kind
from shield_operator.kube.probers import renewal_of
from shield_operator.kube.views import Key, checks_named, fleet_key_of, key_of, matters, says_otherwise, trim
from shield_proxy.config.checks.contract import LEASE_SECONDS

Body = dict[str, Any]
Place = tuple[str, str]
"""Namespace ("" for what has none) and name."""

TOMBSTONE_SECONDS = 300.0


class Index:
    """Objects by kind, and by the fleet or the namespace whose checks they belong to. Fed by watches
    and audit; an older version never replaces a newer one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._objects: dict[str, dict[Place, Body]] = {kind.kind: {} for kind in WATCHED}
        self._fleets: dict[Key, dict[tuple[str, str], Body]] = {}
        self._hosts: dict[str, set[Place]] = {}
        self._naming: dict[Place, set[Place]] = {}
        """Check -> the zones whose origins name it, whether it exists or not."""
        self._heard: dict[Place, float] = {}
        """When a Lease was seen to be renewed."""
        self._gone: dict[str, tuple[float, int]] = {}
        """UID -> when and at which version an object went lately: a slower source may still tell of it. One that only
        lost the label by which it is watched comes back in a later version."""

    def put(self, kind: Kind, body: Mapping[str, Any]) -> frozenset[Key]:
        """Takes in an object. Returns whose plan may change by it."""
        place = _place(body)
        before = self._objects[kind.kind].get(place)
        if self.knows_gone(body) or (before is not None and _version(body) <= _version(before)):
            return frozenset()
        concerned = self._concerned(kind, before) if before is not None else frozenset()
        after = trim(kind, body)
        told: frozenset[Key] = frozenset()
        if before is not None:
            if kind is LEASE and before["metadata"]["uid"] != after["metadata"]["uid"]:
                self._heard.pop(place, None)  # It was deleted and made again: nobody has renewed this one yet.
            elif kind is LEASE and renewal_of(before) != renewal_of(after):
                told = self._renewed(place, after)
            self._remove(kind, place, before)
        self._objects[kind.kind][place] = after
        key = key_of(kind, after)
        if key is not None:
            self._fleets.setdefault(key, {})[(kind.kind, place[1])] = after
        if kind is ZONE:
            for host in _hosts(after):
                self._hosts.setdefault(host, set()).add(place)
            for check in checks_named(after):
                self._naming.setdefault((place[0], check), set()).add(place)
        if kind is CHECK and says_otherwise(before, after):
            told = self._told(after)
        return told | concerned | self._concerned(kind, after) if matters(kind, before, after) else told

    def drop(self, kind: Kind, body: Mapping[str, Any]) -> frozenset[Key]:
        """Forgets an object that was deleted; one of the same name with another UID stays."""
        now = self._clock()
        self._gone = {uid: gone for uid, gone in self._gone.items() if now - gone[0] < TOMBSTONE_SECONDS}
        self._gone[body["metadata"]["uid"]] = now, _version(body)
        place = _place(body)
        before = self._objects[kind.kind].get(place)
        if before is None or before["metadata"]["uid"] != body["metadata"]["uid"]:
            return frozenset()
        concerned = self._concerned(kind, before) | (self._told(before) if kind is CHECK else frozenset())
        self._remove(kind, place, before)
        if kind is LEASE:
            self._heard.pop(place, None)
        return concerned

    def knows_gone(self, body: Mapping[str, Any]) -> bool:
        """Whether the object went lately, in this version or a later one."""
        gone = self._gone.get(body["metadata"]["uid"])
        return gone is not None and _version(body) <= gone[1]

    def get(self, kind: Kind, namespace: str, name: str) -> Body | None:
        """The object as last seen."""
        return self._objects[kind.kind].get((namespace, name))

    def all(self, kind: Kind) -> Mapping[Place, Body]:
        """Every object of the kind. A live view: copy it before waiting."""
        return self._objects[kind.kind]

    def silence(self, namespace: str, name: str) -> float | None:
        """Seconds since a Lease was seen to be renewed; None: not yet."""
        at = self._heard.get((namespace, name))
        return None if at is None else self._clock() - at

    def of_fleet(self, key: Key, kind: Kind) -> list[Body]:
        """Its objects of a kind, by name."""
        return [body for (name, _), body in sorted(self._fleet(key).items(), key=lambda i: i[0]) if name == kind.kind]

    def owned(self, key: Key) -> Iterator[tuple[Kind, Body]]:
        """Its children that the operator applies and prunes."""
        for kind in OWNED:
            for body in self.of_fleet(key, kind):
                yield kind, body

    def departing(self, key: FleetKey, recorded: Iterable[str]) -> list[Body]:
        """Zones that name another fleet of the namespace now, of those named `recorded` and those whose Service for
        clients is still this fleet's; by name."""
        labels = (service["metadata"].get("labels") or {} for service in self.of_fleet(key, SERVICE))
        names = {name for label in labels if (name := label.get(naming.LABEL_ZONE))} | set(recorded)
        zones = (self.get(ZONE, key.namespace, name) for name in sorted(names))
        return [
            zone
            for zone in zones
            if zone is not None and fleet_key_of(ZONE, zone) != key and "deletionTimestamp" not in zone["metadata"]
        ]

    def rivals(self, key: FleetKey, also: Iterable[Mapping[str, Any]] = ()) -> list[Body]:
        """Zones anywhere that share a host with a zone of the fleet or with one of `also`, these included."""
        zones = (*self.of_fleet(key, ZONE), *also)
        places = {place for zone in zones for host in _hosts(zone) for place in self._hosts[host]}
        return [self._objects[ZONE.kind][place] for place in sorted(places)]

    def has(self, key: Key) -> bool:
        """Whether there is anything of it: a zone, a ShieldFleet, a check or a child."""
        return key in self._fleets

    def keys(self) -> frozenset[Key]:
        """Everything that there is anything of."""
        return frozenset(self._fleets)

    def _fleet(self, key: Key) -> dict[tuple[str, str], Body]:
        return self._fleets.get(key, {})

    def _concerned(self, kind: Kind, body: Body) -> frozenset[Key]:
        if kind is NODE:
            return self.keys()
        key = key_of(kind, body)
        keys: set[Key] = {key} if key is not None else set()
        if kind is ZONE:
            sharers = (self._objects[ZONE.kind][place] for host in _hosts(body) for place in self._hosts.get(host, ()))
            keys |= {sharer for zone in sharers if (sharer := fleet_key_of(ZONE, zone)) is not None}
        return frozenset(keys)

    def _renewed(self, place: Place, lease: Body) -> frozenset[Key]:
        """A renewal was seen. Whom that is news for: it is the first, or there was none for long."""
        silence = self.silence(*place)
        self._heard[place] = self._clock()
        return self._concerned(LEASE, lease) if silence is None or silence >= LEASE_SECONDS else frozenset()

    def _told(self, check: Body) -> frozenset[Key]:
        """Fleets of zones whose origins name the check."""
        zones = (self._objects[ZONE.kind][place] for place in self._naming.get(_place(check), ()))
        return frozenset(key for zone in zones if (key := fleet_key_of(ZONE, zone)) is not None)

    def _remove(self, kind: Kind, place: Place, body: Body) -> None:
        del self._objects[kind.kind][place]
        key = key_of(kind, body)
        if key is not None:
            self._fleet(key).pop((kind.kind, place[1]), None)
            if not self._fleet(key):
                self._fleets.pop(key, None)
        if kind is ZONE:
            for host in _hosts(body):
                self._hosts[host].discard(place)
                if not self._hosts[host]:
                    del self._hosts[host]
            for check in checks_named(body):
                named = place[0], check
                self._naming[named].discard(place)
                if not self._naming[named]:
                    del self._naming[named]


def _place(body: Mapping[str, Any]) -> Place:
    metadata = body["metadata"]
    return metadata.get("namespace") or "", metadata["name"]


def _hosts(zone: Mapping[str, Any]) -> tuple[str, ...]:
    hosts = (zone.get("spec") or {}).get("hosts") or ()
    return tuple(host for host in hosts if isinstance(host, str)) if isinstance(hosts, list) else ()


def _version(body: Mapping[str, Any]) -> int:
    """Resource versions of one kind grow with time."""
    return int(body["metadata"]["resourceVersion"])
