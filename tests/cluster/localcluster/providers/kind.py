"""kind, where Docker runs: the same four labelled nodes, without the WAN and the origins outside."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import layout
from ..instance import Place
from .existing import node_place
from .interface import Capabilities, ClusterFailed, NodePlace, NotOffered, Say


def docker_answers() -> bool:
    """Whether a Docker daemon answers here."""
    if shutil.which("docker") is None:
        return False
    try:
        return subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=15).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def configuration() -> dict[str, Any]:
    """kind's configuration: a control plane that takes no pods, and a worker per data centre with its labels."""
    control = {"role": "control-plane"}
    workers = [
        {"role": "worker", "labels": {layout.REGION_LABEL: n.region, layout.ZONE_LABEL: n.zone}} for n in layout.NODES
    ]
    return {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [control, *workers]}


class Kind:
    """A kind cluster. Its nodes are called NAME-worker, NAME-worker2 and so on, in the order of the built-in ones."""

    kind = "kind"

    def __init__(self, place: Place) -> None:
        self.place = place
        self._name = f"shield-{place.name}"

    @property
    def capabilities(self) -> Capabilities:
        """kind's own network enforces policies; it has no WAN and no origins outside."""
        return Capabilities(wan=False, origins=False, exec_in_node=True, stop_nodes=False, network_policies=True)

    @property
    def kubeconfig(self) -> Path:
        return self.place.kubeconfig

    @property
    def pid(self) -> int:
        raise NotOffered("a kind cluster is Docker's; CLUSTER=builtin has one process")

    def _run(self, *argv: str, stdin: str | None = None) -> str:
        ended = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False, timeout=900)
        if ended.returncode:
            raise ClusterFailed(f"{' '.join(argv)}: {ended.stderr.strip()[-2000:]}")
        return ended.stdout

    def up(self, say: Say) -> None:
        if shutil.which("kind") is None:
            raise ClusterFailed("CLUSTER=kind needs the kind command: https://kind.sigs.k8s.io, or use CLUSTER=builtin")
        if not docker_answers():
            raise ClusterFailed("CLUSTER=kind needs a Docker that answers `docker info`; CLUSTER=builtin needs none")
        self.kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        if self._name in self._run("kind", "get", "clusters").split():
            self._run("kind", "export", "kubeconfig", "--name", self._name, "--kubeconfig", str(self.kubeconfig))
        else:
            say("kind is making five nodes")
            create = ("kind", "create", "cluster", "--name", self._name, "--config", "-", "--wait", "180s")
            self._run(*create, "--kubeconfig", str(self.kubeconfig), stdin=json.dumps(configuration()))
        say("ready")

    def down(self, say: Say) -> None:
        self._run("kind", "delete", "cluster", "--name", self._name)
        self.kubeconfig.unlink(missing_ok=True)
        say(f"cluster {self.place.name!r} is gone")

    def status(self) -> dict[str, Any]:
        up = self._name in self._run("kind", "get", "clusters").split()
        return {"phase": "ready" if up else "down", "kubeconfig": str(self.kubeconfig)}

    def nodes(self) -> tuple[NodePlace, ...]:
        words = ("kubectl", f"--kubeconfig={self.kubeconfig}", "get", "nodes", "-l", layout.ZONE_LABEL, "-o", "json")
        return tuple(node_place(one) for one in json.loads(self._run(*words))["items"])

    def load(self, archive: Path) -> None:
        self._run("kind", "load", "image-archive", str(archive), "--name", self._name)

    def node_argv(self, node: str, argv: Sequence[str]) -> list[str]:
        return ["docker", "exec", "-i", node, *argv]

    def order(self, order: dict[str, Any]) -> dict[str, Any]:
        raise NotOffered("nodes and origins are stopped and started only with CLUSTER=builtin")

    def wan(self, order: dict[str, Any]) -> dict[str, Any]:
        raise NotOffered("there is a WAN only with CLUSTER=builtin")

    def origin_log(self, origin: str) -> Path:
        raise NotOffered("there are origins outside the cluster only with CLUSTER=builtin")

    def network_namespace(self, node: str) -> Path:
        raise NotOffered("a node's network is within reach only with CLUSTER=builtin")
