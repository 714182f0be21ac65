"""Probers whose clocks are wrong, when one operator follows another."""

import time
from collections.abc import Callable

from checkspace import Shop
from operatorprocess import Running
from product.polling import poll

Start = Callable[[], Running]


def keeps_its_vote(start: Start, shop: Shop, ahead: float) -> None:
    """So does eu/a, by a clock that is so many seconds ahead, when the next operator begins. Both together are a tie,
    which leaves the verdict as it was; us/b alone would turn it round."""
    first = start()
    shop.add()
    shop.probed()

    def renew() -> None:
        shop.renew("eu/a", ahead)
        shop.renew("us/b")

    shop.report("eu/a", "Healthy")
    poll("it is healthy", lambda: shop.status()["status"] == "Healthy", 20)
    shop.report("us/b", "Unhealthy", reason="TCP Timeout")
    poll("one is not", lambda: shop.status()["healthy"] == "1/2", 20)
    renew()
    poll("both are heard", lambda: shop.condition("Ready") == ("True", "Probing"), 20)
    before = shop.status()
    assert before["status"] == "Healthy"
    assert first.stop() == 0
    jobs = shop.found("Job").keys()
    second = start()
    poll("the second leads", lambda: second.says("reconciled"), 40)
    for wait in (9, 3):
        until = time.monotonic() + wait
        while time.monotonic() < until:
            assert shop.status() == before
            time.sleep(0.3)
        renew()
    assert shop.found("Job").keys() == jobs


def test_a_clock_that_is_half_a_minute_behind(start: Start, shop: Shop) -> None:
    keeps_its_vote(start, shop, -30.0)


def test_a_clock_that_is_ten_minutes_behind(start: Start, shop: Shop) -> None:
    keeps_its_vote(start, shop, -600.0)


def test_a_clock_that_is_ten_minutes_ahead(start: Start, shop: Shop) -> None:
    keeps_its_vote(start, shop, 600.0)
