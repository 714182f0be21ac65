"""From what the network stack says to one of 17 reasons."""

import errno
import re

import pytest

from shield_proxy.config.checks.reasons import Reason
from shield_proxy.health.reasons import Stage, of_certificate, of_deadline, of_errno, of_tls

WORDS = """TCP connection failed; HTTP timeout occurred; Response code mismatch error; Response body mismatch error;
TLS untrusted certificate error; TLS name mismatch error; TLS protocol error; TLS unrecognized name error;
No route to host error; TCP Timeout; Network Unreachable; HTTP Invalid Response; DNS Unknown Host;
Connection Reset by Peer; Monitor Configuration Error; DNS Internal; Other Failure"""


def test_the_reasons_are_exactly_these_17() -> None:
    assert [*Reason] == [word.strip() for word in WORDS.split(";")]
    assert len(Reason) == 17


def test_each_reason_has_a_form_for_conditions_of_its_own() -> None:
    forms = [reason.condition for reason in Reason]
    assert len(set(forms)) == 17
    assert all(re.fullmatch("[A-Z][A-Za-z]+", form) for form in forms)
    assert (Reason.TCP_FAILED.condition, Reason.RESET.condition) == ("TCPConnectionFailed", "ConnectionResetByPeer")


@pytest.mark.parametrize(
    ("code", "stage", "reason"),
    [
        (errno.ECONNREFUSED, Stage.TCP, Reason.TCP_FAILED),
        (errno.EPERM, Stage.TCP, Reason.TCP_FAILED),
        (errno.EACCES, Stage.TCP, Reason.TCP_FAILED),
        (None, Stage.TCP, Reason.TCP_FAILED),
        (errno.ENETUNREACH, Stage.TCP, Reason.NETWORK_UNREACHABLE),
        (errno.EADDRNOTAVAIL, Stage.TCP, Reason.NETWORK_UNREACHABLE),
        (errno.EHOSTUNREACH, Stage.TCP, Reason.NO_ROUTE),
        (errno.EHOSTUNREACH, Stage.REST, Reason.NO_ROUTE),
        (errno.ETIMEDOUT, Stage.TCP, Reason.TCP_TIMEOUT),
        (errno.ETIMEDOUT, Stage.FIRST_BYTE, Reason.TCP_TIMEOUT),
        (errno.EMFILE, Stage.TCP, Reason.OTHER),
        (errno.ECONNRESET, Stage.TLS, Reason.RESET),
        (errno.ECONNRESET, Stage.REST, Reason.RESET),
        (errno.EPIPE, Stage.FIRST_BYTE, Reason.RESET),
        (errno.EIO, Stage.REST, Reason.OTHER),
    ],
)
def test_errors_of_sockets_mean(code: int | None, stage: Stage, reason: Reason) -> None:
    assert of_errno(code, stage) is reason


@pytest.mark.parametrize(
    ("stage", "unacknowledged", "reason"),
    [
        (Stage.DNS, False, Reason.DNS_UNKNOWN_HOST),
        (Stage.TCP, False, Reason.TCP_TIMEOUT),
        (Stage.TLS, False, Reason.HTTP_TIMEOUT),
        (Stage.FIRST_BYTE, False, Reason.HTTP_TIMEOUT),
        (Stage.FIRST_BYTE, True, Reason.TCP_TIMEOUT),
        (Stage.REST, False, Reason.HTTP_TIMEOUT),
    ],
)
def test_a_deadline_means_by_stage(stage: Stage, unacknowledged: bool, reason: Reason) -> None:
    assert of_deadline(stage, unacknowledged) is reason


def test_certificates_are_of_another_name_or_not_trusted() -> None:
    hostname, address, expired, self_signed, unknown_issuer = 62, 64, 10, 18, 20
    assert {of_certificate(code) for code in (hostname, address)} == {Reason.TLS_NAME}
    assert {of_certificate(code) for code in (expired, self_signed, unknown_issuer)} == {Reason.TLS_UNTRUSTED}


def test_only_the_alert_about_the_name_is_an_unrecognized_name() -> None:
    assert of_tls("TLSV1_UNRECOGNIZED_NAME") is of_tls("TLSV1_ALERT_UNRECOGNIZED_NAME") is Reason.TLS_UNRECOGNIZED_NAME
    assert of_tls("WRONG_VERSION_NUMBER") is of_tls("TLSV1_ALERT_PROTOCOL_VERSION") is Reason.TLS_PROTOCOL
