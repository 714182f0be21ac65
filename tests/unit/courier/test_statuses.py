"""What of a status is news."""

from shield_courier.running.statuses import content
from shield_proxy.config.alerts.notification import TargetStatus


def test_that_something_was_given_up_is_news_and_the_order_of_it_is_not() -> None:
    settled = ("n1", "n2")
    given_up = content([TargetStatus("hook", settled, given_up=settled)])
    assert given_up != content([TargetStatus("hook", settled)])
    assert given_up == content([TargetStatus("hook", settled, given_up=settled[::-1])])
