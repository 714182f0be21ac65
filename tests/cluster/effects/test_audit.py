"""The view of the cluster without any watch: what the audit alone finds, on a real API server."""

import asyncio

from bareapi import BareApi
from checkspace import MERGE, Shop
from operatorprocess import OPERATOR, add_zone, zone_path
from shield_operator.core.health.world import ChecksKey
from shield_operator.core.world import FleetKey
from shield_operator.kube import audit
from shield_operator.kube.connection import connect, load_configuration
from shield_operator.kube.index import Index
from shield_operator.kube.kinds import CHECK, NODE, ZONE
from shield_operator.kube.preflight import missing
from shield_operator.kube.progress import Progress


async def test_what_the_watches_missed_is_found_and_told_of(api: BareApi, space: str) -> None:
    index, concerned = Index(), set[FleetKey]()
    key = FleetKey(space, "default")
    add_zone(api, space, "before")
    configuration = await load_configuration(api.kubeconfig(OPERATOR))
    async with connect(configuration, lambda: None) as client:
        assert (await missing(client))[0] == []
        one = audit.Audit(client, index, Progress(), concerned.update)

        async def listed() -> None:
            laps = asyncio.create_task(one.run())
            await asyncio.wait_for(one.complete.wait(), 20)
            laps.cancel()
            await asyncio.gather(laps, return_exceptions=True)

        await listed()
        assert {name for _, name in index.all(NODE)} == {"n1", "n2"}
        assert [body["metadata"]["name"] for body in index.of_fleet(key, ZONE)] == ["before"]
        assert key in concerned
        concerned.clear()
        assert not await one.check(ZONE)
        api.call("DELETE", zone_path(space, "before"))
        add_zone(api, space, "after")
        assert await one.check(ZONE)
        assert [body["metadata"]["name"] for body in index.of_fleet(key, ZONE)] == ["after"]
        assert concerned == {key}
        assert not await one.check(ZONE)


async def test_who_begins_to_lead_sees_checks_as_they_stand(api: BareApi, space: str) -> None:
    index, concerned = Index(), set[ChecksKey]()
    shop = Shop(api, space)
    shop.add("told", interval=60)
    shop.add("gone")
    async with connect(await load_configuration(api.kubeconfig(OPERATOR)), lambda: None) as client:
        one = audit.Audit(client, index, Progress(), concerned.update)
        await one.catch_up([CHECK])
        assert {name for at, name in index.all(CHECK) if at == space} == {"told", "gone"}
        api.call("PATCH", shop.path("told"), {"spec": {"interval": 30}}, MERGE)
        api.call("DELETE", shop.path("gone"))
        concerned.clear()
        await one.catch_up([CHECK])
        assert {name: body["spec"]["interval"] for (at, name), body in index.all(CHECK).items() if at == space} == {
            "told": 30
        }
        assert concerned == {ChecksKey(space)}
