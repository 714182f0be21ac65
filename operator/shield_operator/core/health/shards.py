"""Which group of a namespace's checks each one is run with. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping

MOST_CHECKS = 50
"""Of a shard."""


def assign(checks: Iterable[tuple[str, int | None]]) -> Mapping[str, int]:
    """UID -> shard of each check, given as (UID, the shard it had), the oldest first. A check keeps the shard it had
    while that has room; others fill the lowest shards."""
    out: dict[str, int] = {}
    size: Counter[int] = Counter()
    homeless = []
    for uid, before in checks:
        if before is None or before < 0 or size[before] >= MOST_CHECKS:
            homeless.append(uid)
            continue
        out[uid] = before
        size[before] += 1
    shard = 0
    for uid in homeless:
        while size[shard] >= MOST_CHECKS:
            shard += 1
        out[uid] = shard
        size[shard] += 1
    return out
