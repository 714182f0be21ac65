"""Where nothing is sent to: neither to this machine nor to metadata services, however they are called."""

from dataclasses import replace
from ipaddress import ip_address
from socket import AF_INET

import pytest
from courier.place import Place
from courier.receiver import Receiver, receiving
from courier.samples import alert, email, notification, target

from shield_courier.core.outcomes import Failed, Outcome
from shield_courier.sending.names import Forbidden, socket_to
from shield_proxy.config.alerts.alert import Means, Webhook
from shield_proxy.config.internal import internal_addresses

LOOPBACK = Failed("nothing is sent to this address: loopback", True)
UNUSABLE = Failed("the URL can't be used")
LINK_LOCAL = Failed("nothing is sent to this address: link-local", True)


@pytest.fixture
def outside(place: Place) -> Place:
    """A sender as the courier has it, which does not reach the loopback of a test."""
    place.sender = replace(place.sender, internal=internal_addresses(()))
    return place


async def deliver(place: Place, means: Means) -> Outcome:
    return await place.sender.deliver(alert(), target(means), notification())


@pytest.mark.parametrize(
    ("host", "outcome"),
    [
        ("127.0.0.1", LOOPBACK),
        ("[::ffff:127.0.0.1]", LOOPBACK),
        ("named.example", LOOPBACK),
        ("127.1", UNUSABLE),
        ("2130706433", UNUSABLE),
        ("0.0.0.0", Failed("nothing is sent to this address: unspecified", True)),
        ("169.254.169.254", LINK_LOCAL),
        ("[fd00:ec2::254]", Failed("nothing is sent to this address: metadata service", True)),
    ],
)
async def test_a_webhook_is_not_sent_there(outside: Place, host: str, outcome: Outcome) -> None:
    receiver = Receiver()
    async with receiving(receiver, None) as port:
        outside.ports["named.example"] = port
        assert await deliver(outside, Webhook(f"http://{host}:{port}/")) == outcome
    assert receiver.received == []


@pytest.mark.parametrize(
    ("host", "outcome"), [("127.0.0.1", LOOPBACK), ("named.example", LOOPBACK), ("169.254.169.254", LINK_LOCAL)]
)
async def test_mail_is_not_sent_there(outside: Place, host: str, outcome: Outcome) -> None:
    outside.ports["named.example"] = 25
    assert await deliver(outside, email(host=host)) == outcome


def test_receivers_in_the_cluster_are_as_good_as_others(outside: Place) -> None:
    forbids = outside.sender.internal.forbids
    assert [forbids(ip_address(each)) for each in ("10.0.0.7", "10.96.0.10", "fd00:10:96::a")] == [None] * 3


@pytest.mark.parametrize("word", ["127.1", "2130706433", "0177.0.0.1", "localhost"])
def test_words_for_addresses_are_not_connected_to(outside: Place, word: str) -> None:
    with pytest.raises(Forbidden, match="malformed"):
        socket_to(AF_INET, word, outside.sender.internal)
