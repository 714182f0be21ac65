"""A cluster as seen from the machine: where its state is, whether it lives, and how it is started, entered and ended.

The truth about life is the control groups: they carry a mark made from the state folder's path, so that a cluster whose
start was killed half-way, or whose folder was deleted, is still found and ended.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import cgroups, control, layout
from .settings import Settings

RECORD = "instance.json"
PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parents[2]
Ports = tuple[int, int]


class NotUp(Exception):
    """The cluster is not running; the text says how to start it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a named cluster of a checkout keeps its state."""

    name: str
    checkout: Path = CHECKOUT

    @property
    def state(self) -> Path:
        return self.checkout / ".cluster" / self.name

    @property
    def kubeconfig(self) -> Path:
        """`.cluster/kubeconfig` for the demo, `.cluster/NAME/kubeconfig` for the others."""
        return self.state.parent / "kubeconfig" if self.name == "demo" else self.state / "kubeconfig"


@dataclass(frozen=True, slots=True)
class Instance:
    """A living cluster. `pid` is the one process whose end ends it all, `inner` process 1 of its namespaces."""

    place: Place
    pid: int
    inner: int
    group: str
    port: int

    @property
    def control(self) -> Path:
        return self.place.state / "control.sock"

    def netns(self, name: str) -> str:
        """The path of a node's or an origin's network namespace, as the machine sees it."""
        return f"/proc/{self.inner}/root/run/netns/{name}"

    def in_network(self, name: str, argv: Sequence[str]) -> list[str]:
        """The command that runs `argv`, a program of the machine, in a node's network. It counts as part of the
        cluster and ends with it at the latest."""
        join = cgroups.join_script(self.group)
        return ["sh", "-c", f'{join} && exec "$@"', "sh", "nsenter", f"--net={self.netns(name)}", "--", *argv]

    def on_node(self, node_pid: int, argv: Sequence[str]) -> list[str]:
        """The command that runs `argv` in all namespaces of the node whose process 1 has this number inside."""
        outer = ["nsenter", "-t", str(self.inner), "-m", "-p", "-n", "-i", "--"]
        return [*outer, "nsenter", "-t", str(node_pid), "-m", "-p", "-n", "-u", "-i", "--", *argv]


@contextmanager
def locked(place: Place, cache: Path) -> Iterator[None]:
    """Nobody else starts or ends this cluster meanwhile."""
    folder = cache / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / cgroups.mark(place.state)).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def find(place: Place) -> Instance | None:
    """The cluster if it lives; None if it does not, whatever a dead one has left."""
    try:
        record: dict[str, Any] = json.loads((place.state / RECORD).read_text())
    except (FileNotFoundError, ValueError):
        return None
    pid, group = int(record["pid"]), str(record["group"])
    if pid not in cgroups.members(group):
        return None
    inner = _inner(pid)
    return Instance(place, pid, inner, group, int(record["port"])) if inner else None


def living(place: Place) -> Instance:
    """The cluster; NotUp if it does not live."""
    found = find(place)
    if found is None:
        raise NotUp(f"cluster {place.name!r} is not up: python -m localcluster up --name {place.name}")
    return found


def _inner(outer: int, within: float = 5.0) -> int | None:
    """Process 1 of the namespaces that `outer` made; None if there is none within some seconds."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                if int(stat.read_text().rpartition(")")[2].split()[1]) == outer:
                    return int(stat.parent.name)
        if not Path(f"/proc/{outer}").exists():
            return None
        time.sleep(0.02)
    return None


def reap(place: Place) -> bool:
    """Nothing of this cluster is left, dead or alive: no process, mount, namespace, link, control group or state.
    Whether there was anything."""
    found = cgroups.found(place.state)
    living_one = find(place)
    if living_one:
        with suppress(ProcessLookupError):
            os.kill(living_one.pid, signal.SIGKILL)
    for group in found:
        cgroups.end(group)
    had_state = place.state.exists() or place.kubeconfig.exists()
    place.kubeconfig.unlink(missing_ok=True)
    if place.state.exists():
        shutil.rmtree(place.state)
    with suppress(OSError):
        place.state.parent.rmdir()  # unless another cluster of this checkout keeps its state there
    return bool(found) or had_state


def launch(settings: Settings, place: Place) -> Instance:
    """The supervisor runs in namespaces and control groups of its own, and is bringing the cluster up. The caller holds
    the lock and has reaped what was there."""
    state = settings.state
    for sub in ("log", "node"):
        (state / sub).mkdir(parents=True, exist_ok=True)
    cgroups.make(settings.group, tuple(n.name for n in layout.NODES))
    settings.write()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as door,
        (state / "log" / "supervisor.log").open("ab") as log,
    ):
        door.bind(("127.0.0.1", 0))
        door.listen(128)
        unshare = ["unshare", "-mpnif", "--kill-child", "--mount-proc", "--propagation", "private"]
        python = [sys.executable, "-m", "localcluster.supervisor", str(state), str(door.fileno())]
        script = f'{cgroups.join_script(settings.group)} && exec "$@"'
        process = subprocess.Popen(
            ["sh", "-c", script, "sh", *unshare, *python],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(door.fileno(),),
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(PACKAGE.parent), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        port = int(door.getsockname()[1])
    record = {"pid": process.pid, "group": settings.group, "port": port}
    draft = state / (RECORD + ".new")
    draft.write_text(json.dumps(record))
    draft.replace(state / RECORD)
    inner = _inner(process.pid)
    if inner is None:
        raise NotUp(f"the supervisor did not start:\n{(state / 'log' / 'supervisor.log').read_text()[-2000:]}")
    process.returncode = 0  # it outlives us: nobody here waits for it
    return Instance(place, process.pid, inner, settings.group, port)


def status(instance: Instance) -> dict[str, Any]:
    """What the supervisor says of itself; control.Unreachable if it is not listening yet or any more."""
    return control.ask(instance.control, {"op": "status"}, timeout=10)
