"""The samples of docs/kubectl.md are what the code prints."""

import errno
from pathlib import Path

from givenviews import NOW, check, entry, lease

from shield_courier.sending.names import network_problem
from shield_kubectl.shown.checktext import check_text
from shield_kubectl.shown.style import Style
from shield_kubectl.shown.trial import ENOUGH_ATTEMPTS, begun, seen, trial_text, unsettled
from shield_kubectl.shown.view import check_view
from shield_proxy.config.checks.reasons import Reason
from shield_proxy.config.checks.sample import Sample, Waterfall

PAGE = (Path(__file__).resolve().parents[3] / "docs/kubectl.md").read_text()
CENTRES = ("ap-south-1/a", "eu-west-1/a", "us-east-1/a", "us-east-1/b")
WHY, DETAIL = Reason.CODE_MISMATCH, "expected 200; received 503"


def sample(seconds: float, code: int, dns: float, *stages: float) -> Sample:
    """That long before now; stages in milliseconds."""
    fall = Waterfall(*(each / 1000 for each in (dns, *stages)))
    reason, detail = (None, "") if code == 200 else (WHY, DETAIL)
    return Sample(NOW - seconds, reason, detail, code, "192.0.2.1", fall)


def test_a_check() -> None:
    """The status is as the operator writes it: see test_status.py of its health checks."""
    ready = f"probed from 4 data centres: {', '.join(CENTRES)}"
    why = f"{CENTRES[0]}: {WHY}: {DETAIL}; unhealthy in 2 of 3 regions"
    body = check(
        *(entry(each, "Unhealthy", reason=WHY, detail=DETAIL, code=503) for each in CENTRES[:2]),
        *(entry(each, "Healthy", code=200) for each in CENTRES[2:]),
        centres=CENTRES,
        status="Unhealthy",
        failureReason=str(WHY),
        healthy="1/3",
        roundTrip="11.8ms",
        lastChange="2023-11-14T22:13:00Z",
        regions=[
            {"name": "ap-south-1", "health": "Unhealthy"},
            {"name": "eu-west-1", "health": "Unhealthy"},
            {"name": "us-east-1", "health": "Healthy"},
        ],
        conditions=[
            {"type": "Ready", "status": "True", "reason": "Probing", "message": ready},
            {"type": "Healthy", "status": "False", "reason": WHY.condition, "message": why},
        ],
    )
    body["metadata"]["name"] = "shop-origin"
    body["spec"]["address"] = "origin-eu.example.com"
    samples = (
        sample(4, 503, 1.2, 11.7, 23.9, 30.4, 75.3),
        sample(6, 503, 1.1, 11.9, 24.2, 29.8, 71.0),
        sample(7, 200, 1.3, 10.4, 22.8, 31.2, 70.1),
        sample(2, 503, 1.2, 10.6, 23.0, 30.9, 72.4),
    )
    view = check_view(body, [lease(*each) for each in zip(CENTRES, samples, strict=True)])
    text = check_text(view, Style(width=81), NOW)
    shown, _, _ = text.partition("eu-west-1/a, 6s ago")
    assert f"check shop-origin -n shop\n{shown}...\n" in PAGE


def test_a_test_of_an_alert() -> None:
    refused = network_problem(ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('192.0.2.1', 443)"))
    news = {"time": "2026-01-01T00:00:01Z", "notification": "test-t"}
    error = {**news, "message": refused, "attempts": ENOUGH_ATTEMPTS}
    status = {
        "lastTest": "t",
        "notifications": [{"id": "test-t", "event": "TEST", "correlationId": "0", "time": "2026-01-01T00:00:00Z"}],
        "targets": [{"name": "ops", "lastDelivery": {**news, "event": "TEST"}}, {"name": "hook", "lastError": error}],
    }
    spec = {"targets": [{"name": "ops", "email": {}}, {"name": "hook", "webhook": {}}]}
    trial = seen(begun({"spec": spec}, "t"), {"status": status}, "t")
    told = f"{trial_text(trial, Style())}{unsettled(trial, {}, 60)}\n"
    assert f"alert test on-call -n shop\n{told}```" in PAGE
