"""The settings of a run of probes, and its figures."""

import argparse
import re
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest

from shield_proxy.config.checks.contract import MOST_INTERNAL
from shield_proxy.config.reading import InvalidField
from shield_proxy.health.running.figures import Figures, Missed
from shield_proxy.health.running.run import Duty
from shield_proxy.health.running.standing import Place
from shield_proxy.health.sample import Sample, Waterfall
from shield_proxy.process.backlog import Backlog, Fate
from shield_proxy.process.metrics import lines
from shield_proxy.process.probefigures import probe_families
from shield_proxy.process.probing import ProbeSettings, add_probe, settings_of

POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443", "POD_NAME": "probes-28-x"}
DUTY = Duty("shop", Place("eu-west", "a"), 3, "probes")


def settings(*arguments: str, **environment: str) -> ProbeSettings:
    parser = argparse.ArgumentParser()
    add_probe(parser.add_subparsers())
    needed = ("probe", "--namespace", "shop", "--data-center", "eu-west/a", "--shard", "3", "--lease", "probes")
    return settings_of(parser.parse_args([*needed, *arguments]), {**POD, **environment})


def test_the_settings_of_a_pod() -> None:
    made = settings()
    assert made.duty == DUTY
    assert (made.account.host, made.account.port) == ("10.0.0.1", 443)
    assert made.account.directory == Path("/var/run/secrets/kubernetes.io/serviceaccount")
    assert made.health == ("", 8081)
    assert made.log_level == "info"


def test_a_container_that_is_started_again_is_another_run() -> None:
    assert re.fullmatch(r"probes-28-x-[0-9a-f]{4}", settings().run)
    assert len({settings().run for _ in range(20)}) > 1


def test_the_api_server_and_the_installations_networks_are_internal() -> None:
    made = settings(SHIELD_INTERNAL_NETWORKS="10.96.0.0/12, 192.0.2.1").internal
    for address in ("10.0.0.1", "10.97.1.1", "192.0.2.1", "127.0.0.1"):
        assert made.forbids(ip_address(address))
    assert made.forbids(ip_address("192.0.2.2")) is None


@pytest.mark.parametrize(
    ("text", "expected"), [("127.0.0.1:9", ("127.0.0.1", 9)), ("[::1]:9", ("::1", 9)), ("none", None)]
)
def test_where_metrics_are(text: str, expected: object) -> None:
    assert settings("--health", text).health == expected


def test_the_shields_own_services_are_internal_and_are_called_so() -> None:
    made = settings(SHIELD_OWN_SERVICES="10.3.0.9,fd00::9").internal
    assert made.forbids(ip_address("10.3.0.9")) == made.forbids(ip_address("fd00::9")) == "shield's own Service"
    assert made.forbids(ip_address("10.0.0.1")) == "cluster's own"
    assert made.forbids(ip_address("10.3.0.10")) is None


def test_as_many_own_services_as_an_operator_tells_are_taken_and_no_more() -> None:
    members = [f"10.3.{i // 256}.{i % 256}" for i in range(MOST_INTERNAL + 1)]
    assert settings(SHIELD_OWN_SERVICES=",".join(members[:-1])).internal.forbids(ip_address(members[-2]))
    with pytest.raises(InvalidField, match="SHIELD_OWN_SERVICES"):
        settings(SHIELD_OWN_SERVICES=",".join(members))


@pytest.mark.parametrize(
    ("named", "value"),
    [
        ("SHIELD_INTERNAL_NETWORKS", "10.0.0.0/33"),
        ("SHIELD_OWN_SERVICES", "x"),
        ("SHIELD_LOG_LEVEL", "loud"),
        ("SHIELD_SAMPLES_URL", "http://analytics.example.com/"),
        ("KUBERNETES_SERVICE_HOST", ""),
        ("KUBERNETES_SERVICE_PORT", "x"),
    ],
)
def test_what_cannot_be_used_is_named(named: str, value: str) -> None:
    with pytest.raises(InvalidField, match=named):
        settings(**{named: value})


def test_samples_go_where_the_installation_says_or_nowhere() -> None:
    assert settings().feed is None
    feed = settings(SHIELD_SAMPLES_URL="https://a.example/x", SHIELD_SAMPLES_AUTHORITIES="PEM").feed
    assert feed is not None
    assert (feed.sink.host, feed.authorities) == ("a.example", "PEM")
    assert feed.directory == Path("/var/run/secrets/smartshield.io/samples")


def test_what_became_of_samples_is_shown_where_they_are_sent() -> None:
    backlog = Backlog()
    backlog.offer(b"1")
    backlog.settle([b"2", b"3"], Fate.DELIVERED)
    backlog.posts["503"] += 1
    text = "".join(lines(probe_families(Figures(), DUTY, list, backlog)))
    assert 'shield_samples_total{fate="delivered"} 2\n' in text
    assert 'shield_samples_total{fate="overflow"} 0\n' in text
    assert "shield_samples_waiting 1\n" in text
    assert 'shield_sample_posts_total{outcome="503"} 1\n' in text
    assert "shield_samples" not in "".join(lines(probe_families(Figures(), DUTY, list)))


def test_figures_are_shown_with_the_place_and_in_base_units() -> None:
    figures = Figures()
    figures.probed("shop", Sample(0.0, None, waterfall=Waterfall(tcp=0.01, total=0.02)))
    figures.missed[Missed.OVERRUN] += 2
    text = "".join(lines(probe_families(figures, DUTY, lambda: [("shop", 1.0)])))
    place = 'namespace="shop",region="eu-west",zone="a"'
    assert f'shield_check_healthy{{check="shop",{place}}} 1\n' in text
    assert f'shield_probes_total{{check="shop",result="healthy",{place}}} 1\n' in text
    assert f'shield_probe_seconds{{check="shop",stage="tcp",{place}}} 0.01\n' in text
    assert f'shield_probe_slots_missed_total{{reason="overrun",{place}}} 2\n' in text
    assert f'shield_probe_slots_missed_total{{reason="gap",{place}}} 0\n' in text
    assert 'stage="tls"' not in text


HEAVY = {
    "aiodns", "aiohttp", "cryptography", "hiredis", "httptools", "idna", "kubernetes", "multiprocessing", "pycares",
    "urllib.request", "uvloop", "yaml",
}  # fmt: skip


def test_a_run_loads_little_before_it_has_its_lease() -> None:
    """It starts in each data centre every ten minutes, and what it loads it keeps in memory."""
    code = "import shield_proxy.process.probing, sys; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    )
    assert not loaded & HEAVY
    rooms = {".".join(name.split(".")[:2]) for name in loaded if name.startswith("shield_proxy.")}
    assert not rooms & {"shield_proxy.store", "shield_proxy.cache", "shield_proxy.cli"}
    assert len(loaded) < 300, "modules of Python's own included"


def test_the_resolver_is_loaded_once_and_before_a_probe_is_measured() -> None:
    code = (
        "import sys; from shield_proxy.config.internal import internal_addresses; "
        "from shield_proxy.health.probe import Prober; "
        "prober = Prober(internal_addresses(())); before = 'aiodns' in sys.modules; "
        "same = prober.prepare() is prober.prepare(); print(before, same, 'aiodns' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert told.split() == ["False", "True", "True"]
