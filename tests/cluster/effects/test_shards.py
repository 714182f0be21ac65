"""Which checks a run hears of, by a real API server: those of its own shard, and whatever else a definition of before
makes the server tell of."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from bareapi import BareApi
from operatorprocess import CRDS
from runfixtures import account as account
from runfixtures import api as api
from runfixtures import origin as origin
from runfixtures import server as server
from runspace import CHECKS, SPACE, Origin, a_run, entry, make_check, until
from shield_proxy.health.running import run
from shield_proxy.kube.account import Account
from shield_proxy.kube.api import Api, Collection
from shield_proxy.kube.errors import BadRequest

DEFINITION = f"{CRDS}/healthchecks.smartshield.io"


def selected(shard: int) -> Collection:
    return Collection(run.CHECKS, SPACE, "healthchecks", f"status.shard={shard}")


def selectable(api: BareApi, fields: list[dict[str, str]]) -> list[dict[str, str]]:
    """Makes the definition name these fields; those that it named."""
    definition = api.call("GET", DEFINITION)
    (version,) = definition["spec"]["versions"]
    before: list[dict[str, str]] = version.pop("selectableFields", [])
    if fields:
        version["selectableFields"] = fields
    api.call("PUT", DEFINITION, definition)
    return before


def selects(api: BareApi) -> bool:
    """Whether the server can tell shards apart."""
    try:
        api.call("GET", f"{CHECKS}?fieldSelector=status.shard%3D0")
    except AssertionError:
        return False
    return True


@contextmanager
def an_older_definition(api: BareApi) -> Iterator[list[dict[str, str]]]:
    """Within the block the server knows the definition of before, until the block makes it another."""
    fields = selectable(api, [])
    try:
        yield fields
    finally:
        selectable(api, fields)


async def test_a_check_comes_into_a_shard_and_leaves_it_as_if_it_were_made_and_deleted(
    api: BareApi, account: Account
) -> None:
    client = Api(account)
    make_check(api, "here", 80)
    listed: list[Any] = []
    version = await client.list(selected(1), listed.append)
    assert listed == []
    told: dict[int, list[tuple[str, str]]] = {0: [], 1: []}

    def take(shard: int) -> Any:
        def note(event: Mapping[str, Any]) -> None:
            if event["type"] != "BOOKMARK":
                told[shard].append((event["type"], event["object"]["metadata"]["name"]))

        return note

    watches = [asyncio.create_task(client.watch(selected(shard), version, 20, take(shard))) for shard in told]
    await asyncio.to_thread(api.merge, f"{CHECKS}/here/status", {"status": {"shard": 1}})
    new = {"apiVersion": "smartshield.io/v1alpha1", "kind": "HealthCheck", "metadata": {"name": "new"}}
    await asyncio.to_thread(api.call, "POST", CHECKS, {**new, "spec": {"address": "origin.example.com"}})
    await asyncio.to_thread(api.merge, f"{CHECKS}/new/status", {"status": {"shard": 0}})
    await asyncio.to_thread(api.merge, f"{CHECKS}/here", {"spec": {"interval": 30}})
    await until("all is told", lambda: len(told[0]) + len(told[1]) >= 4)
    for watch in watches:
        watch.cancel()
    await asyncio.wait(watches)
    client.close()
    assert told == {0: [("DELETED", "here"), ("ADDED", "new")], 1: [("ADDED", "here"), ("MODIFIED", "here")]}


async def test_a_run_goes_on_through_an_upgrade_of_the_definition_that_comes_late(
    api: BareApi, account: Account, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    make_check(api, "shop", origin.port)
    make_check(api, "other", origin.port)
    api.merge(f"{CHECKS}/other/status", {"status": {"shard": 1}})
    with an_older_definition(api) as fields:
        await until("the definition is an older one", lambda: not selects(api))
        client = Api(account)
        with pytest.raises(BadRequest):
            await client.list(selected(0), lambda _: None)
        client.close()
        with caplog.at_level(logging.WARNING):
            async with a_run(account, "one"):
                await until("healthy", lambda: entry(api, "shop").get("health") == "Healthy")
                assert [m for m in caplog.messages if m.startswith("all healthchecks are watched")]
                assert not entry(api, "other")
                selectable(api, fields)
                await until("the definition is the newer one", lambda: selects(api))
                api.merge(f"{CHECKS}/shop", {"spec": {"httpConfig": {"expectedCodes": ["204"]}}})
                await until("noticed", lambda: entry(api, "shop").get("observedGeneration") == 2, 15)
                assert not entry(api, "other")
