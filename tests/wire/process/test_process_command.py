"""`shield-proxy` as a process: one tier in front of one origin, what stops it from starting, how it ends."""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from freeports import free_port

NewOrigin = Callable[[str], Awaitable[tuple[int, list[str]]]]


async def get(port: int, path: str) -> tuple[int, str, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}") as answer,
    ):
        return answer.status, await answer.text(), answer.headers.get("Shield-Cache-Status", "")


async def listening(pod: Any, port: int) -> None:
    async with asyncio.timeout(15):
        while True:
            assert pod.process.poll() is None, pod.log.read_text()
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                return writer.close()
            except OSError:
                await asyncio.sleep(0.05)


async def test_run_caches_what_an_origin_answers_for_any_host(spawn: Callable[..., Any], new_origin: NewOrigin) -> None:
    origin, seen = await new_origin("origin")
    port, health = free_port(), free_port()
    pod = spawn(
        "run", "--listen", f"127.0.0.1:{port}", "--origin", f"http://127.0.0.1:{origin}", "--cache", "memory=16Mi",
        "--health", f"127.0.0.1:{health}",
    )  # fmt: skip
    await listening(pod, port)
    assert await get(port, "/a") == (200, "origin", "MISS")
    assert await get(port, "/a") == (200, "origin", "HIT")
    assert seen == ["/a"]
    assert (await get(health, "/readyz"))[:2] == (200, "ok\n")
    text = (await get(health, "/metrics"))[1]
    assert "shield_build_info" in text
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))
    assert all(name.startswith("shield_") for name in names)
    pod.process.send_signal(signal.SIGINT)
    assert await pod.ended() == 0, pod.log.read_text()


async def test_a_port_in_use_is_one_line_that_names_it_and_exit_code_1(spawn: Callable[..., Any]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for arguments in (("--listen", address), ("--listen", "127.0.0.1:0", "--health", address)):
            pod = spawn("run", "--origin", "http://127.0.0.1:9", *arguments)
            assert await pod.ended() == 1
            complaint = pod.log.read_text().splitlines()[-1]
            assert complaint.startswith("shield-proxy: ")
            assert address in complaint
            assert "another process" in complaint


async def test_a_certificate_that_cannot_be_read_is_named_and_exit_code_1(fleet: Any) -> None:
    pod = fleet.start("127.0.0.21", None, tlsDir="/does/not/exist")
    assert await pod.ended() == 1
    assert "/does/not/exist/ca.crt" in pod.log.read_text()


async def test_a_second_signal_ends_a_drain_at_once(spawn: Callable[..., Any], new_origin: NewOrigin) -> None:
    origin, seen = await new_origin("origin")
    port = free_port()
    pod = spawn("run", "--listen", f"127.0.0.1:{port}", "--origin", f"http://127.0.0.1:{origin}")
    await listening(pod, port)
    request = asyncio.create_task(get(port, "/slow"))
    async with asyncio.timeout(5):
        while not seen:
            await asyncio.sleep(0.01)
    pod.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.2)
    assert pod.process.poll() is None
    pod.process.send_signal(signal.SIGTERM)
    assert await pod.ended(seconds=0.6) == 1
    assert isinstance((await asyncio.gather(request, return_exceptions=True))[0], aiohttp.ClientError)


async def test_a_request_that_runs_longer_than_the_drain_is_cut_off_and_told_by_the_exit_code(
    fleet: Any, new_origin: NewOrigin, tmp_path: Path
) -> None:
    origin, seen = await new_origin("origin")
    state = fleet.state(1, origin)
    pods = [
        fleet.start("127.0.0.31", state),
        fleet.start("127.0.0.21", state, drainSeconds=0, drainDelaySeconds=0),
    ]
    await fleet.ready(*pods)
    request = asyncio.create_task(fleet.get(pods[1], "/slow"))
    async with asyncio.timeout(5):
        while not seen:
            await asyncio.sleep(0.01)
    pods[1].process.send_signal(signal.SIGTERM)
    assert await pods[1].ended() == 1
    assert isinstance((await asyncio.gather(request, return_exceptions=True))[0], aiohttp.ClientError)
