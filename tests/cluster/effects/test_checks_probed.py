"""The operator and real probers together, each with its rights in a cluster: from a check to its verdict."""

import subprocess
from collections.abc import Callable

import pytest

from bareapi import own_address
from checkspace import PLACES, Shop
from operatorprocess import Running
from proberprocess import Origin
from product.polling import poll

Start = Callable[[], Running]


@pytest.mark.usefixtures("policy")
def test_from_a_check_to_its_verdict_and_back(
    start: Start, shop: Shop, origin: Origin, probers: Callable[[str], subprocess.Popen[bytes]]
) -> None:
    start()
    address, config = own_address(), {"port": origin.server_address[1]}
    shop.add(address=address, interval=5, timeout=2, httpConfig=config)
    poll("runs are to begin", lambda: len(shop.found("Job")) == 2, 30)
    running = {key: probers(key) for key in PLACES}
    poll("it is run", lambda: shop.condition("Ready") == ("True", "Probing"), 40)
    poll("it is healthy", lambda: shop.condition("Healthy") == ("True", "Healthy"), 20)
    poll("everywhere", lambda: (shop.status()["healthy"], len(shop.status()["probes"])) == ("2/2", 2), 20)
    assert shop.status()["roundTrip"].endswith("ms")
    origin.status = 503
    poll("it is unhealthy", lambda: shop.condition("Healthy") == ("False", "ResponseCodeMismatchError"), 20)
    poll("everybody tells", lambda: {entry["code"] for entry in shop.status()["probes"]} == {503}, 20)
    origin.status = 200
    poll("it is healthy again", lambda: shop.condition("Healthy") == ("True", "Healthy"), 20)
    shop.add("inside", address="127.0.0.1", interval=5, timeout=2, httpConfig=config)
    poll("a second check is noticed", lambda: shop.condition("Healthy", "inside") == ("False", "DNSInternal"), 30)
    running["us/b"].terminate()
    poll("a silent data centre is told", lambda: shop.condition("Ready")[0] == "False", 60, 2)
    assert shop.condition("Healthy") == ("True", "Healthy")
    assert running["eu/a"].poll() is None
