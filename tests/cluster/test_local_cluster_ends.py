"""What a cluster leaves behind, however it ends: nothing. Each test has a cluster of its own beside the shared one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from localcluster import Cluster, cgroups, instance

pytestmark = pytest.mark.cluster

PLACE = instance.Place("ends")


@dataclass(frozen=True, slots=True)
class World:
    """What a cluster could leave on the machine."""

    mounts: frozenset[str]
    links: frozenset[str]
    namespaces: frozenset[str]
    groups: tuple[str, ...]
    processes: frozenset[int]
    state: bool


def namespaces_of(pids: set[int]) -> frozenset[str]:
    """The network, mount and pid namespaces that these processes run in. One that has ended runs in none, though its
    pid namespace can be read until its parent, here the machine's first process, has collected it."""
    found = set()
    for pid in pids:
        if _ended(pid):
            continue
        for kind in ("net", "mnt", "pid"):
            with suppress(OSError):
                found.add(os.readlink(f"/proc/{pid}/ns/{kind}"))
    return frozenset(found)


def _ended(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    return True


def everyone() -> set[int]:
    return {int(p.name) for p in Path("/proc").iterdir() if p.name.isdecimal()}


@dataclass(frozen=True, slots=True)
class Made:
    """The namespaces a cluster made, and the processes of the whole machine while it ran: whoever came later may have
    got the number of a namespace that ended."""

    namespaces: frozenset[str]
    processes: frozenset[int]


def world(ours: Made = Made(frozenset(), frozenset())) -> World:
    """The machine now; of namespaces only what is left of `ours`, as others come and go."""
    mounts = {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    links = {path.name for path in Path("/sys/class/net").iterdir()}
    groups = tuple(cgroups.found(PLACE.state))
    processes = {pid for pid in everyone() if _mentions(pid, str(PLACE.state))}
    return World(
        mounts=frozenset(mounts),
        links=frozenset(links),
        namespaces=namespaces_of(everyone() & ours.processes) & ours.namespaces,
        groups=groups,
        processes=frozenset(processes),
        state=PLACE.state.exists() or PLACE.kubeconfig.exists(),
    )


def _mentions(pid: int, path: str) -> bool:
    with suppress(OSError):
        return path.encode() + b"\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


@pytest.fixture
def nothing() -> Iterator[World]:
    """The machine before the test, without the cluster of these tests."""
    instance.reap(PLACE)
    yield world()
    instance.reap(PLACE)


def up() -> tuple[Cluster, Made]:
    """A cluster of these tests, and what it made."""
    cluster = Cluster(PLACE.name)
    cluster.up()
    members = cgroups.members(instance.living(PLACE).group)
    return cluster, Made(namespaces_of(members) - namespaces_of({os.getpid()}), frozenset(everyone()))


def test_down_leaves_nothing_and_up_works_at_once_after_it(nothing: World) -> None:
    cluster, ours = up()
    assert world(ours).namespaces
    cluster.down()
    assert world(ours) == nothing
    cluster.up()
    assert cluster.status()["phase"] == "ready"


def test_killing_the_one_process_ends_all_and_down_sweeps_the_rest(nothing: World) -> None:
    cluster, ours = up()
    group = instance.living(PLACE).group
    os.kill(cluster.pid, signal.SIGKILL)
    deadline = time.monotonic() + 15
    while cgroups.members(group) or world(ours).namespaces:
        assert time.monotonic() < deadline, f"still there: {cgroups.members(group)}"
        time.sleep(0.1)
    assert cluster.status()["phase"] == "dead"
    cluster.down()
    assert world(ours) == nothing


@pytest.mark.parametrize("seconds", [0.05, 0.6, 3])
def test_a_start_that_was_killed_half_way_is_reaped(nothing: World, seconds: float) -> None:
    starting = subprocess.Popen([sys.executable, "-m", "localcluster", "up", "--name", PLACE.name],
                                cwd=PLACE.checkout, env={**os.environ, "PYTHONPATH": "tests/cluster"},
                                stdout=subprocess.DEVNULL)  # fmt: skip
    deadline = time.monotonic() + 20
    while not cgroups.found(PLACE.state) and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(seconds)
    starting.kill()
    starting.wait()
    for pid in cgroups.members(cgroups.found(PLACE.state)[0]):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    Cluster(PLACE.name).down()
    assert world() == nothing


def test_a_cluster_whose_state_folder_was_deleted_is_still_found_and_ended(nothing: World) -> None:
    cluster, ours = up()
    (PLACE.state / instance.RECORD).unlink()
    cluster.down()
    assert world(ours) == nothing


def test_two_clusters_run_side_by_side(cluster: Cluster, nothing: World) -> None:
    other, _ = up()
    other.kubectl("create", "namespace", "only-here")
    assert "only-here" in other.kubectl("get", "namespaces", "-o", "name")
    assert "only-here" not in cluster.kubectl("get", "namespaces", "-o", "name")
