"""The health port of a prober, as a process, without an API server."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from freeports import free_port


@pytest.fixture
def prober(tmp_path: Path) -> Iterator[int]:
    """The health port of a run, until the test ends."""
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "shield_proxy.cli", "probe", "--namespace", "shop", "--data-center", "eu/a"),
            *("--shard", "0", "--lease", "probes", "--health", f"127.0.0.1:{port}", "--account", str(tmp_path)),
        ],
        env={"PATH": os.environ["PATH"], "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"},
        stderr=subprocess.DEVNULL,
    )
    yield port
    process.kill()
    process.wait()


async def ask(port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
        return (await reader.read()).decode()
    finally:
        writer.close()


async def listens(port: int) -> bool:
    try:
        return "200 OK" in await ask(port, "/livez")
    except OSError:
        return False


async def test_however_many_connections_say_nothing_prometheus_is_answered(prober: int) -> None:
    async with asyncio.timeout(15):
        while not await listens(prober):
            await asyncio.sleep(0.05)
    silent = [await asyncio.open_connection("127.0.0.1", prober) for _ in range(100)]
    try:
        async with asyncio.timeout(2):
            answer = await ask(prober, "/metrics")
    finally:
        for _, writer in silent:
            writer.transport.abort()
    assert answer.startswith("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4")
    assert re.search(r"^shield_prober_info{[^}]*} 1$", answer, re.MULTILINE)
    assert 'shield_probe_slots_missed_total{reason="gap"' in answer
