"""What /metrics shows."""

import re

from shield_courier.running.figures import BOUNDS, Figures, Standstill, exposition

NOTHING = Standstill(alerts=0, targets=0, waiting=0, failing=0, oldest=0.0)
LINE = re.compile(r'[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+')


def lines(figures: Figures, now: Standstill = NOTHING) -> list[str]:
    return exposition(figures, now, {"stdout": 3, "stderr": 0}).decode().splitlines()


def test_deliveries_are_counted_by_kind_and_outcome() -> None:
    figures = Figures()
    figures.deliveries["email", "failed"] += 2
    assert 'shield_courier_deliveries_total{kind="email",outcome="failed"} 2' in lines(figures)


def test_delays_are_a_histogram_whose_buckets_add_up() -> None:
    figures = Figures()
    for seconds in (-1.0, 0.2, 2.5, 3.0, 1e6):
        figures.delivered_after(seconds)
    found = [line for line in lines(figures) if line.startswith("shield_courier_delivery_delay_seconds")]
    assert len(found) == len(BOUNDS) + 3
    assert 'shield_courier_delivery_delay_seconds_bucket{le="0.5"} 2' in found
    assert 'shield_courier_delivery_delay_seconds_bucket{le="2.5"} 3' in found
    assert 'shield_courier_delivery_delay_seconds_bucket{le="86400"} 4' in found
    assert 'shield_courier_delivery_delay_seconds_bucket{le="+Inf"} 5' in found
    assert "shield_courier_delivery_delay_seconds_count 5" in found


def test_what_waits_is_shown() -> None:
    found = lines(Figures(), Standstill(alerts=1, targets=2, waiting=3, failing=1, oldest=7.5))
    for line in ("alerts 1", "targets 2", "waiting 3", "targets_failing 1", "waiting_seconds_max 7.5"):
        assert f"shield_courier_{line}" in found


def test_lines_that_nobody_took_are_counted_by_stream() -> None:
    assert 'shield_courier_lines_lost_total{stream="stdout"} 3' in lines(Figures())


def test_every_line_can_be_read() -> None:
    for line in lines(Figures()):
        assert line.startswith("# ") or LINE.fullmatch(line), line
