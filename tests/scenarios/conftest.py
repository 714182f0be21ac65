"""Fixtures of scenarios: a real fleet, a real origin, a real Redis."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import uvloop
from world.certificates import Authority
from world.fleet import Clock, Fleet
from world.origin import Origin


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest_asyncio.fixture
async def origin() -> AsyncIterator[Origin]:
    server = Origin()
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture
async def fleet(tmp_path: Path, authority: Authority) -> AsyncIterator[Fleet]:
    pods = Fleet(tmp_path, Clock(), authority)
    yield pods
    await pods.close()


class Redis:
    """A redis-server process of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        server = shutil.which("redis-server")
        assert server is not None, "redis-server is not installed"
        command = [server, "--port", str(self.port), "--save", "", "--dir", str(self._directory)]
        command += ["--bind", "127.0.0.1", "--requirepass", "secret", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                import time

                time.sleep(0.01)
            else:
                return
        raise AssertionError("redis-server does not answer")

    def command(self, *words: str) -> str:
        """What redis-cli prints."""
        cli = ["redis-cli", "-p", str(self.port), "-a", "secret", "--no-auth-warning", *words]
        return subprocess.run(cli, capture_output=True, text=True, check=True, timeout=5).stdout.strip()

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    server.start()
    yield server
    server.kill()
