"""What a supervisor is told at its start, as a file in the cluster's state folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = "settings.json"


@dataclass(frozen=True, slots=True)
class Settings:
    """`group` names the control groups; `base_images` are loaded before the cluster is ready for pods, `more_images`
    before it is called ready; `policies` tells whether NetworkPolicies are enforced."""

    name: str
    state: Path
    group: str
    binaries: Path
    snapshotter: str
    base_images: tuple[Path, ...]
    more_images: tuple[Path, ...]
    policies: bool

    @classmethod
    def read(cls, state: Path) -> Settings:
        found: dict[str, Any] = json.loads((state / FILE).read_text())
        return cls(
            name=found["name"],
            state=Path(found["state"]),
            group=found["group"],
            binaries=Path(found["binaries"]),
            snapshotter=found["snapshotter"],
            base_images=tuple(map(Path, found["base_images"])),
            more_images=tuple(map(Path, found["more_images"])),
            policies=bool(found.get("policies")),
        )

    def write(self) -> None:
        """The file is in the state folder."""
        fields = {
            "name": self.name,
            "state": str(self.state),
            "group": self.group,
            "binaries": str(self.binaries),
            "snapshotter": self.snapshotter,
            "base_images": [str(p) for p in self.base_images],
            "more_images": [str(p) for p in self.more_images],
            "policies": self.policies,
        }
        (self.state / FILE).write_text(json.dumps(fields, indent=1))


def snapshotter_for(folder: Path) -> str:
    """overlayfs, unless `folder` itself is on an overlay (a container), on which the kernel stacks no further one."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    inside = [(len(m[1]), m[2]) for m in mounts if folder.is_relative_to(m[1])]
    kind = max(inside)[1] if inside else ""
    return "native" if kind == "overlay" else "overlayfs"
