"""Control groups of one cluster, on version 1 and 2: made at the start, emptied and removed at the end.

    /shield-ID/system    the supervisor and everything that is no pod: known from the first instruction on
    /shield-ID/NODE      a node's pods (the kubelet's cgroupRoot)

ID begins with a hash of the state folder's path, so a dead cluster's groups are found even if its folder is gone.
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
PREFIX = "shield-"
CPUSET = ("cpuset.cpus", "cpuset.mems")


class NotEmptied(Exception):
    """Processes of a control group outlived SIGKILL for too long; the text names them."""


def mark(state: Path) -> str:
    """What the names of all control groups of the cluster with this state folder begin with."""
    return PREFIX + hashlib.sha256(str(state).encode()).hexdigest()[:10]


def fresh_name(state: Path) -> str:
    """A name for a new cluster's groups: never that of a dead one whose removal is still going on."""
    return f"{mark(state)}-{time.time_ns() // 1_000_000:x}"


def is_unified() -> bool:
    """Whether this machine has control groups of version 2 only."""
    return (MOUNT / "cgroup.controllers").exists()


def hierarchies() -> list[Path]:
    """The root of every hierarchy: one on version 2, one per controller on version 1."""
    if is_unified():
        return [MOUNT]
    return sorted(p for p in MOUNT.iterdir() if p.is_dir() and not p.is_symlink() and (p / "cgroup.procs").exists())


def make(name: str, nodes: tuple[str, ...]) -> None:
    """The groups exist in every hierarchy and pods may be limited in them. OSError if the machine forbids it."""
    for root in hierarchies():
        if is_unified():
            _delegate(root)
        for group in (root / name, root / name / "system", *(root / name / node for node in nodes)):
            group.mkdir(exist_ok=True)
            for file in CPUSET:
                # on version 1 a group without CPUs takes no process
                if root.name == "cpuset" and (group / file).exists():
                    (group / file).write_text((group.parent / file).read_text())
        if is_unified():
            _delegate(root / name)
            for node in nodes:
                _delegate(root / name / node)


def _delegate(group: Path) -> None:
    """Every controller the group has is passed on to its children."""
    for controller in (group / "cgroup.controllers").read_text().split():
        try:
            (group / "cgroup.subtree_control").write_text(f"+{controller}")
        except OSError:
            continue  # some (cpuset partitions, misc) refuse; the kubelet names what it misses


def join_script(name: str) -> str:
    """Shell commands that put the shell itself into the system group, before it becomes something else."""
    return " && ".join(f"echo $$ > {root / name / 'system' / 'cgroup.procs'}" for root in hierarchies())


def found(state: Path) -> list[str]:
    """Names of the groups that clusters of this state folder have left or still use."""
    names = {p.name for root in hierarchies() for p in root.glob(f"{mark(state)}-*")}
    return sorted(names)


def found_under(states: Path) -> list[str]:
    """Names of the groups of clusters called demo or test, whose state folders were in `states` on another root."""
    return [group for name in ("demo", "test") for group in found(states / name)]


def _groups(name: str) -> Iterator[Path]:
    """All directories of these groups, deepest first."""
    for root in hierarchies():
        for path, _, _ in os.walk(root / name, topdown=False):
            yield Path(path)


def members(name: str) -> set[int]:
    """Process ids in these groups."""
    pids: set[int] = set()
    for group in _groups(name):
        try:
            pids.update(int(line) for line in (group / "cgroup.procs").read_text().split())
        except OSError:
            continue  # removed, or its last process left, while we looked
    return pids


def clear_node(name: str, node: str) -> None:
    """A dead node's pods have left no group: a kubelet that finds some would spend seconds on each."""
    deadline = time.monotonic() + 10
    tops = [root / name / node for root in hierarchies()]
    while any(child.is_dir() for top in tops for child in top.iterdir()) and time.monotonic() < deadline:
        for group in (Path(path) for top in tops for path, _, _ in os.walk(top, topdown=False)):
            with suppress(OSError):  # busy until the kernel has let go of its last process
                if group not in tops:
                    group.rmdir()
        time.sleep(0.02)


def end(name: str, within: float = 30.0) -> None:
    """No process of these groups lives and the groups are gone; NotEmptied after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        alive = members(name) - {os.getpid()}
        for pid in alive:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for group in _groups(name):
            try:
                group.rmdir()
            except OSError:
                continue  # busy until the kernel has let go of its last process
        if not any((root / name).exists() for root in hierarchies()):
            return
        if time.monotonic() > deadline:
            raise NotEmptied(f"{name}: processes {sorted(alive)} or the kernel still hold its control groups")
        time.sleep(0.05)


def memory_bytes(name: str) -> int:
    """Memory charged to the whole cluster, page cache included."""
    file = "memory.current" if is_unified() else "memory.usage_in_bytes"
    root = MOUNT if is_unified() else MOUNT / "memory"
    return int((root / name / file).read_text())


def cpu_seconds(name: str) -> float:
    """Processor time the whole cluster has used."""
    if is_unified():
        line = (MOUNT / name / "cpu.stat").read_text().splitlines()[0]
        return int(line.split()[1]) / 1e6
    return int((MOUNT / "cpuacct" / name / "cpuacct.usage").read_text()) / 1e9
