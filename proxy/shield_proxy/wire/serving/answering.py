"""The shell of one request: whatever goes wrong while it is answered ends here."""

import logging
from collections.abc import Callable, Coroutine

from shield_proxy.wire.flow.inflow import ClientGone
from shield_proxy.wire.http.message import Refused
from shield_proxy.wire.serving.exchange import Exchange

log = logging.getLogger(__name__)
Refusal = Callable[[int, str], tuple[bytes, bytes]]
"""Status and reason to the lines and the body of an error answer."""


async def answered(
    exchange: Exchange, later: Coroutine[None, None, None], refusal: Refusal, ended: Callable[[], None]
) -> None:
    """The exchange has ended when this calls `ended`: with an answer, with an error if none had begun, or cut."""
    try:
        await later
    except ClientGone:
        pass
    except Refused as refused:
        _own_error(exchange, refused.status, refusal(refused.status, refused.reason))
    except Exception:
        log.exception("request failed")
        _own_error(exchange, 500, refusal(500, "internal"))
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
