"""Which origin gets whose requests while some are unhealthy. Operator and proxies agree by asking the same function."""

from collections.abc import Iterable, Mapping, Sequence

from shield_proxy.config.state import Origin

MOST_FALLBACKS = 8
"""Of one origin; further ones don't count."""
MOST_LOOKED_AT = 64
"""Origins looked at for one: twice as many as a zone may have. A record is not believed to be sound."""


def in_use(origins: Sequence[Origin]) -> Mapping[str, Origin | None]:
    """Name of each origin of a zone -> the origin that gets its requests; None: nobody, they are refused.

    An origin that is not unhealthy serves itself. For one that is, its fallbacks are looked at in their order, then
    those of the first of them, and so on, each origin once: the first that is not unhealthy stands in. Where there is
    none, the origin is asked all the same, unless it refuses that.
    """
    known = {origin.name: origin for origin in origins}
    return {origin.name: _stands_in(origin, known) for origin in origins}


def _stands_in(origin: Origin, known: Mapping[str, Origin]) -> Origin | None:
    found = next((one for one in _reachable(origin, known) if not one.unhealthy), None)
    return found if found is not None else None if origin.refuses else origin


def _reachable(origin: Origin, known: Mapping[str, Origin]) -> Iterable[Origin]:
    """The origin, its fallbacks, and theirs: the nearest first. A name that is no origin's leads nowhere."""
    queue, seen = [origin], {origin.name}
    for one in queue:
        yield one
        for name in one.fallbacks[:MOST_FALLBACKS]:
            if name in known and name not in seen and len(queue) < MOST_LOOKED_AT:
                seen.add(name)
                queue.append(known[name])
