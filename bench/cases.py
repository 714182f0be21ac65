"""What is asked of the servers."""

from dataclasses import dataclass

SIZES = {"small": 64, "1k": 1 << 10, "10k": 10 << 10, "100k": 100 << 10, "1m": 1 << 20}
"""Bodies of the origin, in bytes."""
BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "http://127.0.0.1/index.html",
    "Cookie": "sid=0123456789abcdef0123456789abcdef; theme=dark",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
    "DNT": "1",
    "Upgrade-Insecure-Requests": "1",
    "Priority": "u=0, i",
}
"""The twelve header fields of a browser; headers.lua sends the same."""


@dataclass(frozen=True)
class Case:
    """One kind of request."""

    name: str
    path: str
    headers: str
    """bare; browser; varied: a different cookie in each of 20,000 requests; miss and small: each request another path
    of an object of 10 KiB or 64 bytes."""
    scheme: str = "http"
    goal: float | None = None
    """Throughput wanted, in multiples of nginx's, with the compiled extension."""
    goal_pure: float | None = None


CASES = (
    Case("hit 10 KiB, bare request", "/10k", "bare"),
    Case("hit 1 KiB", "/1k", "browser", goal=1.5, goal_pure=0.9),
    Case("hit 10 KiB", "/10k", "browser", goal=1.5, goal_pure=0.9),
    Case("hit 10 KiB, cookies differ", "/10k", "varied"),
    Case("hit 100 KiB", "/100k", "browser", goal=1.0),
    Case("hit 1 MiB", "/1m", "browser", goal=1.0),
    Case("TLS hit 10 KiB", "/10k", "browser", "https", goal=1.0),
    Case("miss 10 KiB", "/miss/x", "miss", goal=1.0),
)
PACED = CASES[2]
"""The case that latency is measured with."""
