"""Samples go on from run to run, so that those of a check that is rarely probed are not lost with each hand-over."""

import dataclasses
import time
from pathlib import Path

from givenchecks import GOOD, WRONG_CODE

from shield_proxy.config.checks.samples import write_samples
from shield_proxy.health.running.lease import Lease
from shield_proxy.health.running.run import Duty, Run
from shield_proxy.health.running.standing import Place
from shield_proxy.kube.account import Account
from shield_proxy.kube.api import Api


async def test_a_run_hands_on_the_samples_of_those_before_it() -> None:
    async def probe(*_: object) -> object:
        raise AssertionError("nothing is due")

    api = Api(Account("192.0.2.1", 443, Path("/nowhere")))
    run = Run(Duty("shop", Place("eu", "a"), 0, "probes"), "run", api, probe, time.time, print)  # type: ignore[arg-type]
    before = {"0" * 32: GOOD, "1" * 32: WRONG_CODE}
    run.settle(Lease("1", samples=write_samples(before)))
    assert {key: dataclasses.replace(each, waterfall=GOOD.waterfall) for key, each in run.samples().items()} == {
        key: dataclasses.replace(each, waterfall=GOOD.waterfall) for key, each in before.items()
    }
    assert write_samples(run.samples()) == write_samples(before)
