"""What `helm install` tells, and what `helm test` does."""

import http.server
import json
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

Issue = Callable[..., Path]


@pytest.fixture
def notes(helm: str, chart: Path, tmp_path: Path) -> Callable[[dict[str, Any]], str]:
    """The notes of an install with these values: of a copy of the chart in which they are an object, as Helm shows
    them only after an install."""
    copy = tmp_path / "chart"
    shutil.copytree(chart, copy)
    (copy / "templates" / "NOTES.txt").rename(copy / "notes")
    (copy / "templates" / "shown.yaml").write_text('notes: {{ tpl (.Files.Get "notes") . | toJson }}')

    def shown(values: dict[str, Any]) -> str:
        options = ["--namespace", "shield-system", "--kube-version", "1.35.4", "--show-only", "templates/shown.yaml"]
        done = subprocess.run(
            [helm, "template", "edge", str(copy), *options, "--values", "-"],
            input=json.dumps(values),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        text: str = yaml.safe_load(done.stdout)["notes"]
        return text

    return shown


def test_notes_tell_the_next_step(notes: Callable[[dict[str, Any]], str]) -> None:
    """A zone that can be applied as it stands, how to wait for it, where to look."""
    text = notes({})
    zone = yaml.safe_load(text.partition("<<EOF\n")[2].partition("EOF")[0])
    assert (zone["kind"], zone["spec"]["hosts"]) == ("SmartShieldZone", ["shop.example.com"])
    assert "kubectl wait --for=condition=Ready smartshieldzone/shop -n shop" in text
    assert "kubectl logs deploy/edge-smart-shield -n shield-system" in text
    assert "helm test edge -n shield-system" in text
    assert "CAUTION" not in text


def test_notes_warn_of_what_was_asked_for(notes: Callable[[dict[str, Any]], str]) -> None:
    """Definitions that go, that are missing, and a monitor that could not be made."""
    assert "deletes the definitions, and with them every zone" in notes({"crds": {"keep": False}})
    assert "apply them before the first zone" in notes({"crds": {"enabled": False}})
    monitors = {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}
    assert "No ServiceMonitor was made" in notes({"metrics": {"serviceMonitor": monitors["serviceMonitor"]}})
    assert "No PodMonitor was made" in notes({"metrics": {"podMonitor": monitors["podMonitor"]}})
    assert "No ServiceMonitor and no PodMonitor was made" in notes({"metrics": monitors})


@contextmanager
def server(statuses: dict[str, int], tls: Path | None = None) -> Iterator[tuple[str, list[str | None]]]:
    """Answers paths with these statuses, 404 otherwise; gives its URL and the Authorization of what it was asked."""
    seen: list[str | None] = []

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_response(statuses.get(self.path.partition("?")[0], 404))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls / "tls.crt", tls / "tls.key")
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listening.server_port}", seen
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


@pytest.fixture
def check(defaults: list[dict[str, Any]], issue: Issue) -> Callable[[str, str], tuple[int, str]]:
    """Runs what the test pod runs, against these addresses; gives exit status and output."""
    (pod,) = [o for o in defaults if o["kind"] == "Pod"]
    (container,) = pod["spec"]["containers"]
    account = issue()
    (account / "token").write_text("the-token\n")

    def run(ready: str, api: str) -> tuple[int, str]:
        environment = {item["name"]: item["value"] for item in container["env"]}
        environment |= {"READY_URL": ready, "API_URL": api, "TOKEN_DIR": str(account), "WAIT_SECONDS": "0"}
        done = subprocess.run(
            [sys.executable, *container["command"][1:]],
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.stderr == ""
        return done.returncode, done.stdout

    return run


CUSTOM = {
    f"/apis/smartshield.io/v1alpha1/{kind}": 200
    for kind in ("smartshieldzones", "shieldfleets", "healthchecks", "healthalerts")
}


def test_helm_test_passes_when_operator_and_definitions_answer(check: Callable[[str, str], tuple[int, str]]) -> None:
    """Each answer is told; the API is asked with the account's token, the operator without."""
    with server({"/readyz": 200, **CUSTOM}) as (url, seen):
        status, output = check(f"{url}/readyz", url)
    assert status == 0
    assert output.count("ok: ") == 1 + len(CUSTOM)
    assert seen == [None, *["Bearer the-token"] * len(CUSTOM)]


@pytest.mark.parametrize("missing", ["/readyz", *CUSTOM])
def test_helm_test_fails_with_what_did_not_answer(check: Callable[[str, str], tuple[int, str]], missing: str) -> None:
    """The address and the status."""
    with server({"/readyz": 200, **CUSTOM, missing: 503}) as (url, _):
        status, output = check(f"{url}/readyz", url)
    assert status == 1
    assert f"failed: {url}{missing}" in output
    assert "503" in output


def test_helm_test_gives_no_token_to_a_stranger(check: Callable[[str, str], tuple[int, str]], issue: Issue) -> None:
    """An API server whose certificate does not name it is not asked."""
    with server({"/readyz": 200}) as (ready, _), server(CUSTOM, tls=issue()) as (api, seen):
        status, output = check(f"{ready}/readyz", api)
    assert status == 1
    assert "certificate verify failed" in output.lower()
    assert seen == []


def test_nothing_of_helm_test_stays(defaults: list[dict[str, Any]]) -> None:
    """What it makes goes when it has passed, and before it runs again."""
    hooks = [o["metadata"]["annotations"] for o in defaults if "helm.sh/hook" in o["metadata"].get("annotations", {})]
    assert len(hooks) == 4
    for annotations in hooks:
        assert annotations["helm.sh/hook"] == "test"
        assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
