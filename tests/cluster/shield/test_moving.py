"""A zone goes from one fleet to another while clients ask."""

from localcluster import Cluster
from product import objects
from product.install import Installed
from product.loop import asking
from product.polling import poll

SJC = {"dataCenters": ["us/sjc"]}
HOST = "moving-house.example.com"


def pods(product: Installed, namespace: str, fleet: str) -> list[str]:
    """Names of the fleet's pods."""
    return [p["metadata"]["name"] for p in product.tools.list("pods", namespace, f"smartshield.io/fleet={fleet}")]


def selected(product: Installed, namespace: str) -> str:
    """The fleet whose pods the zone's Service leads to."""
    (service,) = product.tools.list("svc", namespace, "smartshield.io/zone=mover")
    return str(service["spec"]["selector"]["smartshield.io/fleet"])


def test_a_zone_that_changes_its_fleet_fails_no_request_and_its_former_pods_go(
    product: Installed, cluster: Cluster, space: str
) -> None:
    """Misses and new connections all the time; the Service keeps its address."""
    zone = objects.zone("mover", space, [HOST], placement=SJC, fleet="former")
    product.tools.apply(zone)
    product.wait_ready(space, "mover")
    edge = poll("the zone has an endpoint", lambda: product.edge(space, "mover"), 30)
    assert selected(product, space) == "former"
    with asking(cluster, "sjc", edge, HOST, "/cache/{n}?ttl=1") as tally:
        product.tools.patch("ssz", "mover", space, {"spec": {"fleet": "latter"}})
        poll("the Service leads to the new fleet", lambda: selected(product, space) == "latter", 90)
        product.wait_ready(space, "mover")
        poll("the former pods are gone", lambda: not pods(product, space, "former"), 120, every=1)
    assert product.edge(space, "mover") == edge
    assert pods(product, space, "latter")
    assert tally.asked > 100
    assert tally.failed == []
