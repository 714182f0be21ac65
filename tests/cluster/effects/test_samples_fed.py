"""From the operator's setting to an analytics service: each sample arrives; a service that hangs delays no probe."""

import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from world.certificates import Authority

from bareapi import own_address
from checkspace import Shop
from operatorprocess import Running
from proberprocess import Origin
from product.polling import poll

Start = Callable[..., Running]
INTERVAL = 5


class Analytics(ThreadingHTTPServer):
    """Over TLS; the first requests are never answered."""

    hang = 2
    lock = threading.Lock()

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), Take)
        self.context, self.over = context, threading.Event()
        self.taken: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        self.asked = 0

    def finish_request(self, request: Any, client_address: Any) -> None:
        """The handshake is each connection's own."""
        with self.context.wrap_socket(request, server_side=True) as tls:
            super().finish_request(tls, client_address)  # type: ignore[arg-type]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing."""


class Take(BaseHTTPRequestHandler):
    """One request."""

    server: Analytics

    def do_POST(self) -> None:
        """Takes its samples."""
        with self.server.lock:
            self.server.asked += 1
            number = self.server.asked
        if number <= self.server.hang:
            self.server.over.wait(60)
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.tokens.add(str(self.headers["Authorization"]))
        self.server.taken += [json.loads(line) for line in body.splitlines()]
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def analytics(authority: Authority, tmp_path: Path) -> Iterator[Analytics]:
    leaf = authority.issue(tmp_path / "analytics", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf / "tls.crt", leaf / "tls.key")
    with Analytics(context) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("policy")
def test_every_sample_arrives_and_no_probe_is_late(
    start: Start,
    shop: Shop,
    origin: Origin,
    authority: Authority,
    analytics: Analytics,
    probers: Callable[[str], "subprocess.Popen[bytes]"],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    url = f"https://127.0.0.1:{analytics.server_address[1]}/v1/samples"
    start(SHIELD_SAMPLES=json.dumps({"url": url, "caBundle": authority.pem, "caConfigMap": ""}))
    shop.add(address=own_address(), interval=INTERVAL, timeout=2, httpConfig={"port": origin.server_address[1]})
    poll("runs are to begin", lambda: len(shop.found("Job")) == 2, 30)
    pod = shop.of("CronJob", "eu/a")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (volume,) = pod["volumes"]
    assert volume["projected"]["sources"][0]["serviceAccountToken"]["audience"] == "smartshield.io/samples"
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "token").write_text("of-the-kubelet")
    monkeypatch.setenv("SHIELD_SAMPLES_DIR", str(tmp_path / "samples"))
    process = probers("eu/a")
    poll("two requests hang", lambda: analytics.asked == 2, 60)
    poll("samples arrive", lambda: len(analytics.taken) >= 5, 60)
    process.terminate()
    assert process.wait(20) == 0
    assert len(analytics.taken) == origin.asked
    assert analytics.tokens == {"Bearer of-the-kubelet"}
    assert {(each["check"], each["dataCenter"], each["code"]) for each in analytics.taken} == {("origin", "eu/a", 200)}
    begun = sorted(datetime.fromisoformat(each["at"]).timestamp() for each in analytics.taken)
    gaps = [later - earlier for earlier, later in pairwise(begun)][1:]  # the first one is on news of the check
    assert all(0.5 * INTERVAL < gap < 1.5 * INTERVAL for gap in gaps), gaps
