"""What pods report becomes one view per data centre."""

from dataclasses import replace

from shield_operator.core.latency import Seen, read_latencies
from shield_operator.core.world import Pod, Report
from shield_proxy.config.contract import Tier
from shield_proxy.config.reports import Acknowledgement, Measurement

ACK = Acknowledgement(1, 1, 1, "1", confirmed=True)


def world_with(served, *reports):
    """A world with pods of these names, tiers, data centres and measurements of ("z", "main")."""
    return replace(
        served.world(),
        pods=tuple(Pod(name, tier, key, "10.0.0.1", True) for name, tier, key, _ in reports),
        reports={name: Report(ACK, (measurement,)) for name, _, _, measurement in reports},
    )


def measured(seconds, age=1.0, samples=5):
    return Measurement("z", "main", seconds, samples, age)


def test_the_newest_view_of_a_data_centre_counts(served):
    world = world_with(
        served,
        ("a", Tier.LOWER, "eu/a", measured(0.005, age=20)),
        ("b", Tier.LOWER, "eu/a", measured(0.007, age=2)),
        ("c", Tier.LOWER, "us/a", measured(0.080)),
    )
    assert read_latencies(world) == {("z", "main"): {"eu/a": Seen(0.007), "us/a": Seen(0.080)}}


def test_old_views_and_those_of_other_tiers_do_not_count(served):
    world = world_with(
        served, ("a", Tier.LOWER, "eu/a", measured(0.005, age=600)), ("b", Tier.UPPER, "us/a", measured(0.007))
    )
    assert read_latencies(world) == {}


def test_a_view_of_one_sample_is_not_enough_for_a_first_assignment(served):
    world = world_with(served, ("a", Tier.LOWER, "eu/a", measured(0.005, samples=1)))
    assert read_latencies(world)[("z", "main")]["eu/a"].enough is False
