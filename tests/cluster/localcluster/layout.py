"""What the built-in cluster looks like: names, addresses and the WAN's first delays. Values only; nothing here acts."""

from __future__ import annotations

from dataclasses import dataclass

KUBERNETES = "1.35.4"

CONTROL_ADDRESS = "172.30.0.1"
API_PORT = 6443
NODE_NETWORK = "172.31.0.0/24"
POD_NETWORK = "10.244.0.0/16"
SERVICE_NETWORK = "10.96.0.0/16"
API_SERVICE_ADDRESS = "10.96.0.1"
DNS_ADDRESS = "10.96.0.10"
CLUSTER_DOMAIN = "cluster.local"

REGION_LABEL = "topology.kubernetes.io/region"
ZONE_LABEL = "topology.kubernetes.io/zone"


@dataclass(frozen=True, slots=True)
class Node:
    """A node: a data centre of its own. `address` is its InternalIP, on the WAN; `index` numbers it from 11."""

    name: str
    region: str
    index: int

    @property
    def zone(self) -> str:
        return self.name

    @property
    def address(self) -> str:
        return f"172.31.0.{self.index}"

    @property
    def pods(self) -> str:
        return f"10.244.{self.index}.0/24"

    @property
    def mac(self) -> str:
        """The hardware address on the WAN. Fixed, so that neighbours' caches stay true when the node comes back."""
        return f"02:55:00:00:00:{self.index:02x}"

    @property
    def wan_port(self) -> str:
        return f"w-{self.name}"

    @property
    def control_port(self) -> str:
        return f"c-{self.name}"


@dataclass(frozen=True, slots=True)
class Origin:
    """An origin server outside the cluster, in a network namespace of its own on the WAN."""

    name: str
    host: str
    address: str
    index: int

    @property
    def mac(self) -> str:
        return f"02:55:00:00:01:{self.index:02x}"

    @property
    def wan_port(self) -> str:
        return f"w-{self.name}"


NODES = (Node("ams", "eu", 11), Node("fra", "eu", 12), Node("iad", "us", 13), Node("sjc", "us", 14))
ORIGINS = (
    Origin("origin-eu", "origin-eu.example.com", "198.51.100.10", 1),
    Origin("origin-us", "origin-us.example.com", "203.0.113.10", 2),
)

# One way, in milliseconds; every pair is symmetric.
WAN_MS: dict[tuple[str, str], float] = {
    ("ams", "fra"): 5,
    ("ams", "iad"): 40,
    ("ams", "sjc"): 70,
    ("fra", "iad"): 42,
    ("fra", "sjc"): 72,
    ("iad", "sjc"): 30,
    ("origin-eu", "fra"): 3,
    ("origin-eu", "ams"): 8,
    ("origin-eu", "iad"): 45,
    ("origin-eu", "sjc"): 75,
    ("origin-us", "iad"): 3,
    ("origin-us", "sjc"): 32,
    ("origin-us", "ams"): 42,
    ("origin-us", "fra"): 44,
}


def node_named(name: str) -> Node:
    """The node called `name`; LookupError names the ones there are."""
    for node in NODES:
        if node.name == name:
            return node
    raise LookupError(f"no node {name!r}; there are {', '.join(n.name for n in NODES)}")


def origin_named(name: str) -> Origin:
    """The origin called `name`; LookupError names the ones there are."""
    for origin in ORIGINS:
        if origin.name == name:
            return origin
    raise LookupError(f"no origin {name!r}; there are {', '.join(o.name for o in ORIGINS)}")
