"""What a server asks of those who answer."""

from collections.abc import Coroutine
from typing import Protocol

from shield_proxy.wire.fast import FastPath
from shield_proxy.wire.serving.exchange import Exchange


class Service(Protocol):
    """Methods that are not coroutines run inside the read callback and must be short."""

    fast: FastPath | None
    """What answers plain requests before answer() is asked."""

    def answer(self, exchange: Exchange) -> Coroutine[None, None, None] | None:
        """Replies at once, or gives what will reply (ClientGone may pass)."""
        ...

    def refusal(self, status: int, reason: str, peer: str, request_id: bytes = b"") -> tuple[bytes, bytes]:
        """Head lines (without framing) and body of an error answer."""
        ...
