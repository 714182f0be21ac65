"""Rendezvous hashing: which member of a group a key belongs to. Pure.

Every member computes the same order from the same names; one that leaves moves only the keys it had.
"""

from collections.abc import Iterable
from hashlib import blake2b

Address = tuple[str, int]


def ring_order(key: bytes, members: Iterable[Address]) -> list[Address]:
    """The members in the order in which they are asked for a key: its owner first."""
    seed = blake2b(key, digest_size=16).digest()
    return sorted(members, key=lambda member: (_weight(seed, member), member), reverse=True)


def _weight(seed: bytes, member: Address) -> bytes:
    return blake2b(b"%s:%d" % (member[0].encode(), member[1]), digest_size=8, key=seed).digest()
