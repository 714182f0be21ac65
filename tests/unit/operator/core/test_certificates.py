"""Secrets of zones: mounted by name, never read, bounded, and what pods say of them."""

import dataclasses

import pytest

from shield_operator.core import mounts, naming
from shield_operator.core.planning import make_plan
from shield_proxy.config import contract
from shield_proxy.config.reports import Problem

LATER = "2026-02-01T00:00:00Z"
MISSING = Problem("uid-shop", "SecretMissing", "Secret shop-tls does not exist")
ORIGIN = {"name": "main", "address": "o.example.com", "tls": {"clientCertificate": {"secretName": "shown"}}}


def templates(cluster, tier):
    """Data centre -> the pod template of each Deployment of the tier."""
    return {
        obj["metadata"]["annotations"][naming.ANNOTATION_DATA_CENTER]: obj["spec"]["template"]
        for (kind, _), obj in cluster.objects.items()
        if kind == "Deployment" and obj["metadata"]["labels"][naming.LABEL_TIER] == tier
    }


def volume(template, name):
    """The volume of that name, None without one."""
    return next((item for item in template["spec"]["volumes"] if item["name"] == name), None)


@pytest.fixture
def secured(served):
    """A settled fleet whose zone has HTTPS."""
    served.change(tls={"secretName": "shop-tls"})
    served.run(20)
    return served


def test_lower_pods_mount_the_certificates_of_all_zones_in_folders_of_their_own(secured, new_zone):
    secured.zones["blog"] = new_zone("blog", created=LATER, tls={"secretName": "blog.tls"})
    secured.run(20)
    for template in templates(secured, "lower").values():
        sources = volume(template, "certificates")["projected"]["sources"]
        assert [source["secret"]["name"] for source in sources] == ["blog.tls", "shop-tls"]
        assert all(source["secret"]["optional"] for source in sources)
        assert [item["path"] for item in sources[0]["secret"]["items"]] == ["blog.tls/tls.crt", "blog.tls/tls.key"]
        mounted = {mount["name"]: mount["mountPath"] for mount in template["spec"]["containers"][0]["volumeMounts"]}
        assert mounted["certificates"] == contract.CERTIFICATES_DIR
    assert all(volume(template, "certificates") is None for template in templates(secured, "upper").values())


def test_upper_pods_mount_what_origins_are_shown(served):
    served.change(origins=[ORIGIN])
    served.run(20)
    (source,) = volume(templates(served, "upper")["eu/a"], "origin-tls")["projected"]["sources"]
    assert (source["secret"]["name"], source["secret"]["optional"]) == ("shown", True)
    assert all(volume(template, "origin-tls") is None for template in templates(served, "lower").values())


def test_a_new_name_rolls_one_data_centre_at_a_time(served):
    served.change(tls={"secretName": "shop-tls"})
    seen = []
    for _ in range(20):
        served.step()
        with_it = {key for key, template in templates(served, "lower").items() if volume(template, "certificates")}
        assert len(with_it) - (len(seen[-1]) if seen else 0) <= 1
        seen.append(with_it)
    assert seen[-1] == {"eu/a", "eu/b", "us/a", "us/b"}


def test_a_zone_that_names_what_another_names_already_rolls_nothing(secured, new_zone):
    before = templates(secured, "lower")
    secured.zones["blog"] = new_zone("blog", created=LATER, tls={"secretName": "shop-tls"})
    secured.run(5)
    assert templates(secured, "lower") == before


def test_a_refused_zone_keeps_the_certificate_it_had(secured):
    secured.change(tls={"secretName": "other"}, placement={"dataCenters": ["mars"]})
    secured.run(5)
    assert secured.condition("Ready") == ("False", "UnknownDataCenter")
    assert secured.part().certificate == "shop-tls"
    (source,) = volume(templates(secured, "lower")["eu/a"], "certificates")["projected"]["sources"]
    assert source["secret"]["name"] == "shop-tls"


def test_the_service_has_a_port_for_https_only_with_a_certificate(served):
    ident = ("Service", naming.edge("shop"))
    assert [port["name"] for port in served.objects[ident]["spec"]["ports"]] == ["http"]
    exposure = {"type": "NodePort", "tlsPort": 8443, "nodePort": 30001, "tlsNodePort": 30002}
    served.change(tls={"secretName": "shop-tls"}, exposure=exposure)
    served.step()
    spec = served.objects[ident]["spec"]
    assert spec["externalTrafficPolicy"] == "Local"
    assert spec["ports"][1] == {
        "name": "https",
        "port": 8443,
        "targetPort": "client-tls",
        "nodePort": 30002,
        "protocol": "TCP",
    }
    served.step()
    assert [(e["scheme"], e["port"]) for e in served.zones["shop"].status["endpoints"]] == [
        ("http", 80),
        ("https", 8443),
    ]


