"""A lower and upper tiers as processes, as `shield-proxy serve` starts them; their memory and descriptors."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from freeports import free_ports
from world.certificates import Authority

PORTS = ("client", "hop", "health")
SERVE = "import sys; from shield_proxy.cli import main; sys.exit(main())"


class Tier:
    """One process; it may be stopped and started again, on the same ports."""

    def __init__(self, directory: Path, name: str, document: dict[str, Any]) -> None:
        self.name = name
        self.ports = {port: int(at[0].rpartition(":")[2]) for port, at in document["listen"].items() if at}
        self._config = directory / f"{name}.json"
        self._config.write_text(json.dumps(document))  # JSON is YAML
        self._log = directory / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Ready when this returns."""
        with self._log.open("ab") as log:
            command = [sys.executable, "-c", SERVE, "serve", "--config", str(self._config)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(self.log())
            time.sleep(0.05)

    def _ready(self) -> bool:
        try:
            return self._get("/readyz")[0] == 200
        except OSError:
            return False

    def _get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["health"], timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def metrics(self) -> dict[str, float]:
        """Series and values of /metrics."""
        lines = [line for line in self._get("/metrics")[1].splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def rss(self, which: str = "VmRSS") -> int:
        """Bytes of resident memory now, or with VmHWM the most there ever were."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = status.partition(f"{which}:")[2].split()
        return int(found[0]) << 10 if found else 0  # one that is just ending has none

    def descriptors(self) -> int:
        """Open file descriptors."""
        assert self.process is not None
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def log(self) -> str:
        """What it said."""
        return self._log.read_text(errors="replace")

    def stop(self, seconds: float = 20) -> None:
        """Drains; killed when that takes too long."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


class Tiers:
    """`lower` and `upper`, in front of one origin on 127.0.0.1; the zone's hosts are shop.example and localhost."""

    def __init__(self, directory: Path, origin: int, *, uppers: int = 1, **settings: Any) -> None:
        authority, count = Authority(), 1 + uppers
        numbers = free_ports(3 * count)
        ports = [dict(zip(PORTS, numbers[3 * i : 3 * i + 3], strict=True)) for i in range(count)]
        places = ["a", *"bcdefgh"[:uppers]]
        services = [{"lower": f"127.0.0.1:{ports[0]['hop']}"}]
        services += [{"upper": f"127.0.0.1:{port['hop']}"} for port in ports[1:]]
        state = {
            "schema": 1,
            "namespace": "shop",
            "fleet": "default",
            "generation": 1,
            "lease": 1,
            "dataCenters": [
                {"region": "eu", "zone": place, "services": named}
                for place, named in zip(places, services, strict=True)
            ],
            "zones": [
                {
                    "uid": "uid-shop",
                    "namespace": "shop",
                    "name": "shop",
                    "generation": 1,
                    "hosts": ["shop.example", "*.shop.example", "localhost", "127.0.0.1"],
                    "origins": [{"name": "web", "host": "127.0.0.1", "port": origin}],
                    "routes": [],
                    "uppers": {"web": [f"eu/{place}" for place in places[1:]]},
                }
            ],
        }
        self.all: list[Tier] = []
        for i, (port, place) in enumerate(zip(ports, places, strict=True)):
            tier = "upper" if i else "lower"
            uri = f"spiffe://smartshield.io/ns/shop/fleet/default/tier/{tier}"
            listen = {name: [f"127.0.0.1:{port[name]}"] for name in PORTS if name != "client" or not i}
            document = {
                "tier": tier,
                "namespace": "shop",
                "fleet": "default",
                "region": "eu",
                "zone": place,
                "pod": f"{tier}-{place}",
                "address": "127.0.0.1",
                "memory": "64Mi",
                "maxObject": "8Mi",
                "drainDelaySeconds": 0,
                "drainSeconds": 5,
                "confirmSeconds": 0,
                "tlsDir": str(authority.issue(directory / f"{tier}-{place}", uri)),
                "listen": {**listen, "internal": [], **({} if listen.get("client") else {"client": []})},
                "state": state,
                **settings,
            }
            self.all.append(Tier(directory, f"{tier}-{place}", document))
        self.lower, self.upper = self.all[0], self.all[1]

    @property
    def port(self) -> int:
        """Where clients are answered."""
        return self.lower.ports["client"]

    def connections(self) -> list[int]:
        """How many each has taken, the lower first."""
        return [int(tier.metrics()["shield_client_connections"]) for tier in self.all]

    def shedding(self) -> bool:
        """Whether any refuses work because its event loop is late, or has until a moment ago."""
        return any(tier.metrics()["shield_shed_share"] > 0 for tier in self.all)

    def start(self) -> None:
        """All are ready when this returns."""
        for tier in reversed(self.all):
            tier.start()

    def stop(self) -> None:
        """Ends all."""
        for tier in self.all:
            tier.stop()
