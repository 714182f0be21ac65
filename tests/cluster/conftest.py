"""The cluster that cluster tests share: brought up once, and left up after them if SHIELD_KEEP_CLUSTER=1."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from localcluster import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster named "test" (or SHIELD_CLUSTER): up, with the WAN's delays of the beginning, never the demo's."""
    shared = Cluster(os.environ.get("SHIELD_CLUSTER", "test"), policies=True)
    shared.up()
    yield shared
    if os.environ.get("SHIELD_KEEP_CLUSTER") != "1":
        shared.down()


@pytest.fixture
def wan(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, where a test may change the WAN: its delays are put back at the end."""
    if not cluster.capabilities.wan:
        pytest.skip(f"the {cluster.provider.kind} provider has no WAN")
    before = cluster.wan.matrix()
    yield cluster
    cluster.wan.restore(before)


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own, on its way out when the test ends."""
    name = "t-" + request.node.name.split("[")[0].removeprefix("test_").replace("_", "-")[:40].strip("-")
    cluster.kubectl("delete", "namespace", name, "--ignore-not-found")
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")
