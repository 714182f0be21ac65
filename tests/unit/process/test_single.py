"""What the options of `shield-proxy run` mean."""

import pytest

from shield_proxy.config.reading import InvalidField
from shield_proxy.process.single import read_origin, single_tier

LISTEN = (("127.0.0.1", 8080),)


def test_one_zone_takes_every_host_and_nothing_but_the_client_port_is_open() -> None:
    found = single_tier(LISTEN, "http://origin.example:9000", ["memory=1Mi", "maxObject=2k"])
    assert found.state is not None
    assert found.state.zones[0].hosts == ("*",)
    assert (found.client, found.hop, found.internal, found.health) == (LISTEN, (), (), ())
    assert (found.memory_bytes, found.max_object_bytes) == (1 << 20, 2000)


def test_the_origin_is_sent_its_own_name_or_the_clients() -> None:
    assert read_origin("http://origin.example:9000", keep_host=False).host_header == "origin.example:9000"
    assert read_origin("http://origin.example:9000", keep_host=True).host_header is None


def test_https_means_port_443_and_a_verified_name() -> None:
    origin = read_origin("https://origin.example", keep_host=False)
    assert origin.port == 443
    assert origin.tls is not None
    assert (origin.tls.server_name, origin.tls.verify) == ("origin.example", True)


@pytest.mark.parametrize(
    "url", ["origin", "ftp://x", "http://", "http://a/path", "http://u@a", "http://a:x", "http://[::1"]
)
def test_an_origin_that_is_no_bare_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidField) as refused:
        read_origin(url, keep_host=False)
    assert refused.value.path == "--origin"


@pytest.mark.parametrize("text", ["memory", "memory=", "memory=x", "size=1Mi", ""])
def test_a_cache_field_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidField) as refused:
        single_tier(LISTEN, "http://a", [text])
    assert refused.value.path.startswith("--cache")
