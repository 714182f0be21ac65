"""Which group of a namespace's checks each one is run with. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

MOST_CHECKS = 50
"""Of a shard."""
SPARE = 0.75
"""Checks change their shard only where those that are left would be filled to this part: the next new ones begin no
other."""
MOST_MOVES = 10
"""Checks that change their shard at once."""


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


def compacted(shards: Mapping[str, int], fits: Callable[[str, int], bool]) -> Mapping[str, int]:
    """The shards of checks that `assign` found, where one shard less would do: some checks of the smallest one are with
    others, as far as each `fits` there. Followed again and again it is empty, and then the next."""
    size = Counter(shards.values())
    if len(shards) > SPARE * MOST_CHECKS * (len(size) - 1):
        return shards
    smallest = min(size, key=lambda shard: (size[shard], -shard))
    out, moves = dict(shards), 0
    others = sorted(size.keys() - {smallest}, key=lambda shard: (-size[shard], shard))
    for uid in (uid for uid, shard in shards.items() if shard == smallest):
        target = next((shard for shard in others if size[shard] < MOST_CHECKS and fits(uid, shard)), None)
        if target is None or moves == MOST_MOVES:
            continue
        out[uid] = target
        size[target] += 1
        moves += 1
    return out
