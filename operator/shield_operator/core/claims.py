"""Whose host it is: of all zones in the cluster that ask for one, the oldest, then the one with the lower UID."""

from collections.abc import Collection, Iterable, Mapping

from shield_operator.core.world import Claim


def winners(claims: Iterable[Claim], ignoring: Collection[str] = ()) -> Mapping[str, Claim]:
    """Host -> the claim that has it. `ignoring`: UIDs of zones that are being deleted and so give their hosts up."""
    best: dict[str, Claim] = {}
    for claim in claims:
        if claim.uid in ignoring:
            continue
        holder = best.get(claim.host)
        if holder is None or (claim.created, claim.uid) < (holder.created, holder.uid):
            best[claim.host] = claim
    return best


def lost(uid: str, hosts: Iterable[str], winning: Mapping[str, Claim]) -> tuple[Claim, ...]:
    """The claims that take hosts away from the zone with this UID, in the order of its hosts."""
    return tuple(winning[host] for host in hosts if host in winning and winning[host].uid != uid)
