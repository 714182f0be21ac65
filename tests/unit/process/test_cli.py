"""The command line as people meet it: separate processes, their output and exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shield_proxy.config.record import split_record, write_record
from shield_proxy.config.state import FleetState
from shield_proxy.config.version import SCHEMA, VERSION
from shield_proxy.wire.fast import IMPLEMENTATION

PROBE = ("--namespace", "shop", "--data-center", "eu/a", "--shard", "0", "--lease", "probes")
RECORD = write_record(FleetState("shop", "default", 12, 3), SCHEMA)


def shield_proxy(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shield_proxy.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment, check=False)


def test_the_version_is_told() -> None:
    assert shield_proxy("--version").stdout == f"shield-proxy {VERSION} ({IMPLEMENTATION} fast path)\n"


@pytest.mark.parametrize("command", ["run", "serve", "state", "probe"])
def test_every_command_explains_itself(command: str) -> None:
    shown = shield_proxy(command, "--help")
    assert shown.returncode == 0
    assert len(shown.stdout) > 200


def test_a_record_and_a_directory_of_chunks_are_shown_as_json(tmp_path: Path) -> None:
    (tmp_path / "record").write_bytes(RECORD)
    (tmp_path / "chunk-0").write_bytes(split_record(RECORD)[0])
    for path in (tmp_path, tmp_path / "record"):
        shown = json.loads(shield_proxy("state", str(path)).stdout)
        assert (shown["generation"], shown["lease"], shown["fleet"]) == (12, 3, "default")


def test_what_is_no_record_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "junk").write_bytes(b"junk")
    for path in (tmp_path / "junk", tmp_path, tmp_path / "absent"):
        refused = shield_proxy("state", str(path))
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
        assert str(path) in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("serve",), "SHIELD_TIER"),
        (("serve", "--config", "/does/not/exist"), "/does/not/exist: No such file"),
        (("run", "--listen", "8080", "--origin", "http://a"), "--listen"),
        (("run", "--listen", "a:1", "--origin", "a"), "--origin"),
        (("run", "--listen", "a:1", "--origin", "http://a", "--cache", "ttl=5"), "--cache"),
        (("run", "--listen", "a:1", "--origin", "http://a", "--health", "x"), "--health"),
        (("probe", *PROBE), "KUBERNETES_SERVICE_HOST"),
        (("probe", *PROBE, "--data-center", "eu"), "--data-center"),
        (("probe", *PROBE, "--lease", "A b"), "--lease"),
        (("probe", *PROBE, "--shard", "-1"), "--shard"),
    ],
)
def test_wrong_settings_are_one_line_that_names_them_and_exit_code_2(arguments: tuple[str, ...], named: str) -> None:
    refused = shield_proxy(*arguments)
    assert refused.returncode == 2
    assert named in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_mistyped_file_names_the_field(tmp_path: Path) -> None:
    (tmp_path / "proxy.yaml").write_text("tier: lower\nnamspace: shop\n")
    refused = shield_proxy("serve", "--config", str(tmp_path / "proxy.yaml"))
    assert (refused.returncode, "namspace: is not a setting" in refused.stderr) == (2, True)
