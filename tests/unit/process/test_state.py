"""Which state is in use: it never goes back, never becomes another fleet's, and stays when an offer can't be read."""

import hashlib
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.config.contract import Tier
from shield_proxy.config.record import read_envelope, split_record, write_record
from shield_proxy.config.state import DataCenter, FleetState
from shield_proxy.config.version import SCHEMA
from shield_proxy.process.state import (
    Accept,
    Different,
    Older,
    Same,
    StateHolder,
    Unreadable,
    judge,
    peer_names,
    read_mounted,
)


def record(generation: int, lease: int = 1, fleet: str = "default") -> bytes:
    return write_record(FleetState("shop", fleet, generation, lease), SCHEMA)


def newer_schema(generation: int) -> bytes:
    packed = zlib.compress(b"{}")
    digest = hashlib.sha256(packed).hexdigest().encode()
    return b"shield-state 99 %d 1 %s\n%s" % (generation, digest, packed)


def holder(used: list[FleetState] | None = None, ready_at: float = 20) -> StateHolder:
    return StateHolder("shop", "default", (used if used is not None else []).append, ready_at)


@pytest.mark.parametrize(
    ("offered", "verdict"),
    [
        (record(6), Accept),
        (record(1, lease=2), Accept),
        (record(5), Same),
        (record(4), Older),
        (record(9, lease=0), Older),
        (record(6, fleet="other"), Unreadable),
        (newer_schema(6), Unreadable),
        (newer_schema(4), Older),
        (record(6)[:-1], Unreadable),
        (b"", Unreadable),
    ],
)
def test_an_offer_is_judged_by_lease_then_generation_then_what_can_be_read(offered: bytes, verdict: type) -> None:
    assert isinstance(judge(read_envelope(record(5)), offered, "shop", "default"), verdict)


def test_an_envelope_that_promises_more_than_its_document_is_refused() -> None:
    forged = record(5).replace(b"shield-state 1 5 1", b"shield-state 1 9 1")
    assert isinstance(judge(None, forged, "shop", "default"), Unreadable)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=8))
def test_whatever_is_offered_in_whatever_order_the_highest_is_in_use(offers: list[tuple[int, int]]) -> None:
    used: list[FleetState] = []
    held = holder(used)
    for lease, generation in offers:
        held.offer(record(generation, lease), "test", confirms=False)
    orders = [(state.lease, state.generation) for state in used]
    assert orders == sorted(set(orders))
    assert orders[-1:] == ([max(offers)] if offers else [])


def test_what_cannot_be_read_leaves_the_state_in_use_and_is_shown_until_something_can_be_read() -> None:
    held = holder()
    held.offer(record(5), "test", confirms=False)
    held.offer(newer_schema(6), "test", confirms=True)
    assert held.record == record(5)
    assert held.refused is not None
    assert "schema 99" in held.refused
    assert not held.trusted(now=0)
    held.offer(record(6), "test", confirms=True)
    assert held.refused is None
    assert held.confirmed


def test_the_reason_of_a_refusal_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    held = holder()
    for _ in range(3):
        held.offer(newer_schema(6), "test", confirms=True)
    assert len(caplog.records) == 1


def test_the_operator_confirms_what_is_held_with_an_equal_push_and_not_with_an_older_one() -> None:
    held = holder()
    held.offer(record(5), "mount", confirms=False)
    held.offer(record(4), "operator", confirms=True)
    assert not held.confirmed
    held.offer(record(5), "operator", confirms=True)
    assert held.confirmed
    assert held.acknowledgement(draining=True).to_json() == {
        "schema": SCHEMA,
        "generation": 5,
        "lease": 1,
        "version": "0.1.0",
        "confirmed": True,
        "draining": True,
        "digest": read_envelope(record(5)).digest,
    }


def twin(generation: int, lease: int = 1) -> bytes:
    """A record of that order with other bytes."""
    center = DataCenter("eu", "a")
    return write_record(FleetState("shop", "default", generation, lease, data_centers=(center,)), SCHEMA)


def test_other_bytes_of_the_generation_in_use_are_noticed_and_never_confirm_it() -> None:
    held = holder()
    held.offer(record(5), "mount", confirms=False)
    assert isinstance(held.offer(twin(5), "mount", confirms=False), Different)
    assert (held.record, held.confirmed) == (record(5), False)


def test_of_two_records_of_one_generation_the_operators_wins() -> None:
    used: list[FleetState] = []
    held = holder(used)
    held.offer(record(5), "mount", confirms=False)
    held.offer(twin(5), "operator", confirms=True)
    assert (held.record, held.confirmed) == (twin(5), True)
    assert len(used) == 2
    assert isinstance(held.offer(record(5), "mount", confirms=False), Different)
    assert held.record == twin(5)


def test_an_unconfirmed_state_is_trusted_after_the_wait_and_none_never() -> None:
    held = holder(ready_at=20)
    assert not held.trusted(now=20)
    held.offer(record(5), "mount", confirms=False)
    assert not held.trusted(now=19.9)
    assert held.trusted(now=20)
    held.confirm("a peer")
    assert held.trusted(now=0)


def test_a_pod_without_a_state_acknowledges_generation_0() -> None:
    assert holder().acknowledgement(draining=False).generation == 0


def test_torn_chunks_are_no_record_until_they_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shield_proxy.config.record.CHUNK_BYTES", 100)
    old, new = (split_record(record(generation)) for generation in (5, 6))
    assert len(old) == len(new) > 1
    assert read_mounted(tmp_path) is None
    for i, chunk in enumerate(old):
        assert read_mounted(tmp_path) is None
        (tmp_path / f"chunk-{i}").write_bytes(chunk)
    for i, chunk in enumerate(new):
        assert read_mounted(tmp_path) == (record(5) if i == 0 else None)
        (tmp_path / f"chunk-{i}").write_bytes(chunk)
    assert read_mounted(tmp_path) == record(6)


def test_mounted_chunks_are_read_through_the_kubelets_link(tmp_path: Path) -> None:
    for generation in (1, 2):
        version = tmp_path / f"..version-{generation}"
        version.mkdir()
        (version / "chunk-0").write_bytes(split_record(record(generation))[0])
    (tmp_path / "..data").symlink_to("..version-2")
    assert read_mounted(tmp_path) == record(2)


def test_peers_of_the_own_data_centre_come_first_and_lists_of_names_are_split() -> None:
    far = DataCenter("us", "a", {Tier.LOWER: "lower.us"})
    near = DataCenter("eu", "a", {Tier.UPPER: "upper.eu", Tier.LOWER: "127.0.0.1:1, 127.0.0.2"})
    state = FleetState("shop", "default", 1, 1, (far, near))
    assert peer_names(state, "eu/a") == ["127.0.0.1:1", "127.0.0.2", "upper.eu", "lower.us"]
