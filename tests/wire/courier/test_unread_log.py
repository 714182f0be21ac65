"""A courier, as a process, whose lines and log go into pipes that nobody reads."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from courier.receiver import Receiver, receiving
from kube.saidserver import SaidServer, answer, request
from world.fleet import until

from bareapi import own_address
from freeports import free_port
from smallpipes import SIZE, small_pipe

TO_DELIVER = [f"n{number}" for number in range(20)]


class Alerts:
    """An API server that has one alert with notifications for a receiver, and keeps what was settled last."""

    def __init__(self, port: int) -> None:
        url = f"http://{own_address()}:{port}/"
        self.alert = {
            "metadata": {"name": "on-call", "namespace": "shop", "uid": "u", "resourceVersion": "1"},
            "spec": {"targets": [{"name": "hook", "webhook": {"url": url}}]},
            "status": {"notifications": [notification(id_) for id_ in TO_DELIVER]},
        }
        self.settled: list[str] = []

    async def say(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, _, body = (await request(reader)).partition("\r\n\r\n")
            if head.startswith("PATCH"):
                self.settled = json.loads(body)["status"]["targets"][0]["settled"]
                writer.write(answer(b"{}"))
            elif "watch=true" in head:
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            else:
                listed = {"metadata": {"resourceVersion": "1"}, "items": [self.alert]}
                writer.write(answer(json.dumps(listed).encode()))
            await writer.drain()


def notification(id_: str) -> dict[str, Any]:
    now = "2126-01-01T00:00:00Z"  # never too old
    return {"id": id_, "event": "TEST", "correlationId": "0" * 32, "time": now, "changed": now}


@pytest.fixture
def full() -> Iterator[tuple[int, int]]:
    """A pipe that has taken all it can: read end, write end."""
    with small_pipe() as ends:
        os.write(ends[1], b"x" * SIZE)
        yield ends


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
async def test_a_log_that_nobody_reads_holds_up_no_delivery(tmp_path: Path, full: tuple[int, int], stream: str) -> None:
    receiver, health, (read, write) = Receiver(), free_port(), full
    reached = socket.create_server((own_address(), 0))
    alerts = Alerts(reached.getsockname()[1])
    async with receiving(receiver, None, reached), SaidServer(alerts.say, tmp_path) as api:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "shield_courier.cli", "run", "--namespace", "shop"),
                *("--health", f"127.0.0.1:{health}", "--account", str(tmp_path), "--secrets", str(tmp_path)),
            ],
            env={
                **os.environ,
                "KUBERNETES_SERVICE_HOST": "127.0.0.1",
                "KUBERNETES_SERVICE_PORT": str(api.account.port),
            },
            **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: write},  # type: ignore[call-overload]
        )
        try:
            await until(lambda: len(receiver.received) == len(TO_DELIVER), 20)
            await until(lambda: alerts.settled == TO_DELIVER, 10)
            assert await lost(health, stream) == 0
            os.close(read)  # whoever was to read has gone
            async with asyncio.timeout(10):
                while not await lost(health, stream):
                    await asyncio.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 10) == 0
        finally:
            process.kill()
            process.wait()


async def lost(health: int, stream: str) -> float:
    """What the metric of lost lines says."""

    def ask() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{health}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    found = re.search(
        rf'^shield_courier_lines_lost_total{{stream="{stream}"}} (\d+)$', await asyncio.to_thread(ask), re.M
    )
    assert found is not None
    return float(found[1])
