"""The built-in provider: Kubernetes in namespaces of this machine, four data centres, a WAN and origins outside."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .. import cgroups, control, instance, layout, pki
from ..artifacts import prepare
from ..artifacts.cachefolder import cache_root
from ..settings import Settings, snapshotter_for
from .interface import Capabilities, ClusterFailed, NodePlace, Say

START_SECONDS = 360.0
POLL = 0.1


class Builtin:
    """One cluster of the built-in kind; see ../__init__.py for what it offers."""

    kind = "builtin"

    def __init__(self, place: instance.Place, policies: bool = False) -> None:
        self.place = place
        self._policies = policies

    @property
    def kubeconfig(self) -> Path:
        return self.place.kubeconfig

    @property
    def pid(self) -> int:
        return instance.living(self.place).pid

    @property
    def capabilities(self) -> Capabilities:
        """All there is; NetworkPolicies if this cluster was started with them."""
        try:
            enforced = Settings.read(self.place.state).policies
        except FileNotFoundError:
            enforced = self._policies
        return Capabilities(wan=True, origins=True, exec_in_node=True, stop_nodes=True, network_policies=enforced)

    def up(self, say: Say) -> None:
        if os.geteuid() != 0:
            raise ClusterFailed(
                "the built-in cluster makes namespaces and control groups: run it as root (sudo make ...)"
            )
        prepared = prepare.everything(say)
        with instance.locked(self.place, cache_root()):
            found = instance.find(self.place)
            if found is None:
                if instance.reap(self.place):
                    say(f"reaped what a dead cluster {self.place.name!r} had left")
                found = instance.launch(self._settings(prepared), self.place)
        self._follow(found, say)

    def _settings(self, prepared: prepare.Prepared) -> Settings:
        state = self.place.state
        state.mkdir(parents=True, exist_ok=True)
        return Settings(
            name=self.place.name,
            state=state,
            group=cgroups.fresh_name(state),
            binaries=prepared.binaries,
            snapshotter=snapshotter_for(state),
            base_images=(prepared.pause, prepared.coredns),
            more_images=(prepared.redis,),
            policies=self._policies,
        )

    def _follow(self, found: instance.Instance, say: Say) -> None:
        """Pass the supervisor's progress on until the cluster is ready."""
        told, deadline = 0, time.monotonic() + START_SECONDS
        while True:
            try:
                status = instance.status(found)
            except (control.Unreachable, control.Refused):
                status = {"phase": "starting", "progress": []}
            for line in status["progress"][told:]:
                say(line)
            told = max(told, len(status["progress"]))
            if status["phase"] == "ready":
                break
            logs = self.place.state / "log"
            if status["phase"] == "failed" or not Path(f"/proc/{found.pid}").exists():
                last = (logs / "supervisor.log").read_text()[-1500:]
                raise ClusterFailed(f"cluster {self.place.name!r} failed to start; logs are in {logs}\n{last}")
            if time.monotonic() > deadline:
                raise ClusterFailed(f"cluster {self.place.name!r} is not ready after {START_SECONDS:.0f} s; see {logs}")
            time.sleep(POLL)
        server = f"https://127.0.0.1:{found.port}"
        pki.write_kubeconfig(self.place.kubeconfig, self.place.state / "pki", "admin", server)

    def down(self, say: Say) -> None:
        with instance.locked(self.place, cache_root()):
            had = instance.reap(self.place)
        say(f"cluster {self.place.name!r} is gone" if had else f"there was no cluster {self.place.name!r}")

    def status(self) -> dict[str, Any]:
        found = instance.find(self.place)
        if found is None:
            left = bool(cgroups.found(self.place.state)) or self.place.state.exists()
            return {"phase": "dead" if left else "down"}
        try:
            said = instance.status(found)
        except control.Unreachable:
            said = {"phase": "starting", "nodes": {}, "origins": {}}
        return {
            **said,
            "pid": found.pid,
            "kubeconfig": str(self.place.kubeconfig),
            "server": f"https://127.0.0.1:{found.port}",
            "memory_mib": cgroups.memory_bytes(found.group) >> 20,
            "cpu_seconds": round(cgroups.cpu_seconds(found.group), 1),
            "log": str(self.place.state / "log"),
        }

    def nodes(self) -> tuple[NodePlace, ...]:
        return tuple(NodePlace(n.name, n.region, n.zone, n.address) for n in layout.NODES)

    def load(self, archive: Path) -> None:
        found = instance.living(self.place)
        pids = {name: n["pid"] for name, n in instance.status(found)["nodes"].items() if n["pid"]}
        snapshotter = snapshotter_for(self.place.state)
        ctr = ["ctr", "-n", "k8s.io", "images", "import", "--snapshotter", snapshotter, "-"]

        def one(item: tuple[str, int]) -> None:
            name, pid = item
            with archive.open("rb") as stdin:
                ended = subprocess.run(
                    found.on_node(pid, ctr), stdin=stdin, capture_output=True, text=True, check=False
                )
            if ended.returncode:
                raise ClusterFailed(f"{archive} could not be loaded on {name}: {ended.stderr[-500:]}")

        with ThreadPoolExecutor(len(pids)) as pool:
            list(pool.map(one, pids.items()))

    def node_argv(self, node: str, argv: Sequence[str]) -> list[str]:
        self._check_place(node)
        return instance.living(self.place).in_network(node, argv)

    def network_namespace(self, node: str) -> Path:
        self._check_place(node)
        return Path(instance.living(self.place).netns(node))

    @staticmethod
    def _check_place(name: str) -> None:
        names = [place.name for place in (*layout.NODES, *layout.ORIGINS)]
        if name not in names:
            raise LookupError(f"no place {name!r}; there are {', '.join(names)}")

    def order(self, order: dict[str, Any]) -> dict[str, Any]:
        return self._ask("control.sock", order)

    def wan(self, order: dict[str, Any]) -> dict[str, Any]:
        return self._ask("wan.sock", order)

    def _ask(self, name: str, order: dict[str, Any]) -> dict[str, Any]:
        instance.living(self.place)
        try:
            return control.ask(self.place.state / name, order, timeout=90)
        except control.Refused as error:
            raise ClusterFailed(f"{order}: {error}") from None

    def origin_log(self, origin: str) -> Path:
        return self.place.state / f"{layout.origin_named(origin).name}.jsonl"
