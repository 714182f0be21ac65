"""Load generators: wrk as fast as it goes, h2load at a fixed rate; what they and the server's clock measured."""

import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.cases import BROWSER, Case
from bench.machine import LOAD_CORE, cpu_seconds, search_path

HERE = Path(__file__).parent
CONNECTIONS = 64
WRK_ERRORS = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")


@dataclass(frozen=True)
class Run:
    """What one run of one case measured."""

    rate: float
    """Requests per second."""
    cpu: float
    """Microseconds of the server's CPU per request."""
    p50: float
    """Milliseconds, like the other quantiles."""
    p99: float
    p999: float
    errors: int


def saturate(pid: int, port: int, case: Case, seconds: float) -> Run:
    """As many requests as the server on `port` answers, over 64 connections."""
    url = f"{case.scheme}://localhost:{port}{case.path}"
    command = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{round(seconds)}s", "--latency"]
    command += ["-s", str(HERE / "headers.lua"), url, "--", case.headers, str(time.time_ns())]
    before = cpu_seconds(pid)
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 30)
    said = ended.stdout
    if ended.returncode:
        raise SystemExit(f"{' '.join(command)}: {said} {ended.stderr}")
    used = cpu_seconds(pid) - before
    count = int(_found(r"(\d+) requests in", said))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = WRK_ERRORS.search(said)
    errors = (int(bad[1]) if bad else 0) + (sum(map(int, broken.groups())) if broken else 0)
    rate = float(_found(r"Requests/sec:\s+([\d.]+)", said))
    return Run(rate, used / max(count, 1) * 1e6, _quantile(said, "50"), _quantile(said, "99"), float("nan"), errors)


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"wrk said something else than {pattern}:\n{text}")
    return match[1]


def _quantile(said: str, share: str) -> float:
    match = re.search(rf"{share}%\s+([\d.]+)(us|ms|s)\b", said)
    if match is None:
        return float("nan")
    return float(match[1]) * {"us": 0.001, "ms": 1, "s": 1000}[match[2]]


def paced(pid: int, port: int, case: Case, rate: float, seconds: float) -> Run:
    """A fixed rate that the server can keep up with; quantiles of every request's time."""
    url = f"{case.scheme}://localhost:{port}{case.path}"
    with tempfile.NamedTemporaryFile() as log:
        command = ["taskset", "-c", str(LOAD_CORE), "h2load", "--h1", "-t1", f"-c{CONNECTIONS}"]
        command += [f"--rps={max(1, round(rate / CONNECTIONS))}", f"-D{seconds:g}", f"--log-file={log.name}"]
        if case.headers != "bare":
            command += [f"-H{name}: {value}" for name, value in BROWSER.items()]
        before = cpu_seconds(pid)
        subprocess.run(
            [*command, url],
            capture_output=True,
            check=True,
            timeout=seconds + 30,
            env={"PATH": search_path()},
        )
        used = cpu_seconds(pid) - before
        rows = [line.split(b"\t") for line in log.read().splitlines()]
    times = sorted(int(row[2]) for row in rows)
    if not times:
        raise SystemExit(f"h2load measured nothing at {url}")
    errors = sum(row[1] != b"200" for row in rows)

    def quantile(share: float) -> float:
        return times[min(len(times) - 1, int(len(times) * share))] / 1000

    spent = used / len(times) * 1e6
    return Run(len(times) / seconds, spent, quantile(0.5), quantile(0.99), quantile(0.999), errors)
