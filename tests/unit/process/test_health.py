"""Readiness: every no has its reason."""

import pytest

from shield_proxy.process.health import Situation, why_not_ready

READY = Situation(listening=True, generation=3, trusted=True, draining=False)


def test_a_pod_that_listens_with_a_trusted_state_is_ready() -> None:
    assert why_not_ready(READY) is None


@pytest.mark.parametrize(
    ("situation", "reason"),
    [
        (Situation(True, 3, True, True), "draining"),
        (Situation(False, 3, True, False), "not listening"),
        (Situation(True, None, False, False), "no zone state"),
        (Situation(True, 3, False, False), "generation 3 is not confirmed"),
    ],
)
def test_every_other_pod_is_not_and_says_why(situation: Situation, reason: str) -> None:
    assert reason in (why_not_ready(situation) or "")
