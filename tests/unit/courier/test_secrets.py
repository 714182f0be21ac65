"""Secrets as files: which one is missing, and never what is in it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from world.certificates import Authority

from shield_courier.sending.secrets import SecretProblem, Secrets
from shield_courier.sending.trust import MOST_KEPT, Trust
from shield_proxy.config.alerts.alert import SecretKey

KEY = SecretKey("hook", "url")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Secrets]:
    def written(value: bytes) -> Secrets:
        (tmp_path / "hook").mkdir(exist_ok=True)
        (tmp_path / "hook" / "url").write_bytes(value)
        return Secrets(tmp_path)

    return written


def test_it_is_read_anew_each_time(write: Callable[[bytes], Secrets]) -> None:
    assert write(b"one\n").text(KEY) == "one"
    assert write(b"two").text(KEY) == "two"


def test_a_password_keeps_its_spaces(write: Callable[[bytes], Secrets]) -> None:
    assert write(" pässwort \n".encode()).word(KEY) == " pässwort "


def test_a_missing_one_is_named_with_its_key(tmp_path: Path) -> None:
    with pytest.raises(SecretProblem, match="key url of Secret hook does not exist"):
        Secrets(tmp_path).text(KEY)


@pytest.mark.parametrize("value", [b"", b"\n", b"s3cret\nHost: x", b"s3cret\x00", b"s3cret\xff", b"s3cret" * 400_000])
def test_what_can_not_be_used_is_named_but_not_told(write: Callable[[bytes], Secrets], value: bytes) -> None:
    secrets = write(value)
    for read in (secrets.text, secrets.word):
        with pytest.raises(SecretProblem, match="key url of Secret hook") as caught:
            read(KEY)
        assert "s3cret" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_an_authority_must_hold_certificates() -> None:
    with pytest.raises(SecretProblem, match="no certificates"):
        Trust().context("s3cret")


def test_a_change_by_the_kubelet_is_seen(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    (tmp_path / "..data").symlink_to("..2026_1")
    before = secrets.version()
    (tmp_path / "..new").symlink_to("..2026_2")
    (tmp_path / "..new").rename(tmp_path / "..data")
    assert secrets.version() != before
    assert Secrets(tmp_path / "nowhere").version() == ("", 0)


def test_an_authority_is_read_once_and_only_some_are_kept() -> None:
    trust, first = Trust(), Authority("first").pem
    context = trust.context(first)
    assert trust.context(first) is context
    for i in range(MOST_KEPT):
        trust.context(Authority(f"other {i}").pem)
    assert trust.context(first) is not context
    assert len(trust._others) == MOST_KEPT
