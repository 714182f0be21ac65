"""What the ports of one process share: memory, L2, fetches under way, figures, and the snapshot in use."""

import asyncio
import random
from collections.abc import Callable, Coroutine

from shield_proxy.cache.stored import StoredResponse
from shield_proxy.store.level2 import Level2
from shield_proxy.store.memory import Entry, MemoryStore, new_entry
from shield_proxy.tiers.answering.collapse import Fills
from shield_proxy.tiers.answering.forgotten import Forgotten
from shield_proxy.tiers.fetching.fetch import Fetcher
from shield_proxy.tiers.load.shedding import Shedder
from shield_proxy.tiers.load.tunnels import Tunnels
from shield_proxy.tiers.messages.inbound import Inbound
from shield_proxy.tiers.messages.marks import hit_marks
from shield_proxy.tiers.routing.snapshot import Routed, Snapshot
from shield_proxy.tiers.settings import DataplaneSettings
from shield_proxy.tiers.telemetry.accesslog import AccessLog, Line
from shield_proxy.tiers.telemetry.counters import Counters
from shield_proxy.tiers.telemetry.tracing import Tracer
from shield_proxy.wire.fast.plain import MARKS, REWRITTEN, is_plain
from shield_proxy.wire.serving.arrival import Arrival
from shield_proxy.wire.serving.exchange import Exchange


class Core:
    """The common state of a data plane."""

    def __init__(
        self,
        settings: DataplaneSettings,
        fetcher: Fetcher,
        counters: Counters,
        level2: Level2 | None,
        access_log: AccessLog | None,
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self.settings = settings
        self.place = settings.place
        self.hit_marks = hit_marks(self.place)
        self.fetcher = fetcher
        self.counters = counters
        self.level2 = level2
        self.access_log = access_log
        self.clock, self.wall = clock, wall
        self.memory = MemoryStore(settings.memory_bytes)
        self.shedder = Shedder(settings.loop_delay, settings.loop_delay_lasts)
        self.fills = Fills()
        self.forgotten = Forgotten()
        self.tunnels = Tunnels(settings.tunnels, counters, clock)
        self.snapshot: Snapshot | None = None
        self.running = 0
        """Requests that wait for something."""
        self.uploads = 0
        """Those of them with a body: at most half, so that slow clients leave room for others."""
        self.tracer: Tracer | None = None
        self.refusing = 0
        """Requests that are about to be refused."""
        self.filling = 0
        """Bytes of bodies that are not complete yet."""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def largest_object(self) -> int:
        """Bytes of the largest body that is kept."""
        return min(self.settings.max_object_bytes, self.memory.largest)

    @property
    def may_fill_more(self) -> bool:
        """Whether unfinished bodies take less than half of the memory budget."""
        return self.filling < self.settings.memory_bytes // 2

    def keep(
        self, stored: StoredResponse, routed: Routed, *, share: bool, mark: int, from_level2: bool = False
    ) -> Entry:
        """The entry of a stored response, in memory from now on if it fits, and with `share` on its way to L2; neither
        where its key was invalidated after `mark` was taken, before it was asked for. What is `from_level2` needs to be
        admitted to memory."""
        entry = new_entry(stored, self.hit_marks, self.counters.tally(zone_label(routed), "HIT", stored.status))
        if self.forgotten.since(stored.key, mark):
            return entry
        if not from_level2 or self.memory.admits(entry):
            self.memory.put(entry)
        if share and self.level2 is not None:
            self.level2.put(stored, self.clock())
        return entry

    def alias(self, inbound: Inbound, entry: Entry, arrival: Arrival) -> None:
        """Lets the fast path find the entry by this request's scheme, raw host and target, if they alone decide."""
        # A 204 has no Content-Length; and what the shield writes anew can't be selected by as the client said it.
        if entry.stored.status == 204 or not REWRITTEN.isdisjoint(entry.stored.vary):
            return
        head, derived = inbound.head, inbound.derived
        if derived.plain is None:
            derived.plain = is_plain(head, trusted=arrival.trusted)
        if derived.plain:
            mark = MARKS[inbound.scheme] if arrival.trusted else arrival.mark
            self.memory.add_alias(entry, mark + head.authority + head.target)

    def forget(self, key: bytes) -> None:
        """Nothing is stored under the key any more, here and in L2; nor is what was asked for before, and nobody who
        comes now waits for that."""
        self.forgotten.add(key)
        self.fills.detach(key)
        self.memory.remove(key)
        if self.level2 is not None:
            self.level2.remove(key)

    def account(self, exchange: Exchange, routed: Routed | None, word: str, reason: str) -> None:
        """Counts and logs a request that was answered, or not to its end."""
        zone = zone_label(routed)
        tally = self.counters.tally(zone, word, exchange.status or 499)
        tally.count += 1
        tally.bytes += exchange.sent
        seconds = self.clock() - exchange.started
        if word == "NONE" and reason:
            self.counters.add_kind("shield_errors_total", reason)
        if exchange.status != 101:
            self.counters.took(word, seconds)
        if self.tracer is not None and exchange.trace is not None and exchange.trace.sampled:
            attributes: dict[str, str | int] = {
                "http.request.method": exchange.head.method.decode("latin-1"),
                "server.address": exchange.head.authority.decode("latin-1"),
                "url.path": exchange.head.path.decode("latin-1"),
                "http.response.status_code": exchange.status,
                "shield.cache_status": word,
                "shield.zone": zone,
                **({"error.type": reason} if reason else {}),
            }
            failed = exchange.status >= 500 or not exchange.status
            self.tracer.served(exchange.trace, exchange.head.method, seconds, attributes, failed=failed)
        if self.access_log is not None:
            head = exchange.head
            self.access_log.add(
                Line(
                    self.wall(),
                    exchange.peer,
                    head.method,
                    head.authority,
                    head.target,
                    head.minor,
                    exchange.status,
                    exchange.sent,
                    word,
                    seconds,
                    zone,
                    reason,
                    exchange.request_id,
                    head.index,
                    exchange.identity is not None,
                )
            )

    def account_refused(self, status: int, reason: str, peer: str, request_id: bytes) -> None:
        """Counts and logs what was no request, or one that failed where nobody expected it."""
        self.counters.tally("", "NONE", status).count += 1
        self.counters.add_kind("shield_errors_total", reason)
        if self.access_log is not None:
            self.access_log.add(
                Line(
                    at=self.wall(),
                    peer=peer,
                    method=b"",
                    authority=b"",
                    target=b"",
                    minor=1,
                    status=status,
                    sent=0,
                    word="NONE",
                    seconds=0.0,
                    zone="",
                    reason=reason,
                    request_id=request_id,
                    fields={},
                    from_hop=False,
                )
            )

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Runs what must go on after the request that began it; close() ends it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def busy(self) -> bool:
        """Requests or fetches are under way."""
        return self.running > 0 or bool(self._tasks)

    async def close(self) -> None:
        """Ends what spawn() began."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def new_request_id() -> bytes:
    """An id of the form of a trace's; it has to be unique, not secret."""
    return b"%032x" % (random.getrandbits(128) | 1)


def zone_label(routed: Routed | None) -> str:
    """The zone as figures and logs name it."""
    return routed.label if routed is not None else ""
