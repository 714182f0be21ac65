"""The Service of a zone that is paused or can't be honoured: left as it is, and made anew where it is gone."""

import pytest

from shield_operator.core import naming

EDGE = ("Service", naming.edge("shop"))
EXPOSURE = {"type": "NodePort", "port": 8080, "nodePort": 30080}


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"paused": True}, "Serving"),
        ({"placement": {"dataCenters": ["mars"]}}, "UnknownDataCenter"),
        ({"hosts": []}, ""),
    ],
)
def test_it_is_left_alone_and_comes_back_when_it_was_deleted(served, spec, reason):
    served.change(exposure=EXPOSURE)
    served.run(3)
    made = served.objects[EDGE]
    served.change(**{"exposure": EXPOSURE, **spec})
    served.run(3)
    assert reason in ("", served.condition("Ready")[1])
    served.applied.clear()
    del served.objects[EDGE]
    served.step()
    assert served.objects[EDGE] == made
    served.run(3)
    assert served.objects[EDGE] == made


def test_a_zone_that_cannot_be_decoded_gets_its_ports_for_https_back(served):
    exposure = {"type": "NodePort", "tlsPort": 8443, "nodePort": 30080, "tlsNodePort": 30081}
    served.change(tls={"secretName": "shop-tls"}, exposure=exposure)
    served.run(10)
    made = served.objects[EDGE]
    served.change(hosts=[])
    served.run(2)
    assert served.condition("Ready")[1] == "InvalidSpec"
    del served.objects[EDGE]
    served.step()
    assert served.objects[EDGE] == made


def test_a_zone_that_was_never_served_gets_none(cluster):
    cluster.change(paused=True)
    cluster.run(5)
    assert EDGE not in cluster.objects
