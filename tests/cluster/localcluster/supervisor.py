"""Process 1 of a cluster's namespaces: brings everything up, keeps it up, obeys the control socket. Its end ends all.

    unshare -mpnif --kill-child --mount-proc python -m localcluster.supervisor STATE DOOR

STATE is the cluster's folder with settings.json in it, DOOR the number of an inherited listening socket that belongs to
the machine's own network.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

from . import control, controlplane, enforcement, forward, kubeapi, layout, manifests, network, pki
from .component import keep
from .fleet import Machine, OriginHost
from .settings import Settings
from .shell import CommandFailed, run

POLL = 0.2
START_SECONDS = 300.0


class Supervisor:
    """One running cluster."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.state = settings.state
        self.began = time.monotonic()
        self.phase = "starting"
        self.progress: list[str] = []
        self.machines = {n.name: Machine(n, settings, self.say) for n in layout.NODES}
        self.origins = {o.name: OriginHost(o, settings, self.say) for o in layout.ORIGINS}

    def say(self, text: str) -> None:
        """One more line of progress, with the seconds since the start, for whoever follows."""
        line = f"{time.monotonic() - self.began:5.1f} s  {text}"
        self.progress.append(line)
        print(line, flush=True)

    def binary(self, argv: list[str]) -> list[str]:
        return [f"{self.settings.binaries}/{argv[0]}", *argv[1:]]

    async def run(self, door: socket.socket) -> None:
        """Bring the cluster up and keep it up until killed; a failed start is told and ends the process."""
        server = await asyncio.start_unix_server(self._converse, "control.sock")
        doors = await forward.serve(door, layout.CONTROL_ADDRESS, layout.API_PORT)
        async with server, doors, asyncio.TaskGroup() as tasks:
            tasks.create_task(_reap_orphans())
            try:
                async with asyncio.timeout(START_SECONDS):
                    await self._bring_up(tasks)
            except (CommandFailed, kubeapi.ApiError, OSError, TimeoutError, control.Unreachable) as error:
                self.phase = "failed"
                self.say(f"failed: {error or 'not ready in time'}")
                await asyncio.sleep(10)  # whoever follows reads the reason first
                raise SystemExit(1) from None
            self.phase = "ready"
            self.say("ready")

    async def _bring_up(self, tasks: asyncio.TaskGroup) -> None:
        await asyncio.gather(
            asyncio.to_thread(pki.make, self.state / "pki"),
            asyncio.to_thread(network.build),
            self._keep(tasks, "etcd", controlplane.etcd(self.state)),
        )
        controlplane.configure(self.state)
        self.say("certificates and network made")
        await self._keep(tasks, "kube-apiserver", controlplane.apiserver(self.state))
        self._start_wan(tasks)
        for origin in self.origins.values():
            origin.start(tasks)
        for machine in self.machines.values():
            machine.start(tasks)
        loading = asyncio.gather(*(m.load(self.settings.base_images) for m in self.machines.values()))
        api = kubeapi.KubeApi(self.state / "pki", "supervisor")
        await self._api_ready(api)
        for machine in self.machines.values():
            machine.api_is_ready()
        self.say("API server ready")
        await self._keep(tasks, "kube-controller-manager", controlplane.controller_manager(self.state))
        await self._keep(tasks, "kube-scheduler", controlplane.scheduler(self.state))
        await loading  # a pod that finds no pause image would wait out the kubelet's back-off
        await asyncio.to_thread(_apply_all, api)
        await self._nodes_ready(api)
        self.say("nodes Ready: " + ", ".join(self.machines))
        await self._dns_ready(api)
        self.say("DNS ready on every node")
        if self.settings.policies:
            tasks.create_task(enforcement.run_enforcement(api))
        if self.settings.more_images:
            await asyncio.gather(*(m.load(self.settings.more_images) for m in self.machines.values()))
            self.say("images loaded")

    async def _keep(self, tasks: asyncio.TaskGroup, name: str, argv: list[str]) -> None:
        log = self.state / "log" / f"{name}.log"
        tasks.create_task(keep(name, self.binary(argv), log, self.say))

    def _start_wan(self, tasks: asyncio.TaskGroup) -> None:
        nodes = [f"--port={n.name}={n.wan_port}" for n in layout.NODES]
        ports = [*nodes, *(f"--port={o.name}={o.wan_port}" for o in layout.ORIGINS)]
        argv = [sys.executable, "-m", "localcluster.wan", "--socket", "wan.sock", *ports]
        first = json.dumps([[a, b, ms] for (a, b), ms in layout.WAN_MS.items()]).encode()
        tasks.create_task(keep("wan", argv, self.state / "log" / "wan.log", self.say, stdin=first))

    async def _api_ready(self, api: kubeapi.KubeApi) -> None:
        while True:
            try:
                await asyncio.to_thread(api.get, "/readyz")
                return
            except kubeapi.ApiError:
                await asyncio.sleep(POLL)

    async def _nodes_ready(self, api: kubeapi.KubeApi) -> None:
        while True:
            found = await asyncio.to_thread(api.get, "/api/v1/nodes")
            ready = {n["metadata"]["name"] for n in found["items"] if _is_ready(n)}
            if ready >= set(self.machines):
                return
            await asyncio.sleep(POLL)

    async def _dns_ready(self, api: kubeapi.KubeApi) -> None:
        path = "/apis/apps/v1/namespaces/kube-system/daemonsets/coredns"
        while True:
            status = (await asyncio.to_thread(api.get, path))["status"]
            if status.get("numberReady", 0) >= len(self.machines):
                return
            await asyncio.sleep(POLL)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = await self._obey(json.loads(await reader.readline()))
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except (OSError, ValueError):
            pass  # the asker left or spoke no JSON; there is nobody to tell
        finally:
            writer.close()

    async def _obey(self, order: dict[str, Any]) -> dict[str, Any]:
        try:
            match order:
                case {"op": "status"}:
                    return self._status()
                case {"op": "node.stop", "node": str(name)}:
                    await self._stop_node(self._machine(name))
                case {"op": "node.start", "node": str(name)}:
                    await self._start_node(self._machine(name))
                case {"op": "origin.stop", "origin": str(name)}:
                    await self._origin(name).stop()
                case {"op": "origin.start", "origin": str(name)}:
                    await self._origin(name).resume()
                case _:
                    return {"error": f"not understood: {order}"}
        except (LookupError, CommandFailed, kubeapi.ApiError, control.Unreachable, TimeoutError) as error:
            return {"error": str(error) or type(error).__name__}
        return {"ok": True}

    def _machine(self, name: str) -> Machine:
        return self.machines[layout.node_named(name).name]

    def _origin(self, name: str) -> OriginHost:
        return self.origins[layout.origin_named(name).name]

    def _status(self) -> dict[str, Any]:
        return {
            "phase": self.phase,
            "progress": self.progress,
            "nodes": {name: {"up": m.up, "pid": m.pid} for name, m in self.machines.items()},
            "origins": {name: {"up": o.up} for name, o in self.origins.items()},
        }

    async def _stop_node(self, machine: Machine) -> None:
        """The node's processes are dead, its links carry nothing, and the API knows neither it nor its pods."""
        await machine.stop()
        api = kubeapi.KubeApi(self.state / "pki", "supervisor")
        await asyncio.to_thread(_forget_node, api, machine.node.name)
        self.say(f"node {machine.node.name} stopped")

    async def _start_node(self, machine: Machine) -> None:
        """The node is Ready again, with nothing of its earlier life but the images."""
        machine.resume()
        await machine.load(self.settings.base_images)
        api = kubeapi.KubeApi(self.state / "pki", "supervisor")
        async with asyncio.timeout(60):
            while not _is_ready(await asyncio.to_thread(_node_or_nothing, api, machine.node.name)):
                await asyncio.sleep(POLL)
        self.say(f"node {machine.node.name} started")


