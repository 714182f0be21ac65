"""L1: stored responses in the memory of this process, inside a byte budget that counts everything kept for them."""

from collections import OrderedDict

from shield_proxy.cache.stored import StoredResponse
from shield_proxy.wire.message import Index
from shield_proxy.wire.plain import variation

ALIASES = 8
"""Per resource."""
VARIANTS = 32
"""Per resource; past it the oldest leaves."""
ENTRY_COST, FIELD_COST, ALIAS_COST = 700, 160, 160
"""Bytes of Python objects around the payload, measured with tracemalloc and rounded up."""


class Tally:
    """Responses and bytes of one label set, counted on the hot path."""

    __slots__ = ("bytes", "count", "zone")

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self.count = 0
        self.bytes = 0


class Entry:
    """A stored response ready to be sent."""

    __slots__ = ("body", "born", "cost", "fresh_for", "head", "resource", "stored", "tally", "used")

    def __init__(self, stored: StoredResponse, head: bytes, tally: Tally) -> None:
        self.stored = stored
        self.head = head
        """The finished head up to `Age: `."""
        self.body = stored.body
        self.born = stored.born
        self.fresh_for = 0.0 if b"no-cache" in stored.directives else stored.lifetime
        """Seconds of age below which it answers plain requests."""
        self.tally = tally
        self.used = False
        """Since eviction last looked."""
        self.cost = entry_cost(stored) + len(head)
        self.resource: Resource | None = None


def entry_cost(stored: StoredResponse) -> int:
    """Bytes that keeping it takes, without its head and aliases."""
    texts = sum(len(name) + len(value) for name, value in stored.fields)
    return (
        ENTRY_COST
        + len(stored.body)
        + 2 * texts
        + FIELD_COST * len(stored.fields)
        + 2 * len(stored.key)
        + len(stored.variation)
    )


class Resource:
    """The variants of one cache key. They share the names that select among them."""

    __slots__ = ("aliases", "entry", "key", "variants", "vary")

    def __init__(self, key: bytes, vary: tuple[bytes, ...]) -> None:
        self.key = key
        self.vary = vary
        self.entry: Entry | None = None
        """The only one, where nothing varies."""
        self.variants: dict[bytes, Entry] = {}
        self.aliases: list[bytes] = []


class MemoryStore:
    """Entries by key, and by the raw host and target of plain requests. Second chance: what was used stays a round."""

    __slots__ = ("_budget", "_order", "_resources", "aliases", "bytes", "evicted")

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._order: OrderedDict[Entry, None] = OrderedDict()
        self._resources: dict[bytes, Resource] = {}
        self.aliases: dict[bytes, Resource] = {}
        self.bytes = 0
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._order)

    @property
    def largest(self) -> int:
        """Bytes of the largest body worth keeping: a quarter of the budget."""
        return self._budget // 4

    def find(self, key: bytes, request: Index) -> Entry | None:
        """The variant that a request selects, fresh or stale."""
        resource = self._resources.get(key)
        if resource is None:
            return None
        entry = resource.variants.get(variation(resource.vary, request))
        if entry is not None:
            entry.used = True
        return entry

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
            self.bytes += len(stored.key) + ALIAS_COST
        old = resource.variants.get(stored.variation)
        entry.resource = resource
        resource.variants[stored.variation] = entry
        resource.entry = None if resource.vary else entry
        if old is not None:
            self._drop(old)
        elif len(resource.variants) > VARIANTS:
            self._drop(next(iter(resource.variants.values())))
        self._order[entry] = None
        self.bytes += entry.cost
        self._make_room()
        return True

    def add_alias(self, entry: Entry, alias: bytes) -> None:
        """From now on `aliases` finds the entry's resource under the raw bytes too; at most ALIASES of them."""
        resource = entry.resource
        if resource is None or alias in self.aliases:
            return
        if len(resource.aliases) >= ALIASES:
            self._drop_alias(resource.aliases.pop(0))
        resource.aliases.append(alias)
        self.aliases[alias] = resource
        self.bytes += len(alias) + ALIAS_COST
        self._make_room()

    def remove(self, key: bytes) -> bool:
        """Removes all variants of a key; whether there were any."""
        resource = self._resources.get(key)
        if resource is None:
            return False
        for entry in tuple(resource.variants.values()):
            self._drop(entry)
        return True

    def drop_aliases(self) -> None:
        """Forgets all raw names: hosts may belong to other zones now."""
        for alias, resource in self.aliases.items():
            self.bytes -= len(alias) + ALIAS_COST
            resource.aliases.clear()
        self.aliases.clear()

    def retain(self, uids: frozenset[bytes]) -> None:
        """Removes what belongs to zones that are not among `uids`."""
        for key in tuple(self._resources):
            if key.partition(b"\n")[0] not in uids:
                self.remove(key)

    def _make_room(self) -> None:
        while self.bytes > self._budget and self._order:
            entry, _ = self._order.popitem(last=False)
            self._order[entry] = None
            if entry.used:
                entry.used = False
            else:
                self._drop(entry)
                self.evicted += 1

    def _drop(self, entry: Entry) -> None:
        resource, entry.resource = entry.resource, None
        if resource is None:
            return
        del self._order[entry]
        self.bytes -= entry.cost
        if resource.variants.get(entry.stored.variation) is entry:
            del resource.variants[entry.stored.variation]
        if resource.entry is entry:
            resource.entry = None
        if not resource.variants:
            for alias in resource.aliases:
                self._drop_alias(alias)
            resource.aliases.clear()
            self._resources.pop(resource.key, None)
            self.bytes -= len(resource.key) + ALIAS_COST

    def _drop_alias(self, alias: bytes) -> None:
        if self.aliases.pop(alias, None) is not None:
            self.bytes -= len(alias) + ALIAS_COST
