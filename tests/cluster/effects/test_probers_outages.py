"""Runs whose API server stops, dies or loses their Lease, and runs that die themselves: probes go on, none is doubled,
and what was found meanwhile is told afterwards."""

import asyncio
import json
import signal
import time

from bareapi import BareApi, own_address
from localcluster.artifacts import binaries
from runfixtures import account as account
from runfixtures import api as api
from runfixtures import origin as origin
from runfixtures import server as server
from runspace import (
    CHECKS,
    LEASE,
    LEASES,
    OTHER_LEASE,
    Origin,
    a_process,
    a_run,
    entry,
    held,
    is_held_by,
    make_check,
    make_lease,
    until,
)
from shield_proxy.kube.account import Account
from shield_proxy.kube.follow import MOST_PAUSE


def notes(api: BareApi) -> dict[str, str]:
    """Annotations of the Lease."""
    return dict(api.call("GET", f"{LEASES}/{LEASE}")["metadata"].get("annotations") or {})


def verdict(api: BareApi, uid: str) -> list[object]:
    """What the Lease remembers of a check: verdict, fails, successes, generation."""
    found: list[object] = json.loads(notes(api).get("smartshield.io/counters") or "{}").get(uid.replace("-", ""), [])
    return found


def assert_each_slot_once(origin: Origin, uid: str) -> None:
    """Of slots five seconds apart: a busy machine may begin a probe late, but by less than half of that."""
    assert 2.5 < min(origin.gaps(uid)) <= max(origin.gaps(uid)) < 7.5


async def test_a_server_that_hangs_stops_no_probe_and_hears_the_latest_when_it_is_back(
    api: BareApi, account: Account, origin: Origin
) -> None:
    uid = make_check(api, "shop", origin.port)
    async with a_run(account, "one") as (run, task):
        await until("healthy", lambda: entry(api, "shop").get("health") == "Healthy")
        with api.frozen():
            for origin.status in (b"503 No", b"200 OK", b"404 No"):
                await asyncio.sleep(6)
        back = time.monotonic()
        await until("unhealthy", lambda: entry(api, "shop").get("code") == 404, 30)
        print(f"told {time.monotonic() - back:.1f} s after the server went on")
        assert is_held_by(api, "one")
        assert not task.done()
        assert run.figures.reports["written"] == 2, "what was overtaken is not told"
    assert_each_slot_once(origin, uid)


async def test_a_server_that_dies_and_comes_back_after_the_lease_has_run_out_finds_the_same_run(
    api: BareApi, account: Account, origin: Origin
) -> None:
    uid = make_check(api, "shop", origin.port)
    async with a_run(account, "one") as (run, task):
        await until("healthy", lambda: entry(api, "shop").get("health") == "Healthy")
        with api.down(binaries.kc()):
            origin.status = b"503 No"
            await asyncio.sleep(33)
        back = time.monotonic()
        await until("unhealthy", lambda: entry(api, "shop").get("health") == "Unhealthy", 30)
        print(f"told {time.monotonic() - back:.1f} s after the server was back")
        await until("renewed", lambda: verdict(api, uid)[:1] == ["n"])
        assert is_held_by(api, "one")
        assert not task.done()
        assert not run.figures.missed
        # It watches as before: the pause in which it did not look for the server, then a list.
        new = make_check(api, "new", origin.port)
        await until("a new check is probed", lambda: origin.came[new.replace("-", "")[:16]], MOST_PAUSE + 10)
        print(f"watched {time.monotonic() - back:.1f} s after the server was back")
    assert_each_slot_once(origin, uid)


