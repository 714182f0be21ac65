"""`kubectl smartshield` on a real API server, with operator and probers at work: what people see, and what is left."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from bareapi import own_address
from checkspace import PLACES, Shop
from operatorprocess import ROOT, Running
from person import Person
from proberprocess import Origin
from product.polling import poll
from shield_proxy.config.checks.samples import SAMPLES, read_samples

Start = Callable[[], Running]
Probers = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def probing(start: Start, shop: Shop, origin: Origin, probers: Probers) -> Shop:
    """A check `origin` that is probed from two data centres."""
    start()
    config = {"port": origin.server_address[1]}
    shop.add(address=own_address(), interval=5, timeout=2, httpConfig=config)
    poll("runs are to begin", lambda: len(shop.found("Job")) == 2, 30)
    for key in PLACES:
        probers(key)
    poll("it is healthy", lambda: shop.condition("Healthy") == ("True", "Healthy"), 60)
    return shop


def samples(shop: Shop) -> int:
    """How many last samples the Leases hold."""
    notes = [body["metadata"].get("annotations") or {} for body in shop.found("Lease").values()]
    return sum(len(read_samples(each.get(SAMPLES))) for each in notes)


def preview_of(**spec: Any) -> str:
    return yaml.safe_dump({"apiVersion": "smartshield.io/v1alpha1", "kind": "HealthCheck", "spec": spec})


def left(shop: Shop) -> list[str]:
    """Names of the checks that there are."""
    return [body["metadata"]["name"] for body in shop.api.call("GET", shop.path("").rstrip("/"))["items"]]


@pytest.mark.usefixtures("policy")
def test_a_check_is_shown_and_another_previewed(probing: Shop, person: Person, origin: Origin) -> None:
    shop, here = probing, ("-n", probing.space)
    poll("samples are in the Leases", lambda: samples(shop) == 2, 30)
    told = json.loads(person.says("check", "origin", *here, "-o", "json"))
    assert (told["kind"], told["status"], told["healthyRegions"]) == ("CheckReport", "Healthy", "2/2")
    assert [each["name"] for each in told["dataCenters"]] == ["eu/a", "us/b"]
    for each in told["dataCenters"]:
        assert each["heard"]
        assert each["lastProbe"]["healthy"]
        assert each["lastProbe"]["waterfall"]["totalMilliseconds"] > 0
    assert yaml.safe_load(person.says("check", "origin", *here, "-o", "yaml"))["kind"] == "CheckReport"
    shown = person.says("check", "origin", *here)
    assert "Healthy for" in shown
    assert "us/b" in shown
    assert "#" in shown
    assert shown.isascii()

    address, config = own_address(), {"port": origin.server_address[1]}
    good = preview_of(address=address, httpConfig=config)
    told = json.loads(person.says("check", "preview", "-f", "-", *here, "-o", "json", given=good))
    assert (told["kind"], told["health"], len(told["dataCenters"])) == ("PreviewReport", "Healthy", 2)
    bad = preview_of(address=address, httpConfig={**config, "expectedCodes": ["404"]}, consecutiveFails=3)
    shown = person.says("check", "preview", "-f", "-", *here, given=bad, status=1)
    assert "Response code mismatch error" in shown
    assert "expected 404" in shown
    assert left(shop) == ["origin"]
    poll("samples of what is gone are gone", lambda: samples(shop) == 2, 30)


def hear_interrupts() -> None:
    """Also where these tests run in a shell's background, which has its children ignore them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_preview_that_is_broken_off_is_deleted(shop: Shop, person: Person) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        words = ("check", "preview", "-f", "-", "-n", shop.space)
        with person.begins(*words, start_new_session=True, preexec_fn=hear_interrupts) as running:
            assert running.stdin is not None
            running.stdin.write(preview_of(address="origin.example.com"))
            running.stdin.close()
            running.stdin = None
            poll("it is there", lambda: [name for name in left(shop) if name.startswith("preview-")], 20, 0.1)
            os.killpg(running.pid, number)
            _, complaint = running.communicate(timeout=20)
        assert left(shop) == []
        assert "Traceback" not in complaint


def test_a_preview_that_nobody_takes_up_ends_in_time_and_is_deleted(shop: Shop, person: Person) -> None:
    given = preview_of(address="origin.example.com")
    shown = person.says("check", "preview", "-f", "-", "-n", shop.space, "--timeout=2", given=given, status=2)
    assert "the operator has not taken it up within 2 s" in shown
    assert left(shop) == []


def test_a_preview_from_nowhere_is_not_waited_for(start: Start, shop: Shop, person: Person) -> None:
    start()
    given = preview_of(address="origin.example.com", checkRegions=["mars"])
    shown = person.says("check", "preview", "-f", "-", "-n", shop.space, given=given, status=2)
    assert shown == "spec.checkRegions[0]: no node is in the region mars; the cluster's regions are eu, us\n"
    assert left(shop) == []


