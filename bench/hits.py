#!/usr/bin/env python3
"""Requests per second and CPU per request of the data plane beside nginx's proxy_cache, one core each.

Server on one core, load generator (wrk) and origin on another; runs alternate, so that a machine that slows down slows
both. Prints medians, spread and ratios, and the same as JSON with --json FILE. Only numbers of one run compare.
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).parent
TICKS = os.sysconf("SC_CLK_TCK")
BODIES = {"1k": 1 << 10, "10k": 10 << 10, "100k": 100 << 10, "1m": 1 << 20}
CASES = {
    "1k": ("/1k", None),
    "10k": ("/10k", None),
    "10k+browser": ("/10k", ["same"]),
    "10k+browser varied": ("/10k", ["vary"]),
    "100k": ("/100k", None),
    "1m": ("/1m", None),
    "miss": ("/miss/x", ["miss"]),
}
"""Case -> path and arguments of headers.lua; `varied`: a different cookie in each of 20,000 requests."""


@dataclass(frozen=True)
class Run:
    """What one run of one case measured."""

    requests_per_second: float
    cpu_us_per_request: float
    p99_ms: float
    errors: int


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(command: list[str], port: int, core: int) -> Iterator[int]:
    """A server pinned to a core, once it listens; gives its process id, ends with its process group."""
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *command], start_new_session=True, stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{command[0]} did not start") from None
                time.sleep(0.05)
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


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


def load(pid: int, port: int, case: str, seconds: float, core: int) -> Run:
    """One run of wrk."""
    path, script = CASES[case]
    command = ["taskset", "-c", str(core), "wrk", "-t1", "-c64", f"-d{seconds:g}s", "--latency"]
    arguments = list(script or [])
    if arguments:
        command += ["-s", str(HERE / "headers.lua")]
        if arguments[0] == "miss":
            arguments.append(str(time.time_ns()))
    before = cpu_seconds(pid)
    command += [f"http://127.0.0.1:{port}{path}", *(["--", *arguments] if arguments else [])]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
    used = cpu_seconds(pid) - before
    count = int(re.search(r"(\d+) requests in", said)[1])  # type: ignore[index]
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])  # type: ignore[index]
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", said).groups()  # type: ignore[union-attr]
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    errors = int(bad[1]) if bad else 0
    errors += sum(map(int, broken.groups())) if broken else 0
    return Run(rate, used / max(count, 1) * 1e6, float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit], errors)


def summary(runs: list[Run]) -> str:
    """Median and spread of rate, median CPU and p99."""
    rates = [run.requests_per_second for run in runs]
    cpu = statistics.median(run.cpu_us_per_request for run in runs)
    p99 = statistics.median(run.p99_ms for run in runs)
    errors = sum(run.errors for run in runs)
    text = f"{statistics.median(rates):9.0f}/s ({min(rates):.0f}-{max(rates):.0f}) {cpu:7.2f} us p99 {p99:.2f} ms"
    return text + (f"  ERRORS {errors}" if errors else "")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--cases", default=",".join(CASES), help=", ".join(CASES))
    parser.add_argument("--access-log", action="store_true", help="both write an access log, to a file")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    for tool in ("nginx", "wrk", "taskset"):
        if shutil.which(tool) is None:
            raise SystemExit(f"{tool} is not installed (Debian: apt-get install nginx-light wrk util-linux)")
    cases = options.cases.split(",")
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        directory = Path(name)
        directory.chmod(0o755)
        (directory / "bodies").mkdir()
        for body, size in BODIES.items():
            (directory / "bodies" / body).write_bytes(b"x" * size)
        ports = {"origin": free_port(), "nginx": free_port(), "shield": free_port()}
        log = f"{directory}/access.log line buffer=64k flush=1s" if options.access_log else "off"
        for conf, port in (("origin", "origin"), ("nginx", "nginx")):
            text = (HERE / f"{conf}.conf").read_text()
            values = {"directory": directory, "origin": ports["origin"], "port": ports[port], "access_log": log}
            (directory / f"{conf}.conf").write_text(text.format(**values))
        nginx = ["nginx", "-p", str(directory), "-c"]
        running.enter_context(started([*nginx, str(directory / "origin.conf")], ports["origin"], 1))
        pids = {"nginx": running.enter_context(started([*nginx, str(directory / "nginx.conf")], ports["nginx"], 0))}
        shield = [str(Path(sys.executable).parent / "shield-proxy"), "run", "--listen", f"127.0.0.1:{ports['shield']}"]
        shield += ["--origin", f"http://127.0.0.1:{ports['origin']}", "--cache", "memory=512Mi"]
        if options.access_log:
            shield = ["sh", "-c", 'exec "$@" > "$0"', str(directory / "shield.log"), *shield, "--access-log"]
        pids["shield"] = running.enter_context(started(shield, ports["shield"], 0))
        results: dict[str, dict[str, list[Run]]] = {}
        for case in cases:
            found = results[case] = {"nginx": [], "shield": []}
            for who in found:
                load(pids[who], ports[who], case, 1, 1)
            for _ in range(options.runs):
                for who, runs in found.items():
                    runs.append(load(pids[who], ports[who], case, options.seconds, 1))
            for who, runs in found.items():
                print(f"{case:20s} {who:7s} {summary(runs)}", flush=True)
            pairs = list(zip(found["shield"], found["nginx"], strict=True))
            rates = [mine.requests_per_second / theirs.requests_per_second for mine, theirs in pairs]
            cpu = [theirs.cpu_us_per_request / mine.cpu_us_per_request for mine, theirs in pairs]
            print(
                f"{case:20s} ratio   {statistics.median(rates):.2f} x nginx ({min(rates):.2f}-{max(rates):.2f}),"
                f" {statistics.median(cpu):.2f} x in requests per CPU",
                flush=True,
            )
    if options.json:
        runs_of = {
            case: {who: [asdict(run) for run in runs] for who, runs in both.items()} for case, both in results.items()
        }
        options.json.write_text(json.dumps(runs_of, indent=1) + "\n")


if __name__ == "__main__":
    main()
