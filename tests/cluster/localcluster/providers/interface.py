"""The interface that every provider fulfils, and what a provider may be unable to offer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

Say = Callable[[str], None]


class NotOffered(Exception):
    """This provider can't do that; the text says which can."""


class ClusterFailed(Exception):
    """The cluster did not come up, or an order to it failed; the text says why and where to look."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What tests may rely on. Each test of something optional asks here first and says so when it skips."""

    wan: bool
    origins: bool
    exec_in_node: bool
    stop_nodes: bool
    network_policies: bool


@dataclass(frozen=True, slots=True)
class NodePlace:
    """A node as a data centre: its labels and the address that things outside the cluster see."""

    name: str
    region: str
    zone: str
    address: str


class Provider(Protocol):
    """One cluster of one kind."""

    kind: str

    @property
    def capabilities(self) -> Capabilities:
        """What this cluster offers."""

    @property
    def kubeconfig(self) -> Path:
        """The file kubectl and clients read."""

    @property
    def pid(self) -> int:
        """The process whose end ends the cluster."""

    def up(self, say: Say) -> None:
        """The cluster runs, its nodes are Ready and names resolve."""

    def down(self, say: Say) -> None:
        """Nothing of the cluster is left."""

    def status(self) -> dict[str, Any]:
        """What there is to know, by name."""

    def nodes(self) -> tuple[NodePlace, ...]:
        """The nodes that the cluster was made with."""

    def load(self, archive: Path) -> None:
        """The images of a docker or OCI archive are on every node."""

    def node_argv(self, node: str, argv: Sequence[str]) -> list[str]:
        """The command of the machine that runs `argv` in a node's or an origin's network."""

    def order(self, order: dict[str, Any]) -> dict[str, Any]:
        """A node or origin was stopped or started."""

    def wan(self, order: dict[str, Any]) -> dict[str, Any]:
        """The WAN's answer."""

    def origin_log(self, origin: str) -> Path:
        """The file an origin logs to."""

    def network_namespace(self, node: str) -> Path:
        """The path of a node's network namespace."""
