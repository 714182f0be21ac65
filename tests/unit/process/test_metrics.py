"""Prometheus text."""

import asyncio
import os
import re
import time

from shield_proxy.process.metrics import lines, open_files, process_families, render
from shield_proxy.tiers.telemetry.counters import Counters
from shield_proxy.tiers.telemetry.families import labelled

LINE = re.compile(
    r'# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z_]+="([^"\\\n]|\\.)*"(,[a-z_]+="([^"\\\n]|\\.)*")*\})? -?[0-9.e+-]+'
)


async def test_names_help_type_and_labels_are_written_and_escaped() -> None:
    samples = [(labelled(zone='q"\\\n', tier="lower"), 2), ("", 0.5), ("_sum", 3.0)]
    text = await render([("shield_x_total", "counter", 'a\nb"', samples)])
    assert text.decode() == (
        '# HELP shield_x_total a\\nb"\n# TYPE shield_x_total counter\n'
        'shield_x_total{zone="q\\"\\\\\\n",tier="lower"} 2\nshield_x_total 0.5\nshield_x_total_sum 3\n'
    )


async def test_the_figures_are_well_formed_and_named_in_base_units() -> None:
    counters = Counters("lower")
    counters.tally('a"/b', "HIT", 200).count += 1
    counters.took("MISS", 0.2)
    counters.first_byte("origin", 0.2)
    text = (await render([*process_families("lower", 7, True, False, 1000.0), *counters.snapshot()])).decode()
    for line in text.splitlines():
        assert LINE.fullmatch(line), line
    assert "\nshield_state_generation 7\n" in text
    assert "\nshield_state_confirmed 1\n" in text
    assert 'tier="lower"' in text
    assert all(line.startswith(("#", "shield_")) for line in text.splitlines())


def test_an_open_file_is_counted() -> None:
    before = open_files()
    descriptor = os.open("/dev/null", os.O_RDONLY)
    try:
        assert open_files() == before + 1
    finally:
        os.close(descriptor)


async def test_others_have_their_turn_while_the_figures_of_thousands_of_zones_are_written() -> None:
    counters = Counters("lower")
    for i in range(2000):
        for word in ("HIT", "MISS", "EXPIRED", "BYPASS", "NONE"):
            counters.tally(f"namespace-{i}/zone-{i}", word, 200).count += i
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.get_running_loop().create_task(others())
    began = time.process_time()
    text = await render(counters.snapshot())
    spent = time.process_time() - began
    other.cancel()
    assert text.count(b"\n") > 20_000
    # One turn for each 4 ms of work and some 500 lines: the others are never without theirs for long.
    assert turns >= 2 or spent < 0.008


def test_lines_come_one_family_after_the_other() -> None:
    text = "".join(lines([("shield_a", "gauge", "A.", [("", 1)]), ("shield_b", "gauge", "B.", [])]))
    assert text == "# HELP shield_a A.\n# TYPE shield_a gauge\nshield_a 1\n# HELP shield_b B.\n# TYPE shield_b gauge\n"
