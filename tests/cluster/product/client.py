"""A client that asks all the time. A program of its own: `client.py ADDRESS HOST PATH STOP-FILE RATE`.

It ends when STOP-FILE appears, or after ten minutes, and prints {"asked": n, "failed": [first complaints],
"statuses": {...}} as JSON. Half of its requests use a new connection each, half a kept-alive one that is renewed when
the server says close.
"""

import http.client
import itertools
import json
import sys
import time
from pathlib import Path


def main(address: str, host: str, path: str, stop: Path, rate: int) -> None:
    """The loop itself."""
    asked = 0
    failed: list[str] = []
    statuses: dict[str, int] = {}
    kept: http.client.HTTPConnection | None = None
    deadline = time.monotonic() + 600
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
