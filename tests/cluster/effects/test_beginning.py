"""An operator that begins before what it needs is there says what is missing, and goes on once it is."""

import subprocess
import sys
from collections.abc import Callable

from bareapi import BareApi
from operatorprocess import OPERATOR, Running, add_node, add_zone, allow, install_definitions, status
from product.polling import poll

Start = Callable[[], Running]


def test_what_is_missing_is_said_and_awaited_one_after_the_other(empty: BareApi, start: Start) -> None:
    operator = start()
    poll("it says that it has no rights", lambda: operator.says("no right to list nodes"), 20)
    allow(empty)
    missing = "the CustomResourceDefinition smartshieldzones.smartshield.io is not installed"
    poll("it says that the CRD is missing", lambda: operator.says(missing), 40)
    install_definitions(empty)
    add_node(empty, "n1", "eu", "a")
    empty.call("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
    add_zone(empty, "shop")
    poll("it reconciles", lambda: status(empty, "shop").get("conditions"), 60)
    assert operator.process.poll() is None


def test_without_an_api_server_it_says_so_and_goes_on_trying(empty: BareApi, start: Start) -> None:
    path = empty.kubeconfig(OPERATOR)
    text = path.read_text()
    path.write_text(text.replace(f":{empty.port}", ":1"))
    saved, empty.port = empty.port, 1
    try:
        operator = start()
    finally:
        empty.port = saved
    poll("it says so", lambda: operator.says("the API server does not answer"), 20)
    assert operator.process.poll() is None


def test_what_no_retry_mends_ends_it_with_the_reason() -> None:
    for arguments, environment, says in (
        (["run", "--wrong"], {}, "unrecognized arguments"),
        (["run"], {}, "POD_NAMESPACE: is not set"),
        (["run"], {"POD_NAMESPACE": "x", "SHIELD_IMAGE": "i", "SHIELD_REDIS_IMAGE": "r", "SHIELD_FLEET_DEFAULTS": "{"},
         "SHIELD_FLEET_DEFAULTS: not JSON"),
        (["run"], {"POD_NAMESPACE": "x", "SHIELD_IMAGE": "i", "SHIELD_REDIS_IMAGE": "r"}, "ServiceAccount of the pod"),
    ):  # fmt: skip
        ended = subprocess.run(
            [sys.executable, "-m", "shield_operator.cli", *arguments],
            env=environment, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert ended.returncode == 2
        assert says in ended.stderr
