"""`make demo`: a cluster, the product on it, an example zone, traffic, and what a person wants to see of it."""

import sys
import time
from functools import partial
from pathlib import Path

from localcluster import Cluster
from localcluster.cli import EXPECTED
from product.asking import Answer, ask
from product.install import ROOT, SMALL, Installed, build_image, image_values, on, timed
from product.polling import NeverTrue, poll

HOST = "shop.example.com"


def say(line: str = "") -> None:
    """One line, at once."""
    print(line, flush=True)


def title(text: str) -> None:
    """The heading of a part."""
    say(f"\n== {text}")


def main() -> int:
    """Leaves the demo running. 1 with a reason when it can't."""
    started = time.monotonic()
    cluster = Cluster("demo", policies=True)
    title("cluster, image and chart")
    timed(say, "cluster up", cluster.up)
    image = timed(say, "image built", build_image)
    timed(say, "image on every node", lambda: cluster.load(image))
    product = on(cluster)
    timed(say, "helm upgrade --install smart-shield", lambda: product.upgrade({**SMALL, **image_values()}))

    title("kubectl apply -f examples/zone.yaml")
    say(product.tools.kubectl("apply", "-f", str(ROOT / "examples" / "zone.yaml")).rstrip())
    timed(say, "kubectl wait --for=condition=Ready ssz/shop -n shop", lambda: product.wait_ready("shop", "shop"))
    show_places(product)
    show_status(product)
    show_traffic(product)
    show_check(product)
    title("yours now")
    plugin = Path(sys.executable).parent
    say(f"export KUBECONFIG={cluster.kubeconfig.relative_to(ROOT)} PATH={product.tools.binaries}:{plugin}:$PATH")
    say("kubectl get ssz,sfl,sshc -A       kubectl describe ssz shop -n shop        kubectl get pods -A -o wide")
    say("make demo-down ends it and leaves nothing behind")
    say(f"\ndone in {time.monotonic() - started:.0f} s")
    return 0


def show_places(product: Installed) -> None:
    """Data centres, origins, and the one-way delays between them."""
    title("data centres and the WAN between them (one way, ms)")
    say(
        product.tools.kubectl(
            "get", "nodes", "-L", "topology.kubernetes.io/region,topology.kubernetes.io/zone"
        ).rstrip()
    )
    say()
    say(product.cluster.wan.matrix().table())


def show_status(product: Installed) -> None:
    """What the zone says of itself."""
    title("the zone's status")
    say(product.tools.kubectl("get", "ssz", "shop", "-n", "shop", "-o", "wide").rstrip())
    zone = product.tools.get("ssz", "shop", "shop") or {}
    for upper in zone.get("status", {}).get("upperTiers", []):
        say(
            f"upper tier of {upper['backend']}: {upper['dataCenter']} at {upper.get('latencyMilliseconds')} ms, "
            f"runner-up {upper.get('runnerUp')} ({upper['reason']}: {upper.get('message', '')})"
        )
    say()
    say(product.tools.kubectl("get", "pods", "-n", "shop", "-o", "wide").rstrip())


def show_traffic(product: Installed) -> None:
    """One object, asked once in every data centre, twice over: who answered, and what the origin saw."""
    title(f"one object of {HOST}, asked in every data centre")
    edge = poll("the zone has an endpoint", lambda: product.edge("shop", "shop"), 30)
    poll("the edge answers", lambda: ask(product.cluster, "ams", edge, HOST, "/private/hello").status == 200, 30)
    origin = product.cluster.origin("origin-eu")
    path = f"/cache/demo-{time.time_ns()}?ttl=3600"
    heads = f"{'request':<10}{'entered at':<12}{'answer':<8}{'status':<10}{'age':<5}{'time':>9}  {'origin saw':<11}"
    say(f"{heads}status per hop")
    for turn in (1, 2):
        for node in (place.name for place in product.cluster.nodes):
            before = origin.count().requests
            answer = ask(product.cluster, node, edge, HOST, path)
            say(row(turn, node, answer, origin.count().requests - before))


def show_check(product: Installed) -> None:
    """A health check of the origin: the verdict, and what each data centre finds."""
    title("kubectl apply -f examples/healthcheck-simple.yaml")
    say(product.tools.kubectl("apply", "-f", str(ROOT / "examples" / "healthcheck-simple.yaml")).rstrip())
    for what in ("condition=Ready", "condition=Healthy", "jsonpath={.status.healthy}=2/2"):
        command = ("wait", f"--for={what}", "sshc/origin", "-n", "shop")
        act = partial(product.tools.kubectl, *command, "--timeout", "120s", seconds=150)
        timed(say, " ".join(("kubectl", *command)), act)
    say(product.tools.kubectl("get", "sshc", "-n", "shop").rstrip())
    say()
    say(product.tools.plugin("check", "origin", "-n", "shop").rstrip())


def row(turn: int, node: str, answer: Answer, seen: int) -> str:
    """A line of the table."""
    hops = " -> ".join(reversed(answer.hops))
    return (
        f"round {turn:<4}{node:<12}{answer.status:<8}{answer.cache_status:<10}{answer.headers.get('age', '-'):<5}"
        f"{answer.seconds * 1000:>6.1f} ms  {seen:<11}{hops}"
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (AssertionError, NeverTrue, *EXPECTED) as problem:
        say(f"\nthe demo can't go on: {problem}")
        say(f"look at {Path('.cluster')}/ for logs; make demo-down cleans up")
        sys.exit(1)
