"""The supervisor's nodes and origins: each a task that keeps one process, which may be stopped and started again."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from . import cgroups, control, layout, network, node
from .component import keep
from .settings import Settings
from .shell import CommandFailed, run

POLL = 0.1
CONTAINERD = "/run/containerd/containerd.sock"
Say = Callable[[str], None]


def child_of(parent: int) -> int | None:
    """The first child of a process; None if it has none (yet)."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        if int(fields[1]) == parent:
            return int(stat.parent.name)
    return None


class Machine:
    """A node: its namespaces and everything that runs in them."""

    def __init__(self, described: layout.Node, settings: Settings, say: Say) -> None:
        self.node = described
        self._settings = settings
        self._say = say
        self._home = settings.state / "node" / described.name
        self._outer = 0
        self._tasks: asyncio.TaskGroup | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        return self._task is not None

    @property
    def pid(self) -> int | None:
        """The node's process 1, as the supervisor numbers it; None while it is stopped."""
        return child_of(self._outer) if self.up and self._outer else None

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """The node's processes are being started, and are kept."""
        self._tasks = tasks
        state = self._settings.state
        node.configure(self.node, self._home, state / "pki", self._settings.group, self._settings.snapshotter)
        script = self._home / "init.sh"
        script.write_text(node.init_script(self.node, self._home, self._settings.binaries))
        unshare = ["unshare", "-mpuif", "--kill-child", "--mount-proc", "--propagation", "private"]
        argv = ["nsenter", f"--net=/run/netns/{self.node.name}", *unshare, "sh", str(script)]
        log = state / "log" / f"{self.node.name}.log"
        kept = keep(f"node {self.node.name}", argv, log, self._say, started=self._started)
        self._task = tasks.create_task(kept)

    def api_is_ready(self) -> None:
        """kube-proxy may start."""
        (self._home / "etc" / node.API_READY).touch()

    def _started(self, pid: int) -> None:
        self._outer = pid

    def enter(self, pid: int) -> list[str]:
        """The words before a command that is to run on the node, given its process 1."""
        return ["nsenter", "-t", str(pid), "-m", "-n", "-p", "-u", "-i", "--"]

    async def load(self, images: Sequence[Path]) -> None:
        """These image archives are in the node's containerd; waits for it to be up."""
        for image in images:
            await asyncio.to_thread(self._import, await self._containerd_up(), image)

    async def _containerd_up(self) -> int:
        while True:
            pid = await asyncio.to_thread(lambda: self.pid)
            if pid and Path(f"/proc/{pid}/root{CONTAINERD}").is_socket():
                return pid
            await asyncio.sleep(POLL)

    def _import(self, pid: int, image: Path) -> None:
        ctr = ["ctr", "-n", "k8s.io", "images", "import", "--snapshotter", self._settings.snapshotter, "-"]
        run("sh", "-c", 'exec "$@" < "$0"', image, *self.enter(pid), *ctr)

    async def stop(self) -> None:
        """Every process of the node is dead and its links carry nothing, as if its power had been cut."""
        if self._task is None:
            return
        task, self._task = self._task, None
        control.ask(self._settings.state / "wan.sock", {"op": "plug", "place": self.node.name, "up": False})
        await asyncio.to_thread(network.unplug, self.node)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await asyncio.to_thread(cgroups.clear_node, self._settings.group, self.node.name)
        await asyncio.to_thread(shutil.rmtree, self._home / "lib" / "kubelet", ignore_errors=True)

    def resume(self) -> None:
        """A stopped node is starting again; nothing happens to one that runs."""
        if self._task is not None:
            return
        if self._tasks is None:
            raise CommandFailed(f"node {self.node.name} was never started")
        network.plug(self.node)
        control.ask(self._settings.state / "wan.sock", {"op": "plug", "place": self.node.name, "up": True})
        self.start(self._tasks)


class OriginHost:
    """An origin's server process in its namespace."""

    def __init__(self, described: layout.Origin, settings: Settings, say: Say) -> None:
        self.origin = described
        self._settings = settings
        self._say = say
        self._tasks: asyncio.TaskGroup | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        return self._task is not None

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """The server is being started on ports 80, 443 and 8443 (there with certificates of the cluster's authority for
        clients), and is kept."""
        self._tasks = tasks
        name, address, state = self.origin.name, self.origin.address, self._settings.state
        argv = ["nsenter", f"--net=/run/netns/{name}", sys.executable, "-m", "localcluster.origin"]
        argv += ["--listen", f"{address}:80", "--listen-tls", f"{address}:443", "--listen-mutual", f"{address}:8443"]
        argv += ["--client-authority", str(state / "pki" / "ca.crt")]
        argv += ["--certificate", str(state / "pki" / f"{name}.pem"), "--log", str(state / f"{name}.jsonl")]
        self._task = tasks.create_task(keep(name, argv, state / "log" / f"{name}.log", self._say))

    async def stop(self) -> None:
        """Nothing listens at the origin: connections to it are refused."""
        if self._task is None:
            return
        task, self._task = self._task, None
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def resume(self) -> None:
        """The origin's server answers again."""
        if self._tasks and self._task is None:
            self.start(self._tasks)
            await asyncio.to_thread(self._await_listening)

    def _await_listening(self) -> None:
        probe = "until [ -n \"$(ss -Hltn 'sport = 80')\" ]; do sleep 0.05; done"
        run("nsenter", f"--net=/run/netns/{self.origin.name}", "sh", "-c", probe, timeout=20)
