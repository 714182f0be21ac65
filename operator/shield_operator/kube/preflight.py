"""What must be there before anything is watched: an API server, the CRDs, and the right to list what is watched."""

import asyncio
import logging
from http import HTTPStatus

from shield_operator.kube.api import Api, ApiError, Denied, Unreachable
from shield_operator.kube.kinds import CHILD_SELECTOR, WATCHED, Kind

FIRST_PAUSE, MOST_PAUSE = 1.0, 30.0
log = logging.getLogger(__name__)


async def missing(api: Api) -> list[str]:
    """What is not there, as sentences; nothing: everything can be watched."""
    problems = [problem for kind in WATCHED if (problem := await _problem(api, kind)) is not None]
    # One sentence is enough where nothing answers.
    return sorted(set(problems))


async def _problem(api: Api, kind: Kind) -> str | None:
    try:
        await api.items(kind, selector=CHILD_SELECTOR if kind.child else None, limit=1)
    except Denied as error:
        return f"no right to list {kind.resource} (the ClusterRole is missing or not bound): {error.message}"
    except ApiError as error:
        if error.status == HTTPStatus.NOT_FOUND and kind.group.endswith("smartshield.io"):
            return f"the CustomResourceDefinition {kind.resource} is not installed"
        return f"{kind.resource} can't be listed: {error}"
    except Unreachable as error:
        return f"the API server does not answer: {error}"
    return None


async def until_nothing_is_missing(api: Api) -> None:
    """Returns once everything can be watched; says what is missing whenever that changes, and each half minute."""
    pause = FIRST_PAUSE
    while problems := await missing(api):
        for problem in problems:
            log.error("waiting: %s", problem)
        await asyncio.sleep(pause)
        pause = min(MOST_PAUSE, 2 * pause)
