"""Asking all the time while something happens, and counting what went wrong."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from localcluster import Cluster

CLIENT = Path(__file__).with_name("client.py")


@dataclass
class Tally:
    """What a loop saw; filled when its block ends."""

    asked: int = 0
    failed: list[str] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)


@contextmanager
def asking(cluster: Cluster, node: str, address: str, host: str, path: str, rate: int = 20) -> Iterator[Tally]:
    """Asks `rate` times a second from a node while the block runs. `{n}` in the path becomes a running number."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        stop = Path(folder) / "stop"
        argv = [sys.executable, str(CLIENT), address, host, path, str(stop), str(rate)]
        with subprocess.Popen(cluster.argv(node, argv), stdout=subprocess.PIPE, text=True) as client:
            try:
                yield tally
            finally:
                stop.touch()
                said, _ = client.communicate(timeout=60)
        seen = json.loads(said)
        tally.asked, tally.failed, tally.statuses = seen["asked"], seen["failed"], seen["statuses"]
