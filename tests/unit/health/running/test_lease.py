"""The Lease as a value: what is written is read again, and what anybody else wrote breaks nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.config.checks.contract import COUNTERS, SUCCESSOR
from shield_proxy.config.checks.health import Health
from shield_proxy.config.checks.sample import Sample
from shield_proxy.config.checks.samples import SAMPLES, read_samples
from shield_proxy.health.counters import Counters
from shield_proxy.health.running.handover import Act, Step, Tenure
from shield_proxy.health.running.lease import (
    AFTER,
    PREDECESSOR,
    Lease,
    Remembered,
    newer,
    read_counters,
    read_lease,
    write_counters,
    write_instant,
)
from shield_proxy.health.running.patches import new_lease, patch_of

NOW = 1_700_000_000.25
counters = st.builds(
    Remembered,
    st.builds(Counters, st.sampled_from(Health), st.integers(0, 1000), st.integers(0, 1000)),
    st.integers(0, 1 << 40),
)


@given(st.dictionaries(st.uuids().map(lambda uid: uid.hex), counters, max_size=50))
def test_counters_are_read_as_they_were_written(known: dict[str, Remembered]) -> None:
    assert read_counters(write_counters(known)) == known


def test_fifty_checks_fit_well_into_an_annotation() -> None:
    known = {f"{i:032x}": Remembered(Counters(Health.UNHEALTHY, 1_000_000, 0), 1000) for i in range(50)}
    assert len(write_counters(known)) < 4 << 10


MALFORMED = ["", "{", "[]", "null", '{"a": 1}', '{"a": ["h", -1, 0, 1]}', '{"a": ["x", 0, 0, 1]}', '{"a": ["h", 0, 0]}']


@pytest.mark.parametrize("text", [*MALFORMED, 7])
def test_counters_that_are_malformed_are_forgotten(text: object) -> None:
    assert read_counters(text) == {}


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    )
)
def test_whatever_the_annotations_say_is_read_as_a_lease(value: Any) -> None:
    notes = {COUNTERS: value, SUCCESSOR: value, AFTER: value, PREDECESSOR: value}
    lease = read_lease({"metadata": {"resourceVersion": "7", "annotations": notes}, "spec": {"renewTime": value}})
    assert lease.version == "7"
    assert lease.after >= 0


def test_a_lease_that_the_operator_has_just_made_is_held_by_nobody() -> None:
    assert read_lease({"metadata": {"resourceVersion": "1"}}) == Lease("1")


def test_a_new_lease_is_the_runs() -> None:
    lease = read_lease(new_lease("shop", "probes", Tenure("run"), NOW, NOW))
    assert (lease.holder, lease.after, lease.renewed) == ("run", NOW, NOW)


def test_what_is_granted_is_read_to_the_last_digit() -> None:
    lease = Lease("7", holder="a", successor="b")
    patch = patch_of(Step(Act.GRANT, NOW / 3), Tenure("a"), lease, NOW, {}, 0, {})
    assert patch["metadata"]["resourceVersion"] == "7"
    granted = read_lease({"metadata": patch["metadata"], "spec": patch["spec"]})
    assert (granted.successor, granted.granted) == ("b", NOW / 3)


def test_renewals_leave_the_counters_of_a_predecessor_alone() -> None:
    tenure = Tenure("b")
    assert COUNTERS in patch_of(Step(Act.RENEW), tenure, Lease("7"), NOW, {}, 0, {})["metadata"]["annotations"]
    patch = patch_of(Step(Act.RENEW), tenure, Lease("7", predecessor="a"), NOW, {}, 0, {})
    assert patch["metadata"]["annotations"] == {}


@pytest.mark.parametrize("act", [Act.CREATE, Act.WAIT, Act.LEAVE])
def test_what_is_no_write_has_no_patch(act: Act) -> None:
    with pytest.raises(ValueError, match=act.value):
        patch_of(Step(act), Tenure("a"), Lease("7"), NOW, {}, 0, {})


def test_instants_are_micro_times() -> None:
    assert write_instant(NOW) == "2023-11-14T22:13:20.250000Z"


def test_old_news_is_known_by_its_version() -> None:
    assert newer("10", "9")
    assert not newer("9", "10")
    assert not newer("9", "9")
    assert newer("x", "9")


def test_the_last_samples_go_with_the_counters() -> None:
    lease, sample = Lease("7", holder="a"), Sample(NOW, None, "", 200)
    notes = patch_of(Step(Act.RENEW), Tenure("a"), lease, NOW, {}, 0, {"x": sample})["metadata"]["annotations"]
    assert read_samples(notes[SAMPLES]) == {"x": sample}
    assert read_lease({"metadata": {"annotations": notes}}).samples == notes[SAMPLES]
    asked = patch_of(Step(Act.ASK), Tenure("b"), lease, NOW, {}, 0, {"x": sample})["metadata"]["annotations"]
    assert SAMPLES not in asked
