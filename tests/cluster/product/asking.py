"""A client in a data centre: curl in the network namespace of one of its nodes, so that a Service answers it as it
answers any workload there."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from localcluster import Cluster


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client got."""

    status: int
    """0: no answer."""
    headers: Mapping[str, str]
    """Lower-case names; repeated fields joined by a comma."""
    body: str
    seconds: float

    @property
    def cache_status(self) -> str:
        """Shield-Cache-Status, or an empty string."""
        return self.headers.get("shield-cache-status", "")

    @property
    def hops(self) -> list[str]:
        """The members of Cache-Status, the one nearest the origin first."""
        return [hop.strip() for hop in self.headers.get("cache-status", "").split(",") if hop.strip()]


def ask(cluster: Cluster, node: str, address: str, host: str, path: str, *options: str, seconds: float = 20) -> Answer:
    """One request from `node` to `address` (of a Service: its cluster IP and port) with that Host."""
    done = cluster.exec(
        node,
        [
            "curl", "-sS", "--max-time", f"{seconds:g}", "-D", "/dev/stderr", "-w", "\n%{http_code} %{time_total}",
            "-H", f"Host: {host}", *options, f"http://{address}{path}",
        ],
        check=False,
    )  # fmt: skip
    body, _, tail = done.stdout.rpartition("\n")
    code, _, took = tail.partition(" ")
    headers: dict[str, str] = {}
    for line in done.stderr.splitlines():
        name, colon, value = line.partition(":")
        if colon and not line.startswith("curl"):
            name = name.strip().lower()
            headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    return Answer(int(code or 0), headers, body, float(took or 0))


@contextmanager
def wan_changed(cluster: Cluster, delays: Mapping[tuple[str, str], float]) -> Iterator[None]:
    """Those ways take so many milliseconds each direction while the block runs."""
    before = cluster.wan.matrix()
    for (a, b), ms in delays.items():
        cluster.wan.set(a, b, ms)
    try:
        yield
    finally:
        cluster.wan.restore(before)