async def test_a_run_that_is_killed_is_followed_with_its_counters_and_the_slots_it_left_are_counted(
    api: BareApi, account: Account, origin: Origin
) -> None:
    uid = make_check(api, "shop", origin.port, address=own_address(), consecutiveFails=3)
    at = origin.came[uid.replace("-", "")[:16]]
    with a_process(account, "first") as first:
        await until("healthy", lambda: entry(api, "shop").get("health") == "Healthy")
        origin.status = b"503 No"
        await until("one failure was counted and handed on", lambda: verdict(api, uid)[:2] == ["h", 1], 30)
        renewed = held(api)["renewTime"]
        first.send_signal(signal.SIGKILL)
        first.wait()
        probed = len(at)
        began = time.monotonic()
        with a_process(account, "second"):
            await until("the next run holds", lambda: held(api)["holderIdentity"].startswith("second-"), 60)
            taken = time.monotonic() - began
            await until("it goes on counting", lambda: entry(api, "shop").get("health") == "Unhealthy", 20)
            await until("slots are told as missed", lambda: int(notes(api)["smartshield.io/missed"]) >= 5, 20)
    print(f"taken over {taken:.1f} s after its death, {notes(api)['smartshield.io/missed']} slots missed")
    assert taken < 40
    assert held(api)["renewTime"] > renewed
    lost = at[probed] - at[probed - 1]
    assert int(notes(api)["smartshield.io/missed"]) in (round(lost / 5) - 1, round(lost / 5))
    # Two failures after the one that the first run had counted were enough.
    assert len(at) - probed <= 4


async def test_a_lease_that_is_deleted_and_made_again_goes_on_with_the_run_that_had_it(
    api: BareApi, account: Account, origin: Origin
) -> None:
    uid = make_check(api, "shop", origin.port, consecutiveFails=3)
    async with a_run(account, "one") as (run, task):
        await until("healthy", lambda: entry(api, "shop").get("health") == "Healthy")
        api.call("DELETE", f"{LEASES}/{LEASE}")
        await asyncio.sleep(11)
        make_lease(api)
        await until("it holds it again", lambda: is_held_by(api, "one"), 15)
        await until("its counters are there again", lambda: verdict(api, uid)[:1] == ["h"], 15)
        assert not task.done()
        assert not run.figures.missed
    assert_each_slot_once(origin, uid)


async def test_while_there_is_no_lease_the_run_probes_on_and_the_next_one_waits_for_it_to_be_made(
    api: BareApi, account: Account, origin: Origin
) -> None:
    uid = make_check(api, "shop", origin.port, consecutiveFails=3)
    at = origin.came[uid.replace("-", "")[:16]]
    async with a_run(account, "one"):
        await until("healthy", lambda: entry(api, "shop").get("health") == "Healthy")
        api.call("DELETE", f"{LEASES}/{LEASE}")
        async with a_run(account, "two") as (two, waiting):
            before = len(at)
            await asyncio.sleep(11)
            assert len(at) >= before + 2, "the first run probes on"
            assert two.figures.probes.total() == 0
            assert not waiting.done()
            make_lease(api)
            await until("somebody holds it", lambda: held(api).get("holderIdentity"), 15)
            await asyncio.sleep(6)
    assert_each_slot_once(origin, uid)
    assert entry(api, "shop")["health"] == "Healthy"


async def test_a_check_that_changes_its_shard_keeps_slots_and_verdict(
    api: BareApi, account: Account, origin: Origin
) -> None:
    uid = make_check(api, "shop", origin.port, consecutiveFails=3)
    async with a_run(account, "here") as (here, _), a_run(account, "there", shard=1) as (there, _):
        await until("healthy", lambda: entry(api, "shop").get("health") == "Healthy")
        path = f"{LEASES}/{OTHER_LEASE}"
        await until("both hold a Lease", lambda: (api.call("GET", path).get("spec") or {}).get("holderIdentity"))
        at = origin.came[uid.replace("-", "")[:16]]
        probed = len(at)
        await until("a probe has just ended", lambda: len(at) > probed)
        api.merge(f"{CHECKS}/shop/status", {"status": {"shard": 1}})
        origin.status = b"503 No"
        moved = len(at)
        await until("two failures", lambda: len(at) >= moved + 2)
        assert entry(api, "shop")["health"] == "Healthy"
        await until("unhealthy after three", lambda: entry(api, "shop").get("health") == "Unhealthy")
        assert len(at) - moved == 3
        assert there.figures.probes.total() == 3
        assert not there.figures.missed
        assert not here.figures.missed
    assert_each_slot_once(origin, uid)
