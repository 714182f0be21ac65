"""Real proxy processes of a small fleet on loopback addresses, and an origin that counts."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import yaml
from aiohttp import web

from freeports import free_ports
from shield_proxy.config.codec import encode_state
from shield_proxy.config.contract import STATE_PATH, Tier
from shield_proxy.config.identity import OPERATOR_URI, PodIdentity
from shield_proxy.config.record import write_record
from shield_proxy.config.state import DataCenter, FleetState, Origin, Zone
from shield_proxy.config.version import SCHEMA
from shield_proxy.wire.tls.hops import load_hop_tls

Issue = Callable[..., Path]
LOWERS = ("127.0.0.21", "127.0.0.22")
UPPER = "127.0.0.31"
HOST = "shop.example"


class Pod:
    """A proxy process and where its ports are."""

    def __init__(self, process: subprocess.Popen[bytes], address: str, log: Path, tls: Path | None = None) -> None:
        self.process = process
        self.address = address
        self.log = log
        self.output = log.with_suffix(".out")
        self.tls = tls

    async def ended(self, seconds: float = 15) -> int:
        """Its exit code."""
        async with asyncio.timeout(seconds):
            while (code := self.process.poll()) is None:
                await asyncio.sleep(0.02)
        return code


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Callable[..., Pod]]:
    """Starts `shield-proxy ARGUMENTS`; what still runs at the end is killed."""
    running: list[subprocess.Popen[bytes]] = []
    numbers = itertools.count()

    def start(*arguments: str, address: str = "127.0.0.1", tls: Path | None = None) -> Pod:
        log = tmp_path / f"log-{next(numbers)}"
        with log.open("wb") as told, log.with_suffix(".out").open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "shield_proxy.cli", *arguments],
                stdout=out,
                stderr=told,
                env={"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error"},
            )
        running.append(process)
        return Pod(process, address, log, tls)

    yield start
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()


@pytest_asyncio.fixture
async def new_origin() -> AsyncIterator[Callable[[str], Awaitable[tuple[int, list[str]]]]]:
    """Starts origins that answer with their name; each gives its port and the paths it was asked for."""
    runners: list[web.AppRunner] = []

    async def start(name: str) -> tuple[int, list[str]]:
        seen: list[str] = []

        async def answer(request: web.Request) -> web.Response:
            seen.append(request.path)
            if request.path.startswith("/slow"):
                await asyncio.sleep(1.0)
            kept = "no-store" if request.path.startswith(("/slow", "/now")) else "max-age=60"
            return web.Response(text=name, headers={"Cache-Control": kept})

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port: int = runner.addresses[0][1]
        return port, seen

    yield start
    for runner in runners:
        await runner.cleanup()


class Fleet:
    """Lowers in eu/a, an upper in us/b, an operator that pushes."""

    def __init__(self, spawn: Callable[..., Pod], issue: Issue, directory: Path) -> None:
        self.spawn, self.issue, self.directory = spawn, issue, directory
        self.client, self.hop, self.internal, self.health = free_ports(4)
        self.operator = load_hop_tls(issue(OPERATOR_URI))
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))

    def state(self, generation: int, origin_port: int) -> FleetState:
        lowers = DataCenter("eu", "a", {Tier.LOWER: ",".join(f"{a}:{self.hop}" for a in LOWERS)})
        upper = DataCenter("us", "b", {Tier.UPPER: f"{UPPER}:{self.hop}"})
        origin = Origin("web", "127.0.0.1", origin_port)
        zone = Zone("uid-1", "shop", "shop", generation, (HOST,), (origin,), (), {"web": ("us/b",)})
        return FleetState("shop", "default", generation, 1, (lowers, upper), (zone,))

    def start(self, address: str, state: FleetState | None, **changes: Any) -> Pod:
        """Starts the pod of that address."""
        tier, place = (Tier.UPPER, ("us", "b")) if address == UPPER else (Tier.LOWER, ("eu", "a"))
        tls = self.issue(PodIdentity("shop", "default", tier).uri)
        ports = {"client": self.client, "hop": self.hop, "internal": self.internal, "health": self.health}
        document = {
            "tier": str(tier),
            "namespace": "shop",
            "fleet": "default",
            "region": place[0],
            "zone": place[1],
            "pod": f"pod-{address}",
            "address": address,
            "listen": {name: [f"{address}:{port}"] for name, port in ports.items()},
            "tlsDir": str(tls),
            "stateDir": str(self.directory / "state"),
            "memory": "16Mi",
            "drainSeconds": 5,
            "drainDelaySeconds": 1,
            "confirmSeconds": 0,
            **({"state": encode_state(state, SCHEMA)} if state else {}),
            **changes,
        }
        path = self.directory / f"{address}.yaml"
        path.write_text(yaml.safe_dump(document))
        return self.spawn("serve", "--config", str(path), address=address, tls=tls)

    async def ready(self, *pods: Pod, seconds: float = 20) -> None:
        """Every pod says that it is ready."""
        for pod in pods:
            async with asyncio.timeout(seconds):
                while (await self.readiness(pod))[0] != 200:
                    assert pod.process.poll() is None, pod.log.read_text()
                    await asyncio.sleep(0.05)

    async def readiness(self, pod: Pod) -> tuple[int, str]:
        """Status and text of /readyz; 0 while it does not listen."""
        try:
            async with self.session.get(f"http://{pod.address}:{self.health}/readyz") as answer:
                return answer.status, await answer.text()
        except aiohttp.ClientError:
            return 0, ""

    async def get(self, pod: Pod, path: str) -> tuple[int, str, str]:
        """Status, body and Shield-Cache-Status, over a connection of its own."""
        url = f"http://{pod.address}:{self.client}{path}"
        async with self.session.get(url, headers={"Host": HOST}) as answer:
            return answer.status, await answer.text(), answer.headers.get("Shield-Cache-Status", "")

    async def internally(self, pod: Pod, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        """Asks the internal port as the operator."""
        url = f"https://{pod.address}:{self.internal}{path}"
        # A session for each: its end cuts TLS connections, so that none of them is used again or left over.
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self.operator.client)) as session,
            session.request(method, url, data=body) as answer,
        ):
            return answer.status, await answer.json()

    async def push(self, state: FleetState, *pods: Pod) -> list[int]:
        """Pushes to each pod; their statuses."""
        record = write_record(state, SCHEMA)
        return [(await self.internally(pod, "PUT", STATE_PATH, record))[0] for pod in pods]


@pytest_asyncio.fixture
async def fleet(spawn: Callable[..., Pod], issue: Issue, tmp_path: Path) -> AsyncIterator[Fleet]:
    """A fleet without a pod yet."""
    fleet = Fleet(spawn, issue, tmp_path)
    yield fleet
    await fleet.session.close()
