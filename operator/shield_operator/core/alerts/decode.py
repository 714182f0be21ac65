"""HealthAlert resources as values. Pure."""

import re
import zoneinfo
from collections.abc import Mapping
from datetime import UTC, datetime, time, tzinfo
from typing import Any

from shield_operator.core.alerts.selection import Demand, Operator, Selection
from shield_operator.core.alerts.windows import DAYS, MOST_MINUTES, Single, Weekly, Window
from shield_operator.core.alerts.world import AlertObject, AlertSpec
from shield_proxy.config.alerts.alert import Trigger
from shield_proxy.config.alerts.contract import ANNOTATION_TEST, MOST_TOKEN
from shield_proxy.config.alerts.decode import decode_targets
from shield_proxy.config.alerts.places import place_of
from shield_proxy.config.reading import InvalidField, Reader

_AT = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def alert_object(body: Mapping[str, Any]) -> AlertObject:
    """The alert of a HealthAlert as the API server has it."""
    metadata = body["metadata"]
    decoded: AlertSpec | InvalidField
    try:
        decoded = decode_alert(body)
    except InvalidField as problem:
        decoded = problem
    return AlertObject(
        uid=metadata["uid"],
        name=metadata["name"],
        generation=metadata.get("generation", 0),
        spec=decoded,
        place=place_of(body),
        status=body.get("status") or {},
        test=str((metadata.get("annotations") or {}).get(ANNOTATION_TEST) or "")[:MOST_TOKEN],
        deleting="deletionTimestamp" in metadata,
    )


def decode_alert(resource: Mapping[str, Any]) -> AlertSpec:
    """What the alert's owner wants, without windows that can't be understood. InvalidField names what else can't be
    honoured: nothing is told then."""
    spec = Reader(resource).section("spec")
    windows = spec.items("maintenanceWindows", _window_or_problem)
    return AlertSpec(
        targets=decode_targets(resource),
        selection=_selection(spec.section("checks")) if spec.has("checks") else Selection(),
        trigger=spec.choice("trigger", Trigger, Trigger.BOTH),
        suspended=spec.flag("suspended", default=False),
        windows=tuple(each for each in windows if not isinstance(each, InvalidField)),
        ignored=tuple(each for each in windows if isinstance(each, InvalidField)),
    )


def _selection(checks: Reader) -> Selection:
    names = checks.texts("names")
    if not names and not checks.has("selector"):
        raise InvalidField(checks.path, "must have names or selector; to cover every check leave it out")
    return Selection(frozenset(names), _demands(checks.section("selector")) if checks.has("selector") else None)


def _demands(selector: Reader) -> tuple[Demand, ...]:
    labels = selector.section("matchLabels")
    equal = (Demand(key, Operator.IN, frozenset((labels.text(key),))) for key in sorted(labels.source))
    return (*equal, *selector.items("matchExpressions", _demand))


def _demand(item: Reader) -> Demand:
    operator = item.choice("operator", Operator)
    values = item.texts("values")
    if bool(values) != (operator in (Operator.IN, Operator.NOT_IN)):
        raise InvalidField(item.at("values"), "must be set with In and NotIn, and with nothing else")
    return Demand(item.text("key"), operator, frozenset(values))


def _window_or_problem(item: Reader) -> Window | InvalidField:
    try:
        return _window(item)
    except InvalidField as problem:
        return problem


def _window(item: Reader) -> Window:
    if item.has("start") == item.has("at"):
        raise InvalidField(item.path, "must have exactly one of start, at")
    if item.has("start"):
        window = Single(_instant(item, "start"), _instant(item, "end"))
        if window.start >= window.end:
            raise InvalidField(item.at("end"), "must be later than start")
        return window
    at = _AT.fullmatch(item.text("at"))
    if at is None:
        raise InvalidField(item.at("at"), "must be a time of the day such as 02:30")
    days = item.texts("days") or DAYS
    for i, day in enumerate(days):
        if day not in DAYS:
            raise InvalidField(item.at(f"days[{i}]"), f"must be one of {', '.join(DAYS)}")
    return Weekly(
        at=time(int(at[1]), int(at[2])),
        minutes=item.number("minutes", least=1, most=MOST_MINUTES),
        days=frozenset(DAYS.index(day) for day in days),
        zone=_zone(item) if item.has("timeZone") else UTC,
    )


def _instant(item: Reader, key: str) -> float:
    text = item.text(key)
    try:
        instant = datetime.fromisoformat(text)
        # Near the end of the calendar there are times that have no name in UTC, in which they are told.
        seconds = instant.astimezone(UTC).timestamp() if instant.tzinfo is not None else None
    except (ValueError, OverflowError):
        seconds = None
    if seconds is None:
        raise InvalidField(item.at(key), "must be a time such as 2026-05-01T02:00:00Z")
    return seconds


def _zone(item: Reader) -> tzinfo:
    name = item.text("timeZone")
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        # OSError: what it names is a folder of the table.
        raise InvalidField(item.at("timeZone"), f"is no time zone: {name[:80]!r}") from None
