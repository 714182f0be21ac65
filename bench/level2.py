"""Hits in Redis: the memory of the process holds a fraction of what is asked for, Redis all of it."""

import json
import re
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.cases import Case
from bench.load import Run, saturate
from bench.machine import LOAD_CORE, SERVER_CORE, free_port, started
from bench.peers import Peer

ROUND = Case("Redis hit 10 KiB", "/miss/x", "round")
"""20,000 objects of 10 KiB, one after the other: about 1 % of them fit into the memory of 16 MiB at a time."""


@dataclass(frozen=True)
class Share:
    """Runs, and which part of the lookups in Redis found something."""

    runs: list[Run]
    hits: float


@contextmanager
def with_redis(directory: Path, origin_port: int, *, pure: bool) -> Iterator[tuple[Peer, int]]:
    """A data plane with a Redis on the load generator's core; it and its process id."""
    redis, port, health = free_port(), free_port(), free_port()
    command = ("redis-server", "--port", str(redis), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1")
    zone = {
        "uid": "bench",
        "namespace": "local",
        "name": "bench",
        "generation": 1,
        "hosts": ["localhost"],
        "origins": [{"name": "origin", "host": "127.0.0.1", "port": origin_port}],
    }
    place = {"region": "here", "zone": "a"}
    state = {"schema": 1, "namespace": "local", "fleet": "bench", "generation": 1, "lease": 1}
    settings = {
        "tier": "lower",
        "namespace": "local",
        "fleet": "bench",
        **place,
        "pod": "bench",
        "address": "127.0.0.1",
        "memory": "16Mi",
        "redis": f"127.0.0.1:{redis}",
        "stateDir": str(directory / "no-state"),
        "listen": {
            "client": [f"127.0.0.1:{port}"],
            "clientTls": [],
            "hop": [],
            "internal": [],
            "health": [f"127.0.0.1:{health}"],
        },
        "state": {**state, "dataCenters": [place], "zones": [zone]},
    }
    path = directory / "redis.yaml"
    path.write_text(json.dumps(settings))  # JSON is YAML
    shield = (str(Path(sys.executable).parent / "shield-proxy"), "serve", "--config", str(path))
    peer = Peer("redis", shield, port, None, {"SHIELD_PURE": "1"} if pure else {}, health)
    with (
        started(command, redis, LOAD_CORE, {}, directory / "redis.out"),
        started(shield, port, SERVER_CORE, peer.environment, directory / "redis-shield.out") as pid,
    ):
        yield peer, pid


def measure(peer: Peer, pid: int, runs: int, seconds: float) -> Share:
    """Fills Redis, then asks for what it holds."""
    for _ in range(4):
        saturate(pid, peer.port, ROUND, 4)
    hits, lookups = _lookups(peer)
    found = [saturate(pid, peer.port, ROUND, seconds) for _ in range(runs)]
    more_hits, more = _lookups(peer)
    return Share(found, (more_hits - hits) / max(more - lookups, 1))


def _lookups(peer: Peer) -> tuple[float, float]:
    """Hits in Redis and requests answered, so far."""
    with urllib.request.urlopen(f"http://127.0.0.1:{peer.health}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    hits = re.search(r'^shield_redis_operations_total\{result="hit"\} (\d+)', text, re.MULTILINE)
    answered = re.findall(r"^shield_requests_total\{.*\} (\d+)", text, re.MULTILINE)
    return float(hits[1]) if hits else 0.0, float(sum(map(int, answered)))
