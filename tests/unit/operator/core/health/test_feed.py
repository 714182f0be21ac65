"""What is added to a prober's pod where samples are sent somewhere."""

from typing import Any

from shield_operator.core.health.feed import with_feed
from shield_operator.core.world import SampleFeed
from shield_proxy.config.checks.feed import DEFAULT_DIR

POD: dict[str, Any] = {"containers": [{"name": "prober", "env": [{"name": "A", "value": "b"}]}]}
FEED = SampleFeed("https://a.example/x")


def sources(feed: SampleFeed) -> list[dict[str, Any]]:
    (volume,) = with_feed(POD, feed)["volumes"]
    found: list[dict[str, Any]] = volume["projected"]["sources"]
    return found


def test_without_a_feed_the_pod_is_what_it_was() -> None:
    assert with_feed(POD, None) == POD


def test_the_prober_is_told_where_and_has_a_token_for_that_alone() -> None:
    (container,) = with_feed(POD, FEED)["containers"]
    assert container["env"] == [{"name": "A", "value": "b"}, {"name": "SHIELD_SAMPLES_URL", "value": FEED.url}]
    assert container["volumeMounts"] == [{"name": "samples", "mountPath": DEFAULT_DIR, "readOnly": True}]
    (source,) = sources(FEED)
    assert source["serviceAccountToken"]["audience"] == "smartshield.io/samples"
    assert 600 <= source["serviceAccountToken"]["expirationSeconds"] <= 86400


def test_authorities_come_from_the_installation_or_from_the_namespace() -> None:
    (container,) = with_feed(POD, SampleFeed(FEED.url, "PEM"))["containers"]
    assert {"name": "SHIELD_SAMPLES_AUTHORITIES", "value": "PEM"} in container["env"]
    _, source = sources(SampleFeed(FEED.url, "", "trust"))
    assert source["configMap"]["name"] == "trust"


def test_a_config_map_that_is_not_there_holds_no_prober_up() -> None:
    _, source = sources(SampleFeed(FEED.url, "", "trust"))
    assert source["configMap"]["optional"] is True
