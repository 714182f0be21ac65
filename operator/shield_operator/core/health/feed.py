"""What a prober's pod needs to send samples to an analytics service: where to, a token that speaks for it, whom it
trusts. A ConfigMap that is not there holds no prober up: it says that it can't send, and probes."""

from shield_operator.core.objects.common import Object
from shield_operator.core.world import SampleFeed
from shield_proxy.config.checks.feed import AUDIENCE, AUTHORITIES, DEFAULT_DIR, FEED_AUTHORITIES, FEED_URL, TOKEN

VOLUME = "samples"
TOKEN_SECONDS = 3600
"""That a token holds; the kubelet renews it before."""


def with_feed(pod: Object, feed: SampleFeed | None) -> Object:
    """The pod of a prober, and what it sends samples with; the same pod where none are sent."""
    if feed is None:
        return pod
    environment = {FEED_URL: feed.url, FEED_AUTHORITIES: feed.authorities}
    more = [{"name": name, "value": value} for name, value in environment.items() if value]
    mount = {"name": VOLUME, "mountPath": DEFAULT_DIR, "readOnly": True}
    containers = [
        {**each, "env": [*each["env"], *more], "volumeMounts": [*each.get("volumeMounts", ()), mount]}
        for each in pod["containers"]
    ]
    return {**pod, "containers": containers, "volumes": [*pod.get("volumes", ()), _volume(feed)]}


def _volume(feed: SampleFeed) -> Object:
    token = {"path": TOKEN, "audience": AUDIENCE, "expirationSeconds": TOKEN_SECONDS}
    sources: list[Object] = [{"serviceAccountToken": token}]
    if feed.config_map:
        items = [{"key": AUTHORITIES, "path": AUTHORITIES}]
        sources.append({"configMap": {"name": feed.config_map, "optional": True, "items": items}})
    return {"name": VOLUME, "projected": {"sources": sources}}
