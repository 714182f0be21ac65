"""A cacheable request that memory can't answer: L2, then one fetch for all who ask, then storing what came."""

from collections.abc import Coroutine

from shield_proxy.cache.conditional import not_modified
from shield_proxy.cache.reuse import Hit, choose
from shield_proxy.cache.storable import NotStored
from shield_proxy.cache.stored import StoredResponse
from shield_proxy.store.memory import Entry
from shield_proxy.tiers.answering.collapse import (
    CutShort,
    Failed,
    Fill,
    Opening,
    Outcome,
    Reader,
    Ready,
    Released,
    fill_name,
)
from shield_proxy.tiers.answering.core import Core
from shield_proxy.tiers.answering.passing import Context, pass_through, relay
from shield_proxy.tiers.answering.replay import covers, not_modified_fields, replay_now, send_large
from shield_proxy.tiers.answering.source import Source, Wanted, fwd_of
from shield_proxy.tiers.fetching.asks import Reply
from shield_proxy.tiers.messages.errors import Unanswerable
from shield_proxy.tiers.messages.marks import end_to_end, mark_lines
from shield_proxy.tiers.routing.ring import Address
from shield_proxy.wire.fast.plain import variation
from shield_proxy.wire.flow.inflow import ClientGone
from shield_proxy.wire.http.serialise import response_lines