def test_more_names_than_fit_are_refused_and_the_older_zones_keep_theirs(served, new_zone, monkeypatch):
    monkeypatch.setattr(mounts, "MOST_NAMES", 2)
    for i, name in enumerate(("one", "two", "three")):
        served.zones[name] = new_zone(name, created=f"2026-0{i + 2}-01T00:00:00Z", tls={"secretName": name})
    served.run(30)
    assert served.condition("Ready", "three") == ("False", "TooManyCertificates")
    assert {served.condition("Ready", name)[0] for name in ("shop", "one", "two")} == {"True"}
    sources = volume(templates(served, "lower")["eu/a"], "certificates")["projected"]["sources"]
    assert [source["secret"]["name"] for source in sources] == ["one", "two"]
    served.change("two", tls={"secretName": "another"})
    served.run(30)
    assert served.condition("Ready", "two")[0] == "True"
    served.change("one", hosts=["one.example.com"])
    served.run(30)
    assert served.condition("Ready", "three")[0] == "True"


def test_an_older_zone_never_takes_the_place_of_a_name_that_is_in_use(served, new_zone, monkeypatch):
    monkeypatch.setattr(mounts, "MOST_NAMES", 1)
    served.zones["late"] = new_zone("late", created=LATER, tls={"secretName": "late"})
    served.run(20)
    served.change(tls={"secretName": "shop-tls"})
    served.run(20)
    assert served.condition("Ready") == ("False", "TooManyCertificates")
    assert served.condition("Ready", "late")[0] == "True"


def test_a_zone_without_a_certificate_has_no_such_condition(served):
    assert "CertificateReady" not in {c["type"] for c in served.zones["shop"].status["conditions"]}


def test_a_certificate_that_pods_lack_degrades_the_zone_and_says_where(secured):
    assert secured.condition("CertificateReady") == ("True", "Usable")
    secured.problems = {("lower", "eu/b"): (MISSING,), ("lower", "us/a"): (MISSING,)}
    secured.happenings.clear()
    secured.run(3)
    assert secured.condition("CertificateReady") == ("False", "SecretMissing")
    assert secured.condition("Degraded") == ("True", "SecretMissing")
    assert secured.condition("Ready") == ("True", "Serving")
    message = next(c for c in secured.zones["shop"].status["conditions"] if c["type"] == "CertificateReady")["message"]
    assert message == "Secret shop-tls does not exist (lower tier in eu/b, lower tier in us/a)"
    assert secured.happenings == [("shop", "Degraded"), ("shop", "SecretMissing")]
    secured.problems = {}
    secured.run(3)
    assert secured.condition("CertificateReady") == ("True", "Usable")
    assert secured.condition("Degraded") == ("False", "Complete")
    assert secured.happenings[2:] == [("shop", "Recovered"), ("shop", "CertificateReady")]


def test_the_problem_of_one_zone_is_not_told_of_another(secured, new_zone):
    secured.zones["blog"] = new_zone("blog", created=LATER, tls={"secretName": "shop-tls"})
    secured.run(5)
    secured.problems = {("lower", "eu/a"): (dataclasses.replace(MISSING, zone="uid-blog"),)}
    secured.run(3)
    assert secured.condition("CertificateReady") == ("True", "Usable")
    assert secured.condition("CertificateReady", "blog") == ("False", "SecretMissing")


def test_while_pods_are_replaced_for_a_new_name_that_is_the_reason(served):
    served.problems = {("lower", key): (MISSING,) for key in ("eu/a", "eu/b", "us/a", "us/b")}
    served.change(tls={"secretName": "shop-tls"})
    served.run(2)
    assert served.condition("CertificateReady") == ("False", "RollingOut")
    assert served.condition("Degraded")[0] == "False"


def test_secrets_of_zones_are_no_business_of_the_operator(secured):
    plan = make_plan(secured.world())
    assert "shop-tls" not in {name for kind, name in plan.keep if kind == "Secret"}
    assert "shop-tls" not in {*plan.secrets.certificates.values(), plan.secrets.redis}
