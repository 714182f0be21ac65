"""The operator's environment as values. A value that can't be used names its variable: retrying would not help."""

import ipaddress
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shield_operator.core.decode_fleet import BUILT_IN, decode_fleet
from shield_operator.core.health.regions import CODES
from shield_operator.core.spec import FleetSpec
from shield_operator.core.world import Installation, SampleFeed
from shield_proxy.config.checks.contract import MOST_INTERNAL
from shield_proxy.config.checks.feed import read_sink
from shield_proxy.config.reading import InvalidField, Reader
from shield_proxy.config.version import VERSION

RUN_MINUTES = ("1", "2", "5", "10", "15", "20", "30", "60")
"""They divide an hour, as the schedule of a CronJob needs."""
LEVELS = ("debug", "info", "warning", "error")


class InvalidSetting(ValueError):
    """A variable of the environment that can't be honoured."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything `run` needs to know before it talks to anybody."""

    installation: Installation
    identity: str
    """Of this process among all that ever held the Lease."""
    log_level: str
    kubeconfig: Path | None = None
    health_port: int = 8081
    internal_port: int | None = None
    """Of proxies; None is the contract's."""


def read_settings(environment: Mapping[str, str], kubeconfig: Path | None = None) -> Settings:
    """The settings of an environment; InvalidSetting names the variable and what is wrong with it."""
    pod = environment.get("POD_NAME") or os.uname().nodename
    return Settings(
        installation=Installation(
            namespace=_required(environment, "POD_NAMESPACE"),
            image=_required(environment, "SHIELD_IMAGE"),
            redis_image=_required(environment, "SHIELD_REDIS_IMAGE"),
            version=VERSION,
            fleet_defaults=_fleet_defaults(environment.get("SHIELD_FLEET_DEFAULTS", "")),
            image_pull_policy=environment.get("SHIELD_IMAGE_PULL_POLICY") or "IfNotPresent",
            image_pull_secrets=_names(environment.get("SHIELD_IMAGE_PULL_SECRETS", "")),
            region_label=environment.get("SHIELD_REGION_LABEL") or "topology.kubernetes.io/region",
            zone_label=environment.get("SHIELD_ZONE_LABEL") or "topology.kubernetes.io/zone",
            network_policies=_flag(environment, "SHIELD_NETWORK_POLICIES", True),
            priority_class=environment.get("SHIELD_PRIORITY_CLASS", ""),
            log_level=_level(environment, "SHIELD_PROXY_LOG_LEVEL"),
            region_codes=_region_codes(environment.get("SHIELD_REGION_CODES", "")),
            internal_networks=_networks(environment.get("SHIELD_INTERNAL_NETWORKS", "")),
            run_minutes=_run_minutes(environment.get("SHIELD_RUN_MINUTES", "")),
            sample_feed=_sample_feed(environment.get("SHIELD_SAMPLES", "")),
        ),
        identity=f"{pod}_{secrets.token_hex(4)}",
        log_level=_level(environment, "SHIELD_LOG_LEVEL"),
        kubeconfig=kubeconfig,
    )


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise InvalidSetting(f"{name}: is not set")
    return value


def _level(environment: Mapping[str, str], name: str) -> str:
    level = environment.get(name, "info").lower() or "info"
    if level not in LEVELS:
        raise InvalidSetting(f"{name}: must be one of {', '.join(LEVELS)}, not {level!r}")
    return level


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _flag(environment: Mapping[str, str], name: str, default: bool) -> bool:
    value = environment.get(name, "").lower()
    if value in ("", "true", "false"):
        return value == "true" if value else default
    raise InvalidSetting(f"{name}: must be true or false, not {value!r}")


def _region_codes(text: str) -> Mapping[str, tuple[str, ...]]:
    try:
        reader = Reader(json.loads(text or "{}"), "SHIELD_REGION_CODES")
        unknown = next((code for code in reader.source if code not in CODES), None)
        if unknown is not None:
            raise InvalidField(reader.path, f"{unknown!r} is none of {', '.join(CODES)}")
        return {code: reader.texts(code) for code in reader.source}
    except json.JSONDecodeError as error:
        raise InvalidSetting(f"SHIELD_REGION_CODES: not JSON: {error}") from error
    except InvalidField as error:
        raise InvalidSetting(str(error)) from error


def _networks(text: str) -> tuple[str, ...]:
    networks = _names(text)
    if len(networks) > MOST_INTERNAL:
        raise InvalidSetting(f"SHIELD_INTERNAL_NETWORKS: must have at most {MOST_INTERNAL} members")
    for network in networks:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError as error:
            raise InvalidSetting(f"SHIELD_INTERNAL_NETWORKS: {error}") from error
    return networks


def _run_minutes(text: str) -> int:
    if text and text not in RUN_MINUTES:
        raise InvalidSetting(f"SHIELD_RUN_MINUTES: must be one of {', '.join(RUN_MINUTES)}, not {text!r}")
    return int(text or 10)


def _sample_feed(text: str) -> SampleFeed | None:
    try:
        reader = Reader(json.loads(text or "{}"), "SHIELD_SAMPLES")
        url = reader.text("url", "")
        if not url:
            return None
        read_sink(url, reader.at("url"))
        authorities = reader.text("caBundle", "")
        if authorities and "-----BEGIN CERTIFICATE-----" not in authorities:
            raise InvalidField(reader.at("caBundle"), "must be certificates in PEM")
        return SampleFeed(url, authorities, reader.text("caConfigMap", ""))
    except json.JSONDecodeError as error:
        raise InvalidSetting(f"SHIELD_SAMPLES: not JSON: {error}") from error
    except InvalidField as error:
        raise InvalidSetting(str(error)) from error


def _fleet_defaults(text: str) -> FleetSpec:
    try:
        return decode_fleet(json.loads(text), BUILT_IN, "SHIELD_FLEET_DEFAULTS") if text.strip() else BUILT_IN
    except json.JSONDecodeError as error:
        raise InvalidSetting(f"SHIELD_FLEET_DEFAULTS: not JSON: {error}") from error
    except InvalidField as error:
        raise InvalidSetting(str(error)) from error