class Filling:
    """Answers misses."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.source = Source(core)

    async def answer(self, wanted: Wanted) -> None:
        """Replies. Unanswerable; ClientGone."""
        core, context = self._core, wanted.context
        if b"no-store" in wanted.directives:
            await pass_through(core, context, "BYPASS", b"fwd=request")
            return
        if await self._level2(wanted) or await self._memory(wanted):
            return
        await self.fetched(wanted)

    async def fetched(self, wanted: Wanted) -> None:
        """Replies with what is fetched, where nothing stored answers. Unanswerable; ClientGone."""
        core, context = self._core, wanted.context
        inbound = context.inbound
        if b"only-if-cached" in wanted.directives:
            raise Unanswerable(504, "only-if-cached")
        if b"range" in inbound.index:
            await pass_through(core, context, "MISS", b"fwd=miss; detail=range")
            return
        now = core.clock()
        known_alone = core.fills.is_alone(context.key, now)
        if known_alone and inbound.head.method == b"HEAD":
            await pass_through(core, context, "MISS", b"fwd=miss")
            return
        if known_alone or b"authorization" in inbound.head.index:
            await self.lead(wanted, Fill(), None, b"")
            return
        owner = None if inbound.forwarded else core.fetcher.owner(context.key, context.snapshot)
        name = fill_name(context.key, asks_owner=owner is not None)
        fill = core.fills.running(name)
        if fill is None or (fill.outcome is not None and b"no-cache" in wanted.directives):
            await self.lead(wanted, core.fills.begin(name), owner, name)
        elif fill.followers >= core.settings.followers:
            raise Unanswerable(503, "overloaded")
        else:
            await self._follow(wanted, fill)

    async def _level2(self, wanted: Wanted) -> bool:
        """Replies from L2 where that can; what it holds becomes the stale response if it is the younger one."""
        core, context = self._core, wanted.context
        if core.level2 is None:
            return False
        mark = core.forgotten.mark
        found = await core.level2.get(context.key, context.inbound.index, core.clock())
        if not self.take(wanted, found, mark) or wanted.entry is None:
            return False
        await self.replay(context, wanted.entry, "HIT", b"hit; detail=L2")
        return True

    def take(self, wanted: Wanted, found: StoredResponse | None, mark: int) -> bool:
        """Keeps what L2 has, if it is younger than what is here; whether it answers. `mark` was taken before."""
        core, context = self._core, wanted.context
        if found is None or core.forgotten.since(context.key, mark):
            return False
        entry = core.memory.find(context.key, context.inbound.index)  # as it is now
        known = entry.stored if entry is not None else wanted.stored
        if known is not None and known.born >= found.born:
            return False
        wanted.entry = core.keep(found, context.routed, share=False, mark=mark, from_level2=True)
        fresh = isinstance(choose(found, wanted.directives, core.clock()), Hit)
        return fresh and covers(wanted.entry, context.inbound.index, core.wall())

    async def _memory(self, wanted: Wanted) -> bool:
        """Replies if another's fetch has ended since memory was looked at; from here to ours nothing is waited for."""
        if not self.remembered(wanted) or wanted.entry is None:
            return False
        await self.replay(wanted.context, wanted.entry, "HIT", b"hit")
        return True

    def remembered(self, wanted: Wanted) -> bool:
        """Whether memory has what answers since it was looked at."""
        core, context = self._core, wanted.context
        entry = core.memory.find(context.key, context.inbound.index)
        if entry is None or entry is wanted.entry:
            return False
        wanted.entry = entry
        fresh = isinstance(choose(entry.stored, wanted.directives, core.clock()), Hit)
        return fresh and covers(entry, context.inbound.index, core.wall())

    async def replay(self, context: Context, entry: Entry, word: str, how: bytes) -> None:
        """Replies from an entry that covers the request. ClientGone."""
        core = self._core
        now, wall = core.clock(), core.wall()
        try:
            if not replay_now(context.exchange, context.inbound.index, entry, core.place, now, wall, word, how):
                await send_large(context.exchange, entry, core.place, now, word, how)
        finally:
            core.account(context.exchange, context.routed, word, "")

    # -- one fetch, many readers

    async def lead(self, wanted: Wanted, fill: Fill, owner: Address | None, name: bytes) -> None:
        """Fetches for a fill, and replies. Unanswerable; ClientGone."""
        reader = fill.reader()
        try:
            alone: tuple[Reply, NotStored] | None = None
            try:
                alone = await self.source.fetch(wanted, fill, owner, name)
            finally:
                self.settle(fill, name)
            await self._tell(wanted, fill, alone, reader)
        finally:
            reader.close()

    def settle(self, fill: Fill, name: bytes) -> None:
        """Nobody waits for a fetch that broke off, and nobody joins one whose response is not shared."""
        fill.open(Failed(500, "internal"))  # no effect unless the fetch broke off
        if not isinstance(fill.outcome, Opening):
            self._core.fills.finish(name, fill)

    def telling(self, wanted: Wanted, fill: Fill, alone: tuple[Reply, NotStored] | None) -> Coroutine[None, None, None]:
        """What replies with what was fetched, to be run before anything is waited for."""
        return self._tell_all(wanted, fill, alone, fill.reader())

    async def _tell_all(
        self, wanted: Wanted, fill: Fill, alone: tuple[Reply, NotStored] | None, reader: Reader
    ) -> None:
        try:
            await self._tell(wanted, fill, alone, reader)
        finally:
            reader.close()

    async def _tell(self, wanted: Wanted, fill: Fill, alone: tuple[Reply, NotStored] | None, reader: Reader) -> None:
        """The one who asked gets what was fetched."""
        if alone is not None:
            reply, verdict = alone
            word = "BYPASS" if verdict.forbidden else ("EXPIRED" if wanted.entry is not None else "MISS")
            detail = verdict.reason.replace('"', "").encode("ascii", "replace")
            await relay(self._core, wanted.context, reply, word, b'fwd=%s; detail="%s"' % (fwd_of(wanted), detail))
        elif fill.outcome is not None:
            await self._serve(wanted, fill, fill.outcome, reader, b"fwd=" + fwd_of(wanted))

    async def _follow(self, wanted: Wanted, fill: Fill) -> None:
        core = self._core
        fill.followers += 1
        core.counters.add("shield_collapsed_requests_total")
        reader = fill.reader()
        try:
            outcome = await fill.opened()
            request = wanted.context.inbound.index
            if isinstance(outcome, Opening) and not _selects(outcome, request):
                outcome = Released()
            if not isinstance(outcome, Released):
                await self._serve(wanted, fill, outcome, reader, b"fwd=%s; collapsed" % fwd_of(wanted))
                return
        finally:
            reader.close()
        await self.lead(wanted, Fill(), None, b"")

    async def _serve(self, wanted: Wanted, fill: Fill, outcome: Outcome, reader: Reader, how: bytes) -> None:
        match outcome:
            case Opening():
                await self._stream(wanted, fill, outcome, reader, how)
            case Ready(entry, word, told):
                await self.replay(wanted.context, entry, word, told)
            case Failed(status, reason):
                raise Unanswerable(status, reason)
            case Released():
                raise AssertionError("a released request fetches on its own")

    async def _stream(self, wanted: Wanted, fill: Fill, opening: Opening, reader: Reader, how: bytes) -> None:
        core, context = self._core, wanted.context
        exchange = context.exchange
        status, lines = self._head(wanted, fill, opening, how)
        try:
            if status != opening.head.status:
                exchange.reply(status, lines, b"")
            elif fill.ended and fill.kept and exchange.wants_body:
                exchange.reply(status, lines, fill.body())
            else:
                exchange.begin(status, lines, opening.length)
                if exchange.wants_body:
                    while piece := await reader.read():
                        await exchange.write(piece)
                exchange.end()
        except (CutShort, ClientGone):
            exchange.abort()
        finally:
            core.account(exchange, context.routed, opening.word, "")

    def reply_whole(self, wanted: Wanted, fill: Fill, opening: Opening) -> None:
        """Replies to a GET from a fill that has ended and was kept."""
        exchange = wanted.context.exchange
        status, lines = self._head(wanted, fill, opening, b"fwd=" + fwd_of(wanted))
        try:
            exchange.reply(status, lines, fill.body() if status == opening.head.status else b"")
        except ClientGone:
            exchange.abort()
        finally:
            self._core.account(exchange, wanted.context.routed, opening.word, "")

    def _head(self, wanted: Wanted, fill: Fill, opening: Opening, how: bytes) -> tuple[int, bytes]:
        """Status and lines of what a reader gets: the response, or 304 where that is what its conditions mean."""
        core, head = self._core, opening.head
        age = max(0.0, core.clock() - opening.born) if opening.aged else None
        told = how + b"; stored" if fill.kept else how
        marks = mark_lines(core.place, opening.word, told, before=opening.before, age=age)
        if head.status == 200 and not_modified(wanted.context.inbound.index, head.index, core.wall()):
            return 304, response_lines(304, b"", not_modified_fields(end_to_end(head))) + marks
        return head.status, opening.lines + marks


def _selects(opening: Opening, request: dict[bytes, bytes]) -> bool:
    names = opening.verdict.vary
    return variation(names, request) == variation(names, opening.request)
