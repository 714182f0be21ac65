"""Once for each change and nothing lost, whatever ends, is late or comes between."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shield_operator.core.alerts.deciding import MOST_TOLD
from shield_proxy.config.alerts.contract import MOST_NOTIFICATIONS

CHECKS = ("a", "b")
VERDICTS = ("Healthy", "Unhealthy", "Healthy", "Unhealthy", "Unknown")
EXAMPLES = settings(max_examples=300)


@dataclass
class Two:
    """Two operators, of which the second may still write what it decided long ago."""

    street: Any
    held: list[tuple[Any, int]] = field(default_factory=list)

    def act(self, kind: str, check: str, verdict: str, most: int) -> None:
        """One thing happens."""
        street = self.street
        street.now += 0.001
        match kind:
            case "verdict":
                street.verdicts[check] = verdict
            case "reconcile":
                street.step(0.3)
            case "ends before any write":
                street.plan()
            case "ends after the checks":
                street.write_checks()
            case "check not written":
                street.write_alerts(street.plan())
            case "holds a plan":
                self.held.append((street.plan(), street.version))
            case "writes what it held" if self.held:
                plan, version = self.held.pop(0)
                street.write_alerts(plan, version)
            case "courier":
                street.courier(most=most)
            case "broken":
                street.broken ^= {"hook" if most % 2 else "mail"}
            case "time":
                street.now += most
            case "quiet":
                street.edit(targets=street.targets, suspended=most % 2 == 0)


KINDS = (
    "verdict", "verdict", "verdict", "reconcile", "reconcile", "courier", "courier", "courier", "time",
    "ends before any write", "ends after the checks", "check not written", "holds a plan", "writes what it held",
    "broken", "quiet",
)  # fmt: skip
acts = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from(CHECKS), st.sampled_from(VERDICTS), st.integers(1, 4)),
    min_size=20,
    max_size=60,
)


def town(new_street: Any, hook: Any, mail: Any) -> Any:
    street = new_street()
    street.targets = [hook, mail]
    street.edit(targets=street.targets)
    for name in CHECKS:
        street.check(name)
    street.step()
    return street


def lived(new_street: Any, hook: Any, mail: Any, happened: Any) -> Any:
    """The town after all of that."""
    street = town(new_street, hook, mail)
    two = Two(street)
    for act in happened:
        two.act(*act)
    return street


def bring_to_rest(street: Any) -> None:
    street.broken = set()
    street.edit(targets=street.targets)
    street.settle()


@EXAMPLES
@given(acts)
def test_each_failure_begins_once_and_ends_once_for_every_target(
    new_street: Any, hook: Any, mail: Any, happened: Any
) -> None:
    street = lived(new_street, hook, mail, happened)
    bring_to_rest(street)
    for target in ("hook", "mail"):
        got = street.delivered.get(target, [])
        assert len({each.id for each in got}) == len(got)
        for name in CHECKS:
            mine = [each for each in got if each.check == name]
            assert [each.event for each in mine] == ["START", "END"] * (len(mine) // 2) + ["START"] * (len(mine) % 2)
            for start, end in zip(mine[::2], mine[1::2], strict=False):
                assert (start.correlation_id, start.since) == (end.correlation_id, end.since)
            correlations = [each.correlation_id for each in mine[::2]]
            assert len(set(correlations)) == len(correlations)


@EXAMPLES
@given(acts)
def test_what_holds_in_the_end_is_what_was_told_last(new_street: Any, hook: Any, mail: Any, happened: Any) -> None:
    street = lived(new_street, hook, mail, happened)
    bring_to_rest(street)
    for target in ("hook", "mail"):
        last = dict(street.heard(target))
        for name in CHECKS:
            match street.verdicts[name]:
                case "Unhealthy":
                    assert last.get(name) == "START"
                case "Healthy":
                    assert last.get(name) in ("END", None)
    assert street.queue() == ()
    for name in CHECKS:
        if street.verdicts[name] in ("Healthy", "Unhealthy"):
            assert (name in street.told()) == (street.verdicts[name] == "Unhealthy")


@EXAMPLES
@given(acts)
def test_once_a_plan_is_followed_nothing_more_is_to_be_written(
    new_street: Any, hook: Any, mail: Any, happened: Any
) -> None:
    street = lived(new_street, hook, mail, happened)
    street.step(0)
    again = street.plan()
    assert again.statuses == {}
    assert again.happenings == ()


@EXAMPLES
@given(acts, st.randoms(use_true_random=False))
def test_the_order_in_which_things_stand_is_of_no_matter(
    new_street: Any, hook: Any, mail: Any, happened: Any, order: Any
) -> None:
    street = lived(new_street, hook, mail, happened)
    plan = street.plan()
    names = list(street.checks)
    order.shuffle(names)
    street.checks = {name: street.checks[name] for name in names}
    assert street.plan() == plan


@settings(max_examples=40)
@given(st.integers(0, 400), st.lists(st.sampled_from(("fail", "mend", "courier", "step")), max_size=12))
def test_queue_and_told_are_bounded(new_street: Any, hook: Any, mail: Any, number: int, happened: list[str]) -> None:
    street = new_street()
    names = [f"check-{i}" for i in range(number)]
    for name in names:
        street.check(name)
    street.step()
    for what in happened:
        if what == "courier":
            street.courier(most=7)
        elif what == "step":
            street.step()
        else:
            street.verdicts.update(dict.fromkeys(names, "Unhealthy" if what == "fail" else "Healthy"))
            street.step()
        assert len(street.queue()) <= MOST_NOTIFICATIONS
        assert len(street.told()) <= min(number, MOST_TOLD)
