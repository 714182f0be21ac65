"""A cacheable request that memory can't answer: L2, then one fetch for all who ask, then storing what came."""

from dataclasses import dataclass

from shield_proxy.cache.conditional import CLIENT_CONDITIONS, confirms, freshen, not_modified, revalidation
from shield_proxy.cache.directives import Directives
from shield_proxy.cache.freshness import initial_age
from shield_proxy.cache.reuse import Hit, choose, usable_on_error
from shield_proxy.cache.storable import NotStored, Storable, judge, store
from shield_proxy.cache.stored import StoredResponse
from shield_proxy.store.memory import Entry
from shield_proxy.tiers.collapse import CutShort, Failed, Fill, Opening, Outcome, Reader, Ready, Released
from shield_proxy.tiers.core import Core
from shield_proxy.tiers.errors import ORIGIN_ERRORS, Unanswerable
from shield_proxy.tiers.fetch import Ask, Reply
from shield_proxy.tiers.marks import end_to_end, marked_lines
from shield_proxy.tiers.passing import Context, pass_through, relay
from shield_proxy.tiers.replay import covers, not_modified_fields, replay_now, send_large
from shield_proxy.tiers.ring import Address
from shield_proxy.wire.exchange import ClientGone
from shield_proxy.wire.framing import declared_length
from shield_proxy.wire.message import Fields
from shield_proxy.wire.plain import variation
from shield_proxy.wire.upstream import UpstreamFailed

_NOT_FETCHED = CLIENT_CONDITIONS | {b"range", b"if-range", b"expect", b"content-length"}


@dataclass(slots=True)
class Wanted:
    """A miss: the request, and what is stored but may not answer it as it is."""

    context: Context
    directives: Directives
    entry: Entry | None

    @property
    def stored(self) -> StoredResponse | None:
        """The stale response."""
        return self.entry.stored if self.entry is not None else None


