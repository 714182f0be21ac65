"""Hosts as text, and certificates that cover them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.config.checks.hostnames import covers, is_host, join_authority, split_authority

"""Text of any kind begins with a table that Hypothesis makes once."""


@pytest.mark.parametrize(
    ("text", "authority"),
    [
        ("a.example", ("a.example", None)),
        ("a.example:8080", ("a.example", 8080)),
        ("192.0.2.1:80", ("192.0.2.1", 80)),
        ("[2001:db8::1]:443", ("2001:db8::1", 443)),
        ("2001:db8::1", None),
        ("[a.example]", None),
        ("a.example:", None),
        ("a.example:70000", None),
        ("a.example:0", None),
        ("a_b.svc-1.example.", ("a_b.svc-1.example.", None)),
        ("-a.example", None),
        ("a..example", None),
        ("", None),
    ],
)
def test_an_authority_is_a_host_and_perhaps_a_port(text: str, authority: tuple[str, int | None] | None) -> None:
    assert split_authority(text) == authority


@given(st.sampled_from(["a.example", "192.0.2.7", "2001:db8::7"]), st.integers(1, 65535))
def test_joined_authorities_split_again(host: str, port: int) -> None:
    assert split_authority(join_authority(host, port, 80)) == (host, None if port == 80 else port)


@given(st.text(max_size=300))
def test_a_host_has_no_letter_that_means_something_elsewhere(text: str) -> None:
    if is_host(text):
        assert text.isascii()
        assert not set(text) & set("/@?#%\\ \r\n\t\0")
        assert len(text) <= 254


@pytest.mark.parametrize(
    ("subjects", "host", "covered"),
    [
        ([("DNS", "www.example.com")], "WWW.example.com.", True),
        ([("DNS", "*.example.com")], "www.example.com", True),
        ([("DNS", "*.example.com")], "a.www.example.com", False),
        ([("DNS", "*.example.com")], "example.com", False),
        ([("DNS", "*.com")], "example.com", False),
        ([("DNS", "w*.example.com")], "www.example.com", False),
        ([("DNS", "192.0.2.1")], "192.0.2.1", False),
        ([("IP Address", "192.0.2.1")], "192.0.2.1", True),
        ([("IP Address", "2001:DB8:0:0:0:0:0:1\n")], "2001:db8::1", True),
        ([("URI", "www.example.com"), ("email", "www.example.com")], "www.example.com", False),
        ([], "www.example.com", False),
    ],
)
def test_certificates_cover(subjects: list[tuple[str, str]], host: str, covered: bool) -> None:
    assert covers(subjects, host) is covered
