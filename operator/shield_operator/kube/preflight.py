"""What must be there before anything is watched: an API server, the CRDs, and the right to list what is watched."""

import asyncio
import logging
import time
from collections.abc import Callable
from http import HTTPStatus

from shield_operator.kube.api import Api, ApiError, Denied, Unreachable
from shield_operator.kube.kinds import CHILD_SELECTOR, WATCHED, Kind

FIRST_PAUSE, MOST_PAUSE = 1.0, 30.0
MOST_SILENT_PAUSE = 2.0
"""While the API server is silent or in trouble itself: when it is back, nothing is watched until the pause ends."""
SAY_AGAIN_SECONDS = 30.0
log = logging.getLogger(__name__)


class _Down(Exception):
    """The API server does not answer, or says that it can't."""


async def missing(api: Api) -> tuple[list[str], float]:
    """What is not there, as sentences, and the longest pause before it is looked for again. Nothing: everything can be
    watched."""
    problems: list[str] = []
    for kind in WATCHED:
        try:
            problem = await _problem(api, kind)
        except _Down as error:
            # The others would only wait for the same.
            return [*problems, str(error)], MOST_SILENT_PAUSE
        if problem is not None:
            problems.append(problem)
    return sorted(problems), MOST_PAUSE


async def _problem(api: Api, kind: Kind) -> str | None:
    try:
        await api.items(kind, selector=CHILD_SELECTOR if kind.child else None, limit=1)
    except Denied as error:
        return f"no right to list {kind.resource} (the ClusterRole is missing or not bound): {error.message}"
    except ApiError as error:
        if error.status == HTTPStatus.NOT_FOUND and kind.group.endswith("smartshield.io"):
            return f"the CustomResourceDefinition {kind.resource} is not installed"
        sentence = f"{kind.resource} can't be listed: {error}"
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _Down(sentence) from None
        return sentence
    except Unreachable as error:
        raise _Down(f"the API server does not answer: {error}") from None
    return None


async def until_nothing_is_missing(api: Api, clock: Callable[[], float] = time.monotonic) -> None:
    """Returns once everything can be watched; says what is missing whenever that changes, and each half minute."""
    pause, said, at = FIRST_PAUSE, list[str](), 0.0
    while True:
        problems, most = await missing(api)
        if not problems:
            return
        if problems != said or clock() - at >= SAY_AGAIN_SECONDS:
            said, at = problems, clock()
            for problem in problems:
                log.error("waiting: %s", problem)
        await asyncio.sleep(min(pause, most))
        pause = min(most, 2 * pause)
