"""From where a check is probed: what it names, by codes too, and a choice that moves as little as possible."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shield_operator.core.health.regions import MOST_CHOSEN, MOST_PER_REGION, select
from shield_operator.core.places import Place

CODES = {"WEU": ("eu-west", "eu-north"), "OC": (), "SAF": ("gone",)}


def places(*keys: str) -> dict[str, Place]:
    return {key: Place(*key.split("/"), usable=True) for key in keys}


FEW = places("eu-west/a", "eu-north/a", "us/a", "us/b")
keys = st.builds("{}/{}".format, st.sampled_from(["eu", "us", "asia", "sa", "oc"]), st.sampled_from("abcdef"))
clusters = st.sets(keys, min_size=1, max_size=20).map(lambda found: places(*sorted(found)))
identities = st.integers(0, 2**32).map("{:032x}".format)


def test_a_region_of_the_cluster_goes_by_its_own_name() -> None:
    assert select("c", ["us"], FEW, {}).data_centers == ("us/a", "us/b")


def test_a_code_stands_for_the_regions_that_the_installation_says() -> None:
    found = select("c", ["WEU"], FEW, CODES)
    assert (found.regions, found.problem) == (("eu-north", "eu-west"), None)


def test_all_regions_are_all_of_them() -> None:
    assert select("c", ["ALL_REGIONS"], FEW, {}).data_centers == tuple(sorted(FEW))


def test_what_leads_nowhere_is_named_with_its_field_and_the_rest_is_probed_from() -> None:
    for name, said in (
        ("mars", "no node is in the region mars"),
        ("OC", "no node is in any region, which OC stands for"),
        ("SAF", "no node is in gone, which SAF stands for"),
        ("NEAS", "the installation maps NEAS to no region"),
    ):
        found = select("c", ["us", name], FEW, CODES)
        assert found.data_centers == ("us/a", "us/b")
        assert found.problem == f"spec.checkRegions[1]: {said}; the cluster's regions are eu-north, eu-west, us"


def test_a_name_of_the_clusters_own_comes_before_the_code_of_that_name() -> None:
    assert select("c", ["IN"], places("IN/a", "x/a"), {"IN": ("x",)}).regions == ("IN",)


@given(identities, clusters)
def test_up_to_three_data_centres_of_each_region_probe(identity: str, cluster: dict[str, Place]) -> None:
    found = select(identity, ["ALL_REGIONS"], cluster, {})
    for region in {place.region for place in cluster.values()}:
        all_of_it = [key for key, place in cluster.items() if place.region == region]
        chosen = [key for key in found.data_centers if key.startswith(f"{region}/")]
        assert len(chosen) == min(MOST_PER_REGION, len(all_of_it))


@given(identities, clusters)
def test_a_check_that_names_none_gets_up_to_three_regions(identity: str, cluster: dict[str, Place]) -> None:
    found = select(identity, [], cluster, {})
    assert found.problem is None
    assert len(found.regions) == min(MOST_CHOSEN, len({place.region for place in cluster.values()}))
    assert {key.partition("/")[0] for key in found.data_centers} == set(found.regions)


@given(identities, clusters, st.data())
def test_a_data_centre_that_goes_moves_no_other(identity: str, cluster: dict[str, Place], data: Any) -> None:
    gone = data.draw(st.sampled_from(sorted(cluster)))
    before = set(select(identity, ["ALL_REGIONS"], cluster, {}).data_centers)
    rest = {key: place for key, place in cluster.items() if key != gone}
    after = set(select(identity, ["ALL_REGIONS"], rest, {}).data_centers)
    assert before - {gone} <= after
    assert len(after - before) <= 1


def test_checks_share_the_data_centres_of_a_large_region_evenly() -> None:
    cluster = places(*(f"eu/{letter}" for letter in "abcdef"))
    chosen = [key for i in range(600) for key in select(f"{i:032x}", ["eu"], cluster, {}).data_centers]
    assert all(200 < chosen.count(key) < 400 for key in cluster)
