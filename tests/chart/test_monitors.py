"""What Prometheus is told of the operator, of probers and of couriers."""

import re
from typing import Any

from shield_operator.core import naming

Object = dict[str, Any]


def pod_monitor(objects: list[Object], name: str) -> Object:
    """The PodMonitor of that name."""
    (found,) = [o for o in objects if o["kind"] == "PodMonitor" and o["metadata"]["name"] == name]
    return found


def test_a_monitor_needs_a_cluster_that_knows_it(render: Any) -> None:
    """Asked for on any other cluster, none is made."""
    asked = {"metrics": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}}
    assert not {o["kind"] for o in render(asked)} & {"ServiceMonitor", "PodMonitor"}


def test_series_of_probers_are_named_by_what_stays(flipped: list[Object]) -> None:
    """The labels that the operator gives to their pods; a pod's own name is another every few minutes."""
    monitor = pod_monitor(flipped, "the-shield-probers")["spec"]
    labels = naming.prober_labels("eu/a", 0)
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    (endpoint,) = monitor["podMetricsEndpoints"]
    kept, dropped = endpoint["relabelings"]
    sources = [name.removeprefix("__meta_kubernetes_pod_label_") for name in kept["sourceLabels"]]
    assert set(sources) <= {re.sub(r"[^a-zA-Z0-9]", "_", name) for name in labels}
    assert re.fullmatch(dropped["regex"], "pod")


def test_series_of_couriers_are_named_by_their_namespace(flipped: list[Object]) -> None:
    """There is one in each; its pod's name is another after each change of a Secret's name."""
    monitor = pod_monitor(flipped, "the-shield-couriers")
    assert monitor["metadata"]["labels"]["release"] == "other"
    assert monitor["spec"]["selector"]["matchLabels"].items() <= naming.courier_labels().items()
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    named, dropped = endpoint["relabelings"]
    assert (named["sourceLabels"], named["targetLabel"]) == (["__meta_kubernetes_namespace"], "instance")
    assert "pod" in dropped["regex"].split("|")
    assert (endpoint["port"], endpoint["interval"]) == ("health", "15s")
