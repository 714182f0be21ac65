"""Servers under measurement: started on one core, watched from outside, ended with all their children."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
SERVER_CORE, LOAD_CORE = 0, 1


def require(commands: Mapping[str, str]) -> None:
    """Ends the program with what to install where a command (key) of a Debian package (value) is missing."""
    lacking = {package for command, package in commands.items() if shutil.which(command, path=search_path()) is None}
    if lacking:
        raise SystemExit(f"missing: {', '.join(sorted(lacking))}. Mend: apt-get install {' '.join(sorted(lacking))}")


def search_path() -> str:
    """PATH, and where Debian keeps servers."""
    return f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(
    command: Sequence[str], port: int, core: int, environment: Mapping[str, str], output: Path
) -> Iterator[int]:
    """A server pinned to a core, once it listens; gives its process id, ends with its process group. What it says goes
    to `output`."""
    with output.open("ab") as said:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            start_new_session=True,
            stdout=said,
            stderr=said,
            env={**os.environ, "PATH": search_path(), **environment},
        )
    try:
        _await_port(process, command[0], port, output)
        yield process.pid
    finally:
        if process.poll() is not None:
            print(f"{command[0]} has ended: {output.read_text()[-2000:]}")
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await_port(process: "subprocess.Popen[bytes]", name: str, port: int, output: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{name} did not start: {output.read_text()[-2000:]}") from None
            time.sleep(0.05)


def family(pid: int) -> list[int]:
    """The process and its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of the process and its descendants."""
    total = 0
    for member in family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def resident_bytes(pid: int) -> int:
    """Resident memory of the process and its descendants; what they share counts once in each."""
    return sum(int(Path(f"/proc/{member}/statm").read_text().split()[1]) * PAGE for member in family(pid))
