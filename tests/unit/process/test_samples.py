"""Connect times: what a backend's score is, and who is measured."""

from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.config.state import FleetState, Origin, Zone
from shield_proxy.process.samples import (
    BURST,
    EVERY_SECONDS,
    WINDOW_SECONDS,
    Sample,
    added,
    backends_to_measure,
    election_key,
    pause,
    summarise,
)


def window(*seconds: float | None, every: float = 10) -> tuple[Sample, ...]:
    """Attempts every `every` seconds, the first at 0."""
    samples: tuple[Sample, ...] = ()
    for i, value in enumerate(seconds):
        samples = added(samples, Sample(i * every, value, None if value is not None else "refused"))
    return samples


def score(*seconds: float | None, now: float = 50) -> float | None:
    return summarise("z", "web", window(*seconds), now).connect_seconds


def test_the_score_is_the_lowest_of_the_latest_five_successes() -> None:
    assert score(0.03, 0.02, 0.04) == 0.02
    assert score(0.01, 0.06, 0.05, 0.04, 0.03, 0.07) == 0.03


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=6), st.integers(1, 5))
def test_failures_never_improve_a_score(seconds: list[float], failures: int) -> None:
    before = summarise("z", "web", window(*seconds, every=1), 10)
    after = summarise("z", "web", window(*seconds, *[None] * failures, every=1), 10 + failures)
    assert before.connect_seconds is not None
    assert after.connect_seconds is None or after.connect_seconds >= before.connect_seconds
    assert (before.error, after.error) == (None, "refused")


def test_a_backend_that_failed_for_the_whole_window_has_no_score_and_a_reason() -> None:
    samples = window(0.02, *[None] * 5)
    assert summarise("z", "web", samples, now=59).connect_seconds == 0.02
    gone = summarise("z", "web", samples, now=60)
    assert (gone.connect_seconds, gone.samples, gone.error) == (None, 0, "refused")


def test_samples_older_than_the_window_are_dropped() -> None:
    assert len(window(*[0.1] * 20)) == WINDOW_SECONDS / 10


def test_the_age_is_that_of_the_last_attempt() -> None:
    assert summarise("z", "web", window(0.1, None), now=12).age_seconds == 2


@given(st.floats(0, 1, exclude_max=True))
def test_a_new_endpoint_is_tried_in_a_burst_then_at_an_uneven_pace(jitter: float) -> None:
    assert all(pause(attempts, jitter) < 0.5 for attempts in range(1, BURST))
    assert 0.9 * EVERY_SECONDS <= pause(BURST, jitter) <= 1.1 * EVERY_SECONDS


def zone(uid: str, *hosts: str) -> Zone:
    origins = tuple(Origin(f"b{i}", host, 80) for i, host in enumerate(hosts))
    return Zone(uid, "shop", uid, 1, (), origins)


def test_an_address_of_several_zones_is_measured_once_and_only_what_this_pod_owns() -> None:
    state = FleetState("shop", "default", 1, 1, (), (zone("u1", "web", "old"), zone("u2", "web")))
    owned = {election_key("u1", "b0"), election_key("u2", "b0")}
    assert backends_to_measure(state, owned.__contains__) == {("web", 80): (("u1", "b0"), ("u2", "b0"))}
    assert backends_to_measure(None, owned.__contains__) == {}


def test_the_election_key_is_the_contracts() -> None:
    assert election_key("uid", "web") == b"latency/uid/web"
