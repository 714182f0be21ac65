"""The command line: what is wrong with it is named, and ends the process at once."""

import socket
from pathlib import Path

import pytest

from shield_courier import cli
from shield_courier.cli import main, parser, settings_of
from shield_proxy.config.reading import InvalidField

CLUSTER = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def settings(*arguments: str, **environment: str) -> cli.Settings:
    return settings_of(parser().parse_args(["run", "--namespace", "shop", *arguments]), {**CLUSTER, **environment})


def test_a_pod_needs_to_name_its_namespace_alone() -> None:
    found = settings()
    assert (found.namespace, found.health, found.log_level) == ("shop", ("", 8081), "info")
    assert str(found.secrets) == "/etc/smart-shield/secrets"
    assert found.account.host == "10.0.0.1"


def test_a_health_port_may_have_an_address() -> None:
    assert settings("--health", "[::1]:9").health == ("::1", 9)


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (("--namespace", "Shop"), {}, "--namespace: must be the name of a namespace"),
        (("--namespace", "../x"), {}, "--namespace"),
        (("--health", "here"), {}, "--health: must be ADDR:PORT"),
        (("--health", ":99999"), {}, "--health"),
        ((), {"SHIELD_LOG_LEVEL": "loud"}, "SHIELD_LOG_LEVEL: must be one of debug, info"),
        ((), {"KUBERNETES_SERVICE_HOST": ""}, "KUBERNETES_SERVICE_HOST: is not set"),
    ],
)
def test_what_is_wrong_is_named(arguments: tuple[str, ...], environment: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidField) as caught:
        settings(*arguments, **environment)
    assert words in str(caught.value)


def test_wrong_settings_end_with_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert main(["run", "--namespace", "shop"]) == 2
    assert "shield-courier: KUBERNETES_SERVICE_HOST" in capsys.readouterr().err


def test_a_courier_that_nobody_can_look_at_does_not_run(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name, value in CLUSTER.items():
        monkeypatch.setenv(name, value)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        health = f"127.0.0.1:{taken.getsockname()[1]}"
        assert main(["run", "--namespace", "shop", "--health", health, "--account", str(tmp_path)]) == 1
    assert "address already in use" in capfd.readouterr().err
