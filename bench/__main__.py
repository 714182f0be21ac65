"""Hits, misses, latency and memory of the data plane beside nginx, HAProxy, Varnish and Traffic Server, one core each.

Servers run on one core, load generator and origin on another; runs alternate, so that a machine that slows down slows
all. Only numbers of one run compare. Prints as it goes; with --write puts the tables into docs/performance.md and the
figures beside it as JSON.
"""

import argparse
import asyncio
import json
import os
import platform
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import level2, memory, peers, report
from bench.cases import CASES, PACED, SIZES
from bench.load import Run, paced, saturate
from bench.machine import LOAD_CORE, SERVER_CORE, require, started
from bench.peers import Peer

DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"
IN_MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
"""Where caches and logs of all servers are: how fast a disk takes what is written is no server's merit."""
ALL = ("nginx", "shield", "pure", "haproxy", "varnish", "ats")


class Bench:
    """The servers that run, and what was measured of them."""

    def __init__(self, options: argparse.Namespace, directory: Path, running: ExitStack) -> None:
        self.options = options
        self.peers: dict[str, Peer] = {}
        self.pids: dict[str, int] = {}
        self.saturated: dict[str, dict[str, list[Run]]] = {}
        self.paced: dict[str, dict[str, list[Run]]] = {}
        self.memory: dict[str, dict[str, memory.Growth]] = {}
        self.redis: dict[str, level2.Share] = {}
        self.origin = origin = peers.origin(directory)
        running.enter_context(_started(origin, directory, LOAD_CORE))
        made = {
            "nginx": lambda: peers.nginx(directory, origin.port, access_log=options.access_log),
            "shield": lambda: peers.shield(directory, origin.port, pure=False, access_log=options.access_log),
            "pure": lambda: peers.shield(directory, origin.port, pure=True, access_log=options.access_log),
            "haproxy": lambda: peers.haproxy(directory, origin.port),
            "varnish": lambda: peers.varnish(directory, origin.port),
            "ats": lambda: peers.traffic_server(directory, origin.port),
        }
        for name in options.peers.split(","):
            self.peers[name] = made[name]()
            self.pids[name] = running.enter_context(_started(self.peers[name], directory, SERVER_CORE))

    def measure_saturated(self) -> None:
        """Every case as fast as it goes."""
        for case in CASES:
            if self.options.case not in case.name:
                continue
            asked = {
                name: port for name, peer in self.peers.items() if (port := peer.port_for(case.scheme)) is not None
            }
            found = self.saturated[case.name] = {name: [] for name in asked}
            for name, port in asked.items():
                saturate(self.pids[name], port, case, 1)
            for _ in range(self.options.runs):
                for name, port in asked.items():
                    found[name].append(saturate(self.pids[name], port, case, self.options.seconds))
            for name, runs in found.items():
                print(f"{case.name:28s} {name:8s} {report.summary(runs)}", flush=True)
            for own in report.OWN:
                if own in found and "nginx" in found:
                    rate, cpu = report.ratios(found[own], found["nginx"])
                    print(f"{case.name:28s} {own:8s} {report.spread(rate)} x nginx, per CPU {report.spread(cpu)} x")

    def measure_paced(self) -> None:
        """Latency and CPU at half of each one's own maximum, and of all at the same rate."""
        found = self.saturated.get(PACED.name, {})
        most = {name: max(run.rate for run in runs) for name, runs in found.items()}
        if not most:
            return
        own = {name: rate / 2 for name, rate in most.items()}
        same = dict.fromkeys(most, min(most.values()) / 2)
        for title, rates in (("at half of its own maximum", own), ("all at the same rate", same)):
            by_peer: dict[str, list[Run]] = {name: [] for name in rates}
            for _ in range(self.options.runs):
                for name, rate in rates.items():
                    port = self.peers[name].port
                    by_peer[name].append(paced(self.pids[name], port, PACED, rate, self.options.seconds))
            self.paced[title] = by_peer
            print("\n".join(report.paced_table(title, by_peer)), flush=True)

    def measure_memory(self) -> None:
        """Idle connections and small entries."""
        options = self.options
        for name, peer in self.peers.items():
            found = self.memory[name] = {}
            for scheme in ("http", "https"):
                growth = asyncio.run(memory.idle_connections(peer, self.pids[name], scheme, options.connections))
                if growth is not None:
                    found["idle connection" if scheme == "http" else "idle TLS connection"] = growth
            if options.entries and peer.health is not None:
                label = f"entry of {SIZES['small']} bytes beyond body and head"
                found[label] = growth = memory.entries(peer, self.pids[name], options.entries)
                self._measure_full(name, growth.count)
        print("\n".join(report.memory_table(self.memory)), flush=True)

    def measure_redis(self, directory: Path) -> None:
        """Hits in Redis, of a process without memory to speak of."""
        for own in report.OWN:
            if own in self.peers:
                with level2.with_redis(directory, self.origin.port, pure=own == "pure") as (peer, pid):
                    found = self.redis[own] = level2.measure(peer, pid, self.options.runs, self.options.seconds)
                print(
                    f"{level2.ROUND.name:28s} {own:8s} {report.summary(found.runs)}, {found.hits:.0%} by Redis",
                    flush=True,
                )

    def _measure_full(self, name: str, entries: int) -> None:
        """Latency once the memory is full of small entries."""
        runs = self.saturated.get(PACED.name, {}).get(name, [])
        if not runs:
            return
        rate = max(run.rate for run in runs) / 2
        title = f"with {entries / 1e6:.1f} million entries, at half of its own maximum"
        of_name = self.paced.setdefault(title, {}).setdefault(name, [])
        for _ in range(self.options.runs):
            of_name.append(paced(self.pids[name], self.peers[name].port, PACED, rate, self.options.seconds))

    def lines(self) -> list[str]:
        """All tables, in Markdown."""
        options = self.options
        logs = "nginx and Smart Shield write an access log" if options.access_log else "no access logs"
        how = f"{options.runs} alternating runs of {options.seconds:g} s, 64 connections, {logs}"
        lines = [f"Measured {time.strftime('%Y-%m-%d')}: {machine()}; {how}; medians.", ""]
        lines += report.saturated_table(self.saturated, list(self.peers))
        lines += ["", "In multiples of nginx, run by run, with the spread:", "", *report.ratio_table(self.saturated)]
        for title, by_peer in self.paced.items():
            lines += ["", *report.paced_table(f"{PACED.name}, {title}", by_peer)]
        for own, share in self.redis.items():
            lines += [
                "",
                f"{level2.ROUND.name}, {report.shown(own)}: {report.summary(share.runs)}, {share.hits:.0%} by Redis.",
            ]
        if self.memory:
            lines += ["", *report.memory_table(self.memory)]
        return lines

    def figures(self) -> dict[str, Any]:
        """Everything measured, as plain values."""
        return {
            "machine": machine(),
            "accessLog": self.options.access_log,
            "saturated": report.as_json(self.saturated),
            "paced": report.as_json(self.paced),
            "redis": {own: asdict(share) for own, share in self.redis.items()},
            "memory": {p: {kind: asdict(growth) for kind, growth in of.items()} for p, of in self.memory.items()},
        }


