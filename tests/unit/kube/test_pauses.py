"""When a watch that failed is tried again."""

from shield_proxy.kube.follow import LEAST_PAUSE, MOST_PAUSE, Pauses


def after_silence() -> Pauses:
    """Of a server that has been silent for long."""
    pauses = Pauses()
    for _ in range(20):
        pauses.after(False, 0.0)
    return pauses


def test_pauses_double_up_to_the_most() -> None:
    pauses = Pauses()
    assert [pauses.after(False, 0.0) for _ in range(7)] == [0.5, 1, 2, 4, 8, MOST_PAUSE, MOST_PAUSE]


def test_a_server_that_is_back_is_asked_again_at_once_whatever_it_answers() -> None:
    assert after_silence().after(True, 0.0) == LEAST_PAUSE


def test_a_server_that_only_refuses_is_asked_ever_more_seldom() -> None:
    pauses = after_silence()
    assert [pauses.after(True, 0.0) for _ in range(7)] == [0.5, 1, 2, 4, 8, MOST_PAUSE, MOST_PAUSE]


def test_a_watch_that_lasted_begins_again_at_once() -> None:
    assert after_silence().after(False, MOST_PAUSE + 1) == LEAST_PAUSE
