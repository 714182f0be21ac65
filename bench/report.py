"""Measurements as text. Pure."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from bench.cases import CASES, Case
from bench.load import Run
from bench.memory import Growth

Runs = Mapping[str, Mapping[str, list[Run]]]
"""Case -> peer -> its runs, in the order in which they alternated."""
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
OWN = ("shield", "pure")


def summary(runs: list[Run]) -> str:
    """Median and spread of the rate, median CPU and p99."""
    rates = [run.rate for run in runs]
    text = f"{_median(rates):9.0f}/s ({min(rates):.0f}-{max(rates):.0f}) {_median(r.cpu for r in runs):7.2f} us"
    errors = sum(run.errors for run in runs)
    return f"{text} p99 {_median(r.p99 for r in runs):.2f} ms" + (f"  ERRORS {errors}" if errors else "")


def ratios(mine: list[Run], theirs: list[Run]) -> tuple[list[float], list[float]]:
    """Pair by pair: throughput and requests per CPU second, in multiples of the peer's."""
    pairs = list(zip(mine, theirs, strict=True))
    return [a.rate / b.rate for a, b in pairs], [b.cpu / a.cpu for a, b in pairs]


def spread(values: list[float]) -> str:
    """`median (least-most)`."""
    return f"{_median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


def saturated_table(found: Runs, peers: list[str]) -> list[str]:
    """Throughput and CPU per request of every peer, in the order of the cases."""
    lines = [
        "| case | " + " | ".join(shown(peer) for peer in peers) + " |",
        "|---" * (len(peers) + 1) + "|",
    ]
    for case, by_peer in found.items():
        cells = []
        for peer in peers:
            runs = by_peer.get(peer)
            cells.append(
                f"{_median(r.rate for r in runs) / 1000:.1f}k/s, {_median(r.cpu for r in runs):.1f} us" if runs else "-"
            )
        lines.append(f"| {case} | " + " | ".join(cells) + " |")
    return lines


def ratio_table(found: Runs) -> list[str]:
    """The product in multiples of nginx, with the spread over alternating runs, and the goals."""
    lines = [
        "| case | throughput | requests per CPU | pure: throughput | pure: per CPU | goal |",
        "|---|---|---|---|---|---|",
    ]
    for case in CASES:
        by_peer = found.get(case.name, {})
        cells = []
        for own in OWN:
            if own in by_peer and "nginx" in by_peer:
                cells += [spread(values) for values in ratios(by_peer[own], by_peer["nginx"])]
            else:
                cells += ["-", "-"]
        lines.append(f"| {case.name} | " + " | ".join(cells) + f" | {_goal(case)} |")
    return lines


def _goal(case: Case) -> str:
    if case.goal is None:
        return ""
    return f"{case.goal:g}" + (f", pure {case.goal_pure:g}" if case.goal_pure is not None else "")


def paced_table(title: str, found: Mapping[str, list[Run]]) -> list[str]:
    """Quantiles and CPU at a fixed rate."""
    lines = [
        f"| {title} | rate | CPU per request | p50 | p99 | p99.9 |",
        "|---|---|---|---|---|---|",
    ]
    for peer, runs in found.items():
        quantiles = [f"{_median(getattr(r, name) for r in runs):.2f} ms" for name in ("p50", "p99", "p999")]
        cpu = spread([run.cpu for run in runs])
        lines.append(
            f"| {shown(peer)} | {_median(r.rate for r in runs) / 1000:.1f}k/s | {cpu} us | "
            + " | ".join(quantiles)
            + " |"
        )
    return lines


def memory_table(found: Mapping[str, Mapping[str, Growth]]) -> list[str]:
    """Bytes per connection and entry."""
    kinds = list(dict.fromkeys(kind for by_kind in found.values() for kind in by_kind))
    lines = ["| resident memory | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 1) + "|"]
    for peer, by_kind in found.items():
        cells = [f"{by_kind[kind].bytes_each / 1024:.1f} KiB" if kind in by_kind else "-" for kind in kinds]
        lines.append(f"| {shown(peer)} | " + " | ".join(cells) + " |")
    return lines


def shown(peer: str) -> str:
    """The peer as people know it."""
    names = {"shield": "Smart Shield", "pure": "Smart Shield, pure Python", "haproxy": "HAProxy", "varnish": "Varnish"}
    return {**names, "ats": "Traffic Server"}.get(peer, peer)


def replaced(document: str, lines: list[str]) -> str:
    """The document with `lines` between its marks."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}"


def as_json(found: Runs) -> dict[str, dict[str, list[dict[str, float]]]]:
    """The runs as plain values."""
    return {
        case: {peer: [asdict(run) for run in runs] for peer, runs in by_peer.items()} for case, by_peer in found.items()
    }