COMPLAINTS = [
    (("check", "nothing"), "", "there is no HealthCheck nothing in namespace {}"),
    (("check", "preview"), "", "which check is to be previewed? Name its file: check preview -f FILE"),
    (("check", "nothing", "--as=bob"), "", "bob has no right to get healthchecks in {}. The ClusterRole"),
    (("check", "nothing", "--context=nope"), "", 'context "nope" does not exist'),
    (("check", "nothing", "--server=https://127.0.0.1:1"), "", "the cluster can't be reached"),
    (("check", "nothing", "--token=wrong"), "", "the cluster does not know you"),
    (("check", "preview", "-f", "/nowhere.yaml"), "", "/nowhere.yaml can't be read: No such file or directory"),
    (("check", "preview", "-f", "-"), "a: [", "is no YAML"),
    (("check", "preview", "-f", "-"), "kind: Service", "kind: must be HealthCheck"),
    (("check", "preview", "-f", "-"), preview_of(address="a b"), "spec.address"),
    (("check", "preview", "-f", "-"), preview_of(address="a.b", timeout=70), "timeout must be less than interval"),
    (("check", "preview", "-f", "-"), preview_of(address="a.b", pth="/"), 'unknown field "spec.pth"'),
]


def test_what_can_not_be_done_is_told_in_one_clear_line(shop: Shop, person: Person) -> None:
    for words, given, complaint in COMPLAINTS:
        told = person.says(*words, "-n", shop.space, given=given, status=2)
        assert complaint.format(shop.space) in told
        assert told.startswith("error: ")
        assert told.count("\n") == 1
    assert left(shop) == []


def test_without_any_cluster_it_says_so(person: Person) -> None:
    person.environment["KUBECONFIG"] = "/nowhere"
    told = person.says("check", "origin", status=2)
    assert told.startswith(
        "error: the cluster can't be reached: The connection to the server localhost:8080 was refused."
    )
    assert "error: stat /nowhere" in person.says("check", "origin", "--kubeconfig=/nowhere", status=2)


def test_a_cluster_without_the_product_is_told_apart_from_a_missing_check(shop: Shop, person: Person) -> None:
    config = yaml.safe_load(person.config.read_text())
    # The same server below a path at which it knows nothing at all.
    config["clusters"][0]["cluster"]["server"] += "/nothing"
    other = person.config.with_name("other.kubeconfig")
    other.write_text(yaml.safe_dump(config))
    told = person.says("check", "origin", "-n", shop.space, f"--kubeconfig={other}", status=2)
    assert "Smart Shield is not installed there" in told


def test_the_namespace_is_the_contexts_where_none_is_given(shop: Shop, person: Person) -> None:
    config = yaml.safe_load(person.config.read_text())
    config["contexts"][0]["context"]["namespace"] = shop.space
    other = person.config.with_name("other.kubeconfig")
    other.write_text(yaml.safe_dump(config))
    shop.add()
    told = json.loads(person.says("check", "origin", f"--kubeconfig={other}", "-o", "json"))
    assert (told["namespace"], told["status"]) == (shop.space, "Unknown")


LOGIN = """#!/bin/sh
echo "To sign in, open https://login.example.com and enter the code 1234" >&2
echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "TOKEN"}}'
"""


def test_a_login_by_a_program_works_and_what_it_asks_is_seen(shop: Shop, person: Person) -> None:
    login = person.config.with_name("login.sh")
    login.write_text(LOGIN.replace("TOKEN", shop.api.tokens["admin"]))
    login.chmod(0o755)
    exec_ = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(login), "interactiveMode": "IfAvailable"}
    config = yaml.safe_load(person.config.read_text())
    config["users"][0]["user"] = {"exec": exec_}
    other = person.config.with_name("login.kubeconfig")
    other.write_text(yaml.safe_dump(config))
    shop.add()
    with person.begins("check", "origin", "-n", shop.space, f"--kubeconfig={other}", "-o", "json") as running:
        out, told = running.communicate(timeout=60)
    assert (running.returncode, json.loads(out)["name"]) == (0, "origin")
    assert "enter the code 1234" in told


def roles() -> dict[str, list[dict[str, Any]]]:
    """Rules of the chart's roles for people, by their name's end."""
    text = (ROOT / "helm/smart-shield/templates/userroles.yaml").read_text()
    text = re.sub(r"^.*{{-.*}}\n", "", text, flags=re.MULTILINE)
    documents = yaml.safe_load_all(re.sub(r"{{.*?}}", "shield", text))
    return {document["metadata"]["name"].removeprefix("shield-"): document["rules"] for document in documents}


def test_people_need_the_charts_roles_and_no_more(shop: Shop, person: Person) -> None:
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{shop.space}"
    found = roles()
    for user, rules in (("viewer", found["view"]), ("editor", [*found["view"], *found["edit"]])):
        shop.api.call("POST", f"{rbac}/roles", {"metadata": {"name": user}, "rules": rules})
        ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user}
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
        binding = {"metadata": {"name": user}, "roleRef": ref, "subjects": [subject]}
        shop.api.call("POST", f"{rbac}/rolebindings", binding)
    shop.add()
    shop.api.merge(shop.path("origin", "status"), {"status": {"shard": 0, "dataCenters": ["eu/a"]}})
    here = ("-n", shop.space)
    with person.begins("check", "origin", *here, "--as=viewer") as running:
        _, complaint = running.communicate(timeout=60)
    assert (running.returncode, complaint) == (0, "")
    given = preview_of(address="origin.example.com")
    preview = ("check", "preview", "-f", "-", "--timeout=1", *here)
    told = person.says(*preview, "--as=viewer", given=given, status=2)
    assert told.startswith(f"error: viewer has no right to create healthchecks in {shop.space}. The ClusterRole edit")
    assert "is it running?" in person.says(*preview, "--as=editor", given=given, status=2)
    assert left(shop) == ["origin"]


def test_the_plugin_is_in_the_package() -> None:
    assert 'kubectl-smartshield = "shield_kubectl.cli:main"' in (ROOT / "pyproject.toml").read_text()
