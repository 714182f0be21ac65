"""Who waits for a response of an upstream connection: a callback where all is decided at once, or a coroutine."""

import asyncio
from typing import Protocol

from shield_proxy.wire.flow.inflow import Inflow
from shield_proxy.wire.http.message import ResponseHead
from shield_proxy.wire.upstream.failures import UpstreamFailed


class Asking(Protocol):
    """Who waits for a response: told once, of its head or of a failure. What is raised here ends the connection."""

    def answered(self, head: ResponseHead, body: Inflow) -> None:
        """The response has begun; `body` may be complete already."""
        ...

    def failed(self, failure: UpstreamFailed) -> None:
        """There will be no response."""
        ...


class Awaiting:
    """Asking for a coroutine's sake."""

    __slots__ = ("future",)

    def __init__(self) -> None:
        self.future: asyncio.Future[tuple[ResponseHead, Inflow]] = asyncio.get_running_loop().create_future()

    def answered(self, head: ResponseHead, body: Inflow) -> None:
        """See Asking."""
        if not self.future.done():
            self.future.set_result((head, body))

    def failed(self, failure: UpstreamFailed) -> None:
        """See Asking."""
        if not self.future.done():
            self.future.set_exception(failure)
