"""From which data centres a check is probed: up to three of each region it names, by a choice that stays. Pure."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shield_operator.core.places import Place

CODES = (
    "WNAM", "ENAM", "WEU", "EEU", "NSAM", "SSAM", "OC", "ME", "NAF", "SAF", "IN", "SEAS", "NEAS",
)  # fmt: skip
"""What an installation may map to regions of the cluster."""
ALL_REGIONS = "ALL_REGIONS"
MOST_PER_REGION = 3
"""Data centres of a region that probe a check."""
MOST_CHOSEN = 3
"""Regions that are chosen for a check that names none: enough for a majority without a tie."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Who probes a check."""

    regions: tuple[str, ...] = ()
    """Sorted."""
    data_centers: tuple[str, ...] = ()
    """REGION/ZONE, sorted."""
    problem: str | None = None
    """Names the field and what of it leads to no region; the others are probed from nevertheless."""


def select(
    check_id: str, named: Sequence[str], places: Mapping[str, Place], codes: Mapping[str, Sequence[str]]
) -> Selection:
    """The data centres of a check that names these regions."""
    by_region: dict[str, list[str]] = {}
    for key, place in places.items():
        by_region.setdefault(place.region, []).append(key)
    chosen: set[str] = set()
    problems = []
    for i, name in enumerate(named):
        found = _regions_of(name, by_region, codes)
        if not found:
            problems.append(f"spec.checkRegions[{i}]: {_unknown(name, codes)}")
        chosen.update(found)
    if not named:
        chosen.update(first(check_id, by_region, MOST_CHOSEN))
    data_centers = [key for region in chosen for key in first(check_id, by_region[region], MOST_PER_REGION)]
    problem = None
    if problems:
        more = f"; and {len(problems) - 1} more" if len(problems) > 1 else ""
        known = ", ".join(sorted(by_region)) or "none"
        problem = f"{problems[0]}; the cluster's regions are {known}{more}"
    return Selection(tuple(sorted(chosen)), tuple(sorted(data_centers)), problem)


def first(check_id: str, names: Iterable[str], most: int) -> list[str]:
    """The `most` of the names that rendezvous hashing gives the check: one that comes or goes moves no other."""
    return sorted(names, key=lambda name: (_score(check_id, name), name))[:most]


def _regions_of(name: str, by_region: Mapping[str, object], codes: Mapping[str, Sequence[str]]) -> list[str]:
    if name == ALL_REGIONS:
        return list(by_region)
    if name in by_region:
        return [name]
    return [region for region in codes.get(name, ()) if region in by_region]


def _unknown(name: str, codes: Mapping[str, Sequence[str]]) -> str:
    if name == ALL_REGIONS:
        return "no node has a region"
    if name in codes:
        return f"no node is in {', '.join(codes[name]) or 'any region'}, which {name} stands for"
    if name in CODES:
        return f"the installation maps {name} to no region"
    return f"no node is in the region {name}"


def _score(check_id: str, name: str) -> bytes:
    return hashlib.blake2b(f"{check_id}\0{name}".encode(), digest_size=8).digest()
