"""Under which name a data centre writes."""

from shield_proxy.health.running.reporting import field_manager
from shield_proxy.health.running.standing import Place


def manager(zone: str) -> str:
    return field_manager(Place("r" * 63, zone))


def test_data_centres_of_long_names_write_under_names_of_their_own() -> None:
    one, other = manager("z" * 62 + "a"), manager("z" * 62 + "b")
    assert one != other
    assert len(one) == len(other) == 128
    assert manager("a") == f"shield-prober-{'r' * 63}/a"
