"""A check as text for people. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from shield_kubectl.shown.style import Style, age, plain
from shield_kubectl.shown.table import table
from shield_kubectl.shown.view import CheckView, DataCentre, instant
from shield_kubectl.shown.waterfall import waterfalls
from shield_proxy.config.checks.sample import in_milliseconds

HEADER = ("DATA CENTER", "VERDICT", "REASON", "CODE", "ADDRESS", "LAST PROBE")


def check_text(view: CheckView, style: Style, now: float) -> str:
    """Everything of a check."""
    blocks = [_head(view, style, now), _conditions(view, style), _regions(view, style)]
    blocks.append(data_centres(view.data_centres, style, now))
    blocks.append(falls(view.data_centres, style, now))
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def data_centres(found: Sequence[DataCentre], style: Style, now: float) -> list[str]:
    """The table of data centres, and what they found in detail."""
    if not found:
        return ["No data centre probes it."]
    lines = table(HEADER, [_row(each, now) for each in found], style, coloured=1)
    details: dict[str, list[str]] = {}
    for each in found:
        details.setdefault(plain(_detail(each)), []).append(plain(each.name))
    told = [f"{', '.join(names)}: {detail}" for detail, names in details.items() if detail]
    return [*lines, *([""] if told else []), *told]


def falls(found: Iterable[DataCentre], style: Style, now: float) -> list[str]:
    """The last waterfall of each data centre, drawn."""
    drawn = [(_title(each, now), stages) for each in found if (stages := _stages(each))]
    return waterfalls(drawn, style)


def _head(view: CheckView, style: Style, now: float) -> list[str]:
    changed = instant(view.last_change)
    since = f" for {age(now - changed)}" if changed is not None else ""
    status = style.word(view.status or "Unknown")
    why = f": {plain(view.failure_reason)}" if view.failure_reason else ""
    lines = [
        f"{view.namespace}/{view.name}   {view.type} {plain(view.address)}".rstrip(),
        f"{status}{since}{why}",
    ]
    if view.healthy:
        trip = f", round trip {plain(view.round_trip)}" if view.round_trip else ""
        lines.append(f"healthy in {plain(view.healthy)} regions{trip}")
    return lines


def _conditions(view: CheckView, style: Style) -> list[str]:
    width = max((len(each.type) for each in view.conditions), default=0)
    return [
        f"{plain(each.type):{width}}  {style.word(each.status)}  {plain(each.reason)}: {plain(each.message)}"
        for each in view.conditions
    ]


def _regions(view: CheckView, style: Style) -> list[str]:
    if not view.regions:
        return []
    rows = []
    for name, health in view.regions:
        mine = [each for each in view.data_centres if each.region == name]
        # What a silent one said last counts for nothing, as in the region's verdict.
        healthy = sum(each.health == "Healthy" and each.heard is not False for each in mine)
        rows.append((name, health, f"{healthy}/{len(mine)}"))
    return table(("REGION", "VERDICT", "HEALTHY DATA CENTERS"), rows, style, coloured=1)


def _row(each: DataCentre, now: float) -> tuple[str, ...]:
    last = each.last
    verdict = each.health or "Unknown"
    if last is None:
        reason, code, address = each.reason, each.code, each.address
        probed = "-"
    else:
        reason = last.reason.value if last.reason is not None else ""
        code, address = last.code, last.address or ""
        probed = f"{age(now - last.at)} ago"
        if last.healthy != (each.health == "Healthy"):
            probed += ", healthy" if last.healthy else ", unhealthy"
    if each.heard is False:
        verdict += " (silent)"
    return each.name, verdict, reason, "" if code is None else str(code), address, probed


def _detail(each: DataCentre) -> str:
    return each.last.detail if each.last is not None else each.detail


def _stages(each: DataCentre) -> Mapping[str, float]:
    return in_milliseconds(each.last.waterfall) if each.last is not None else each.waterfall or {}


def _title(each: DataCentre, now: float) -> str:
    when = f", {age(now - each.last.at)} ago" if each.last is not None else ""
    return f"{plain(each.name)}{when}"
