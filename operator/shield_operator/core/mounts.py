"""Secrets of zones that pods mount by name: certificates for clients on lower tiers, for origins on upper tiers.

The kubelet reads them, the operator never does. A pod template names them, so a name that comes or goes rolls the tier;
what is in a Secret never does. Their number is bounded, since each of them stands in every Deployment.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from shield_operator.core.spec import ZoneSpec
from shield_operator.core.world import ZoneObject
from shield_proxy.config.state import Zone

MOST_NAMES = 200
"""Of each kind, of one fleet."""
Names = frozenset[str]


def certificates(part: Zone) -> Names:
    """The Secret whose certificate clients of the zone get, if any."""
    return frozenset((part.certificate,)) if part.certificate is not None else frozenset()


def client_certificates(part: Zone) -> Names:
    """The Secrets that the zone's origins are shown."""
    named = (origin.tls.client_certificate for origin in part.origins if origin.tls is not None)
    return frozenset(name for name in named if name is not None)


def mounted(parts: Iterable[Zone], names: Callable[[Zone], Names]) -> tuple[str, ...]:
    """What pods that serve these zones mount, sorted."""
    return tuple(sorted(frozenset[str]().union(*(names(part) for part in parts))))


def crowded_out(
    zones: Sequence[ZoneObject], last: Mapping[str, Zone | None], refused: Collection[str]
) -> Mapping[str, str]:
    """UID -> why, of each zone whose Secrets would make more than MOST_NAMES in the fleet. First come what zones have
    already, then new ones in the order of `zones`; those `refused` for another reason keep what they have."""
    found: dict[str, str] = {}
    for field, wanted, had in (
        ("spec.tls.secretName", _certificates, certificates),
        ("spec.origins[].tls.clientCertificate", _client_certificates, client_certificates),
    ):
        held = Counter(name for zone in zones if (part := last[zone.uid]) is not None for name in had(part))
        for zone in zones:
            if zone.uid in refused or not isinstance(zone.spec, ZoneSpec):
                continue
            before, after = had(part) if (part := last[zone.uid]) is not None else frozenset[str](), wanted(zone.spec)
            held.subtract(before)
            held.update(after)
            held = +held
            if len(held) > MOST_NAMES and after - before:
                held.subtract(after)
                held.update(before)
                found[zone.uid] = f"{field}: the fleet's zones name {MOST_NAMES} Secrets already; use another fleet"
    return found


def _certificates(spec: ZoneSpec) -> Names:
    return frozenset((spec.certificate,)) if spec.certificate is not None else frozenset()


def _client_certificates(spec: ZoneSpec) -> Names:
    return spec.client_certificates
