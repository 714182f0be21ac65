"""A cluster that is there already: only with CLUSTER=existing and KUBECONFIG, never by accident, and left as it is."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import layout
from .interface import Capabilities, ClusterFailed, NodePlace, NotOffered, Say


class Existing:
    """The cluster that KUBECONFIG names. Its images come from a registry it can reach."""

    kind = "existing"

    @property
    def capabilities(self) -> Capabilities:
        """Little; whether a foreign cluster enforces policies can't be known from outside."""
        return Capabilities(wan=False, origins=False, exec_in_node=False, stop_nodes=False, network_policies=False)

    @property
    def kubeconfig(self) -> Path:
        named = os.environ.get("KUBECONFIG")
        if not named:
            raise ClusterFailed("CLUSTER=existing needs KUBECONFIG, the file that names the cluster")
        return Path(named)

    @property
    def pid(self) -> int:
        raise NotOffered("an existing cluster has no process of ours; CLUSTER=builtin has")

    def _kubectl(self, *argv: str) -> str:
        words = ["kubectl", f"--kubeconfig={self.kubeconfig}", *argv]
        ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        if ended.returncode:
            raise ClusterFailed(f"{' '.join(words)}: {ended.stderr.strip()}")
        return ended.stdout

    def up(self, say: Say) -> None:
        say(f"using the existing cluster of {self.kubeconfig}: {self._kubectl('version').splitlines()[-1]}")

    def down(self, say: Say) -> None:
        say("an existing cluster is left as it is")

    def status(self) -> dict[str, Any]:
        return {"phase": "ready", "kubeconfig": str(self.kubeconfig), "nodes": [n.name for n in self.nodes()]}

    def nodes(self) -> tuple[NodePlace, ...]:
        found = json.loads(self._kubectl("get", "nodes", "-o", "json"))["items"]
        return tuple(node_place(one) for one in found)

    def load(self, archive: Path) -> None:
        raise NotOffered(f"{archive} can't be loaded into an existing cluster: push it to a registry that it reaches")

    def node_argv(self, node: str, argv: Sequence[str]) -> list[str]:
        raise NotOffered("commands in a node's network need CLUSTER=builtin or kind")

    def order(self, order: dict[str, Any]) -> dict[str, Any]:
        raise NotOffered("nodes and origins are stopped and started only with CLUSTER=builtin")

    def wan(self, order: dict[str, Any]) -> dict[str, Any]:
        raise NotOffered("there is a WAN only with CLUSTER=builtin")

    def origin_log(self, origin: str) -> Path:
        raise NotOffered("there are origins outside the cluster only with CLUSTER=builtin")

    def network_namespace(self, node: str) -> Path:
        raise NotOffered("a node's network is within reach only with CLUSTER=builtin")


def node_place(node: dict[str, Any]) -> NodePlace:
    """A Node object of the API as a data centre."""
    labels, addresses = node["metadata"]["labels"], node["status"]["addresses"]
    address = next((a["address"] for a in addresses if a["type"] == "InternalIP"), "")
    return NodePlace(
        node["metadata"]["name"], labels.get(layout.REGION_LABEL, ""), labels.get(layout.ZONE_LABEL, ""), address
    )
