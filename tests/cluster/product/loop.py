"""A client that asks all the time, and counts what went wrong.

As a script (it runs in a node's network namespace): `loop.py ADDRESS HOST PATH STOP-FILE RATE`. It ends when STOP-FILE
appears, or after five minutes, and prints {"asked": n, "failed": [first complaints], "statuses": {...}} as JSON. Half
of its requests use a new connection each, half a kept-alive one that is renewed when the server says close.
"""

import http.client
import itertools
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcluster import Cluster


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
        argv = [sys.executable, str(Path(__file__).resolve()), address, host, path, str(stop), str(rate)]
        outcome: list[Any] = []
        thread = threading.Thread(target=lambda: outcome.append(cluster.exec(node, argv)))
        thread.start()
        try:
            yield tally
        finally:
            stop.touch()
            thread.join()
        seen = json.loads(outcome[0].stdout)
        tally.asked, tally.failed, tally.statuses = seen["asked"], seen["failed"], seen["statuses"]


def main(address: str, host: str, path: str, stop: Path, rate: int) -> None:
    """The loop itself."""
    asked = 0
    failed: list[str] = []
    statuses: dict[str, int] = {}
    kept: http.client.HTTPConnection | None = None
    deadline = time.monotonic() + 300
    for number in itertools.count():
        if stop.exists() or time.monotonic() > deadline:
            break
        began = time.monotonic()
        keep = number % 2 == 0
        connection = (kept if keep else None) or http.client.HTTPConnection(address, timeout=15)
        try:
            connection.request("GET", path.replace("{n}", str(number)), headers={"Host": host})
            answer = connection.getresponse()
            answer.read()
            asked += 1
            statuses[str(answer.status)] = statuses.get(str(answer.status), 0) + 1
            if answer.status != 200:
                failed.append(f"{number}: {answer.status} {dict(answer.getheaders())}")
            kept = connection if keep and not answer.will_close else (None if keep else kept)
        except (OSError, http.client.HTTPException) as error:
            asked += 1
            # A kept-alive connection may be closed while we write to it (RFC 9112, 9.3.1): a client repeats that once.
            if not (keep and kept is connection and isinstance(error, ConnectionError | http.client.HTTPException)):
                failed.append(f"{number}: {type(error).__name__} {error}")
            kept = None if keep else kept
        if not keep or kept is not connection:
            connection.close()
        time.sleep(max(0.0, 1 / rate - (time.monotonic() - began)))
    print(json.dumps({"asked": asked, "failed": failed[:20], "statuses": statuses}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]), int(sys.argv[5]))
