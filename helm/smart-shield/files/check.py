"""`helm test`: the operator is ready, and the API server answers for its custom resources.

Environment: READY_URL of the operator, API_URL of the API server, RESOURCES (comma-separated paths under it), TOKEN_DIR
(token and ca.crt of a ServiceAccount), WAIT_SECONDS. Exit status 1 and the reason when it does not come true in time.
"""
# ruff: noqa: S310  (the addresses are the chart's own)

import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path


def requests() -> Iterator[tuple[urllib.request.Request, ssl.SSLContext | None]]:
    """What must answer 200, each with the trust it needs."""
    yield urllib.request.Request(os.environ["READY_URL"]), None
    account = Path(os.environ["TOKEN_DIR"])
    trust = ssl.create_default_context(cafile=account / "ca.crt")
    bearer = {"Authorization": "Bearer " + (account / "token").read_text().strip()}
    for path in os.environ["RESOURCES"].split(","):
        yield urllib.request.Request(f"{os.environ['API_URL']}/{path}?limit=1", headers=bearer), trust


def refusal(request: urllib.request.Request, trust: ssl.SSLContext | None) -> str | None:
    """Why the request was not answered with 200; None when it was."""
    try:
        with urllib.request.urlopen(request, timeout=5, context=trust):
            return None
    except urllib.error.HTTPError as error:
        with error:
            return f"{error.code} {error.read(500).decode(errors='replace').strip()}"
    except OSError as error:
        return str(error)


def main() -> int:
    """Asks until all have answered or the time is up; says what each answered."""
    deadline = time.monotonic() + float(os.environ["WAIT_SECONDS"])
    for request, trust in requests():
        while reason := refusal(request, trust):
            if time.monotonic() >= deadline:
                sys.stdout.write(f"failed: {request.full_url}: {reason}\n")
                return 1
            time.sleep(1)
        sys.stdout.write(f"ok: {request.full_url}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
