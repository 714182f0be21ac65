"""The cluster by way of the user's own kubectl: it knows contexts, logins, proxies and certificates, and asking it
takes 70 ms, when Python's client for Kubernetes is still being imported."""

import contextlib
import json
import os
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any
from urllib.parse import quote

from shield_kubectl.complaints import Kind, Wanted, explain

PROGRAM = "kubectl"
REQUEST_SECONDS = 10
"""That the API server has for an answer."""
SECONDS = 120.0
"""That kubectl has in all: its login may ask a person."""
MOST_COMPLAINT = 64 << 10
GROUP = "/apis/smartshield.io/v1alpha1"
LEASES = "/apis/coordination.k8s.io/v1"
POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_NO_WORD_FOR_PEOPLE = (
    "error",
    "the connection to",
    "the health",
    "unable to",
    "* ",
    "e0",
    "e1",
    "w0",
    "w1",
    "warning: ",
)
"""How lines of complaints begin, which are told in other words at the end."""


class KubectlFailed(Exception):
    """One line for people; `kind` says what it is about."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Kubectl:
    """Asks with the given global options. Every method may raise KubectlFailed."""

    def __init__(self, options: Sequence[str] = (), namespace: str = "") -> None:
        self._options = tuple(options)
        self._namespace = namespace

    def within(self, namespace: str) -> "Kubectl":
        """The same in another namespace."""
        return Kubectl(self._options, namespace)

    def namespace(self) -> str:
        """The one that was given, or the context's, or the pod's, or `default`."""
        if not self._namespace:
            self._namespace = self._of_context()
        return self._namespace

    def read(self, resource: str, name: str) -> dict[str, Any]:
        """The object."""
        wanted = Wanted(resource, self.namespace(), name)
        return self._document(["get", "--raw", self._path(resource, name)], wanted)

    def list(self, resource: str, selector: str) -> Sequence[Mapping[str, Any]]:
        """The objects with these labels."""
        path = f"{self._path(resource)}?labelSelector={quote(selector)}&limit=500"
        listed = self._document(["get", "--raw", path], Wanted(resource, self.namespace()))
        items = listed.get("items")
        return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []

    def names(self, what: str) -> Sequence[str]:
        """Of all that there are: healthchecks or healthalerts of the namespace, namespaces, or contexts, clusters or
        users of the kubeconfig."""
        if what in ("contexts", "clusters", "users"):
            command = ["config", f"get-{what}", *(("-o", "name") if what == "contexts" else ())]
        elif what == "namespaces":
            command = ["get", what, "-o", "name"]
        else:
            command = ["get", f"{what}.smartshield.io", "-n", self.namespace(), "-o", "name"]
        listed = self._run(command, Wanted(what, self._namespace)).decode(errors="replace").splitlines()
        if what in ("clusters", "users"):
            return listed[1:]  # below a title
        return listed if what == "contexts" else [line.partition("/")[2] for line in listed]

    def create(self, resource: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """The object as it was created; fields that nobody knows are refused."""
        path = f"{self._path(resource)}?fieldValidation=Strict&fieldManager=kubectl-smartshield"
        wanted = Wanted(resource, self.namespace())
        return self._document(["create", "--raw", path, "-f", "-"], wanted, json.dumps(document).encode())

    def delete(self, resource: str, name: str) -> None:
        """It is gone, or was."""
        try:
            self._run(["delete", "--raw", self._path(resource, name)], Wanted(resource, self.namespace(), name))
        except KubectlFailed as failed:
            if failed.kind is not Kind.ABSENT:
                raise

    def annotate(self, resource: str, name: str, annotation: str, value: str) -> None:
        """The annotation has the value."""
        patch = json.dumps({"metadata": {"annotations": {annotation: value}}})
        kind = f"{resource}.smartshield.io"
        command = ["patch", kind, name, "-n", self.namespace(), "--type=merge", "-p", patch, "-o", "name"]
        self._run(command, Wanted(resource, self.namespace(), name))

    def _path(self, resource: str, name: str = "") -> str:
        group = LEASES if resource == "leases" else GROUP
        path = f"{group}/namespaces/{quote(self.namespace(), safe='')}/{resource}"
        return f"{path}/{quote(name, safe='')}" if name else path

    def _of_context(self) -> str:
        try:
            command = ["config", "view", "--minify", "-o", "jsonpath={..namespace}"]
            found = self._run(command, Wanted("contexts", "")).decode(errors="replace").strip()
        except KubectlFailed as failed:
            if "current-context must exist" not in str(failed):
                raise
            found = POD_NAMESPACE.read_text().strip() if POD_NAMESPACE.exists() else ""
        return found or "default"

    def _document(self, command: Sequence[str], wanted: Wanted, given: bytes | None = None) -> dict[str, Any]:
        text = self._run(command, wanted, given)
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise KubectlFailed(Kind.OTHER, "the API server's answer is no JSON object; is something else there?")
        return document

    def _run(self, command: Sequence[str], wanted: Wanted, given: bytes | None = None) -> bytes:
        program = shutil.which(PROGRAM)
        if program is None:
            raise KubectlFailed(Kind.OTHER, "kubectl is not in PATH: this plugin asks the cluster by it")
        options = [*self._options, f"--request-timeout={REQUEST_SECONDS}s"]
        with TemporaryFile() as input_, contextlib.ExitStack() as stack:
            input_.write(given or b"")
            input_.seek(0)
            running = stack.enter_context(
                subprocess.Popen(  # noqa: S603 - no shell
                    [program, *command, *options],
                    stdin=input_ if given is not None else None,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
            )
            try:
                out, said = _hear(running)
            except BaseException:
                running.kill()
                raise
        if running.returncode != 0:
            raise KubectlFailed(*explain(said, wanted))
        return out


def _hear(running: "subprocess.Popen[bytes]") -> tuple[bytes, str]:
    """Its output, and what it complained of. A login may have something to say to a person while it waits: whatever
    does not look like a complaint is passed on at once."""
    assert running.stdout is not None
    assert running.stderr is not None
    out, said, passed = bytearray(), bytearray(), 0
    deadline = time.monotonic() + SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(running.stdout, selectors.EVENT_READ, out)
        selector.register(running.stderr, selectors.EVENT_READ, said)
        while selector.get_map():
            if time.monotonic() > deadline:
                raise KubectlFailed(Kind.UNREACHABLE, f"kubectl did not answer within {SECONDS:g} s")
            for key, _ in selector.select(1.0):
                received = os.read(key.fd, 64 << 10)
                if not received:
                    selector.unregister(key.fileobj)
                key.data.extend(received)
            passed = _pass_on(said, passed)
    return bytes(out), said[:MOST_COMPLAINT].decode(errors="replace")


def _pass_on(said: bytearray, passed: int) -> int:
    """Lines after so many bytes that are no complaints are shown; how many bytes are settled then."""
    end = said.rfind(b"\n") + 1
    for line in said[passed:end].decode(errors="replace").splitlines(keepends=True):
        if not line.lower().startswith(_NO_WORD_FOR_PEOPLE):
            sys.stderr.write(line)
            sys.stderr.flush()
    return max(passed, end)
