"""Prometheus text."""

import os
import re

from shield_proxy.process.metrics import open_files, process_families, render

LINE = re.compile(
    r'# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z_]+="([^"\\\n]|\\.)*"(,[a-z_]+="([^"\\\n]|\\.)*")*\})? -?[0-9.e+-]+'
)


def test_names_help_type_and_labels_are_written_and_escaped() -> None:
    text = render([("shield_x_total", "counter", 'a\nb"', [({"zone": 'q"\\\n', "tier": "lower"}, 2), ({}, 0.5)])])
    assert text == (
        '# HELP shield_x_total a\\nb"\n# TYPE shield_x_total counter\n'
        'shield_x_total{zone="q\\"\\\\\\n",tier="lower"} 2\nshield_x_total 0.5\n'
    )


def test_the_process_figures_are_well_formed_and_named_in_base_units() -> None:
    text = render(process_families("lower", 7, True, False, 1000.0))
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
