"""A redis-server process of a test's own."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

from freeports import free_port


class Redis:
    """Started, stopped and asked by the test; its password is `secret`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        server = shutil.which("redis-server")
        assert server is not None, "redis-server is not installed"
        command = [server, "--port", str(self.port), "--save", "", "--dir", str(self._directory)]
        command += ["--bind", "127.0.0.1", "--requirepass", "secret"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                assert time.monotonic() < deadline, "redis-server does not answer"
                time.sleep(0.01)
            else:
                return

    def command(self, *words: str) -> str:
        """What redis-cli prints."""
        cli = ["redis-cli", "-p", str(self.port), "-a", "secret", "--no-auth-warning", *words]
        return subprocess.run(cli, capture_output=True, text=True, check=True, timeout=5).stdout.strip()

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
