"""The product installed once on the test cluster, and a namespace of its own for each test that wants one."""

import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from localcluster import Cluster
from product import objects
from product.checks import PROBERS
from product.install import SMALL, Installed, build_image, image_values, on
from product.kubectl import Refused
from product.polling import poll

HOST = "shop.example.com"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests below need the cluster."""
    for item in items:
        if "tests/cluster" in str(item.path):
            item.add_marker("cluster")


@pytest.fixture(scope="session")
def values() -> dict[str, Any]:
    """Values of the release under test: runs of probers are short, so that tests see them hand over."""
    return {**SMALL, "healthChecks": {"runMinutes": 1}, **image_values()}


@pytest.fixture(scope="session")
def product(cluster: Cluster, values: dict[str, Any]) -> Installed:
    """The release, Ready, with this checkout's image."""
    cluster.load(build_image())
    installed = on(cluster)
    installed.upgrade(values)
    return installed


@pytest.fixture
def space(product: Installed, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace that admits restricted pods only, gone (with all that is in it) after the test."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:40].strip("-")
    product.tools.apply(objects.namespace(name))
    yield name
    product.tools.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


@pytest.fixture(scope="session")
def shop(product: Installed) -> str:
    """The namespace of a zone that is Ready in all four data centres; returns when its edge answers."""
    product.tools.apply(objects.namespace("shop"), objects.zone("shop", "shop", [HOST]))
    product.wait_ready("shop", "shop")
    poll("the zone has an endpoint", lambda: product.edge("shop", "shop"), 30)
    return "shop"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A failed test says what the cluster looked like: objects, their status, events, logs."""
    report = yield
    product = getattr(item, "funcargs", {}).get("product")
    if report.when == "call" and report.failed and isinstance(product, Installed):
        report.sections.append(("cluster", describe(product)))
    return report


def describe(product: Installed) -> str:
    """What a person would look at first."""
    looks = (
        ("get", "ssz,sfl", "-A", "-o", "yaml"),
        ("get", "sshc", "-A", "-o", "yaml", "--show-managed-fields=false"),
        ("get", "leases", "-A", "-l", PROBERS, "-o", "yaml"),
        ("get", "pods,deploy,svc,jobs,cronjobs", "-A", "-o", "wide"),
        ("get", "events", "-A", "--sort-by=.lastTimestamp"),
        ("logs", "-n", product.namespace, "-l", "app.kubernetes.io/component=operator", "--tail=80", "--prefix"),
        ("logs", "-n", "checks", "-l", PROBERS, "--tail=20", "--prefix"),
        ("logs", "-n", "alerts", "-l", PROBERS, "--tail=20", "--prefix"),
        ("get", "sha", "-A", "-o", "yaml", "--show-managed-fields=false"),
        ("logs", "-n", "alerts", "deployment/shield-courier", "--tail=40"),
    )
    parts = []
    for look in looks:
        try:
            parts.append(f"$ kubectl {' '.join(look)}\n{product.tools.kubectl(*look)[-30000:]}")
        except (Refused, subprocess.TimeoutExpired) as problem:
            parts.append(str(problem))
    return "\n".join(parts)
