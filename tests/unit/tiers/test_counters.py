"""Figures of a data plane: bounded labels, histograms that add up, and hits that cost nothing to time."""

from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.tiers.telemetry.counters import MOST_ZONES, Counters
from shield_proxy.tiers.telemetry.families import SECONDS, Histogram, labelled


def shown(counters: Counters) -> dict[str, dict[str, float]]:
    return {name: dict(samples) for name, _, _, samples in counters.snapshot()}


def test_labels_are_bounded_and_what_is_beyond_counts_as_other() -> None:
    counters = Counters("lower")
    for i in range(MOST_ZONES + 10):
        counters.tally(f"ns/{i}", "HIT", 200).count += 1
    requests = shown(counters)["shield_requests_total"]
    assert len(requests) == MOST_ZONES + 1
    assert requests['{zone="other",tier="lower",cache_status="HIT",class="2xx"}'] == 10


def test_names_of_zones_that_are_gone_can_be_used_again() -> None:
    counters = Counters("lower")
    for i in range(MOST_ZONES + 10):
        counters.tally(f"ns/{i}", "HIT", 200).count += 1
    counters.retain(frozenset({"ns/0", "ns/new"}))
    counters.tally("ns/new", "HIT", 200).count += 1
    figures = shown(counters)
    assert len(figures["shield_requests_total"]) == 3
    buckets = figures["shield_request_duration_seconds"]
    assert buckets['_count{tier="lower",cache_status="HIT"}'] == MOST_ZONES + 11


def test_counters_of_a_kind_and_without() -> None:
    counters = Counters("lower")
    counters.add("shield_collapsed_requests_total")
    counters.add_kind("shield_fetches_total", "origin", 2)
    counters.limits["requests_running"] = 7
    figures = shown(counters)
    assert figures["shield_collapsed_requests_total"] == {"": 1}
    assert figures["shield_fetches_total"] == {'{to="origin"}': 2}
    assert figures["shield_limit"] == {'{what="requests_running"}': 7}


def test_hits_of_the_fast_path_are_in_the_lowest_bucket() -> None:
    counters = Counters("lower")
    counters.tally("ns/a", "HIT", 200).count += 10
    counters.took("HIT", 0.2)
    counters.took("MISS", 0.2)
    buckets = shown(counters)["shield_request_duration_seconds"]
    assert buckets['_bucket{tier="lower",cache_status="HIT",le="0.001"}'] == 9
    assert buckets['_bucket{tier="lower",cache_status="HIT",le="0.25"}'] == 10
    assert buckets['_bucket{tier="lower",cache_status="MISS",le="0.1"}'] == 0
    assert buckets['_count{tier="lower",cache_status="MISS"}'] == 1


@given(st.lists(st.floats(min_value=0, max_value=100), max_size=30))
def test_a_histogram_counts_each_value_once_in_every_bucket_above_it(values: list[float]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.observe(value)
    samples = dict(histogram.samples())
    for bound in SECONDS:
        assert samples[f'_bucket{{le="{bound:g}"}}'] == sum(value <= bound for value in values)
    assert samples['_bucket{le="+Inf"}'] == samples["_count"] == histogram.count == len(values)
    assert samples["_sum"] == sum(values)


def test_label_values_are_escaped() -> None:
    assert labelled(zone='q"\\\n', tier="lower") == '{zone="q\\"\\\\\\n",tier="lower"}'
