"""Runs of probers against a real API server: what they find in status, hand-over, changes of checks, their end."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bareapi import BareApi, bare_api, free_port
from localcluster.artifacts import binaries
from operatorprocess import GROUPS, install_definitions
from shield_proxy.health.internal import internal_addresses
from shield_proxy.health.probe import Prober
from shield_proxy.health.running.run import Duty, Run
from shield_proxy.health.running.standing import Place
from shield_proxy.kube.account import Account
from shield_proxy.kube.api import Api

SPACE, LEASE = "shop", "probes-eu-a-0"
CHECKS = f"{GROUPS}/namespaces/{SPACE}/healthchecks"
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{SPACE}/leases"
RULES = [
    {"apiGroups": ["smartshield.io"], "resources": ["healthchecks"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["smartshield.io"], "resources": ["healthchecks/status"], "verbs": ["patch"]},
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "resourceNames": [LEASE],
        "verbs": ["get", "list", "watch", "patch"],
    },
]
"""All that a prober may do: these tests fail where it needs more."""
AGENT = re.compile(rb"healthcheck-id: ([0-9a-f]{16})")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareApi]:
    """An API server with the CRDs, and the user `prober`."""
    with bare_api(tmp_path_factory.mktemp("api"), binaries.kc(), users=("prober",)) as api:
        install_definitions(api)
        api.call("POST", "/api/v1/namespaces", {"metadata": {"name": SPACE}})
        rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{SPACE}"
        api.call("POST", f"{rbac}/roles", {"metadata": {"name": "prober"}, "rules": RULES})
        binding = {
            "metadata": {"name": "prober"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "prober"},
            "subjects": [{"kind": "User", "name": "prober", "apiGroup": "rbac.authorization.k8s.io"}],
        }
        api.call("POST", f"{rbac}/rolebindings", binding)
        yield api


@pytest.fixture
def api(served: BareApi) -> Iterator[BareApi]:
    """The server with the Lease that the operator makes, and no checks."""
    served.call("POST", LEASES, {"metadata": {"name": LEASE}})
    yield served
    served.call("DELETE", CHECKS)
    served.call("DELETE", f"{LEASES}/{LEASE}")


@pytest.fixture
def account(api: BareApi, tmp_path: Path) -> Account:
    (tmp_path / "token").write_text(api.tokens["prober"])
    (tmp_path / "ca.crt").write_bytes((api.folder / "certs" / "apiserver.crt").read_bytes())
    return Account("127.0.0.1", api.port, tmp_path)


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

    def gaps(self, uid: str) -> list[float]:
        """Seconds between the probes of a check."""
        return [b - a for a, b in pairwise(self.came[uid.replace("-", "")[:16]])]


@pytest_asyncio.fixture
async def origin() -> AsyncIterator[Origin]:
    made = Origin()
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


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


@asynccontextmanager
async def a_run(
    account: Account, name: str, told: list[dict[str, Any]] | None = None
) -> AsyncIterator[tuple[Run, Any]]:
    """A run on this loop; it may probe this machine."""
    api, prober = Api(account), Prober(internal_addresses((), loopback=True))
    tell = (lambda line: told.append(json.loads(line))) if told is not None else (lambda line: None)
    run = Run(Duty(SPACE, Place("eu", "a"), 0, LEASE), name, api, prober.probe, time.time, tell)
    task = asyncio.create_task(run.run())
    try:
        yield run, task
    finally:
        run.end()
        async with asyncio.timeout(15):
            await task
        await prober.close()
        api.close()


async def test_a_check_is_probed_and_its_verdict_reported(api: BareApi, account: Account, origin: Origin) -> None:
    told: list[dict[str, Any]] = []
    make_check(api, "shop", origin.port)
    async with a_run(account, "one", told):
        await until("healthy", lambda: entry(api, "shop").get("health") == "Healthy")
        origin.status = b"503 No"
        await until("unhealthy", lambda: entry(api, "shop").get("health") == "Unhealthy")
    found = entry(api, "shop")
    assert (found["reason"], found["code"]) == ("Response code mismatch error", 503)
    assert found["detail"] == "expected 200; received 503"
    assert [line["health"] for line in told] == ["Healthy", "Unhealthy"]
    managed = api.call("GET", f"{CHECKS}/shop")["metadata"]["managedFields"]
    assert "shield-prober-eu/a" in [each["manager"] for each in managed]


async def test_slots_go_from_run_to_run_without_a_gap_or_a_double(
    api: BareApi, account: Account, origin: Origin
) -> None:
    uids = [make_check(api, f"shop-{i}", origin.port) for i in range(4)]
    async with AsyncExitStack() as stack:
        before: list[asyncio.Task[str]] = []
        for name in ("one", "two", "three"):
            run, task = await stack.enter_async_context(a_run(account, name))
            await until(f"{name} holds", partial(is_held_by, api, name))
            for each in before:
                async with asyncio.timeout(10):
                    await each
            before.append(task)
            await asyncio.sleep(7)
            assert not run.figures.missed, f"{name}: late by {run.figures.lateness:.1f} s"
            assert not task.done()
    gaps = [gap for uid in uids for gap in origin.gaps(uid)]
    assert len(gaps) > 12
    assert min(gaps) > 4.5
    assert max(gaps) < 5.5
    print(f"{len(gaps)} gaps of {min(gaps):.3f} to {max(gaps):.3f} s")


def is_held_by(api: BareApi, name: str) -> bool:
    return held(api).get("holderIdentity") == name


def held(api: BareApi) -> dict[str, Any]:
    return dict(api.call("GET", f"{LEASES}/{LEASE}").get("spec") or {})


async def test_a_run_that_ends_leaves_its_counters_and_the_lease_to_anybody(
    api: BareApi, account: Account, origin: Origin
) -> None:
    uid = make_check(api, "shop", origin.port)
    async with a_run(account, "one"):
        await until("healthy", lambda: entry(api, "shop").get("health") == "Healthy")
    lease = api.call("GET", f"{LEASES}/{LEASE}")
    counters = json.loads(lease["metadata"]["annotations"]["smartshield.io/counters"])
    assert not lease["spec"]["holderIdentity"]
    assert counters[uid.replace("-", "")][0] == "h"
    assert counters[uid.replace("-", "")][2] >= 1


async def test_changes_of_checks_are_noticed_within_seconds(api: BareApi, account: Account, origin: Origin) -> None:
    async with a_run(account, "one"):
        await until("holds", lambda: held(api).get("holderIdentity") == "one")
        uid = make_check(api, "new", origin.port)
        await until("the new one is probed", lambda: entry(api, "new").get("health") == "Healthy", 8)
        api.merge(f"{CHECKS}/new", {"spec": {"httpConfig": {"expectedCodes": ["204"]}}})
        await until("the changed one", lambda: entry(api, "new").get("observedGeneration") == 2, 8)
        assert entry(api, "new")["health"] == "Unhealthy"
        api.merge(f"{CHECKS}/new", {"spec": {"suspended": True}})
        await asyncio.sleep(1)
        probed = len(origin.came[uid.replace("-", "")[:16]])
        await asyncio.sleep(6)
        assert len(origin.came[uid.replace("-", "")[:16]]) == probed
        api.merge(f"{CHECKS}/new", {"spec": {"suspended": False}})
        await until("probed again", lambda: len(origin.came[uid.replace("-", "")[:16]]) > probed, 8)
        api.call("DELETE", f"{CHECKS}/new")
        await asyncio.sleep(1)
        probed = len(origin.came[uid.replace("-", "")[:16]])
        await asyncio.sleep(6)
        assert len(origin.came[uid.replace("-", "")[:16]]) == probed


def test_a_process_starts_fast_stays_small_tells_changes_and_ends_politely(
    api: BareApi, account: Account, tmp_path: Path
) -> None:
    make_check(api, "own", 80)
    port = free_port()
    began = time.monotonic()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "shield_proxy.cli", "probe", "--namespace", SPACE, "--data-center", "eu/a"),
            *("--shard", "0", "--lease", LEASE, "--health", f"127.0.0.1:{port}", "--account", str(account.directory)),
        ],
        env={
            **os.environ,
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(api.port),
            "POD_NAME": "probes-x",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        deadline = time.monotonic() + 20
        while not held(api).get("holderIdentity"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        started = time.monotonic() - began
        assert held(api)["holderIdentity"].startswith("probes-x-")
        while not entry(api, "own"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        metrics = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
        resident = int(re.search(r"^shield_process_resident_memory_bytes (\d+)", metrics, re.M)[1])  # type: ignore[index]
    finally:
        process.send_signal(signal.SIGTERM)
        asked = time.monotonic()
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert time.monotonic() - asked < 5
    line = json.loads(out)
    assert (line["check"], line["health"], line["reason"]) == ("own", "Unhealthy", "DNS Internal")
    assert not held(api)["holderIdentity"]
    print(f"held the Lease after {started:.3f} s, resident {resident / 1e6:.1f} MB")
    assert started < 2.0, "the machine may be busy; alone it is a quarter of a second"
    assert resident < 40e6
