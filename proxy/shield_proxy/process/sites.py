"""Ports that are not the data plane's: an aiohttp application on some addresses, and why a process can't start."""

import ssl
from contextlib import AsyncExitStack

from aiohttp import web

from shield_proxy.tiers.settings import Addresses


class StartFailure(Exception):
    """Why a process can't start, in one line for a person."""


async def serve_site(
    name: str, app: web.Application, addresses: Addresses, context: ssl.SSLContext | None, owned: AsyncExitStack
) -> None:
    """The application answers on the addresses until `owned` is closed. StartFailure where one can't be used."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    owned.push_async_callback(runner.cleanup)
    for host, port in addresses:
        try:
            await web.TCPSite(runner, host, port, ssl_context=context).start()
        except OSError as error:
            raise StartFailure(f"{name} port {host}:{port}: {reason_of(error)}") from error


def reason_of(error: OSError) -> str:
    """What the system said, and what to do where that is known."""
    text = error.strerror or str(error)
    return f"{text}; is another process listening there?" if error.errno == 98 else text
