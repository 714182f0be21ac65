"""NetworkPolicies are enforced on the shared cluster, or the test says that they are not."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

from localcluster import Cluster, layout

pytestmark = pytest.mark.cluster

REDIS = "docker.io/library/redis:8.0"


def pod(namespace: str, name: str, zone: str, **labels: str) -> str:
    """A pod of Redis in a data centre, which can also be a client."""
    container = {
        "name": "redis",
        "image": REDIS,
        "imagePullPolicy": "IfNotPresent",
        "args": ["redis-server", "--protected-mode", "no"],
        "readinessProbe": {"tcpSocket": {"port": 6379}, "periodSeconds": 1},
    }
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name, **labels}},
        "spec": {
            "nodeSelector": {layout.ZONE_LABEL: zone},
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
        },
    }
    return json.dumps(manifest)


def only_friends(namespace: str) -> str:
    """A policy: the server is reached by pods labelled role=friend alone."""
    friends = {"podSelector": {"matchLabels": {"role": "friend"}}}
    manifest = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "only-friends", "namespace": namespace},
        "spec": {
            "podSelector": {"matchLabels": {"app": "server"}},
            "ingress": [{"from": [friends], "ports": [{"port": 6379}]}],
        },
    }
    return json.dumps(manifest)


def test_a_policy_lets_in_whom_it_names_and_nobody_else(cluster: Cluster, namespace: str) -> None:
    if not cluster.capabilities.network_policies:
        pytest.skip(f"NetworkPolicies are not enforced by this {cluster.provider.kind} cluster")
    cluster.kubectl("apply", "-f", "-", stdin=pod(namespace, "server", "ams"))
    cluster.kubectl("apply", "-f", "-", stdin=pod(namespace, "friend", "fra", role="friend"))
    cluster.kubectl("apply", "-f", "-", stdin=pod(namespace, "stranger", "ams"))
    cluster.kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod", "--all", "--timeout=60s", timeout=90)
    server = cluster.get("pod", "server", "-n", namespace)["status"]["podIP"]

    def answered(client: str) -> bool:
        words = ("exec", "-n", namespace, client, "--", "timeout", "1", "redis-cli", "-h", server, "ping")
        try:
            return "PONG" in cluster.kubectl(*words)
        except subprocess.CalledProcessError:
            return False

    assert answered("stranger")
    cluster.kubectl("apply", "-f", "-", stdin=only_friends(namespace))
    deadline = time.monotonic() + 10
    while answered("stranger"):
        assert time.monotonic() < deadline, "the policy is not enforced within 10 s"
    assert answered("friend")
    assert cluster.get("pod", "server", "-n", namespace)["status"]["containerStatuses"][0]["ready"]
    cluster.kubectl("delete", "networkpolicy", "-n", namespace, "only-friends")
    while not answered("stranger"):
        assert time.monotonic() < deadline + 20, "the policy outlives itself"
