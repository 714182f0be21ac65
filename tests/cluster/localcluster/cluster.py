"""The cluster as tests and the command line see it: one interface over three providers."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import originlog
from .instance import CHECKOUT, Place
from .providers.builtin import Builtin
from .providers.existing import Existing
from .providers.interface import Capabilities, NodePlace, Provider, Say
from .providers.kind import Kind, docker_answers
from .wanmatrix import Matrix

CLONE_NEWNET = 0x40000000


def provider_for(place: Place, policies: bool = False) -> Provider:
    """The provider that CLUSTER names (builtin, kind or existing); without it the built-in one, or kind where Docker
    answers and CLUSTER=auto asks for it. An existing cluster is never chosen by accident."""
    match os.environ.get("CLUSTER", "builtin"):
        case "builtin":
            return Builtin(place, policies)
        case "kind":
            return Kind(place)
        case "auto":
            return Kind(place) if docker_answers() else Builtin(place, policies)
        case "existing":
            return Existing()
        case other:
            raise ValueError(f"CLUSTER={other}: choose builtin, kind, auto or existing")


class Wan:
    """The network between data centres and to the origins."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def matrix(self) -> Matrix:
        """The delays in force now."""
        said = self._provider.wan({"op": "show"})
        return Matrix.of(said["places"], {(a, b): ms for a, b, ms in said["ms"]})

    def counts(self) -> dict[tuple[str, str], dict[str, int]]:
        """Per path: frames and bytes carried, frames lost because it was cut and because its room was full."""
        return {(a, b): count for a, b, count in self._provider.wan({"op": "show"})["counts"]}

    def set(self, a: str, b: str, ms: float) -> None:
        """Frames between `a` and `b` take `ms` milliseconds each way from now on."""
        self._provider.wan({"op": "set", "a": a, "b": b, "ms": ms})

    def cut(self, a: str, b: str) -> None:
        """Frames between `a` and `b` are lost from now on; `set` mends it."""
        self._provider.wan({"op": "set", "a": a, "b": b, "ms": None})

    def restore(self, matrix: Matrix) -> None:
        """The delays are those of `matrix` again."""
        for (a, b), ms in matrix.ms.items():
            self._provider.wan({"op": "set", "a": a, "b": b, "ms": ms})


class Origin:
    """An origin outside the cluster: what it saw, and whether it answers."""

    def __init__(self, provider: Provider, name: str) -> None:
        self.name = name
        self._provider = provider

    @property
    def log(self) -> Path:
        return self._provider.origin_log(self.name)

    def requests(self) -> list[originlog.Seen]:
        """The requests it saw since the last reset, oldest first."""
        return originlog.read_requests(self.log)

    def count(self) -> originlog.Counts:
        """How many requests and connections it saw since the last reset."""
        return originlog.read_counts(self.log)

    def reset(self) -> None:
        """It has seen nothing."""
        originlog.empty(self.log)

    def stop(self) -> None:
        """Connections to it are refused."""
        self._provider.order({"op": "origin.stop", "origin": self.name})

    def start(self) -> None:
        """It answers again."""
        self._provider.order({"op": "origin.start", "origin": self.name})


class Cluster:
    """A cluster by name. Nothing runs until `up`, and everything until `down`."""

    def __init__(self, name: str = "demo", *, checkout: Path = CHECKOUT, policies: bool = False) -> None:
        self.name = name
        self.provider = provider_for(Place(name, checkout), policies)
        self.wan = Wan(self.provider)

    @property
    def capabilities(self) -> Capabilities:
        return self.provider.capabilities

    @property
    def kubeconfig(self) -> Path:
        return self.provider.kubeconfig

    @property
    def pid(self) -> int:
        """The process whose end ends the cluster."""
        return self.provider.pid

    @property
    def nodes(self) -> tuple[NodePlace, ...]:
        return self.provider.nodes()

    def node_address(self, name: str) -> str:
        """The address that origins see when a pod of this node talks to them."""
        for node in self.nodes:
            if node.name == name:
                return node.address
        raise LookupError(f"no node {name!r}; there are {', '.join(n.name for n in self.nodes)}")

    def up(self, say: Say = print) -> None:
        """The cluster runs and its nodes are Ready; nothing happens to one that does."""
        self.provider.up(say)

    def down(self, say: Say = print) -> None:
        """Nothing of the cluster is left, dead or alive."""
        self.provider.down(say)

    def status(self) -> dict[str, Any]:
        return self.provider.status()

    def load(self, archive: str | Path) -> None:
        """The images of a docker or OCI archive are on every node."""
        self.provider.load(Path(archive))

    def origin(self, name: str) -> Origin:
        return Origin(self.provider, name)

    def argv(self, node: str, argv: Sequence[str]) -> list[str]:
        """The command of this machine that runs `argv` in a node's (or an origin's) network, for subprocess.Popen."""
        return self.provider.node_argv(node, argv)

    def exec(self, node: str, argv: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """`argv`, a program of this machine, has run in a node's network: a client in that data centre. Options are
        those of subprocess.run; output is captured as text and a failure raises, unless they say otherwise."""
        defaults: dict[str, Any] = {"capture_output": True, "text": True, "check": True, "timeout": 60}
        return subprocess.run(self.argv(node, argv), **{**defaults, **options})

    @contextmanager
    def inside(self, node: str) -> Iterator[None]:
        """Sockets that this thread makes meanwhile are in that node's network, and stay there."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open(self.provider.network_namespace(node)) as there, open("/proc/thread-self/ns/net") as here:
            _enter(libc, there.fileno())
            try:
                yield
            finally:
                _enter(libc, here.fileno())

    def node_stop(self, node: str) -> None:
        """The node's processes are dead and the API server knows neither the node nor its pods."""
        self.provider.order({"op": "node.stop", "node": node})

    def node_start(self, node: str) -> None:
        """The node is Ready again."""
        self.provider.order({"op": "node.start", "node": node})

    def kubectl(self, *argv: str, stdin: str | None = None, timeout: float = 60) -> str:
        """What kubectl printed; CalledProcessError if it failed."""
        from .artifacts.prepare import binaries_folder

        words = [str(binaries_folder() / "kubectl"), f"--kubeconfig={self.kubeconfig}", *argv]
        return subprocess.run(words, input=stdin, capture_output=True, text=True, check=True, timeout=timeout).stdout

    def get(self, *argv: str) -> Any:
        """What `kubectl get ... -o json` says, decoded."""
        return json.loads(self.kubectl("get", *argv, "-o", "json"))


def _enter(libc: ctypes.CDLL, descriptor: int) -> None:
    if libc.setns(descriptor, CLONE_NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