class Filling:
    """Answers misses."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def answer(self, wanted: Wanted) -> None:
        """Replies. Unanswerable; ClientGone."""
        core, context = self._core, wanted.context
        inbound = context.inbound
        if b"no-store" in wanted.directives:
            await pass_through(core, context, "BYPASS", b"fwd=request")
            return
        if await self._level2(wanted):
            return
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
            await self._lead(wanted, Fill(), None, b"")
            return
        owner = None if inbound.forwarded else core.fetcher.owner(context.key, context.snapshot)
        # A pod that asks an owner must not be waited for by that owner: those fetches are apart.
        name = (b"\x01" if owner is not None else b"\x00") + context.key
        fill = core.fills.running(name)
        if fill is None or (fill.outcome is not None and b"no-cache" in wanted.directives):
            await self._lead(wanted, core.fills.begin(name), owner, name)
        elif fill.followers >= core.settings.followers:
            raise Unanswerable(503, "overloaded")
        else:
            await self._follow(wanted, fill)

    async def _level2(self, wanted: Wanted) -> bool:
        """Replies from L2 where that can; what it holds becomes the stale response if it is the younger one."""
        core, context = self._core, wanted.context
        if core.level2 is None:
            return False
        found = await core.level2.get(context.key, context.inbound.index, core.clock())
        if found is None or (wanted.stored is not None and wanted.stored.born >= found.born):
            return False
        wanted.entry = core.keep(found, context.routed, share=False)
        fresh = isinstance(choose(found, wanted.directives, core.clock()), Hit)
        if not fresh or not covers(wanted.entry, context.inbound.index, core.wall()):
            return False
        await self._replay(context, wanted.entry, "HIT", b"hit; detail=L2")
        return True

    async def _replay(self, context: Context, entry: Entry, word: str, how: bytes) -> None:
        core = self._core
        now, wall = core.clock(), core.wall()
        try:
            if not replay_now(context.exchange, context.inbound.index, entry, core.place, now, wall, word, how):
                await send_large(context.exchange, entry, core.place, now, word, how)
        finally:
            core.account(context.exchange, context.routed, word, "")

    # -- one fetch, many readers

    async def _lead(self, wanted: Wanted, fill: Fill, owner: Address | None, name: bytes) -> None:
        core = self._core
        reader = fill.reader()
        try:
            alone: tuple[Reply, NotStored] | None = None
            try:
                alone = await self._fetch(wanted, fill, owner, name)
            finally:
                fill.open(Failed(500, "internal"))  # no effect unless the fetch broke off
                if not isinstance(fill.outcome, Opening):
                    core.fills.finish(name, fill)
            if alone is not None:
                reply, verdict = alone
                word = "BYPASS" if verdict.forbidden else ("EXPIRED" if wanted.entry is not None else "MISS")
                detail = verdict.reason.replace('"', "").encode("ascii", "replace")
                await relay(core, wanted.context, reply, word, b'fwd=%s; detail="%s"' % (_fwd(wanted), detail))
                return
            if fill.outcome is not None:
                await self._serve(wanted, fill, fill.outcome, reader, b"fwd=" + _fwd(wanted))
        finally:
            reader.close()

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
                await self._serve(wanted, fill, outcome, reader, b"fwd=%s; collapsed" % _fwd(wanted))
                return
        finally:
            reader.close()
        await self._lead(wanted, Fill(), None, b"")

    async def _serve(self, wanted: Wanted, fill: Fill, outcome: Outcome, reader: Reader, how: bytes) -> None:
        match outcome:
            case Opening():
                await self._stream(wanted, fill, outcome, reader, how)
            case Ready(entry, word, told):
                await self._replay(wanted.context, entry, word, told)
            case Failed(status, reason):
                raise Unanswerable(status, reason)
            case Released():
                raise AssertionError("a released request fetches on its own")

    async def _stream(self, wanted: Wanted, fill: Fill, opening: Opening, reader: Reader, how: bytes) -> None:
        core, context = self._core, wanted.context
        exchange, head = context.exchange, opening.head
        age = None if opening.born is None else max(0.0, core.clock() - opening.born)
        fields: Fields = opening.fields
        status, reason = head.status, head.reason
        unchanged = status == 200 and not_modified(context.inbound.index, head.index, core.wall())
        if unchanged:
            status, reason, fields = 304, b"", not_modified_fields(fields)
        told = how + b"; stored" if fill.kept else how
        lines = marked_lines(status, reason, fields, core.place, opening.word, told, before=opening.before, age=age)
        try:
            if unchanged:
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

    # -- the fetch

    async def _fetch(
        self, wanted: Wanted, fill: Fill, owner: Address | None, name: bytes
    ) -> tuple[Reply, NotStored] | None:
        """Opens the fill; a response that can't be shared is returned, for the one who asked."""
        core, context = self._core, wanted.context
        old = wanted.stored
        conditions = revalidation(old) if old is not None and old.validated else ()
        try:
            reply = await core.fetcher.fetch(self._ask(context, conditions), owner)
            if reply.head.status == 304 and old is not None and not confirms(old, reply.head):
                reply.give_up()
                reply = await core.fetcher.fetch(self._ask(context, ()), owner)
        except Unanswerable as error:
            if wanted.entry is not None and usable_on_error(old, core.clock()):
                fill.open(_stale(wanted.entry, error.reason))
            else:
                fill.open(Failed(error.status, error.reason))
            return None
        head, now, wall = reply.head, core.clock(), core.wall()
        if core.level2 is not None:
            core.level2.learn_next_hop(reply.delay)
        if head.status == 304 and old is not None and conditions:
            age = initial_age(head.index, wall, reply.delay, trusted=reply.trusted)
            stored = freshen(old, end_to_end(head), age=age, now=now, wall=wall)
            entry = core.keep(stored, context.routed, share=reply.to != "owner")
            fill.open(Ready(entry, "REVALIDATED", b"fwd=%s; fwd-status=304; stored" % _fwd(wanted)))
            return None
        if head.status in ORIGIN_ERRORS and wanted.entry is not None and usable_on_error(old, now):
            reply.give_up()
            fill.open(_stale(wanted.entry, f"origin-status-{head.status}"))
            return None
        authorized = b"authorization" in context.inbound.head.index
        verdict = judge(context.inbound.index, wanted.directives, head, wall, authorized=authorized)
        if isinstance(verdict, NotStored):
            if head.status < 500 and not verdict.of_request:
                core.fills.dont_wait(context.key, now)
                core.forget(context.key)
            fill.open(Released())
            return reply, verdict
        core.fills.shared(context.key)
        await self._share(wanted, fill, reply, verdict, name)
        return None

    def _ask(self, context: Context, conditions: Fields) -> Ask:
        inbound = context.inbound
        fields = tuple(field for field in inbound.fields if field[0].lower() not in _NOT_FETCHED)
        return Ask(inbound, context.routed, context.snapshot, context.key, b"GET", fields + conditions)

    async def _share(self, wanted: Wanted, fill: Fill, reply: Reply, verdict: Storable, name: bytes) -> None:
        """Opens the fill to all, and lets the body come: at once if it is here, else while others go on."""
        core, context, head = self._core, wanted.context, reply.head
        age = initial_age(head.index, core.wall(), reply.delay, trusted=reply.trusted)
        opening = Opening(
            head=head,
            fields=end_to_end(head),
            verdict=verdict,
            request=context.inbound.index,
            before=head.index.get(b"cache-status") if reply.trusted else None,
            born=core.clock() - age if b"age" in head.index else None,
            word="MISS" if wanted.entry is None else "EXPIRED",
            length=declared_length(head),
        )
        if (opening.length or 0) > core.largest_object or not core.may_fill_more:
            fill.let_go()
            core.fills.finish(name, fill)
        fill.open(opening)
        received = core.clock(), core.wall()
        if reply.body.ended and fill.kept:
            if piece := reply.body.read_now():
                fill.add(piece)
            fill.end()
            self._store(context, fill, reply, opening, received)
            core.fills.finish(name, fill)
            reply.finish()
        else:
            core.spawn(self._pump(context, fill, reply, opening, received, name))

    async def _pump(
        self,
        context: Context,
        fill: Fill,
        reply: Reply,
        opening: Opening,
        received: tuple[float, float],
        name: bytes,
    ) -> None:
        """Moves the body from the upstream connection to the fill, and stores it once it is whole."""
        core = self._core
        counted = 0
        try:
            while piece := await reply.body.read():
                fill.add(piece)
                if fill.kept:
                    core.filling += len(piece)
                    counted += len(piece)
                    if fill.size > core.largest_object or not core.may_fill_more:
                        fill.let_go()
                        core.fills.finish(name, fill)
                elif not await fill.room():
                    return
            fill.end()
            if fill.kept:
                self._store(context, fill, reply, opening, received)
        except UpstreamFailed as failure:
            core.counters.add_kind("shield_upstream_errors_total", failure.kind)
        finally:
            if not fill.ended:
                fill.fail()
            core.filling -= counted
            core.fills.finish(name, fill)
            reply.give_up()

    def _store(
        self, context: Context, fill: Fill, reply: Reply, opening: Opening, received: tuple[float, float]
    ) -> None:
        now, wall = received
        stored = store(
            opening.verdict,
            context.key,
            opening.request,
            opening.head,
            opening.fields,
            fill.body(),
            now=now,
            wall=wall,
            delay=reply.delay,
            trusted=reply.trusted,
        )
        entry = self._core.keep(stored, context.routed, share=reply.to != "owner")
        if context.exchange.head.method == b"GET" and not context.inbound.from_hop:
            self._core.alias(context.exchange.head, entry)


def _fwd(wanted: Wanted) -> bytes:
    return b"uri-miss" if wanted.entry is None else b"stale"


def _stale(entry: Entry, reason: str) -> Ready:
    return Ready(entry, "STALE", b"hit; fwd=stale; detail=%s" % reason.encode())


def _selects(opening: Opening, request: dict[bytes, bytes]) -> bool:
    names = opening.verdict.vary
    return variation(names, request) == variation(names, opening.request)
