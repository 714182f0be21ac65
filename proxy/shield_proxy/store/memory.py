"""L1: stored responses in the memory of this process, inside a byte budget that counts everything kept for them."""

from typing import TYPE_CHECKING, cast

from shield_proxy.cache.stored import StoredResponse
from shield_proxy.store.doorkeeper import Doorkeeper
from shield_proxy.wire.fast import Answer, Resource, Tally, untrack
from shield_proxy.wire.fast.plain import variation
from shield_proxy.wire.http.message import Index

ALIASES = 8
"""Per resource."""
VARIANTS = 32
"""Per resource; past it the oldest leaves."""
ENTRY_COST, VARIANT_COST, RESOURCE_COST, ALIAS_COST = 400, 250, 200, 160
"""Bytes of Python objects around the payload, measured with tracemalloc and rounded up."""


if TYPE_CHECKING:

    class Entry(Answer):
        """A stored response ready to be sent."""

        stored: StoredResponse

else:
    Entry = Answer  # a class of Python's would be tracked by the collector, whatever it inherits


def new_entry(stored: StoredResponse, marks: bytes, tally: Tally) -> Entry:
    """An entry; `marks` are what this pod says of every hit, up to the value of Content-Length."""
    fresh_for = 0.0 if b"no-cache" in stored.directives else stored.lifetime
    entry = cast(Entry, Answer(stored.lines, marks, stored.body, stored.born, fresh_for, tally, stored))
    entry.cost = entry_cost(stored)
    untrack(stored)  # it holds nothing but bytes
    return entry


def entry_cost(stored: StoredResponse) -> int:
    """Bytes that keeping it takes, without its key's and its aliases'."""
    names = VARIANT_COST + 2 * len(stored.variation) + sum(map(len, stored.vary)) if stored.vary else 0
    return ENTRY_COST + len(stored.body) + len(stored.lines) + names


