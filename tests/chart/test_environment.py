"""The operator understands what the chart tells it: the rendered environment, read by the operator's own code."""

from typing import Any

from shield_operator.kube.settings import Settings, read_settings

Object = dict[str, Any]


def read(objects: list[Object]) -> Settings:
    """The operator's settings in a pod of these objects."""
    (deployment,) = [o for o in objects if o["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return read_settings({item["name"]: item.get("value", f"the {item['name']}") for item in container["env"]})


def test_defaults_are_understood(defaults: list[Object]) -> None:
    """The names of namespace and pod come from the pod itself."""
    settings = read(defaults)
    installation, fleet = settings.installation, settings.installation.fleet_defaults
    assert installation.namespace == "the POD_NAMESPACE"
    assert settings.identity.startswith("the POD_NAME_")
    assert (fleet.lower.replicas, fleet.upper.replicas) == (2, 2)
    assert (fleet.memory, fleet.redis.memory) == (128 << 20, 256 << 20)
    assert (fleet.lower.resources, fleet.redis.resources) == ({}, {})
    assert installation.network_policies is True
    assert (installation.region_codes, installation.internal_networks, installation.run_minutes) == ({}, (), 10)
    assert installation.sample_feed is None


def test_flipped_values_are_understood(flipped: list[Object]) -> None:
    """Each reaches the setting it is meant for."""
    settings = read(flipped)
    installation, fleet = settings.installation, settings.installation.fleet_defaults
    assert installation.image == "registry.example.com/shield@sha256:" + "ab" * 32
    assert installation.image_pull_policy == "Always"
    assert installation.image_pull_secrets == ("pull-one", "pull-two")
    assert installation.redis_image == "registry.example.com/redis:8.2"
    assert (installation.region_label, installation.zone_label) == ("example.com/region", "example.com/zone")
    assert installation.network_policies is False
    assert (installation.log_level, installation.priority_class) == ("warning", "edge-critical")
    assert settings.log_level == "debug"
    assert installation.region_codes == {"WEU": ("eu-west", "eu-north")}
    assert installation.internal_networks == ("10.96.0.0/12", "2001:db8::1")
    assert installation.run_minutes == 30
    assert installation.sample_feed is not None
    assert installation.sample_feed.url == "https://analytics.example.com/v1/samples"
    assert installation.sample_feed.authorities.startswith("-----BEGIN CERTIFICATE-----\n")
    assert installation.sample_feed.config_map == "trust"
    assert (fleet.lower.replicas, fleet.upper.replicas, fleet.access_log) == (3, 1, True)
    assert (fleet.access_log_format, fleet.access_log_sample) == ("Combined", 5)
    assert fleet.clients.proxy_protocol is True
    assert fleet.clients.trusted_proxies == ("10.0.0.0/8", "2001:db8::/32")
    assert (fleet.memory, fleet.redis.enabled, fleet.redis.memory) == (1 << 30, False, 2 << 30)
