"""Somebody at a terminal, with the plugin in PATH."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bareapi import BareApi
from localcluster.artifacts import binaries


class Person:
    """Somebody with kubectl, the plugin and a kubeconfig."""

    def __init__(self, api: BareApi, folder: Path) -> None:
        plugin = folder / "kubectl-smartshield"
        plugin.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m shield_kubectl.cli "$@"\n')
        plugin.chmod(0o755)
        self.config = api.kubeconfig()
        self.environment = {
            **os.environ,
            "PATH": f"{folder}:{binaries.kc()}:{os.environ['PATH']}",
            "KUBECONFIG": str(self.config),
            "HOME": str(folder),
        }

    def begins(self, *words: str, **more: Any) -> "subprocess.Popen[str]":
        """A command that runs on."""
        return subprocess.Popen(
            ["kubectl", "smartshield", *words],
            env=self.environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **more,
        )

    def says(self, *words: str, given: str = "", status: int = 0) -> str:
        """What a command writes; its exit status is as expected. Of one that fails, also what it complains of."""
        with self.begins(*words) as running:
            out, complaint = running.communicate(given, 100)
        assert running.returncode == status, (out, complaint)
        assert "Traceback" not in complaint
        return out + complaint if status else out
