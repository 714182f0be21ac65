"""kubectl and helm as a user runs them, against one kubeconfig."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Refused(AssertionError):
    """A command that ended with an error; the message is what it printed."""


@dataclass(frozen=True, slots=True)
class Tools:
    """`binaries` holds kubectl and helm."""

    binaries: Path
    kubeconfig: Path

    def run(self, *argv: str, stdin: str | None = None, seconds: float = 120) -> str:
        """Standard output of `kubectl ...` or `helm ...`; Refused with its complaint when it fails."""
        path = os.pathsep.join((str(self.binaries), str(Path(sys.executable).parent), os.environ.get("PATH", "")))
        env = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PATH": path}
        done = subprocess.run(
            [str(self.binaries / argv[0]), *argv[1:]],
            input=stdin,
            capture_output=True,
            text=True,
            env=env,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            raise Refused(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def kubectl(self, *argv: str, stdin: str | None = None, seconds: float = 120) -> str:
        """Standard output of kubectl."""
        return self.run("kubectl", *argv, stdin=stdin, seconds=seconds)

    def helm(self, *argv: str, seconds: float = 300) -> str:
        """Standard output of helm."""
        return self.run("helm", *argv, seconds=seconds)

    def plugin(self, *argv: str, seconds: float = 60) -> str:
        """Standard output of `kubectl smartshield ...`: the plugin is found beside this Python."""
        return self.run("kubectl", "smartshield", *argv, seconds=seconds)

    def get(self, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
        """The object, or None if it isn't there."""
        out = self.kubectl("get", kind, name, "-n", namespace, "-o", "json", "--ignore-not-found")
        return json.loads(out) if out.strip() else None

    def list(self, kinds: str, namespace: str | None = None, selector: str = "") -> Sequence[Mapping[str, Any]]:
        """All objects of some kinds in a namespace, or in all of them."""
        where = ("-n", namespace) if namespace else ("-A",)
        return list(json.loads(self.kubectl("get", kinds, *where, "-l", selector, "-o", "json"))["items"])

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Applies objects as `kubectl apply` does."""
        self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))

    def patch(self, kind: str, name: str, namespace: str, change: Mapping[str, Any]) -> None:
        """A merge patch."""
        self.kubectl("patch", kind, name, "-n", namespace, "--type=merge", "-p", json.dumps(change))

    def delete(self, kind: str, name: str, namespace: str | None = None, wait: bool = True) -> None:
        """Deletes an object if it is there; `wait`: returns when it is gone."""
        where = ("-n", namespace) if namespace else ()
        self.kubectl("delete", kind, name, *where, "--ignore-not-found", f"--wait={str(wait).lower()}")
