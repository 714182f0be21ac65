"""NetworkPolicies as packet filter rules: pods, namespaces and policies in, iptables-restore text per node out. Pure.

A packet to or from a pod is forwarded, never local, so all is decided in FORWARD, when addresses of Services have been
replaced by those of pods; in the mangle table, as kube-proxy accepts much in the filter table. Per selected pod and
direction there is a chain that returns what some policy allows and drops the rest; what comes from the pod's own node
is not forwarded and so always allowed, as the kubelet's probes must be.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
MAIN = "SHIELD-POLICIES"
INGRESS, EGRESS = "Ingress", "Egress"


@dataclass(frozen=True, slots=True)
class World:
    """What the rules follow from: objects as the API gives them."""

    pods: Sequence[Object]
    namespaces: Sequence[Object]
    policies: Sequence[Object]


def matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether labels meet a label selector; an empty one selects everything."""
    if not selector:
        return True
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_meets(one, labels) for one in selector.get("matchExpressions") or [])


def _meets(requirement: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = requirement["key"], requirement.get("values") or []
    match requirement["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def _labels(thing: Object) -> Mapping[str, str]:
    found: Mapping[str, str] = thing["metadata"].get("labels") or {}
    return found


def _address(pod: Object) -> str | None:
    """A pod's own address; None for pods that have none yet, have ended or share their node's."""
    if pod["spec"].get("hostNetwork") or pod["status"].get("phase") in ("Succeeded", "Failed"):
        return None
    address: str | None = pod["status"].get("podIP")
    return address


def directions(policy: Object) -> list[str]:
    """The directions a policy restricts: as it says, else ingress, and egress if it has such rules."""
    spec = policy["spec"]
    return spec.get("policyTypes") or ([INGRESS, EGRESS] if "egress" in spec else [INGRESS])


def rules(world: World, node: str) -> str:
    """iptables-restore input (with --noflush) that makes the node enforce all policies on its pods."""
    chains: list[str] = []
    jumps: list[str] = []
    lines: list[str] = []
    for pod in world.pods:
        address = _address(pod)
        if address is None or pod["spec"].get("nodeName") != node:
            continue
        for direction in (EGRESS, INGRESS):
            selecting = [p for p in world.policies if direction in directions(p) and _selects(p, pod)]
            if not selecting:
                continue
            chain = _chain(direction, pod)
            chains.append(chain)
            jumps.append(f"-A {MAIN} -{'d' if direction == INGRESS else 's'} {address} -j {chain}")
            lines += [f"-A {chain} {match}-j RETURN" for p in selecting for match in _allowed(world, p, pod, direction)]
            lines.append(f"-A {chain} -j DROP")
    heads = [f":{name} - [0:0]" for name in (MAIN, *chains)]
    first = f"-A {MAIN} -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN"
    return "\n".join(["*mangle", *heads, first, *jumps, *dict.fromkeys(lines), "COMMIT", ""])


def _chain(direction: str, pod: Object) -> str:
    return f"SHIELD-{direction[0]}-" + hashlib.sha256(pod["metadata"]["uid"].encode()).hexdigest()[:16]


def _selects(policy: Object, pod: Object) -> bool:
    here = policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return here and matches(policy["spec"].get("podSelector"), _labels(pod))


def _allowed(world: World, policy: Object, pod: Object, direction: str) -> Iterator[str]:
    """iptables matches, each of which a packet may meet to be allowed by this policy."""
    flag, peers_of, field = ("-s", "from", "ingress") if direction == INGRESS else ("-d", "to", "egress")
    for rule in policy["spec"].get(field) or []:
        peers = rule.get(peers_of) or []
        sides = [f"{flag} {block}" for peer in peers for block in _blocks(world, policy, peer)] if peers else [""]
        for side in sides:
            for port in _ports(rule.get("ports") or [], pod if direction == INGRESS else None):
                yield "".join(f"{part} " for part in (side, port) if part)


def _blocks(world: World, policy: Object, peer: Object) -> Iterator[str]:
    """The addresses of a peer, as networks or single addresses."""
    if "ipBlock" in peer:
        yield from _without(peer["ipBlock"]["cidr"], peer["ipBlock"].get("except") or [])
        return
    if "namespaceSelector" in peer:
        spaces = {n["metadata"]["name"] for n in world.namespaces if matches(peer["namespaceSelector"], _labels(n))}
    else:
        spaces = {policy["metadata"]["namespace"]}
    for pod in world.pods:
        address = _address(pod)
        if address and pod["metadata"]["namespace"] in spaces and matches(peer.get("podSelector"), _labels(pod)):
            yield f"{address}/32"


def _without(network: str, holes: Iterable[str]) -> list[str]:
    """A network without some of its parts, as networks."""
    left = [ipaddress.ip_network(network)]
    for hole in map(ipaddress.ip_network, holes):
        rest: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for part in left:
            inside = part.version == hole.version and hole.subnet_of(part)  # type: ignore[arg-type]
            rest += list(part.address_exclude(hole)) if inside else [part]  # type: ignore[arg-type]
        left = rest
    return [str(part) for part in left if part.version == 4]


def _ports(ports: Sequence[Object], pod: Object | None) -> Iterator[str]:
    """iptables matches of a rule's ports; an empty one if it names none. Names are those of the pod's containers."""
    if not ports:
        yield ""
    for port in ports:
        protocol = port.get("protocol", "TCP").lower()
        number = port.get("port")
        if isinstance(number, str):
            number = _named(pod, number)
            if number is None:
                continue  # no container has a port of this name: the rule allows nothing here
        last = f":{port['endPort']}" if "endPort" in port else ""
        yield f"-p {protocol}" + (f" --dport {number}{last}" if number is not None else "")


def _named(pod: Object | None, name: str) -> int | None:
    containers = pod["spec"]["containers"] if pod else []
    found = (p["containerPort"] for c in containers for p in c.get("ports") or [] if p.get("name") == name)
    return next(found, None)
