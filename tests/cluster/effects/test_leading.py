"""Two operators, of which one writes: takeover, fencing, and what a leader that was asleep may still do."""

import signal
from collections.abc import Callable

from bareapi import BareApi
from operatorprocess import NAMESPACE, Running, add_zone, children, lease, status
from product.polling import poll

Start = Callable[[], Running]


def leads(api: BareApi, operator: Running) -> bool:
    """Whether the Lease names the operator."""
    return str(lease(api).get("holderIdentity", "")).startswith(f"operator-{operator.port}_")


def test_a_leader_that_stops_gives_the_lease_back_at_once(api: BareApi, start: Start) -> None:
    first = start()
    poll("the first leads", lambda: leads(api, first), 30)
    second = start()
    poll("the second listens", second.listens, 20)
    count = lease(api)["leaseTransitions"]
    assert first.stop() == 0
    poll("the second leads", lambda: leads(api, second), 8)
    assert lease(api)["leaseTransitions"] > count


def test_a_leader_that_was_stopped_changes_nothing_when_it_goes_on(api: BareApi, start: Start, space: str) -> None:
    first = start()
    poll("the first leads", lambda: leads(api, first), 30)
    add_zone(api, space)
    poll("the zone has a status", lambda: status(api, space), 30)
    second = start()
    poll("the second waits", second.listens, 20)
    count = lease(api)["leaseTransitions"]
    first.signal(signal.SIGSTOP)
    add_zone(api, space, "later")
    poll("the second leads", lambda: leads(api, second), 40)
    assert lease(api)["leaseTransitions"] == count + 1
    poll("and works", lambda: status(api, space, "later").get("generations"), 30)
    poll("and is done", lambda: second.lines()[-1].get("changed") == 0, 30)
    before = {child: body["metadata"]["resourceVersion"] for child, body in children(api, space).items()}
    first.signal(signal.SIGCONT)
    poll("the first knows", lambda: first.says("no longer leading"), 20)
    assert {child: body["metadata"]["resourceVersion"] for child, body in children(api, space).items()} == before
    assert leads(api, second)
    assert first.process.poll() is None
    assert second.stop() == 0
    poll("the first, a standby until now, leads again", lambda: leads(api, first), 20)


def test_a_lease_that_was_deleted_starts_above_what_the_records_carry(api: BareApi, start: Start, space: str) -> None:
    first = start()
    add_zone(api, space)
    poll("the zone has a status", lambda: status(api, space).get("generations"), 30)
    assert first.stop() == 0
    count = lease(api)["leaseTransitions"]
    assert count > 1
    api.call("DELETE", f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/shield-operator")
    second = start()
    poll("the count is above the records'", lambda: lease(api).get("leaseTransitions", 0) > count, 30)
    poll("and it reconciles", lambda: second.lines()[-1].get("outcome") == "ok", 30)


def test_two_operators_that_begin_together_make_one_ca(api: BareApi, start: Start, space: str) -> None:
    path = f"/api/v1/namespaces/{NAMESPACE}/secrets/smart-shield-ca"
    one, two = start(), start()
    add_zone(api, space)
    made = poll("there is a CA", lambda: api.call("GET", path), 40)["data"]
    leader = one if poll("one leads", lambda: leads(api, one) or leads(api, two), 30) and leads(api, one) else two
    leader.stop()
    poll("the zone has a status", lambda: status(api, space).get("generations"), 30)
    assert api.call("GET", path)["data"] == made
