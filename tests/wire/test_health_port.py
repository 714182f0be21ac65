"""The health port of couriers and probers."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from functools import partial

import pytest

from freeports import free_port
from shield_proxy.process.metrics import open_files
from shield_proxy.wire import healthport
from shield_proxy.wire.healthport import MOST_AT_ONCE, Answer, Pages, health_port, verdict

LIVE = {"/livez": lambda: verdict("")}


async def _slow() -> Answer:
    await asyncio.sleep(0)
    return Answer(b"a_metric 1\n")


PAGES: Pages = {**LIVE, "/readyz": lambda: verdict("the alerts are not known yet"), "/metrics": _slow}


@asynccontextmanager
async def listening(pages: Pages) -> AsyncIterator[int]:
    port = free_port()
    async with health_port("127.0.0.1", port, pages):
        yield port


async def ask(port: int, request: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.encode())
    async with asyncio.timeout(10):
        text = (await reader.read()).decode()
    writer.close()
    return text


@pytest.mark.parametrize(
    ("line", "status", "body"),
    [
        ("GET /livez", "200 OK", "ok\n"),
        ("GET /livez?verbose=1", "200 OK", "ok\n"),
        ("GET /readyz", "503 Service Unavailable", "the alerts are not known yet\n"),
        ("GET /metrics", "200 OK", "a_metric 1\n"),
        ("GET /secrets", "404 Not Found", "only /livez, /readyz, /metrics\n"),
        ("GET /\xff", "404 Not Found", "only /livez, /readyz, /metrics\n"),
        ("POST /livez", "405 Method Not Allowed", "only GET\n"),
        ("nonsense", "405 Method Not Allowed", "only GET\n"),
    ],
)
async def test_it_answers_what_it_was_asked(line: str, status: str, body: str) -> None:
    async with listening(PAGES) as port:
        answer = await ask(port, f"{line} HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n")
    assert answer.endswith(f"\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}")


async def test_endless_requests_are_cut_off() -> None:
    async with listening(LIVE) as port:
        async with asyncio.timeout(2):  # much sooner than for silence
            try:
                assert await ask(port, "GET /" + "x" * 100_000) == ""
            except ConnectionResetError:
                pass
        assert "200" in await ask(port, "GET /livez HTTP/1.1\r\n\r\n")


async def test_however_many_connections_say_nothing_the_kubelet_is_answered() -> None:
    async with listening(LIVE) as port:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3 * MOST_AT_ONCE)]
        async with asyncio.timeout(2):  # as long as the kubelet waits
            assert "200" in await ask(port, "GET /livez HTTP/1.1\r\n\r\n")
            assert await silent[0][0].read() == b""  # the oldest has ended
        assert not silent[-1][0].at_eof()
        for _, writer in silent:
            writer.transport.abort()


async def test_answers_that_nobody_reads_are_given_up_however_much_the_kernel_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(healthport, "SECONDS", 0.5)
    asked: list[int] = []

    def page(size: int) -> Answer:
        asked.append(size)
        return Answer(b"x" * size)

    sizes = range(1 << 16, 4 << 20, 48 << 10)
    with ExitStack() as clients:
        async with listening({f"/{size}": partial(page, size) for size in sizes}) as port:
            files = open_files()
            for number, size in enumerate(sizes, 1):
                client = clients.enter_context(socket.create_connection(("127.0.0.1", port)))
                client.sendall(b"GET /%d HTTP/1.1\r\n\r\n" % size)
                await until(lambda number=number: len(asked) == number)  # type: ignore[misc]
            await until(lambda: open_files() <= files + len(sizes))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.01)


async def test_a_long_answer_arrives_whole() -> None:
    body = b"x" * (16 << 20)
    async with listening({**LIVE, "/metrics": lambda: Answer(body)}) as port:
        assert len(await ask(port, "GET /metrics HTTP/1.1\r\n\r\n")) > len(body)


async def test_a_port_that_is_taken_is_an_error() -> None:
    async with listening(LIVE) as port:
        with pytest.raises(OSError, match="in use"):
            async with health_port("127.0.0.1", port, LIVE):
                pass