class MemoryStore:
    """Entries by key, and by the raw names of plain requests. Second chance: what was used stays a round.

    The round is a list that runs through the entries themselves, oldest first: a million of them take no other index.
    """

    __slots__ = ("_budget", "_count", "_doorkeeper", "_newest", "_oldest", "_resources", "aliases", "bytes", "evicted")

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._count = 0
        self._doorkeeper = Doorkeeper(budget)
        self._oldest: Entry | None = None
        self._newest: Entry | None = None
        self._resources: dict[bytes, Resource] = {}
        self.aliases: dict[bytes, Resource] = {}
        self.bytes = 0
        self.evicted = 0

    def __len__(self) -> int:
        return self._count

    @property
    def largest(self) -> int:
        """Bytes of the largest body worth keeping: a quarter of the budget."""
        return self._budget // 4

    def find(self, key: bytes, request: Index) -> Entry | None:
        """The variant that a request selects, fresh or stale."""
        resource = self._resources.get(key)
        if resource is None:
            return None
        entry = _variant(resource, variation(resource.vary, request))
        if entry is not None:
            entry.used = True
        return entry

    def admits(self, entry: Entry) -> bool:
        """Whether an entry that Redis has too is worth a place: there is room, or it takes its predecessor's, or it
        came by lately. So what is asked for once pushes nothing out, and a scan leaves memory as it is."""
        key = entry.stored.key
        if self.bytes + entry.cost <= self._budget or key in self._resources:
            return True
        return self._doorkeeper.knows(key + entry.stored.variation, self._count)

    def put(self, entry: Entry) -> bool:
        """Keeps an entry in place of its predecessor; False if it is larger than what may be kept."""
        stored = entry.stored
        if entry.cost > self._budget // 2:
            return False
        resource = self._resources.get(stored.key)
        if resource is not None and resource.vary != stored.vary:
            self.remove(stored.key)
            resource = None
        if resource is None:
            resource = self._resources[stored.key] = Resource(stored.key, stored.vary)
            self.bytes += len(stored.key) + RESOURCE_COST
        old = _variant(resource, stored.variation)
        entry.resource = resource
        if not resource.vary:
            resource.answer = entry
        else:
            if resource.variants is None:
                resource.variants = {}
            resource.variants[stored.variation] = entry
        self._append(entry)
        self.bytes += entry.cost
        if old is not None:
            self._drop(old)
        elif resource.variants is not None and len(resource.variants) > VARIANTS:
            self._drop(next(iter(resource.variants.values())))
        self._make_room()
        return True

    def add_alias(self, entry: Entry, alias: bytes) -> None:
        """From now on `aliases` finds the entry's resource under the raw name too; at most ALIASES of them."""
        resource: Resource | None = entry.resource
        if resource is None or alias in self.aliases:
            return
        if len(resource.aliases) >= ALIASES:
            self._drop_alias(resource.aliases[0])
            resource.aliases = resource.aliases[1:]
        resource.aliases += (alias,)
        self.aliases[alias] = resource
        self.bytes += len(alias) + ALIAS_COST
        self._make_room()

    def charge(self, size: int) -> None:
        """So many bytes more (or less, if negative) are kept elsewhere, and count as kept here."""
        self.bytes += size
        self._make_room()

    def remove(self, key: bytes) -> bool:
        """Removes all variants of a key; whether there were any."""
        resource = self._resources.get(key)
        if resource is None:
            return False
        for entry in _variants(resource):
            self._drop(entry)
        return True

    def drop_aliases(self) -> None:
        """Forgets all raw names: hosts may belong to other zones now."""
        for alias, resource in self.aliases.items():
            self.bytes -= len(alias) + ALIAS_COST
            resource.aliases = ()
        self.aliases.clear()

    def retain(self, uids: frozenset[bytes]) -> None:
        """Removes what belongs to zones that are not among `uids`."""
        for key in tuple(self._resources):
            if key.partition(b"\n")[0] not in uids:
                self.remove(key)

    def _make_room(self) -> None:
        while self.bytes > self._budget and self._oldest is not None:
            entry = self._oldest
            if entry.used:
                entry.used = False
                self._take_out(entry)
                self._append(entry)
            else:
                self._drop(entry)
                self.evicted += 1

    def _drop(self, entry: Entry) -> None:
        resource: Resource | None = entry.resource
        if resource is None:
            return
        entry.resource = None
        self._take_out(entry)
        self.bytes -= entry.cost
        if resource.answer is entry:
            resource.answer = None
        elif resource.variants is not None and resource.variants.get(entry.stored.variation) is entry:
            del resource.variants[entry.stored.variation]
        if resource.answer is None and not resource.variants:
            for alias in resource.aliases:
                self._drop_alias(alias)
            resource.aliases = ()
            del self._resources[resource.key]
            self.bytes -= len(resource.key) + RESOURCE_COST

    def _drop_alias(self, alias: bytes) -> None:
        if self.aliases.pop(alias, None) is not None:
            self.bytes -= len(alias) + ALIAS_COST

    def _append(self, entry: Entry) -> None:
        entry.before, entry.after = self._newest, None
        if self._newest is None:
            self._oldest = entry
        else:
            self._newest.after = entry
        self._newest = entry
        self._count += 1

    def _take_out(self, entry: Entry) -> None:
        before, after = entry.before, entry.after
        entry.before = entry.after = None
        if before is None:
            self._oldest = after
        else:
            before.after = after
        if after is None:
            self._newest = before
        else:
            after.before = before
        self._count -= 1


def _variant(resource: Resource, name: bytes) -> Entry | None:
    if not resource.vary:
        only: Entry | None = resource.answer
        return only
    return resource.variants.get(name) if resource.variants is not None else None


def _variants(resource: Resource) -> tuple[Entry, ...]:
    if resource.variants is not None:
        return tuple(resource.variants.values())
    return (resource.answer,) if resource.answer is not None else ()
