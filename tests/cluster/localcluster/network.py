"""The cluster's network inside its own namespace: nodes, origins, the control link and the ends that the WAN switches.

A node has two devices. `wan` holds its InternalIP and its default route, so that all traffic to other nodes, their
pods and the origins crosses the WAN. `ctl` leads only to the control plane, which forwards nothing. An origin has
`wan` alone. Everything on the WAN is on one link: whoever answers for an address there holds it, wherever it moves.
"""

from __future__ import annotations

from . import layout
from .shell import ip_batch, run


def neighbours(but: str) -> list[str]:
    """`ip` commands that make the lasting addresses on the WAN known to the place called `but`, so that the first
    packet takes no longer than the next. Addresses that move are asked for, as ever."""
    known = [(n.name, n.address, n.mac) for n in layout.NODES] + [(o.name, o.address, o.mac) for o in layout.ORIGINS]
    return [f"neighbour add {a} lladdr {mac} dev wan nud permanent" for name, a, mac in known if name != but]


def control() -> list[str]:
    """`ip` commands for the control plane's side."""
    lines = ["link set lo up", f"address add {layout.CONTROL_ADDRESS}/32 dev lo"]
    # Services are reached from nodes and pods; from here they must fail at once, not wander off
    return [*lines, f"route add blackhole {layout.SERVICE_NETWORK}"]


def node_outside(node: layout.Node) -> list[str]:
    """`ip` commands for the ends of a node's links that stay with the control plane and the WAN."""
    return [
        f"netns add {node.name}",
        f"link add {node.control_port} type veth peer name ctl netns {node.name}",
        f"link add {node.wan_port} type veth peer name wan netns {node.name}",
        f"link set {node.control_port} up",
        f"link set {node.wan_port} up",
        f"route add {node.address}/32 dev {node.control_port} src {layout.CONTROL_ADDRESS}",
        f"route add {node.pods} via {node.address} dev {node.control_port} onlink src {layout.CONTROL_ADDRESS}",
    ]


def node_inside(node: layout.Node) -> list[str]:
    """`ip` commands within a node's namespace."""
    others = [n for n in layout.NODES if n.name != node.name]
    return [
        "link set lo up",
        f"link set wan address {node.mac}",
        "link set ctl up",
        "link set wan up",
        f"address add {node.address}/24 dev wan",
        f"route add {layout.CONTROL_ADDRESS}/32 dev ctl src {node.address}",
        f"route add default dev wan src {node.address}",
        *(f"route add {other.pods} via {other.address} dev wan" for other in others),
        *neighbours(node.name),
    ]


def origin_outside(origin: layout.Origin) -> list[str]:
    """`ip` commands for the end of an origin's link that the WAN switches."""
    return [
        f"netns add {origin.name}",
        f"link add {origin.wan_port} type veth peer name wan netns {origin.name}",
        f"link set {origin.wan_port} up",
    ]


def origin_inside(origin: layout.Origin) -> list[str]:
    """`ip` commands within an origin's namespace."""
    return [
        "link set lo up",
        f"link set wan address {origin.mac}",
        "link set wan up",
        f"address add {origin.address}/32 dev wan",
        f"route add default dev wan src {origin.address}",
        *neighbours(origin.name),
    ]


NODE_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/bridge/bridge-nf-call-iptables": "1",
    # many connections to one origin from one address; what the node itself listens on stays reserved
    "net/ipv4/ip_local_reserved_ports": "4194,10248-10259,30000-32767",
    "net/ipv4/ip_local_port_range": "1024 65535",
}


def node_rules(node: layout.Node) -> str:
    """iptables-restore input for the nat table: pods leave the cluster with their node's address, and keep their own
    within it."""
    return "\n".join(
        (
            "*nat",
            f"-A POSTROUTING -s {node.pods} -d {layout.POD_NETWORK} -j ACCEPT",
            f"-A POSTROUTING -s {node.pods} -d {layout.NODE_NETWORK} -j ACCEPT",
            f"-A POSTROUTING -s {node.pods} -o wan -j SNAT --to-source {node.address}",
            "COMMIT",
            "",
        )
    )


def build() -> None:
    """All namespaces, links, addresses and routes are there."""
    outside = control()
    for node in layout.NODES:
        outside += node_outside(node)
    for origin in layout.ORIGINS:
        outside += origin_outside(origin)
    ip_batch(outside)
    for node in layout.NODES:
        ip_batch(node_inside(node), node.name)
        settings = " && ".join(f"echo '{value}' > /proc/sys/{name}" for name, value in NODE_SYSCTLS.items())
        run("nsenter", f"--net=/run/netns/{node.name}", "sh", "-c", settings)
        flush_rules(node)
    for origin in layout.ORIGINS:
        ip_batch(origin_inside(origin), origin.name)


def flush_rules(node: layout.Node) -> None:
    """The node's packet filter holds this module's rules and nothing of an earlier life."""
    enter = ("nsenter", f"--net=/run/netns/{node.name}")
    run(*enter, "iptables-restore", stdin="*filter\nCOMMIT\n*mangle\nCOMMIT\n" + node_rules(node))


def unplug(node: layout.Node) -> None:
    """The node's control link carries nothing."""
    ip_batch([f"link set {node.control_port} down"])


def plug(node: layout.Node) -> None:
    """The node's control link is as it was at first, its packet filter is fresh and its old pods' bridge is gone."""
    lines = [line for line in node_outside(node) if line.startswith(("link set", "route add")) and "wan" not in line]
    ip_batch([line for line in lines if node.wan_port not in line])
    flush_rules(node)
    run(
        "nsenter",
        f"--net=/run/netns/{node.name}",
        "sh",
        "-c",
        "ip link del cni0 2>/dev/null; conntrack -F 2>/dev/null; true",
    )
