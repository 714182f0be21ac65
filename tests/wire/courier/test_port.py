"""The health port of a courier."""

import asyncio

import pytest

from freeports import free_port
from shield_courier.running.port import MOST_AT_ONCE, Looks, health_port


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
        ("GET /secrets", "404 Not Found", "/livez, /readyz or /metrics\n"),
        ("POST /livez", "405 Method Not Allowed", "only GET\n"),
        ("nonsense", "405 Method Not Allowed", "only GET\n"),
    ],
)
async def test_it_answers_what_it_was_asked(line: str, status: str, body: str) -> None:
    port = free_port()
    async with health_port(
        "127.0.0.1", port, Looks(lambda: "", lambda: "the alerts are not known yet", lambda: b"a_metric 1\n")
    ):
        answer = await ask(port, f"{line} HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(f"HTTP/1.1 {status}\r\n")
    assert answer.endswith(f"\r\n\r\n{body}")


async def test_a_process_that_is_stuck_says_so() -> None:
    port = free_port()
    async with health_port("127.0.0.1", port, Looks(lambda: "nothing has happened for 20 s", lambda: "", lambda: b"")):
        assert "503" in await ask(port, "GET /livez HTTP/1.1\r\n\r\n")


async def test_endless_requests_are_cut_off() -> None:
    port = free_port()
    async with health_port("127.0.0.1", port, Looks(lambda: "", lambda: "", lambda: b"")):
        try:
            assert await ask(port, "GET /" + "x" * 100_000) == ""
        except ConnectionResetError:
            pass
        assert "200" in await ask(port, "GET /livez HTTP/1.1\r\n\r\n")


async def test_however_many_connections_say_nothing_the_kubelet_is_answered() -> None:
    port = free_port()
    async with health_port("127.0.0.1", port, Looks(lambda: "", lambda: "", lambda: b"")):
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3 * MOST_AT_ONCE)]
        async with asyncio.timeout(2):  # as long as the kubelet waits
            assert "200" in await ask(port, "GET /livez HTTP/1.1\r\n\r\n")
        for _, writer in silent:
            writer.transport.abort()
