"""A bare API server for each file of tests, and operators on it."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from alertspace import Alarm
from bareapi import BareApi, bare_api
from checkspace import Shop
from courierprocess import hook as hook
from courierprocess import start_courier as start_courier
from freeports import free_port
from localcluster.artifacts import binaries
from operatorprocess import NAMESPACE, OPERATOR, ROOT, Running, add_node, allow, install_definitions
from person import Person
from proberprocess import origin as origin
from proberprocess import probers as probers

Start = Callable[[], Running]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These tests need the cluster's binaries."""
    for item in items:
        if "tests/cluster/effects" in str(item.path):
            item.add_marker("cluster")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareApi]:
    """An API server that knows nothing of the product, but for the operator's namespace."""
    with bare_api(tmp_path_factory.mktemp("api"), binaries.kc(), users=(OPERATOR,)) as api:
        api.call("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        yield api


@pytest.fixture(scope="module")
def api(empty: BareApi) -> BareApi:
    """An API server with CRDs, RBAC and two data centres."""
    allow(empty)
    install_definitions(empty)
    add_node(empty, "n1", "eu", "a")
    add_node(empty, "n2", "us", "b")
    return empty


@pytest.fixture
def start(empty: BareApi, tmp_path: Path) -> Iterator[Start]:
    """Starts operators, which end with the test."""
    with ExitStack() as stack:

        def one(**more: str) -> Running:
            port = free_port()
            log = tmp_path / f"operator-{port}.log"
            environment = {
                **os.environ,
                "POD_NAMESPACE": NAMESPACE,
                "POD_NAME": f"operator-{port}",
                "SHIELD_IMAGE": "shield:test",
                "SHIELD_REDIS_IMAGE": "redis:test",
                "SHIELD_LOG_LEVEL": "debug",
                **more,
            }
            command = [sys.executable, "-m", "shield_operator.cli", "run", "--health-port", str(port)]
            with log.open("wb") as out:
                process = subprocess.Popen(
                    [*command, "--kubeconfig", str(empty.kubeconfig(OPERATOR))], stderr=out, env=environment
                )
            running = Running(process, log, port)
            stack.callback(lambda: running.stop() if process.poll() is None else 0)
            return running

        yield one


@pytest.fixture
def space(api: BareApi, request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own."""
    name = str(request.node.name).replace("_", "-")[-50:].strip("-")
    api.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    return name


@pytest.fixture
def shop(api: BareApi, space: str) -> Shop:
    """See Shop."""
    return Shop(api, space)


@pytest.fixture
def alarm(shop: Shop) -> Alarm:
    """See Alarm."""
    return Alarm(shop)


@pytest.fixture
def person(shop: Shop, tmp_path: Path) -> Person:
    """See Person."""
    folder = tmp_path / "person"
    folder.mkdir()
    return Person(shop.api, folder)


@pytest.fixture(scope="module")
def policy(api: BareApi) -> Iterator[None]:
    """The chart's admission policies are in force."""
    text = (ROOT / "helm/smart-shield/templates/admissionpolicy.yaml").read_text()
    text = re.sub(r"^  labels:\n.*include \"smart-shield.labels\".*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"system:serviceaccount:{{.*?}}:{{.*?}}", OPERATOR, text)
    text = re.sub(r"{{.*?}}", "shield", text)
    group = "/apis/admissionregistration.k8s.io/v1"
    plurals = {
        "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
        "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
    }
    made = [api.call("POST", f"{group}/{plurals[body['kind']]}", body) for body in yaml.safe_load_all(text)]
    yield
    for body in made:
        api.call("DELETE", f"{group}/{plurals[body['kind']]}/{body['metadata']['name']}")
