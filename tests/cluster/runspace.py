"""A namespace of a bare API server whose checks are run by hand, and an origin that keeps when it was asked."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from bareapi import BareApi, bare_api
from operatorprocess import GROUPS, grant, install_definitions
from shield_proxy.config.internal import internal_addresses
from shield_proxy.health.probe import Prober
from shield_proxy.health.running.run import Duty, Run
from shield_proxy.health.running.standing import Place
from shield_proxy.kube.account import Account
from shield_proxy.kube.api import Api

SPACE, LEASE = "shop", "probes-eu-a-0"
OTHER_LEASE = "probes-eu-a-1"
CHECKS = f"{GROUPS}/namespaces/{SPACE}/healthchecks"
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{SPACE}/leases"
RULES = [
    {"apiGroups": ["smartshield.io"], "resources": ["healthchecks"], "verbs": ["list", "watch"]},
    {"apiGroups": ["smartshield.io"], "resources": ["healthchecks/status"], "verbs": ["patch"]},
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "resourceNames": [LEASE, OTHER_LEASE],
        "verbs": ["get", "list", "watch", "patch"],
    },
]
"""All that a prober may do: these tests fail where it needs more."""
AGENT = re.compile(rb"healthcheck-id: ([0-9a-f]{16})")


@contextmanager
def served(folder: Path, binaries: Path) -> Iterator[BareApi]:
    """An API server with the CRDs, and the user `prober`."""
    with bare_api(folder, binaries, users=("prober",)) as api:
        install_definitions(api)
        api.call("POST", "/api/v1/namespaces", {"metadata": {"name": SPACE}})
        grant(api, SPACE, "prober", RULES)
        yield api


@contextmanager
def emptied(api: BareApi) -> Iterator[BareApi]:
    """The server with the Leases that the operator makes, and no checks."""
    make_lease(api)
    make_lease(api, OTHER_LEASE)
    yield api
    api.call("DELETE", CHECKS)
    for name in (LEASE, OTHER_LEASE):
        api.call("DELETE", f"{LEASES}/{name}")


def make_lease(api: BareApi, name: str = LEASE) -> None:
    """As the operator does."""
    api.call("POST", LEASES, {"metadata": {"name": name}})


def account_of(api: BareApi, folder: Path) -> Account:
    """What the kubelet gives to a prober's pod."""
    api.mount_account(folder, api.tokens["prober"])
    return Account("127.0.0.1", api.port, folder)


@contextmanager
def a_process(account: Account, name: str, port: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A run in a process of its own, which may have ended within the block; `port`: of its metrics."""
    health = "none" if port is None else f"127.0.0.1:{port}"
    running = subprocess.Popen(
        [
            *(sys.executable, "-m", "shield_proxy.cli", "probe", "--namespace", SPACE, "--data-center", "eu/a"),
            *("--shard", "0", "--lease", LEASE, "--health", health, "--account", str(account.directory)),
        ],
        env={
            **os.environ,
            "KUBERNETES_SERVICE_HOST": account.host,
            "KUBERNETES_SERVICE_PORT": str(account.port),
            "POD_NAME": name,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield running
    finally:
        if running.poll() is None:
            running.terminate()
        running.communicate(timeout=20)


class Origin:
    """Answers each request, and keeps when it came, by the check's id."""

    def __init__(self) -> None:
        self.port = 0
        self.status = b"200 OK"
        self.came: dict[str, list[float]] = defaultdict(list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        found = AGENT.search(head)
        assert found is not None
        self.came[found[1].decode()].append(time.time())
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % self.status)
        await writer.drain()
        writer.close()

    @classmethod
    @asynccontextmanager
    async def listening(cls) -> AsyncIterator["Origin"]:
        """One on a port of its own, at every address: processes don't probe loopback."""
        made = cls()
        server = await asyncio.start_server(made.answer, "0.0.0.0", 0)
        made.port = server.sockets[0].getsockname()[1]
        yield made
        server.close()

    def gaps(self, uid: str) -> list[float]:
        """Seconds between the probes of a check."""
        return [b - a for a, b in pairwise(self.came[uid.replace("-", "")[:16]])]


def make_check(api: BareApi, name: str, port: int, interval: int = 5, **spec: Any) -> str:
    """A check that is assigned to the run; its UID."""
    body = {
        "apiVersion": "smartshield.io/v1alpha1",
        "kind": "HealthCheck",
        "metadata": {"name": name},
        "spec": {"address": "127.0.0.1", "interval": interval, "timeout": 2, "httpConfig": {"port": port}, **spec},
    }
    made = api.call("POST", CHECKS, body)
    api.merge(f"{CHECKS}/{name}/status", {"status": {"dataCenters": ["eu/a"], "shard": 0}})
    return str(made["metadata"]["uid"])


def entry(api: BareApi, name: str) -> dict[str, Any]:
    """What the data centre has reported."""
    probes = api.call("GET", f"{CHECKS}/{name}").get("status", {}).get("probes") or [{}]
    return dict(probes[0])


async def until(what: str, holds: Callable[[], object], seconds: float = 20) -> None:
    """Polls, off the loop on which the runs are."""
    deadline = time.monotonic() + seconds
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.1)


def is_held_by(api: BareApi, name: str) -> bool:
    return held(api).get("holderIdentity") == name


def held(api: BareApi) -> dict[str, Any]:
    return dict(api.call("GET", f"{LEASES}/{LEASE}").get("spec") or {})


@asynccontextmanager
async def a_run(
    account: Account, name: str, told: list[dict[str, Any]] | None = None, shard: int = 0
) -> AsyncIterator[tuple[Run, Any]]:
    """A run on this loop; it may probe this machine. That of shard 1 has OTHER_LEASE."""
    api, prober = Api(account), Prober(internal_addresses((), loopback=True))
    tell = (lambda line: told.append(json.loads(line))) if told is not None else (lambda line: None)
    duty = Duty(SPACE, Place("eu", "a"), shard, OTHER_LEASE if shard else LEASE)
    run = Run(duty, name, api, prober.probe, time.time, tell)
    task = asyncio.create_task(run.run())
    try:
        yield run, task
    finally:
        run.end()
        async with asyncio.timeout(15):
            await task
        await prober.close()
        api.close()
