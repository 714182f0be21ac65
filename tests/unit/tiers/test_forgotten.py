"""What was asked for before an invalidation is not stored after it."""

from shield_proxy.tiers.answering import forgotten
from shield_proxy.tiers.answering.collapse import Fills, fill_name
from shield_proxy.tiers.answering.forgotten import Forgotten


def test_only_what_was_asked_for_before_counts() -> None:
    known = Forgotten()
    before = known.mark
    known.add(b"a")
    assert known.since(b"a", before)
    assert not known.since(b"b", before)
    assert not known.since(b"a", known.mark)


def test_of_too_many_all_that_was_on_its_way_counts() -> None:
    known = Forgotten()
    known.add(b"a")
    before = known.mark
    for i in range(forgotten.MOST + 1):
        known.add(b"%d" % i)
    assert known.since(b"never mentioned", before)
    assert known.since(b"a", before)
    assert not known.since(b"never mentioned", known.mark)
    assert len(known._last) <= forgotten.MOST


def test_nobody_joins_a_fetch_that_began_before() -> None:
    fills = Fills()
    names = [fill_name(b"a", asks_owner=asks) for asks in (False, True)]
    begun = [fills.begin(name) for name in names]
    fills.detach(b"a")
    assert [fills.running(name) for name in names] == [None, None]
    again = fills.begin(names[0])
    fills.finish(names[0], begun[0])
    assert fills.running(names[0]) is again
