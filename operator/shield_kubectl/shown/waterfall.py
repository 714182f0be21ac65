"""Stages of probes as bars, each beginning where the one before it ended, all to one scale. Pure."""

from collections.abc import Mapping, Sequence

from shield_kubectl.shown.style import Style

NAMES = {
    "dnsMilliseconds": "dns",
    "tcpMilliseconds": "tcp",
    "tlsMilliseconds": "tls",
    "firstByteMilliseconds": "ttfb",
    "totalMilliseconds": "total",
}
MOST_BAR, LEAST_BAR = 60, 10
"""Columns."""
_EIGHTHS = " ▏▎▍▌▋▊▉"
_INDENT = 2
_LABELS = 21
"""Columns before a bar: name, milliseconds, spaces."""


def waterfalls(falls: Sequence[tuple[str, Mapping[str, float]]], style: Style) -> list[str]:
    """A block of lines for each title and its stages in milliseconds. A full bar is the longest of all of them."""
    longest = max((_end(stages) for _, stages in falls), default=0.0)
    lines = []
    for title, stages in falls:
        lines.append(title)
        lines += _block(stages, longest, style)
    return lines


def _block(stages: Mapping[str, float], longest: float, style: Style) -> list[str]:
    width = max(LEAST_BAR, min(MOST_BAR, style.width - _LABELS))
    lines, begin = [], 0.0
    for stage, name in NAMES.items():
        if stage not in stages:
            continue
        took = stages[stage]
        at = 0.0 if name == "total" else begin
        begin = at + took
        bar = _bar(at, took, longest, width, unicode=style.unicode)
        lines.append(f"{'':{_INDENT}}{name:5} {took:9.1f} ms {bar}".rstrip())
    return lines


def _bar(at: float, took: float, longest: float, width: int, *, unicode: bool) -> str:
    if longest <= 0:
        return ""
    first = min(width - 1, int(at / longest * width))
    length = took / longest * width
    room = width - first
    if not unicode:
        return " " * first + "#" * max(1, min(room, round(length)))
    eighths = max(1, min(8 * room, round(8 * length)))
    return " " * first + "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")


def _end(stages: Mapping[str, float]) -> float:
    """Of the stages' end and the total, what is later."""
    parts = sum(value for stage, value in stages.items() if stage != "totalMilliseconds")
    return max(parts, stages.get("totalMilliseconds", 0.0))
