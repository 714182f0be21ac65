"""Names of children."""

import re

from hypothesis import given
from hypothesis import strategies as st

from shield_operator.core import naming
from shield_operator.core.quantity import whole_bytes

parts = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1, max_size=80)


@given(st.lists(parts, min_size=1, max_size=4))
def test_a_name_is_a_dns_label_that_leaves_room_for_pods(given_parts):
    name = naming.child(*given_parts)
    assert re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", name)
    assert len(name) <= naming.MOST


@given(st.lists(parts, min_size=1, max_size=4), st.lists(parts, min_size=1, max_size=4))
def test_different_parts_have_different_names(one, other):
    assert (naming.child(*one) == naming.child(*other)) == (one == other)


def test_zone_labels_that_differ_in_case_dots_or_region_never_meet():
    keys = ["eu/a", "EU/a", "eu/A", "eu.a/x", "eu-a/x", "eu_a/x", "us/a", "eu/" + "z" * 60, "eu/" + "z" * 61]
    assert len({naming.tier("default", "lower", key) for key in keys}) == len(keys)
    assert len({naming.data_center_label(key) for key in keys}) == len(keys)


def test_a_label_value_fits():
    assert len(naming.data_center_label(f"{'R' * 63}/{'Z' * 63}")) <= 63


def test_quantities_are_bytes():
    for text, size in [("256Mi", 256 << 20), ("1.5Gi", 3 << 29), ("1e3", 1000), ("2k", 2000), ("100m", 1), (7, 7)]:
        assert whole_bytes(text) == size
