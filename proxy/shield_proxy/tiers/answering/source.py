"""Where the bytes of a fill come from: one fetch, judged, shared, and stored once it is whole."""

from dataclasses import dataclass

from shield_proxy.cache.conditional import CLIENT_CONDITIONS, confirms, freshen, revalidation
from shield_proxy.cache.directives import Directives
from shield_proxy.cache.freshness import initial_age
from shield_proxy.cache.reuse import usable_on_error
from shield_proxy.cache.storable import NotStored, Storable, judge, may_refresh, store
from shield_proxy.cache.stored import StoredResponse
from shield_proxy.store.memory import Entry
from shield_proxy.tiers.answering.collapse import Failed, Fill, Opening, Ready, Released
from shield_proxy.tiers.answering.core import Core
from shield_proxy.tiers.answering.passing import Context, passes_interim
from shield_proxy.tiers.fetching.asks import Ask, Reply
from shield_proxy.tiers.messages.errors import ORIGIN_ERRORS, Unanswerable
from shield_proxy.tiers.messages.marks import end_to_end
from shield_proxy.tiers.routing.ring import Address
from shield_proxy.wire.http.framing import declared_length
from shield_proxy.wire.http.message import ResponseHead
from shield_proxy.wire.http.serialise import field_lines, response_lines
from shield_proxy.wire.upstream.failures import UpstreamFailed

_NOT_FETCHED = CLIENT_CONDITIONS | {b"range", b"if-range", b"expect", b"content-length"}


@dataclass(slots=True)
class Wanted:
    """A miss: the request, and what is stored but may not answer it as it is."""

    context: Context
    directives: Directives
    entry: Entry | None
    lost: bool = False
    """See Ask."""

    @property
    def stored(self) -> StoredResponse | None:
        """The stale response."""
        return self.entry.stored if self.entry is not None else None


