"""The command of a Redis pod, run as a process."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from shield_operator.core.objects.redis import ALIVE, START

pytestmark = pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")


@pytest.fixture
def redis(tmp_path, unused_tcp_port):
    """The process, its port and its password."""
    (tmp_path / "password").write_text("s3cret-of-the-fleet")
    script = START.format(port=unused_tcp_port, directory=tmp_path, memory=32 << 20)
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.DEVNULL, cwd=tmp_path) as process:
        try:
            yield process, unused_tcp_port, "s3cret-of-the-fleet"
        finally:
            process.terminate()
            process.wait(10)


def cli(port, *words, password=""):
    environment = {**os.environ, **({"REDISCLI_AUTH": password} if password else {})}
    command = ["redis-cli", "-p", str(port), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=10, check=False).stdout


def alive(port):
    return subprocess.run(["sh", "-c", ALIVE.format(port=port)], timeout=10, check=False).returncode == 0


def test_redis_runs_with_the_password_of_its_file_which_its_arguments_do_not_show(redis):
    process, port, password = redis
    deadline = time.monotonic() + 20
    while not alive(port):
        assert time.monotonic() < deadline, "the probe never succeeded"
        time.sleep(0.05)
    assert "NOAUTH" in cli(port, "get", "x")
    assert cli(port, "set", "x", "1", password=password).strip() == "OK"
    settings = cli(port, "config", "get", "maxmemory*", "save", password=password).split("\n")
    pairs = dict(zip(settings[::2], settings[1::2], strict=False))
    assert (pairs["maxmemory"], pairs["maxmemory-policy"], pairs["save"]) == (str(32 << 20), "allkeys-lru", "")
    arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    assert b"redis-server" in arguments
    assert password.encode() not in arguments


def test_the_probe_fails_where_nothing_listens(unused_tcp_port):
    assert not alive(unused_tcp_port)
