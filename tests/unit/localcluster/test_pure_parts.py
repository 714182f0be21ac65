"""Parts of the cluster tool that need no cluster: names, keys, what a build copies, which provider is chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcluster import cgroups, layout, manifests, network
from localcluster.artifacts import appimage, cachefolder
from localcluster.cluster import provider_for
from localcluster.instance import Place
from localcluster.kubeapi import path_of
from localcluster.providers.interface import ClusterFailed
from localcluster.providers.kind import configuration


def test_every_pair_of_places_that_talk_has_a_delay():
    nodes = [n.name for n in layout.NODES]
    between = {frozenset((a, b)) for a in nodes for b in nodes if a != b}
    outward = {frozenset((o.name, n)) for o in layout.ORIGINS for n in nodes}
    assert {frozenset(pair) for pair in layout.WAN_MS} == between | outward


@pytest.mark.parametrize(("origin", "nearest"), [("origin-eu", "fra"), ("origin-us", "iad")])
def test_each_origin_has_its_nearest_data_centre(origin, nearest):
    delays = {b: ms for (a, b), ms in layout.WAN_MS.items() if a == origin}
    assert min(delays, key=lambda name: delays[name]) == nearest


def test_clusters_of_two_checkouts_have_different_marks():
    assert cgroups.mark(Path("/a/.cluster/demo")) != cgroups.mark(Path("/b/.cluster/demo"))


def test_the_demos_kubeconfig_has_the_short_path():
    assert Place("demo", Path("/c")).kubeconfig == Path("/c/.cluster/kubeconfig")
    assert Place("test", Path("/c")).kubeconfig == Path("/c/.cluster/test/kubeconfig")


def test_every_first_manifest_has_a_path():
    paths = [path_of(manifest) for manifest in manifests.everything()]
    assert len(set(paths)) == len(paths)
    assert "/apis/apps/v1/namespaces/kube-system/daemonsets/coredns" in paths
    assert "/api/v1/persistentvolumes/ams-0" in paths
    assert "/apis/storage.k8s.io/v1/storageclasses/standard" in paths


def test_pods_keep_their_address_within_the_cluster_and_leave_it_with_their_nodes():
    rules = [line for line in network.node_rules(layout.NODES[0]).splitlines() if line.startswith("-A")]
    assert [line.rpartition("-j ")[2] for line in rules] == ["ACCEPT", "ACCEPT", "SNAT --to-source 172.31.0.11"]


def test_kind_gets_the_same_regions_and_zones():
    labels = [node["labels"] for node in configuration()["nodes"] if node["role"] == "worker"]
    assert [(one[layout.REGION_LABEL], one[layout.ZONE_LABEL]) for one in labels] == [
        (n.region, n.zone) for n in layout.NODES
    ]


def test_an_existing_cluster_is_never_used_by_accident(monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "/somewhere")
    monkeypatch.delenv("CLUSTER", raising=False)
    assert provider_for(Place("demo")).kind == "builtin"


def test_an_existing_cluster_needs_its_kubeconfig_named(monkeypatch):
    monkeypatch.setenv("CLUSTER", "existing")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with pytest.raises(ClusterFailed, match="KUBECONFIG"):
        _ = provider_for(Place("demo")).kubeconfig


@pytest.fixture
def context(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM base\nCOPY --from=build /x /x\nCOPY src pyproject.toml ./\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("1")
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "README.md").write_text("")
    return tmp_path


def key_after(context, name, text):
    (context / name).write_text(text)
    return appimage.context_key(context, context / "Dockerfile", "tag")


def test_an_image_is_built_again_when_a_file_it_copies_changes(context):
    before = appimage.context_key(context, context / "Dockerfile", "tag")
    assert key_after(context, "src/a.py", "2") != before


def test_an_image_is_not_built_again_for_a_file_it_does_not_copy(context):
    before = appimage.context_key(context, context / "Dockerfile", "tag")
    assert key_after(context, "README.md", "new") == before


def test_an_image_is_built_again_for_another_argument(context):
    keys = {appimage.context_key(context, context / "Dockerfile", "tag", (v,)) for v in ("VERSION=1", "VERSION=2")}
    assert len(keys) == 2


def test_a_thing_whose_making_failed_is_not_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SMART_SHIELD_CACHE", str(tmp_path))

    def fails(draft):
        (draft / "half").write_text("")
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        cachefolder.made("thing", fails)
    assert not (tmp_path / "thing").exists()
    made = cachefolder.made("thing", lambda draft: (draft / "whole").touch())
    assert [p.name for p in made.iterdir()] == ["whole"]


def test_a_thing_in_the_cache_is_not_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("SMART_SHIELD_CACHE", str(tmp_path))
    calls = []
    for _ in range(2):
        cachefolder.made("thing", calls.append)
    assert len(calls) == 1
