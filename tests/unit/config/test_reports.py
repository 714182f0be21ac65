"""What a pod reports is read back by the operator as it was meant."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.config.reading import InvalidField
from shield_proxy.config.reports import (
    Acknowledgement,
    Measurement,
    Problem,
    latency_report,
    read_acknowledgement,
    read_latency_report,
)

counts = st.integers(min_value=0, max_value=2**53)
seconds = st.floats(min_value=0, max_value=100)
measurements = st.builds(
    Measurement,
    zone=st.text(),
    backend=st.text(),
    connect_seconds=st.none() | seconds,
    samples=counts,
    age_seconds=seconds,
    error=st.none() | st.text(min_size=1),
)


problems = st.lists(st.builds(Problem), max_size=3).map(tuple)


@given(st.builds(Acknowledgement, problems=problems, schema=counts, generation=counts, lease=counts))
def test_an_acknowledgement_is_read_back(acknowledged: Acknowledgement) -> None:
    assert read_acknowledgement(json.loads(json.dumps(acknowledged.to_json()))) == acknowledged


@given(st.lists(measurements, max_size=4).map(tuple))
def test_measurements_are_read_back(measured: tuple[Measurement, ...]) -> None:
    assert read_latency_report(json.loads(json.dumps(latency_report(measured)))) == measured


@pytest.mark.parametrize("connect", [-1.0, "fast", True])
def test_a_connect_time_that_is_no_time_counts_as_none(connect: object) -> None:
    item = {"zone": "z", "backend": "b", "connectSeconds": connect, "samples": 1, "ageSeconds": 0}
    assert read_latency_report({"measurements": [item]})[0].connect_seconds is None


def test_a_report_of_another_form_is_refused_by_field() -> None:
    with pytest.raises(InvalidField) as refused:
        read_latency_report({"measurements": [{"zone": "z"}]})
    assert refused.value.path == "measurements[0].backend"