def _is_ready(found: dict[str, Any]) -> bool:
    conditions = found.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _node_or_nothing(api: kubeapi.KubeApi, name: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = api.get(f"/api/v1/nodes/{name}")
    except kubeapi.ApiError as error:
        if error.status != 404:
            raise
        return {}
    return found


def _forget_node(api: kubeapi.KubeApi, name: str) -> None:
    api.delete(f"/api/v1/nodes/{name}")
    for pod in api.get(f"/api/v1/pods?fieldSelector=spec.nodeName%3D{name}")["items"]:
        where = pod["metadata"]
        api.delete(f"/api/v1/namespaces/{where['namespace']}/pods/{where['name']}", grace_seconds=0)


def _apply_all(api: kubeapi.KubeApi) -> None:
    for manifest in manifests.everything():
        api.apply(manifest)


async def _reap_orphans() -> None:
    """Zombies that nobody waits for are reaped: process 1 inherits them. One that is seen twice is an orphan; those of
    our own children are collected long before."""
    before = 0
    while True:
        await asyncio.sleep(5)
        try:
            seen = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            continue
        pid = seen.si_pid if seen else 0
        if pid and pid == before:
            os.waitpid(pid, os.WNOHANG)
        before = pid


def main(argv: list[str]) -> None:
    state, door = Path(argv[0]), socket.socket(fileno=int(argv[1]))
    os.chdir(state)
    os.umask(0o022)
    settings = Settings.read(state)
    # a /run of our own: namespaces, sockets and locks of this cluster meet nobody else's
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    Path("/run/netns").mkdir()
    os.environ["PATH"] = f"{settings.binaries}:/usr/sbin:/usr/bin:/sbin:/bin"
    asyncio.run(Supervisor(settings).run(door))


if __name__ == "__main__":
    main(sys.argv[1:])
