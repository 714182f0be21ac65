"""What can't be honoured is refused, or said with field and value, and what ran before goes on."""

import json
from typing import Any

import pytest

from localcluster import Cluster
from product import objects
from product.asking import ask
from product.install import ROOT, Installed
from product.kubectl import Refused
from product.polling import poll

SJC = {"dataCenters": ["us/sjc"]}
ORIGIN = {"name": "main", "address": "origin-eu.example.com", "port": 80}


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ({"origins": [{"name": "main", "port": 80}]}, "address"),
        ({"origins": [{**ORIGIN, "service": {"name": "web"}}]}, "service"),
        ({"origins": [{**ORIGIN, "port": 0}]}, "port"),
        ({"origins": []}, "origins"),
        ({"hosts": []}, "hosts"),
        ({"hosts": ["Shop.Example.com"]}, "hosts"),
        ({"hosts": ["shop.example.com:80"]}, "hosts"),
        ({"routes": [{"pathPrefix": "/", "backend": "other"}]}, "backend"),
        ({"routes": [{"pathPrefix": "x", "backend": "main"}]}, "pathPrefix"),
        ({"routes": [{"pathPrefix": "/a", "backend": "main"}, {"pathPrefix": "/a", "backend": "main"}]}, "routes"),
        ({"exposure": {"type": "ClusterIP", "nodePort": 30080}}, "nodePort"),
        ({"exposure": {"type": "LoadBalancer"}}, "exposure"),
        ({"tieredCache": {"topology": "Ring"}}, "topology"),
        ({"fleet": "Not A Name"}, "fleet"),
    ],
)  # fmt: skip
def test_a_contradiction_in_one_object_is_refused_by_the_api_server(
    product: Installed, spec: dict[str, Any], word: str
) -> None:
    """The message names the field."""
    bad = objects.zone("bad", "default", ["bad.example.com"])
    bad["spec"].update(spec)
    with pytest.raises(Refused, match=word):
        product.tools.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(bad))


def test_a_taken_host_an_unknown_data_centre_and_an_unknown_origin_are_said_and_nothing_stops(
    product: Installed, cluster: Cluster, space: str
) -> None:
    """One zone that serves; others that can't; then the one that serves is made impossible and goes on serving."""
    tools = product.tools
    tools.apply(objects.zone("good", space, ["good.example.com"], placement=SJC))
    product.wait_ready(space, "good")
    edge = product.edge(space, "good")
    tools.apply(
        objects.zone("thief", space, ["good.example.com"], placement=SJC),
        objects.zone("lost", space, ["lost.example.com"], placement={"dataCenters": ["eu/atlantis"]}),
        objects.zone("mute", space, ["mute.example.com"], "no-such-origin.example.com", placement=SJC),
    )
    expected = {
        "thief": ("HostConflict", ("good.example.com", f"{space}/good")),
        "lost": ("UnknownDataCenter", ("placement.dataCenters", "eu/atlantis")),
        "mute": ("OriginUnresolvable", ("origins", "no-such-origin.example.com")),
    }
    for name, (reason, words) in expected.items():
        said = poll(f"{name} is not Ready with {reason}", lambda n=name, r=reason: refused(product, space, n, r), 60)
        assert all(word in said["message"] for word in words), said
    assert ask(cluster, "sjc", edge, "good.example.com", "/cache/a").status == 200

    tools.patch("ssz", "good", space, {"spec": {"placement": {"dataCenters": ["mars/olympus"]}}})
    poll("the zone says why", lambda: refused(product, space, "good", "UnknownDataCenter"), 60)
    assert ask(cluster, "sjc", edge, "good.example.com", "/cache/b").status == 200, "the last good configuration serves"
    tools.patch("ssz", "good", space, {"spec": {"placement": SJC}})
    product.wait_ready(space, "good")

    tools.delete("ssz", "good", space)
    product.wait_ready(space, "thief")


def refused(product: Installed, namespace: str, name: str, reason: str) -> dict[str, Any] | None:
    """The zone's Ready condition when it is False with that reason."""
    ready = objects.condition(product.tools.get("ssz", name, namespace), "Ready")
    return dict(ready) if ready and (ready["status"], ready["reason"]) == ("False", reason) else None


def test_the_examples_are_accepted(product: Installed, shop: str) -> None:
    """Everything under examples/, by the API server itself."""
    for example in sorted((ROOT / "examples").glob("*.yaml")):
        product.tools.kubectl("apply", "--dry-run=server", "-f", str(example))
