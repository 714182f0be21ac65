"""Runs of probers against a real API server: what they find in status, hand-over, changes of checks, their end."""

import asyncio
import json
import re
import time
import urllib.request
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bareapi import BareApi
from freeports import free_port
from runfixtures import account as account
from runfixtures import api as api
from runfixtures import origin as origin
from runfixtures import server as server
from runspace import (
    CHECKS,
    LEASE,
    LEASES,
    Origin,
    a_process,
    a_run,
    entry,
    held,
    is_held_by,
    make_check,
    until,
)
from shield_proxy.kube.account import Account


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


async def test_an_entry_that_was_overwritten_is_written_again_though_nothing_else_happens(
    api: BareApi, account: Account, origin: Origin
) -> None:
    """As a late write of the run before would overwrite it."""
    make_check(api, "shop", origin.port)
    async with a_run(account, "one"):
        await until("healthy", lambda: entry(api, "shop").get("health") == "Healthy")
        late = {**entry(api, "shop"), "health": "Unhealthy", "reason": "Other Failure"}
        api.merge(f"{CHECKS}/shop/status", {"status": {"probes": [late]}})
        await until("healthy again", lambda: entry(api, "shop").get("health") == "Healthy", 30)


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
    # A busy machine may begin a probe late, but by less than half of the five seconds.
    assert min(gaps) > 2.5
    assert max(gaps) < 7.5
    print(f"{len(gaps)} gaps of {min(gaps):.3f} to {max(gaps):.3f} s")


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
    with a_process(account, "probes-x", port) as running:
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
        running.terminate()
        asked = time.monotonic()
        out, err = running.communicate(timeout=20)
    assert running.returncode == 0, err
    assert time.monotonic() - asked < 5
    line = json.loads(out)
    assert (line["check"], line["health"], line["reason"]) == ("own", "Unhealthy", "DNS Internal")
    assert not held(api)["holderIdentity"]
    print(f"held the Lease after {started:.3f} s, resident {resident / 1e6:.1f} MB")
    assert started < 2.0, "the machine may be busy; alone it is a quarter of a second"
    assert resident < 40e6
