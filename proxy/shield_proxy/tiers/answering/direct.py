"""A miss in the common case: callbacks between request and answer, where the general way takes a task.

L2 is looked at, then the origin asked on a connection that is open, for a request nobody else waits for; what turns
out to take longer than these steps goes on the general way, with what is there already.
"""

import logging
from collections.abc import Callable, Coroutine

from shield_proxy.cache.stored import StoredResponse
from shield_proxy.tiers.answering.collapse import Failed, Fill, Opening, fill_name
from shield_proxy.tiers.answering.core import Core
from shield_proxy.tiers.answering.filling import Filling
from shield_proxy.tiers.answering.passing import Context
from shield_proxy.tiers.answering.replay import replay_now
from shield_proxy.tiers.answering.source import Wanted, unconfirmed
from shield_proxy.tiers.fetching.asks import Reply
from shield_proxy.tiers.messages.errors import Unanswerable, origin_error
from shield_proxy.wire.flow.inflow import ClientGone, Inflow
from shield_proxy.wire.http.message import ResponseHead
from shield_proxy.wire.upstream.connection import UpstreamConnection
from shield_proxy.wire.upstream.failures import UpstreamFailed

log = logging.getLogger(__name__)
Later = Coroutine[None, None, None]


class Straight:
    """Begins direct fetches."""

    __slots__ = ("_core", "_filling", "_resumed")

    def __init__(self, core: Core, filling: Filling, resumed: Callable[[Context, Later], Later]) -> None:
        """`resumed` is the shell of what goes on the general way."""
        self._core, self._filling, self._resumed = core, filling, resumed

    def answers(self, wanted: Wanted) -> bool:
        """Whether the request is on its way and its exchange is awaited; if not, nothing was done."""
        core, context = self._core, wanted.context
        exchange, inbound = context.exchange, context.inbound
        if (
            wanted.directives
            or inbound.head.method != b"GET"
            or b"range" in inbound.index
            or b"authorization" in inbound.head.index
        ):
            return False
        if core.level2 is None:
            return self._fetches(wanted)
        mark = core.forgotten.mark
        if not core.level2.look_up(
            context.key, inbound.index, exchange.started, lambda found: self._looked_up(wanted, found, mark)
        ):
            return False
        exchange.awaited = True
        core.running += 1
        return True

    def _looked_up(self, wanted: Wanted, found: StoredResponse | None, mark: int) -> None:
        """The shell of what follows a lookup in L2."""
        context = wanted.context
        self._core.running -= 1
        later: Later | None
        try:
            if self._filling.take(wanted, found, mark):
                later = self._replay(wanted, b"hit; detail=L2")
            elif self._filling.remembered(wanted):
                later = self._replay(wanted, b"hit")
            elif self._fetches(wanted):
                return
            else:
                later = self._filling.fetched(wanted)
        except Exception:
            log.exception("request %s failed", context.exchange.request_id.decode())
            later = _internal()
        context.exchange.go_on(None if later is None else self._resumed(context, later))

    def _replay(self, wanted: Wanted, how: bytes) -> Later | None:
        core, context, entry = self._core, wanted.context, wanted.entry
        if entry is None:
            raise AssertionError("something stored answers")
        exchange, now, wall = context.exchange, core.clock(), core.wall()
        try:
            if not replay_now(exchange, context.inbound.index, entry, core.place, now, wall, "HIT", how):
                return self._filling.replay(context, entry, "HIT", how)
        except ClientGone:
            exchange.abort()
        core.account(exchange, context.routed, "HIT", "")
        return None

    def _fetches(self, wanted: Wanted) -> bool:
        """Whether the request has been sent on."""
        core, context = self._core, wanted.context
        key = context.key
        if core.fills.is_alone(key, context.exchange.started):
            return False
        if not context.inbound.forwarded and core.fetcher.owner(key, context.snapshot) is not None:
            return False
        name = fill_name(key, asks_owner=False)
        if core.fills.running(name) is not None:
            return False
        direct = Direct(core, self._filling, self._resumed, wanted, name)
        direct.fill.mark = core.forgotten.mark
        direct.connection = core.fetcher.send_now(self._filling.source.ask(wanted), direct)
        if direct.connection is None:
            return False
        core.fills.begin(name, direct.fill)
        context.exchange.awaited = True
        core.running += 1
        return True


class Direct:
    """One fetch, told of its response (see wire.asking.Asking)."""

    __slots__ = ("_core", "_filling", "_name", "_resumed", "_wanted", "connection", "fill")

    def __init__(
        self, core: Core, filling: Filling, resumed: Callable[[Context, Later], Later], wanted: Wanted, name: bytes
    ) -> None:
        self._core, self._filling, self._resumed = core, filling, resumed
        self._wanted, self._name = wanted, name
        self.fill = Fill()
        self.connection: UpstreamConnection | None = None

    def answered(self, head: ResponseHead, body: Inflow) -> None:
        """Replies at once where the response is whole and shared; what else there is becomes a task."""
        self._go_on(lambda: self._answer(head, body))

    def failed(self, failure: UpstreamFailed) -> None:
        """Asks once more where the connection was just stale; else tells what failed."""
        self._go_on(lambda: self._fail(failure))

    def _go_on(self, step: Callable[[], Later | None]) -> None:
        """The shell: an error of ours ends in the one of the general way."""
        context = self._wanted.context
        try:
            later = step()
        except Exception:
            log.exception("request %s failed", context.exchange.request_id.decode())
            self.fill.open(Failed(500, "internal"))
            self._core.fills.finish(self._name, self.fill)
            later = self._filling.telling(self._wanted, self.fill, None)
        self._core.running -= 1
        context.exchange.go_on(None if later is None else self._resumed(context, later))

    def _answer(self, head: ResponseHead, body: Inflow) -> Later | None:
        core, wanted, fill = self._core, self._wanted, self.fill
        if self.connection is None:
            raise AssertionError("answered before it was sent")
        reply = Reply(head, body, "origin", core.clock() - wanted.context.exchange.started, self.connection)
        if unconfirmed(wanted, head):
            reply.give_up()
            return self._filling.lead(wanted, fill, None, self._name)
        alone = self._filling.source.received(wanted, fill, reply, self._name)
        self._filling.settle(fill, self._name)
        opening = fill.outcome
        if alone is None and isinstance(opening, Opening) and fill.ended and fill.kept:
            self._filling.reply_whole(wanted, fill, opening)
            return None
        return self._filling.telling(wanted, fill, alone)

    def _fail(self, failure: UpstreamFailed) -> Later:
        if failure.kind == "closed":
            self._wanted.lost = True
            return self._filling.lead(self._wanted, self.fill, None, self._name)
        started = self._wanted.context.exchange.started
        self._core.fetcher.failed_now(self._filling.source.ask(self._wanted), failure, started)
        self._filling.source.unanswered(self._wanted, self.fill, origin_error(failure))
        self._filling.settle(self.fill, self._name)
        return self._filling.telling(self._wanted, self.fill, None)


async def _internal() -> None:
    raise Unanswerable(500, "internal")
