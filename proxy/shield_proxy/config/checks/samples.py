"""The last sample of each check, as a prober leaves it in its Lease for people to read. Pure.

Compact JSON, by the check's id: [at, reason, detail, code, address, [dns, tcp, tls, first byte, total], attempts]; at
in seconds since the epoch, stages in milliseconds, null for what there is not, "" for the reason of a healthy one.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from shield_proxy.config.checks.reasons import Reason
from shield_proxy.config.checks.sample import Sample, Waterfall

SAMPLES = "smartshield.io/samples"
"""Annotation of a Lease; written with its renewals, never for itself."""
MOST_CHECKS = 50
MOST_DETAIL, MOST_ADDRESS = 120, 64
"""Characters that are kept; the whole detail stands in the status where it decided."""
_MOST_TEXT = 128 << 10
_REASONS = {reason.value: reason for reason in Reason}


def write_samples(samples: Mapping[str, Sample]) -> str:
    """The annotation: the newest samples, the same text for equal ones; at most 50 KB."""
    newest = sorted(samples.items(), key=lambda item: (-item[1].at, item[0]))[:MOST_CHECKS]
    told = {check: _written(sample) for check, sample in sorted(newest)}
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False)


def read_samples(text: object) -> dict[str, Sample]:
    """The samples of an annotation, as far as it was kept. What is malformed, for people can write it too, is left
    out."""
    try:
        told = json.loads(text) if isinstance(text, str) and len(text) <= _MOST_TEXT else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(told, dict):
        return {}
    return {check: sample for check, each in told.items() if (sample := _read(each)) is not None}


def _written(sample: Sample) -> list[Any]:
    fall = sample.waterfall
    stages = (fall.dns, fall.tcp, fall.tls, fall.first_byte, fall.total)
    return [
        round(sample.at, 3),
        sample.reason.value if sample.reason is not None else "",
        sample.detail[:MOST_DETAIL],
        sample.code,
        sample.address[:MOST_ADDRESS] if sample.address is not None else None,
        [None if seconds is None else round(seconds * 1000, 1) for seconds in stages],
        sample.attempts,
    ]


def _read(told: object) -> Sample | None:
    match told:
        case [at, str(reason), str(detail), int() | None as code, str() | None as address, [*stages], int(attempts)]:
            pass
        case _:
            return None
    began = _number(at)
    if began is None or len(stages) != 5 or (reason and reason not in _REASONS):
        return None
    dns, tcp, tls, first_byte, total = (None if ms is None else ms / 1000 for ms in map(_number, stages))
    waterfall = Waterfall(dns, tcp, tls, first_byte, total or 0.0)
    return Sample(began, _REASONS.get(reason), detail, code, address, waterfall, attempts)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) and 0 <= value < 1e11 else None
