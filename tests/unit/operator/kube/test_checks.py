"""In which order the statuses of checks are written, and what becomes of those for which there was no time."""

from typing import Any

import pytest

from shield_operator.core.alerts.planning import AlertsPlan
from shield_operator.core.decode_fleet import BUILT_IN
from shield_operator.core.health.plan import ChecksPlan
from shield_operator.core.health.world import ChecksKey, ChecksMemory
from shield_operator.core.world import Installation
from shield_operator.kube import checks
from shield_operator.kube.api import Api
from shield_operator.kube.children import Children, Done
from shield_operator.kube.counters import Counters
from shield_operator.kube.events import Publisher
from shield_operator.kube.index import Index


@pytest.mark.parametrize(
    ("names", "told", "news"), [("ab", "ab", True), ("ab", "a", True), ("ab", "", True), ("", "", False)]
)
async def test_statuses_for_which_there_was_no_time_are_written_at_the_next_look_at_once(
    monkeypatch: pytest.MonkeyPatch, names: str, told: str, news: bool
) -> None:
    monkeypatch.setattr(checks, "STATUS_SECONDS", 0.0)
    client: Any = None  # Nothing is sent: there is no time for it.
    api, index = Api(client), Index()
    children = Children(api, index, lambda _: None)
    installation = Installation("smart-shield", "shield:1", "redis:8", "1", BUILT_IN)
    one = checks.Checks(installation, api, index, children, Publisher(api, "operator"), Counters())
    statuses = {name: {"status": "Unhealthy"} for name in names}
    plan = ChecksPlan(
        objects=(),
        keep=frozenset(),
        statuses=statuses,
        standing={},
        forget={},
        starts=(),
        expired=(),
        happenings=(),
        memory=ChecksMemory(),
        again_after=30.0,
    )
    alerts = AlertsPlan((), frozenset(), {}, frozenset(told), (), 30.0)
    written = await one._apply(ChecksKey("shop"), plan, alerts, {}, Done())
    assert written.news is news
