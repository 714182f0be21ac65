"""The shell of one request: whatever goes wrong while it is answered ends here."""

import logging
from collections.abc import Callable, Coroutine

from shield_proxy.wire.flow.inflow import ClientGone
from shield_proxy.wire.http.message import Refused
from shield_proxy.wire.serving.exchange import Exchange

log = logging.getLogger(__name__)
Refusal = Callable[[int, str, bytes], tuple[bytes, bytes]]
"""Status, reason and the request's id to the lines and the body of an error answer."""


async def answered(
    exchange: Exchange, later: Coroutine[None, None, None], refusal: Refusal, ended: Callable[[], None]
) -> None:
    """The exchange has ended when this calls `ended`: with an answer, with an error if none had begun, or cut."""
    try:
        await later
    except ClientGone:
        pass
    except Refused as refused:
        _own_error(exchange, refused.status, refusal(refused.status, refused.reason, exchange.request_id))
    except Exception:
        log.exception("request %s failed", exchange.request_id.decode())
        _own_error(exchange, 500, refusal(500, "internal", exchange.request_id))
    finally:
        if not exchange.ended:
            exchange.abort()
        ended()


def _own_error(exchange: Exchange, status: int, answer: tuple[bytes, bytes]) -> None:
    exchange.close_after = True
    if exchange.status:
        return
    try:
        exchange.reply(status, *answer)
    except ClientGone:
        pass
