"""A miss in the common case: one callback between request and answer, where the general way takes a task.

It asks the origin on a connection that is open, for a request nobody else waits for; what then turns out to take
longer than one step goes on the general way, with what is there already.
"""

import logging
from collections.abc import Callable, Coroutine

from shield_proxy.tiers.asks import Reply
from shield_proxy.tiers.collapse import Failed, Fill, Opening, fill_name
from shield_proxy.tiers.core import Core
from shield_proxy.tiers.errors import origin_error
from shield_proxy.tiers.filling import Filling
from shield_proxy.tiers.passing import Context
from shield_proxy.tiers.source import Wanted, unconfirmed
from shield_proxy.wire.failures import UpstreamFailed
from shield_proxy.wire.inflow import Inflow
from shield_proxy.wire.message import ResponseHead
from shield_proxy.wire.upstream import UpstreamConnection

log = logging.getLogger(__name__)
Later = Coroutine[None, None, None]


class Straight:
    """Begins direct fetches."""

    __slots__ = ("_core", "_filling", "_resumed")

    def __init__(self, core: Core, filling: Filling, resumed: Callable[[Context, Later], Later]) -> None:
        """`resumed` is the shell of what goes on the general way."""
        self._core, self._filling, self._resumed = core, filling, resumed

    def answers(self, wanted: Wanted) -> bool:
        """Whether the request has been sent on and its exchange is awaited; if not, nothing was done."""
        core, context = self._core, wanted.context
        inbound, key = context.inbound, context.key
        if (
            core.level2 is not None
            or wanted.directives
            or inbound.head.method != b"GET"
            or b"range" in inbound.index
            or b"authorization" in inbound.head.index
            or core.fills.is_alone(key, context.exchange.started)
            or (not inbound.forwarded and core.fetcher.owner(key, context.snapshot) is not None)
        ):
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
            log.exception("request failed")
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
        started = self._wanted.context.exchange.started
        if self._core.fetcher.may_repeat(self._filling.source.ask(self._wanted), failure, started):
            return self._filling.lead(self._wanted, self.fill, None, self._name)
        self._filling.source.unanswered(self._wanted, self.fill, origin_error(failure))
        self._filling.settle(self.fill, self._name)
        return self._filling.telling(self._wanted, self.fill, None)