def _started(peer: Peer, directory: Path, core: int) -> Any:
    return started(peer.command, peer.port, core, peer.environment, directory / f"{peer.name}.out")


def machine() -> str:
    """What the figures were measured on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "?",
    )
    return f"{model}, {platform.system()} {platform.release().partition('-')[0]}, one core for each server"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=4, help="of each run")
    parser.add_argument("--runs", type=int, default=5, help="alternating runs of each case")
    parser.add_argument("--case", default="", help="only cases whose name holds this")
    parser.add_argument("--peers", default=",".join(ALL), help=f"some of {','.join(ALL)}")
    parser.add_argument("--no-access-log", dest="access_log", action="store_false")
    parser.add_argument(
        "--connections", type=int, default=2000, help="idle ones to measure memory with; 0: not measured"
    )
    parser.add_argument("--entries", type=int, default=1_000_000, help="to measure memory with; 0: not measured")
    parser.add_argument("--no-paced", dest="with_paced", action="store_false", help="no runs at fixed rates")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md and docs/performance.json")
    options = parser.parse_args()
    require({"wrk": "wrk", "h2load": "nghttp2-client", "openssl": "openssl", "taskset": "util-linux", **peers.PACKAGES})
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as name, ExitStack() as running:
        directory = Path(name)
        directory.chmod(0o755)
        (directory / "bodies").mkdir()
        for body, size in SIZES.items():
            (directory / "bodies" / body).write_bytes(b"x" * size)
        peers.make_certificate(directory)
        bench = Bench(options, directory, running)
        bench.measure_saturated()
        bench.measure_redis(directory)
        if options.with_paced:
            bench.measure_paced()
        if options.connections:
            bench.measure_memory()
        if options.write:
            DOCUMENT.write_text(report.replaced(DOCUMENT.read_text(), bench.lines()))
            DOCUMENT.with_suffix(".json").write_text(json.dumps(bench.figures(), indent=1) + "\n")


if __name__ == "__main__":
    main()
