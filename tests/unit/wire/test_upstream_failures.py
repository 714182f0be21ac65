"""What errors of the system mean, and which of several is told."""

import errno
import ssl

import pytest

from shield_proxy.tiers.messages.errors import ORIGIN_FAILURES
from shield_proxy.wire.upstream.dial import interleaved
from shield_proxy.wire.upstream.failures import NOT_CONNECTED, UpstreamFailed, connect_failure, telling, tls_failure


def verification(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "said"
    return error


def alert(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (verification(10), "tls-expired"),
        (verification(9), "tls-expired"),
        (verification(62), "tls-name"),
        (verification(64), "tls-name"),
        (verification(18), "tls-untrusted"),
        (verification(20), "tls-untrusted"),
        (alert("WRONG_VERSION_NUMBER"), "tls-protocol"),
        (alert("TLSV1_ALERT_PROTOCOL_VERSION"), "tls-protocol"),
        (alert("SSLV3_ALERT_HANDSHAKE_FAILURE"), "tls-protocol"),
        (alert("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "tls-client"),
        (alert("UNEXPECTED_EOF_WHILE_READING"), "tls"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "tls"),
        (ConnectionAbortedError("SSL handshake is taking longer than 1 seconds"), "tls-timeout"),
    ],
)
def test_a_handshake_that_failed_tells_why(error: OSError, kind: str) -> None:
    assert tls_failure(error).kind == kind


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ECONNREFUSED, "refused"),
        (errno.EHOSTUNREACH, "unreachable"),
        (errno.ENETUNREACH, "unreachable"),
        (errno.ETIMEDOUT, "connect-timeout"),
        (errno.EMFILE, "exhausted"),
    ],
)
def test_a_connection_that_failed_tells_why(number: int, kind: str) -> None:
    failure = connect_failure(OSError(number, "x"))
    assert failure.kind == kind
    assert not failure.connected


def test_of_several_addresses_the_most_telling_failure_is_told() -> None:
    numbers = [errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ETIMEDOUT, errno.ENETUNREACH]
    order = [telling(OSError(number, "x")) for number in numbers]
    assert order == sorted(order, reverse=True)
    assert len(set(order)) == 4


def test_every_kind_has_a_status_of_its_own_for_clients() -> None:
    assert ORIGIN_FAILURES.keys() >= NOT_CONNECTED


def test_what_was_sent_may_have_had_effects() -> None:
    assert UpstreamFailed("closed").connected
    assert not UpstreamFailed("tls-name").connected


@pytest.mark.parametrize(
    ("first", "order"),
    [
        (None, ["::1", "1.1.1.1", "::2", "1.1.1.2", "1.1.1.3"]),
        (4, ["1.1.1.1", "::1", "1.1.1.2", "::2", "1.1.1.3"]),
        (6, ["::1", "1.1.1.1", "::2", "1.1.1.2", "1.1.1.3"]),
    ],
)
def test_families_take_turns_beginning_with_the_one_that_worked(first: int | None, order: list[str]) -> None:
    assert interleaved(["::1", "::2", "1.1.1.1", "1.1.1.2", "1.1.1.3"], first) == order


def test_a_family_that_is_not_there_is_not_waited_for() -> None:
    assert interleaved(["1.1.1.1"], 6) == ["1.1.1.1"]
    assert interleaved([], 6) == []
