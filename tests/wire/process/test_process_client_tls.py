"""TLS of clients in a real process: from the command line, with files that change; and where descriptors end."""

import asyncio
import contextlib
import os
import resource
import signal
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from freeports import free_port

NewOrigin = Callable[[str], Awaitable[tuple[int, list[str]]]]
Issue = Callable[..., Path]


def anybody() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def listening(pod: Any, port: int) -> None:
    async with asyncio.timeout(15):
        while True:
            assert pod.process.poll() is None, pod.log.read_text()
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                return writer.close()
            await asyncio.sleep(0.05)


async def certificate_of(port: int) -> bytes:
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=anybody(), server_hostname="shop.example")
    found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return found


async def get(session: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    async with session.get(url, ssl=anybody()) as answer:
        return answer.status, await answer.text()


async def test_run_answers_under_tls_and_follows_its_certificate_without_dropping_connections(
    spawn: Callable[..., Any], new_origin: NewOrigin, issue: Issue
) -> None:
    origin, _ = await new_origin("origin")
    plain, secured, health = free_port(), free_port(), free_port()
    directory = issue()
    pod = spawn(
        "run", "--listen", f"127.0.0.1:{plain}", "--origin", f"http://127.0.0.1:{origin}",
        "--tls-listen", f"127.0.0.1:{secured}", "--tls-certificate", str(directory), "--health", f"127.0.0.1:{health}",
    )  # fmt: skip
    await listening(pod, secured)
    before = await certificate_of(secured)
    async with aiohttp.ClientSession() as session:
        url = f"https://127.0.0.1:{secured}/a"
        assert await get(session, url) == (200, "origin")
        issue(into=directory)
        pod.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(4):
            while await certificate_of(secured) == before:
                await asyncio.sleep(0.05)
        assert await get(session, url) == (200, "origin")
        figures = ""
        async with asyncio.timeout(5):
            while 'shield_client_openings_total{result="agreed"} ' not in figures:
                figures = (await get(session, f"http://127.0.0.1:{health}/metrics"))[1]
    assert 'shield_certificates{state="loaded"} 1' in figures
    assert 'shield_certificate_expiry_timestamp_seconds{zone="local/local"} ' in figures
    pod.process.send_signal(signal.SIGTERM)
    assert await pod.ended() == 0


@pytest.mark.parametrize("wrong", [("missing",), ("tls.crt", "missing"), ("tls.crt", "ca.crt"), ("a", "b", "c")])
async def test_a_certificate_that_cannot_be_used_is_named_at_the_start(
    spawn: Callable[..., Any], issue: Issue, wrong: tuple[str, ...]
) -> None:
    directory = issue()
    paths = [str(directory / name) for name in wrong]
    pod = spawn(
        "run", "--listen", "127.0.0.1:0", "--origin", "http://127.0.0.1:9", "--tls-listen", "127.0.0.1:0",
        "--tls-certificate", *paths,
    )  # fmt: skip
    assert await pod.ended() == 2
    assert pod.log.read_text().startswith("shield-proxy: --tls-certificate")


async def test_where_descriptors_end_the_process_goes_on(spawn: Callable[..., Any], new_origin: NewOrigin) -> None:
    origin, _ = await new_origin("origin")
    port = free_port()
    pod = spawn("run", "--listen", f"127.0.0.1:{port}", "--origin", f"http://127.0.0.1:{origin}")
    await listening(pod, port)
    url = f"http://127.0.0.1:{port}/a"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        assert await get(session, url) == (200, "origin")
        granted = resource.prlimit(pod.process.pid, resource.RLIMIT_NOFILE)
        used = len(os.listdir(f"/proc/{pod.process.pid}/fd"))
        resource.prlimit(pod.process.pid, resource.RLIMIT_NOFILE, (used + 10, granted[1]))
        crowd = [(await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(40)]
        await asyncio.sleep(0.2)
        for writer in crowd:
            writer.transport.abort()
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    if await get(session, url) == (200, "origin"):
                        break
                await asyncio.sleep(0.05)
    assert pod.process.poll() is None
