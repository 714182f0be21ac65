"""The environment the chart writes: read whole, and refused by the name of the variable."""

import json

import pytest

from shield_operator.core.decode_fleet import BUILT_IN
from shield_operator.core.world import SampleFeed
from shield_operator.kube.settings import InvalidSetting, read_settings

LEAST = {"POD_NAMESPACE": "shield-system", "SHIELD_IMAGE": "shield:1", "SHIELD_REDIS_IMAGE": "redis:8"}


def test_three_variables_are_enough() -> None:
    settings = read_settings(LEAST)
    made = settings.installation
    assert (made.namespace, made.image, made.redis_image) == ("shield-system", "shield:1", "redis:8")
    assert (made.fleet_defaults, made.network_policies, settings.log_level) == (BUILT_IN, True, "info")


def test_everything_the_chart_can_say_is_honoured() -> None:
    defaults = {"lower": {"replicas": 3}, "redis": {"enabled": False}}
    settings = read_settings(
        {
            **LEAST,
            "POD_NAME": "op-1",
            "SHIELD_IMAGE_PULL_POLICY": "Always",
            "SHIELD_IMAGE_PULL_SECRETS": "one, two,",
            "SHIELD_REGION_LABEL": "r",
            "SHIELD_ZONE_LABEL": "z",
            "SHIELD_FLEET_DEFAULTS": json.dumps(defaults),
            "SHIELD_NETWORK_POLICIES": "false",
            "SHIELD_LOG_LEVEL": "DEBUG",
            "SHIELD_PRIORITY_CLASS": "high",
            "SHIELD_REGION_CODES": '{"WEU": ["eu-west", "eu-north"]}',
            "SHIELD_INTERNAL_NETWORKS": "10.96.0.0/12,2001:db8::1",
            "SHIELD_RUN_MINUTES": "30",
            "SHIELD_SAMPLES": '{"url": "https://a.example/x", "caConfigMap": "trust"}',
        }
    )
    made = settings.installation
    assert (made.image_pull_policy, made.image_pull_secrets) == ("Always", ("one", "two"))
    assert (made.region_label, made.zone_label, made.priority_class) == ("r", "z", "high")
    assert (made.fleet_defaults.lower.replicas, made.fleet_defaults.redis.enabled) == (3, False)
    assert (made.network_policies, settings.log_level) == (False, "debug")
    assert made.region_codes == {"WEU": ("eu-west", "eu-north")}
    assert (made.internal_networks, made.run_minutes) == (("10.96.0.0/12", "2001:db8::1"), 30)
    assert made.sample_feed == SampleFeed("https://a.example/x", "", "trust")


def test_two_processes_of_one_pod_are_two_holders_of_the_lease() -> None:
    one, two = (read_settings({**LEAST, "POD_NAME": "op-1"}).identity for _ in range(2))
    assert one != two
    assert one.startswith("op-1_")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("POD_NAMESPACE", "", "POD_NAMESPACE: is not set"),
        ("SHIELD_IMAGE", " ", "SHIELD_IMAGE: is not set"),
        ("SHIELD_LOG_LEVEL", "loud", "SHIELD_LOG_LEVEL: must be one of"),
        ("SHIELD_NETWORK_POLICIES", "yes", "SHIELD_NETWORK_POLICIES: must be true or false"),
        ("SHIELD_FLEET_DEFAULTS", "{", "SHIELD_FLEET_DEFAULTS: not JSON"),
        ("SHIELD_FLEET_DEFAULTS", "[]", "SHIELD_FLEET_DEFAULTS"),
        ("SHIELD_FLEET_DEFAULTS", '{"lower": {"replicas": -1}}', "SHIELD_FLEET_DEFAULTS.lower.replicas"),
        ("SHIELD_REGION_CODES", "{", "SHIELD_REGION_CODES: not JSON"),
        ("SHIELD_REGION_CODES", '{"EUROPE": []}', "SHIELD_REGION_CODES: 'EUROPE' is none of"),
        ("SHIELD_REGION_CODES", '{"WEU": "eu"}', "SHIELD_REGION_CODES.WEU: must be a list"),
        ("SHIELD_INTERNAL_NETWORKS", "10.0.0.0/8,x", "SHIELD_INTERNAL_NETWORKS: 'x'"),
        ("SHIELD_RUN_MINUTES", "7", "SHIELD_RUN_MINUTES: must be one of"),
        ("SHIELD_SAMPLES", "{", "SHIELD_SAMPLES: not JSON"),
        ("SHIELD_SAMPLES", '{"url": "http://a.example/"}', "SHIELD_SAMPLES.url: must be a URL such as https:"),
        ("SHIELD_SAMPLES", '{"url": "https://a.example/", "caBundle": "x"}', "SHIELD_SAMPLES.caBundle"),
    ],
)
def test_a_value_that_can_not_be_honoured_names_its_variable(name: str, value: str, says: str) -> None:
    with pytest.raises(InvalidSetting, match=says.replace("{", "\\{")):
        read_settings({**LEAST, name: value})
