"""Scenarios as data: requests of a client, answers of an origin, and what must come of them at both ends.

Each runs twice: one pod that asks the origin itself, and a lower pod behind which an upper asks it. A step may say
`after` (seconds that pass first). `origin` lists the answers in order (the last repeats); `saw` what reached the
origin. A header expected as null must be absent.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from world.client import Response
from world.fleet import Fleet, zone
from world.origin import Origin, Say, Seen

from shield_proxy.config.contract import Tier

DATA = sorted((Path(__file__).parent / "data").glob("*.yaml"))


def cases() -> Iterator[Any]:
    for path in DATA:
        for case in yaml.safe_load(path.read_text()):
            for tiers in case.get("tiers", (1, 2)):
                yield pytest.param(case, tiers, id=f"{path.stem}: {case['claim']}, {tiers} tier(s)")


def say(answer: dict[str, Any]) -> Say:
    fields = [(name, str(value)) for name, value in (answer.get("headers") or {}).items()]
    return Say(
        status=answer.get("status", 200),
        fields=fields,
        body=str(answer.get("body", "")).encode(),
        chunks=[chunk.encode() for chunk in answer["chunks"]] if "chunks" in answer else None,
        close=answer.get("close", False),
        length=answer.get("length"),
        cut=answer.get("cut", False),
    )


def check_fields(found: Any, expected: dict[str, Any] | None) -> None:
    for name, value in (expected or {}).items():
        values = found.values(name)
        if value is None:
            assert not values, f"{name}: {values}"
        elif str(value).startswith("~"):
            assert str(value)[1:] in ", ".join(values), f"{name}: {values}"
        else:
            assert ", ".join(values) == str(value), name


def check(response: Response, expected: dict[str, Any]) -> None:
    assert response.status == expected.get("status", 200), response
    if "word" in expected:
        assert response.word == expected["word"], response
    if "body" in expected:
        assert response.body.decode() == str(expected["body"])
    check_fields(response, expected.get("headers"))


@pytest.mark.parametrize(("case", "tiers"), list(cases()))
async def test_scenario(case: dict[str, Any], tiers: int, fleet: Fleet, origin: Origin) -> None:
    answers = [say(answer) for answer in case["origin"]]

    def script(_: Seen) -> Say:
        return answers[min(len(origin.seen), len(answers)) - 1]

    origin.script = script
    await fleet.add("low", Tier.LOWER if tiers == 2 else Tier.UPPER, "eu/a")
    if tiers == 2:
        await fleet.add("up", Tier.UPPER, "us/b")
    fleet.use(zone(origin.port))
    client = await fleet.client("low")
    for step in case["steps"]:
        fleet.clock.pass_time(step.get("after", 0))
        if step.get("origin") == "down":
            await origin.stop()
        method, target = step["ask"].split(" ", 1)
        fields = [(name, str(value)) for name, value in (step.get("headers") or {}).items()]
        body = step["body"].encode() if "body" in step else None
        response = await client.ask(target, *fields, method=method, body=body)
        check(response, step.get("expect", {}))
    saw = case.get("saw")
    if saw is not None:
        assert [f"{seen.method} {seen.target}" for seen in origin.seen] == [entry["ask"] for entry in saw]
        for seen, entry in zip(origin.seen, saw, strict=True):
            check_fields(seen, entry.get("headers"))
            if "body" in entry:
                assert seen.body.decode() == entry["body"]
