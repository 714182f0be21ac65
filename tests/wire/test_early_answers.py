"""An origin that answers amid an upload and hangs up: its answer is there before the reset, and must not be lost."""

import asyncio
import contextlib
import socket
import threading
import time

import pytest

from shield_proxy.wire.flow.inflow import Inflow
from shield_proxy.wire.upstream.connection import UpstreamConnection
from shield_proxy.wire.upstream.limits import UpstreamLimits
from shield_proxy.wire.upstream.outflow import response_to, send_body

REQUEST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n"
ANSWER = b"HTTP/1.1 413 No\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!"


def answer_and_reset(server: socket.socket, go: threading.Event) -> None:
    """Reads little, answers, and closes with unread bytes: the kernel sends a reset."""
    with server, server.accept()[0] as peer:
        peer.recv(100)
        go.wait(10)
        peer.sendall(ANSWER)


@pytest.mark.parametrize("pause", [0.0, 0.05])
async def test_writing_into_a_reset_loses_no_answer_that_came_before(pause: float) -> None:
    go, loop = threading.Event(), asyncio.get_running_loop()
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    origin = threading.Thread(target=answer_and_reset, args=(server, go))
    origin.start()
    connection = UpstreamConnection(UpstreamLimits(), time.monotonic, lambda _: None, lambda _: None)
    await loop.create_connection(lambda: connection, "127.0.0.1", port)
    body = Inflow(lambda: None, lambda: None)
    sending = asyncio.create_task(send_body(connection, body, chunked=False, patience=5))
    asking = asyncio.create_task(response_to(connection, REQUEST, b"POST", time.monotonic() + 5, whole=False))
    body.push(b"x" * 100_000)
    await asyncio.sleep(0.05)
    body.push(b"x" * 100_000)
    go.set()
    origin.join()  # the loop stands still: answer and reset are here before it looks, and it writes first
    for _ in range(3):
        await asyncio.sleep(0)
        time.sleep(pause)
        body.push(b"y" * 100_000)
    head, answer = await asking
    assert (head.status, await answer.read()) == (413, b"no!")
    sending.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await sending
