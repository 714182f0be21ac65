"""NetworkPolicies as packet filter rules."""

from __future__ import annotations

import pytest

from localcluster.policies import World, matches, rules


def pod(name, address, namespace="shop", node="ams", **labels):
    ports = [{"name": "http", "containerPort": 8080}]
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": name, "labels": labels},
        "spec": {"nodeName": node, "containers": [{"ports": ports}]},
        "status": {"podIP": address, "phase": "Running"},
    }


def policy(namespace="shop", **spec):
    return {"metadata": {"name": "p", "namespace": namespace}, "spec": {"podSelector": {}, **spec}}


WEB = pod("web", "10.244.11.2", app="web")
CLIENT = pod("client", "10.244.12.2", node="fra", app="client")
STRANGER = pod("stranger", "10.244.13.2", namespace="other", node="iad", app="client")
NAMESPACES = [
    {"metadata": {"name": "shop", "labels": {"team": "a"}}},
    {"metadata": {"name": "other", "labels": {"team": "b"}}},
]


def allowed(*policies, node="ams"):
    """What the rules of a node let through, besides connections that are open already."""
    text = rules(World([WEB, CLIENT, STRANGER], NAMESPACES, policies), node)
    return [line.split(" ", 2)[2] for line in text.splitlines() if line.endswith("RETURN") and "ESTAB" not in line]


def test_without_policies_nothing_is_dropped():
    assert "DROP" not in rules(World([WEB], NAMESPACES, []), "ams")


def test_a_selected_pod_drops_what_nothing_allows():
    text = rules(World([WEB], NAMESPACES, [policy()]), "ams")
    assert "-d 10.244.11.2 -j SHIELD-I-" in text
    assert text.count("-j DROP") == 1


def test_only_pods_of_the_node_have_rules_there():
    assert "DROP" not in rules(World([WEB], NAMESPACES, [policy()]), "fra")


def test_pods_of_other_namespaces_are_not_selected():
    assert "DROP" not in rules(World([WEB], NAMESPACES, [policy(namespace="other")]), "ams")


def test_a_pod_selector_means_pods_of_the_policys_namespace():
    peer = {"podSelector": {"matchLabels": {"app": "client"}}}
    assert allowed(policy(ingress=[{"from": [peer]}])) == ["-s 10.244.12.2/32 -j RETURN"]


def test_a_namespace_selector_means_all_pods_of_such_namespaces():
    peer = {"namespaceSelector": {"matchLabels": {"team": "b"}}}
    assert allowed(policy(ingress=[{"from": [peer]}])) == ["-s 10.244.13.2/32 -j RETURN"]


def test_both_selectors_must_be_met():
    peer = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}
    assert allowed(policy(ingress=[{"from": [peer]}])) == ["-s 10.244.11.2/32 -j RETURN"]


def test_an_empty_rule_allows_everything():
    assert allowed(policy(ingress=[{}])) == ["-j RETURN"]


def test_ports_may_be_numbers_ranges_or_names_of_the_pods_ports():
    ports = [{"port": 53, "protocol": "UDP"}, {"port": 1000, "endPort": 2000}, {"port": "http"}, {"port": "none"}]
    assert allowed(policy(ingress=[{"ports": ports}])) == [
        "-p udp --dport 53 -j RETURN",
        "-p tcp --dport 1000:2000 -j RETURN",
        "-p tcp --dport 8080 -j RETURN",
    ]


def test_an_address_block_leaves_out_its_exceptions():
    block = {"ipBlock": {"cidr": "198.51.100.0/30", "except": ["198.51.100.0/31", "198.51.100.2/32"]}}
    assert allowed(policy(policyTypes=["Egress"], egress=[{"to": [block]}])) == ["-d 198.51.100.3/32 -j RETURN"]


def test_egress_is_restricted_only_where_a_policy_says_so():
    text = rules(World([WEB], NAMESPACES, [policy(egress=[])]), "ams")
    assert "-s 10.244.11.2 -j SHIELD-E-" in text
    assert "SHIELD-E-" not in rules(World([WEB], NAMESPACES, [policy()]), "ams")


def test_pods_on_their_nodes_network_and_ended_ones_are_left_alone():
    host, ended = pod("host", "172.31.0.11"), pod("ended", "10.244.11.9")
    host["spec"]["hostNetwork"] = True
    ended["status"]["phase"] = "Succeeded"
    assert "DROP" not in rules(World([host, ended], NAMESPACES, [policy()]), "ams")


@pytest.mark.parametrize(
    ("requirement", "met"),
    [
        ({"operator": "In", "values": ["web"]}, True),
        ({"operator": "NotIn", "values": ["web"]}, False),
        ({"operator": "Exists"}, True),
        ({"operator": "DoesNotExist"}, False),
    ],
)
def test_selectors_may_be_expressions(requirement, met):
    assert matches({"matchExpressions": [{"key": "app", **requirement}]}, {"app": "web"}) is met
