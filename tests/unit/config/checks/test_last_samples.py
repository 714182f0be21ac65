"""The last samples as they stand in a Lease: what is written is read again, bounded; the malformed are left out."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.config.checks.reasons import Reason
from shield_proxy.config.checks.sample import Sample, Waterfall, in_milliseconds
from shield_proxy.config.checks.samples import MOST_CHECKS, MOST_DETAIL, read_samples, write_samples

WRONG_CODE = Sample(
    1_700_000_000.125,
    Reason.CODE_MISMATCH,
    "expected 200; received 503",
    503,
    "192.0.2.1",
    Waterfall(0.001, 0.0125, None, 0.03, 0.0435),
)
seconds = st.none() | st.integers(0, 10_000_000).map(lambda tenths: tenths / 10_000)
samples = st.builds(
    Sample,
    st.integers(0, 2_000_000_000_000).map(lambda ms: ms / 1000),
    st.none() | st.sampled_from(Reason),
    st.text(max_size=MOST_DETAIL),
    st.none() | st.integers(100, 599),
    st.none() | st.just("192.0.2.1"),
    st.builds(Waterfall, seconds, seconds, seconds, seconds, seconds.map(lambda each: each or 0.0)),
    st.integers(0, 6),
)


@given(st.dictionaries(st.uuids().map(lambda uid: uid.hex), samples, max_size=5))
def test_samples_are_read_as_they_were_written(known: dict[str, Sample]) -> None:
    read = read_samples(write_samples(known))
    assert {key: replace(each, waterfall=Waterfall()) for key, each in read.items()} == {
        key: replace(each, waterfall=Waterfall()) for key, each in known.items()
    }
    for key, each in known.items():
        assert in_milliseconds(read[key].waterfall) == in_milliseconds(each.waterfall)


def test_of_too_many_checks_the_newest_are_kept() -> None:
    known = {f"{i:032x}": replace(WRONG_CODE, at=float(i)) for i in range(MOST_CHECKS + 7)}
    assert read_samples(write_samples(known)).keys() == {f"{i:032x}" for i in range(7, MOST_CHECKS + 7)}


def test_details_are_cut_so_that_an_annotation_stays_small() -> None:
    known = {f"{i:032x}": replace(WRONG_CODE, detail="\x00€" * 1000, address="f" * 1000) for i in range(99)}
    text = write_samples(known)
    assert len(text.encode()) < 50 << 10
    assert all(len(each.detail) == MOST_DETAIL for each in read_samples(text).values())


WRITTEN = json.loads(write_samples({"a": WRONG_CODE}))["a"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "7", "[" * 100_000, None, 7, '{"a": ' + " " * (200 << 10) + "1}"]
)
def test_what_is_no_annotation_holds_no_samples(text: object) -> None:
    assert read_samples(text) == {}


@pytest.mark.parametrize(
    ("position", "value"),
    [
        (0, "now"),
        (0, float("nan")),
        (0, -1),
        (1, "Because"),
        (1, None),
        (2, 7),
        (3, "200"),
        (4, 7),
        (5, [1]),
        (6, None),
    ],
)
def test_a_malformed_sample_is_left_out_and_spoils_no_other(position: int, value: Any) -> None:
    told = {"a": [*WRITTEN[:position], value, *WRITTEN[position + 1 :]], "b": WRITTEN, "c": WRITTEN[:-1], "d": {}}
    assert read_samples(json.dumps(told)) == {"b": WRONG_CODE}


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(), inner),
        max_leaves=12,
    )
)
def test_whatever_an_annotation_says_is_read(value: Any) -> None:
    assert set(read_samples(json.dumps({"a": value}))) <= {"a"}
