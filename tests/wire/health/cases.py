"""An origin that misbehaves, and what a probe of it must say."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from health.servers import Behaviour

from shield_proxy.config.checks.reasons import Reason


@dataclass(frozen=True)
class Case:
    """What an origin does to a probe, and what the probe must say."""

    name: str
    reason: Reason
    behave: Behaviour
    detail: str
    timeout: float = 3
    config: dict[str, Any] = field(default_factory=dict)


def case(name: str, reason: Reason, behave: Behaviour, detail: str, timeout: float = 3, **config: Any) -> Any:
    return pytest.param(Case(name, reason, behave, detail, timeout, config), id=name.replace(" ", "-"))
