"""The fleet state as a document: what is written is read back, and what can't be honoured is named."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.config.codec import decode_state, encode_state
from shield_proxy.config.contract import Tier
from shield_proxy.config.reading import InvalidField
from shield_proxy.config.state import DataCenter, FleetState, Origin, OriginTls, Route, Zone
from shield_proxy.config.version import READS, SCHEMA

words = st.text(min_size=1, max_size=12)
numbers = st.integers(min_value=0, max_value=2**53)
origin_tls = st.builds(
    OriginTls,
    server_name=words,
    verify=st.booleans(),
    ca_bundle=st.none() | words,
    client_certificate=st.none() | words,
)
origins = st.builds(
    Origin,
    name=words,
    host=words,
    port=st.integers(min_value=1, max_value=65535),
    tls=st.none() | origin_tls,
    host_header=st.none() | words,
    response_seconds=st.integers(min_value=1, max_value=10**7).map(lambda ms: ms / 1000),
    max_connections=st.integers(min_value=1, max_value=10**6),
    check=st.none() | words,
    unhealthy=st.booleans(),
    fallbacks=st.lists(words, max_size=3).map(tuple),
    refuses=st.booleans(),
)
data_centers = st.builds(
    DataCenter, region=words, zone=words, services=st.dictionaries(st.sampled_from(list(Tier)), words)
)


@st.composite
def zones(draw: st.DrawFn) -> Zone:
    backends = tuple(draw(st.lists(origins, min_size=1, max_size=3)))
    names = st.sampled_from([origin.name for origin in backends])
    routes = st.builds(Route, path_prefix=words, backend=names, hosts=st.lists(words, max_size=2).map(tuple))
    return Zone(
        uid=draw(words),
        namespace=draw(words),
        name=draw(words),
        generation=draw(numbers),
        hosts=tuple(draw(st.lists(words, max_size=3))),
        origins=backends,
        routes=tuple(draw(st.lists(routes, max_size=3))),
        uppers=draw(st.dictionaries(names, st.lists(words, max_size=3).map(tuple), max_size=3)),
        certificate=draw(st.none() | words),
        max_request_bytes=draw(numbers),
    )


states = st.builds(
    FleetState,
    namespace=words,
    fleet=words,
    generation=numbers,
    lease=numbers,
    data_centers=st.lists(data_centers, max_size=3).map(tuple),
    zones=st.lists(zones(), max_size=3).map(tuple),
)


@given(states, st.sampled_from(READS))
def test_a_state_is_read_back_as_it_was_written_through_json(state: FleetState, schema: int) -> None:
    assert decode_state(json.loads(json.dumps(encode_state(state, schema)))) == state


def test_a_schema_this_version_does_not_write_is_not_written() -> None:
    with pytest.raises(ValueError, match="schema 99"):
        encode_state(FleetState("shop", "default", 1, 1), 99)


WEB = {"name": "web", "host": "web.example", "port": 80}
anything_at_all = st.recursive(
    st.none() | st.booleans() | st.integers() | words, lambda child: st.lists(child) | st.dictionaries(words, child)
)


def document(**changes: Any) -> dict[str, Any]:
    zone = {
        "uid": "u",
        "namespace": "shop",
        "name": "shop",
        "generation": 1,
        "hosts": ["a.example"],
        "origins": [WEB],
        **changes.pop("zone", {}),
    }
    top = {"schema": SCHEMA, "namespace": "shop", "fleet": "default", "generation": 1, "lease": 1, "zones": [zone]}
    return {**top, **changes}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"schema": SCHEMA + 1}, "schema"),
        ({"schema": None}, "schema"),
        ({"generation": -1}, "generation"),
        ({"generation": True}, "generation"),
        ({"fleet": 7}, "fleet"),
        ({"zones": {}}, "zones"),
        ({"zones": ["x"]}, "zones[0]"),
        ({"zone": {"origins": []}}, "zones[0].origins"),
        ({"zone": {"origins": [{**WEB, "port": 0}]}}, "zones[0].origins[0].port"),
        (
            {"zone": {"origins": [{"name": "w", "host": "h", "port": 1, "tls": {}}]}},
            "zones[0].origins[0].tls.serverName",
        ),
        ({"zone": {"origins": [{**WEB, "unhealthy": "yes"}]}}, "zones[0].origins[0].unhealthy"),
        ({"zone": {"origins": [{**WEB, "fallbacks": [7]}]}}, "zones[0].origins[0].fallbacks[0]"),
        ({"zone": {"routes": [{"backend": "web"}, {"backend": "gone"}]}}, "zones[0].routes[1].backend"),
        ({"zone": {"hosts": ["a", 1]}}, "zones[0].hosts[1]"),
        ({"zone": {"uppers": {"web": "r/z"}}}, "zones[0].uppers.web"),
    ],
)
def test_a_wrong_field_is_named_by_its_path(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidField) as refused:
        decode_state(document(**changes))
    assert refused.value.path == path


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | words, lambda c: st.lists(c) | st.dictionaries(words, c))
)
def test_no_document_whatever_makes_reading_fail_otherwise_than_by_naming_a_field(anything: object) -> None:
    for tried in (anything, document(zones=anything), document(zone={"origins": anything, "uppers": anything})):
        try:
            decode_state(tried)
        except InvalidField:
            pass


def test_a_record_from_before_health_checks_says_nothing_of_health() -> None:
    (web,) = decode_state(document()).zones[0].origins
    assert (web.check, web.unhealthy, web.fallbacks, web.refuses) == (None, False, (), False)
    told = encode_state(decode_state(document()), SCHEMA)["zones"][0]["origins"]
    assert told == [WEB]  # so that what does not use checks has the bytes that it always had


def test_fields_of_no_meaning_here_are_left_alone() -> None:
    assert decode_state(document(zone={"later": 1}, later=2)) == decode_state(document())
