"""The document: generations, leases, schemas, and what is in it."""

from dataclasses import replace

from shield_operator.core.planning import make_plan
from shield_operator.core.spec import RouteSpec
from shield_operator.core.world import Record
from shield_operator.core.zonestate import sort_routes
from shield_proxy.config.record import read_record, write_record
from shield_proxy.config.version import READS, SCHEMA


def test_a_change_raises_the_generation_of_its_zone_alone(served, new_zone):
    served.zones["blog"] = new_zone("blog", created="2026-02-01T00:00:00Z")
    served.run(5)
    blog, before = served.part("blog").generation, served.record.generation
    served.change(hosts=["new.example.com"])
    served.step()
    assert served.record.generation == served.part("shop").generation == before + 1
    assert served.part("blog").generation == blog


def test_a_new_data_centre_raises_the_documents_generation_only(served):
    before = served.record.generation
    zone = served.part().generation
    served.add_node("ap/a")
    served.step()
    assert (served.record.generation, served.part().generation) == (before + 1, zone)


def test_a_new_leader_writes_the_same_document_with_its_lease(served):
    before = served.record.state
    served.lease = 2
    plan = make_plan(served.world())
    assert plan.state == replace(before, lease=2)


def test_a_leader_that_was_superseded_writes_nothing(served):
    served.record = replace(served.record, lease=9)
    served.change(hosts=["new.example.com"])
    assert make_plan(served.world()).state is None


def test_without_a_record_the_generation_goes_on_above_what_pods_hold(served):
    served.record = None
    held = max(generation for _, generation in served.pods.values())
    assert make_plan(served.world()).state.generation == held + 1


def test_a_record_that_fell_behind_its_pods_overtakes_them(served):
    old = served.record
    served.pods = {name: (pod, 50) for name, (pod, _) in served.pods.items()}
    served.record = old
    assert make_plan(served.world()).state.generation == 51


def test_after_a_newer_schema_the_generation_goes_on_and_the_status_tells_the_assignment(served):
    served.record = Record(SCHEMA + 1, 77, 1, None)
    plan = make_plan(served.world())
    assert plan.state.generation == 78
    assert plan.state.zones[0].uppers == {"main": ("eu/a", "eu/b")}


def test_the_schema_is_what_every_pod_reads(served):
    pods = list(served.pods)
    served.schemas = {pods[0]: SCHEMA + 3}
    assert make_plan(served.world()).schema == SCHEMA
    served.schemas = {pods[0]: 0}
    assert make_plan(served.world()).schema == READS[0]


def test_the_schema_is_not_raised_while_a_pod_has_not_said_what_it_reads(served, monkeypatch):
    monkeypatch.setattr("shield_operator.core.zonestate.SCHEMA", SCHEMA + 1)
    served.schemas = dict.fromkeys(served.pods, SCHEMA + 1)
    world = served.world()
    assert make_plan(world).schema == SCHEMA + 1
    assert make_plan(replace(world, reports={})).schema == SCHEMA
    silent = next(iter(world.reports))
    others = {name: report for name, report in world.reports.items() if name != silent}
    assert make_plan(replace(world, reports=others)).schema == SCHEMA


def test_the_document_can_be_written_and_read(served):
    state = make_plan(served.world()).state
    assert read_record(write_record(state, SCHEMA)) == state


def test_origins_are_what_proxies_connect_to(served):
    origins = [
        {"name": "main", "address": "A.example.com", "tls": {}, "hostHeader": "h.example.com"},
        {"name": "images", "service": {"name": "images"}, "port": 8080, "tls": {"serverName": "i.example.com"}},
    ]
    served.change(origins=origins)
    served.step()
    main, images = served.part().origins
    assert (main.host, main.port, main.tls.server_name, main.host_header) == (
        "a.example.com",
        443,
        "a.example.com",
        "h.example.com",
    )
    assert (images.host, images.port, images.tls.server_name, images.tls.verify) == (
        "images.shop.svc",
        8080,
        "i.example.com",
        True,
    )


def test_limits_and_certificates_of_a_zone_reach_its_pods(served):
    tls = {"clientCertificate": {"secretName": "shown"}}
    origin = {"name": "main", "address": "a.example.com", "responseTimeoutSeconds": 7, "maxConnections": 9, "tls": tls}
    served.change(origins=[origin], tls={"secretName": "shop-tls"}, maxRequestBody="1Mi")
    served.step()
    (main,) = served.part().origins
    assert (main.response_seconds, main.max_connections, main.tls.client_certificate) == (7.0, 9, "shown")
    assert (served.part().certificate, served.part().max_request_bytes) == ("shop-tls", 1 << 20)
    state = make_plan(served.world()).state
    assert read_record(write_record(state, SCHEMA)) == state


def test_every_data_centre_names_its_services(served):
    found = {dc.key: dict(dc.services) for dc in served.record.state.data_centers}
    services = {name for kind, name in served.objects if kind == "Service"}
    assert set(found["eu/a"]) == {"lower", "upper"}
    assert set(found["us/a"]) == {"lower"}
    assert all(dns.removesuffix(".shop.svc") in services for tiers in found.values() for dns in tiers.values())


def test_routes_match_exact_hosts_first_then_longer_wildcards_then_longer_prefixes():
    routes = [
        RouteSpec("all", "/img/"),
        RouteSpec("wild", "/", ("*.example.com", "*.eu.example.com", "a.example.com")),
        RouteSpec("deep", "/img/big/"),
        RouteSpec("exact", "/img/", ("a.example.com",)),
    ]
    assert [(route.backend, route.hosts) for route in sort_routes(routes)] == [
        ("exact", ("a.example.com",)),
        ("wild", ("a.example.com",)),
        ("wild", ("*.eu.example.com",)),
        ("wild", ("*.example.com",)),
        ("deep", ()),
        ("all", ()),
    ]
