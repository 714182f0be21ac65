"""What Prometheus is told of couriers."""

from typing import Any

from shield_operator.core import naming

Object = dict[str, Any]


def test_series_of_couriers_are_named_by_their_namespace(flipped: list[Object]) -> None:
    """There is one in each; its pod's name is another after each change of a Secret's name."""
    (monitor,) = [o for o in flipped if o["kind"] == "PodMonitor" and o["metadata"]["name"] == "the-shield-couriers"]
    assert monitor["metadata"]["labels"]["release"] == "other"
    assert monitor["spec"]["selector"]["matchLabels"].items() <= naming.courier_labels().items()
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    named, dropped = endpoint["relabelings"]
    assert (named["sourceLabels"], named["targetLabel"]) == (["__meta_kubernetes_namespace"], "instance")
    assert "pod" in dropped["regex"].split("|")
    assert (endpoint["port"], endpoint["interval"]) == ("health", "15s")
