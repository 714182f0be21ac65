"""A request on its way to an upstream connection: asked and awaited, and its body."""

from collections.abc import Callable

from shield_proxy.wire.flow.inflow import ClientGone, Inflow
from shield_proxy.wire.http.message import Refused, ResponseHead
from shield_proxy.wire.http.serialise import chunk
from shield_proxy.wire.http.trailers import last_chunk, passable
from shield_proxy.wire.upstream.asking import Awaiting
from shield_proxy.wire.upstream.connection import UpstreamConnection
from shield_proxy.wire.upstream.failures import UpstreamFailed


async def response_to(
    connection: UpstreamConnection,
    request: bytes,
    method: bytes,
    deadline: float,
    interim: Callable[[ResponseHead], None] | None = None,
    *,
    whole: bool = True,
    upgrade: bool = False,
) -> tuple[ResponseHead, Inflow]:
    """The response's head and its body to read; UpstreamFailed. See UpstreamConnection.send()."""
    asking = Awaiting()
    connection.send(asking, request, method, deadline, interim, whole=whole, upgrade=upgrade)
    try:
        return await asking.future
    finally:
        connection.abandon(asking)
        del asking  # it keeps what it raises, which leads to this frame


async def send_body(connection: UpstreamConnection, body: Inflow, *, chunked: bool, patience: float) -> None:
    """Sends a body as it comes; returns early when the connection ends. Raises what the body raises, and then cuts the
    connection: no part is taken for the whole. `patience`: see sent_whole()."""
    try:
        while piece := await body.read():
            if not connection.write(*chunk(piece) if chunked else (piece,)):
                return
            await connection.drained()
    except UpstreamFailed:
        return  # told to whoever waits for the response
    except (ClientGone, Refused):
        connection.cut()
        raise
    if not chunked or connection.write(last_chunk(passable(body.trailers))):
        connection.sent_whole(patience)