class Source:
    """Fetches for fills."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def fetch(
        self, wanted: Wanted, fill: Fill, owner: Address | None, name: bytes
    ) -> tuple[Reply, NotStored] | None:
        """Opens the fill; a response that can't be shared is returned, for the one who asked."""
        fill.mark = self._core.forgotten.mark
        fetcher = self._core.fetcher
        try:
            reply = await fetcher.fetch(self.ask(wanted), owner)
            if unconfirmed(wanted, reply.head):
                reply.give_up()
                reply = await fetcher.fetch(self.ask(wanted, anew=True), owner)
        except Unanswerable as error:
            self.unanswered(wanted, fill, error)
            return None
        return self.received(wanted, fill, reply, name)

    def ask(self, wanted: Wanted, *, anew: bool = False) -> Ask:
        """What is sent for a fill: without the client's conditions, but with our own where something is to be
        revalidated, unless it is fetched `anew`."""
        context, old = wanted.context, wanted.stored
        inbound = context.inbound
        lines = inbound.derived.fetched
        if lines is None:
            lines = field_lines([field for field in inbound.fields if field[0].lower() not in _NOT_FETCHED])
            inbound.derived.fetched = lines
        if old is not None and not anew and old.validated:
            lines += field_lines(revalidation(old))
        interim = passes_interim(context.exchange)
        return Ask(
            inbound, context.routed, context.snapshot, context.key, b"GET", lines, interim=interim, lost=wanted.lost
        )

    def unanswered(self, wanted: Wanted, fill: Fill, error: Unanswerable) -> None:
        """Opens the fill with what is stored, if that may be served while its origin fails, or with the failure."""
        if wanted.entry is not None and usable_on_error(wanted.stored, self._core.clock()):
            fill.open(_stale(wanted.entry, error.reason))
        else:
            fill.open(Failed(error.status, error.reason))

    def received(self, wanted: Wanted, fill: Fill, reply: Reply, name: bytes) -> tuple[Reply, NotStored] | None:
        """Opens the fill with a response; one that can't be shared is returned, for the one who asked."""
        core, context, old = self._core, wanted.context, wanted.stored
        head, now, wall = reply.head, core.clock(), core.wall()
        core.counters.first_byte(reply.to, reply.delay)
        if core.level2 is not None:
            core.level2.learn_next_hop(reply.delay)
        if head.status == 304 and old is not None and old.validated and not unconfirmed(wanted, head):
            age = initial_age(head.index, wall, reply.delay, trusted=reply.trusted)
            stored = freshen(old, end_to_end(head), age=age, now=now, wall=wall)
            entry = core.keep(stored, context.routed, share=reply.to != "owner", mark=fill.mark)
            fill.open(Ready(entry, "REVALIDATED", b"fwd=%s; fwd-status=304; stored" % fwd_of(wanted)))
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
        self._share(wanted, fill, reply, verdict, name)
        return None

    def _share(self, wanted: Wanted, fill: Fill, reply: Reply, verdict: Storable, name: bytes) -> None:
        """Opens the fill to all, and lets the body come: at once if it is here, else while others go on."""
        core, context, head = self._core, wanted.context, reply.head
        age = initial_age(head.index, core.wall(), reply.delay, trusted=reply.trusted)
        opening = Opening(
            head=head,
            lines=response_lines(head.status, head.reason, end_to_end(head)),
            verdict=verdict,
            request=context.inbound.index,
            before=head.index.get(b"cache-status") if reply.trusted else None,
            born=core.clock() - age,
            aged=b"age" in head.index,
            word="MISS" if wanted.entry is None else "EXPIRED",
            length=declared_length(head),
        )
        if (opening.length or 0) > core.largest_object or not core.may_fill_more:
            fill.let_go()
            core.fills.finish(name, fill)
        fill.open(opening)
        if reply.body.ended and fill.kept:
            if piece := reply.body.read_now():
                fill.add(piece)
                core.counters.add_kind("shield_upstream_bytes_total", reply.to, len(piece))
            fill.end()
            self._store(context, fill, reply, opening)
            core.fills.finish(name, fill)
            reply.finish()
        else:
            core.spawn(self._pump(context, fill, reply, opening, name))

    async def _pump(
        self,
        context: Context,
        fill: Fill,
        reply: Reply,
        opening: Opening,
        name: bytes,
    ) -> None:
        """Moves the body from the upstream connection to the fill, and stores it once it is whole."""
        core = self._core
        counted = 0
        try:
            while piece := await reply.body.read():
                fill.add(piece)
                core.counters.add_kind("shield_upstream_bytes_total", reply.to, len(piece))
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
                self._store(context, fill, reply, opening)
        except UpstreamFailed as failure:
            core.counters.add_kind("shield_upstream_errors_total", failure.kind)
        finally:
            if not fill.ended:
                fill.fail()
            core.filling -= counted
            core.fills.finish(name, fill)
            reply.give_up()

    def _store(self, context: Context, fill: Fill, reply: Reply, opening: Opening) -> None:
        head, key, body = opening.head, context.key, fill.body()
        stored = store(opening.verdict, key, opening.request, head.status, opening.lines, body, opening.born)
        entry = self._core.keep(stored, context.routed, share=reply.to != "owner", mark=fill.mark)
        # By a state that is no longer in use the host may be another zone's.
        current = context.snapshot is self._core.snapshot
        if current and context.exchange.head.method == b"GET" and not context.inbound.from_hop:
            self._core.alias(context.inbound, entry, context.exchange.arrival)


def unconfirmed(wanted: Wanted, head: ResponseHead) -> bool:
    """Whether a response is a 304 that does not refresh what is stored: it must be fetched anew."""
    old = wanted.stored
    return head.status == 304 and old is not None and not (confirms(old, head) and may_refresh(old, head))


def fwd_of(wanted: Wanted) -> bytes:
    """Why the request went on, as a parameter of Cache-Status (RFC 9211, 2.2)."""
    return b"uri-miss" if wanted.entry is None else b"stale"


def _stale(entry: Entry, reason: str) -> Ready:
    return Ready(entry, "STALE", b"hit; fwd=stale; detail=%s" % reason.encode())
