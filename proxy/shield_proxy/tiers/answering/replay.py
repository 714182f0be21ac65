"""Answering from what is stored: whole, a part, or 304."""

from shield_proxy.cache.conditional import not_modified
from shield_proxy.cache.ranges import Foreign, Part, Unsatisfiable, Whole, select_range
from shield_proxy.store.memory import Entry
from shield_proxy.tiers.messages.marks import Place, marked_lines
from shield_proxy.wire.fast import LARGE
from shield_proxy.wire.http.message import Fields, Index
from shield_proxy.wire.serving.exchange import SLICE, Exchange

_NOT_IN_304 = frozenset(
    (b"content-encoding", b"content-language", b"content-length", b"content-range", b"content-type")
)
"""Of the representation, which a 304 doesn't carry; the rest lets the caches behind update theirs."""
_CONTENT = frozenset((b"content-length", b"content-range"))


def not_modified_fields(fields: Fields) -> Fields:
    """The fields a 304 carries (RFC 9110, 15.4.5)."""
    return tuple(field for field in fields if field[0].lower() not in _NOT_IN_304)


def covers(entry: Entry, request: Index, wall: float) -> bool:
    """Whether the stored response answers the request, its Range included."""
    if b"range" not in request or entry.stored.status != 200:
        return b"range" not in request
    return not isinstance(select_range(request, entry.stored.index, len(entry.body), wall), Foreign)


def replay_now(
    exchange: Exchange, request: Index, entry: Entry, place: Place, now: float, wall: float, word: str, how: bytes
) -> bool:
    """Replies from an entry that covers() the request; False where the body is so large that send_large() must."""
    stored = entry.stored
    age = stored.age(now)
    # Without these fields the response goes out whole, and nobody looks at its own.
    if stored.status == 200 and (b"if-none-match" in request or b"if-modified-since" in request or b"range" in request):
        index = stored.index
        if not_modified(request, index, wall):
            fields = not_modified_fields(stored.fields)
            exchange.reply(304, marked_lines(304, b"", fields, place, word, how, age=age), b"")
            return True
        match select_range(request, index, len(entry.body), wall):
            case Part(first, last) if exchange.wants_body:
                fields = tuple(field for field in stored.fields if field[0].lower() not in _CONTENT)
                fields += ((b"Content-Range", b"bytes %d-%d/%d" % (first, last, len(entry.body))),)
                lines = marked_lines(206, b"Partial Content", fields, place, word, how, age=age)
                exchange.reply(206, lines, entry.body[first : last + 1])
                return True
            case Unsatisfiable() if exchange.wants_body:
                unsatisfied: Fields = ((b"Content-Range", b"bytes */%d" % len(entry.body)),)
                exchange.reply(416, marked_lines(416, b"Range Not Satisfiable", unsatisfied, place, word, how), b"")
                return True
            case Whole() | Part() | Unsatisfiable() | Foreign():
                pass
    if len(entry.body) > LARGE and exchange.wants_body:
        return False
    if word == "HIT" and stored.status != 204:
        head = b"%b%b%d\r\nAge: %d\r\n" % (entry.lines, entry.marks, len(entry.body), age)
        exchange.reply_ready(stored.status, head, entry.body)
    else:
        lines = marked_lines(stored.status, stored.reason, stored.fields, place, word, how, age=age)
        exchange.reply(stored.status, lines, entry.body)
    return True


async def send_large(exchange: Exchange, entry: Entry, place: Place, now: float, word: str, how: bytes) -> None:
    """Replies with the whole entry at the client's pace. ClientGone."""
    stored = entry.stored
    lines = marked_lines(stored.status, stored.reason, stored.fields, place, word, how, age=stored.age(now))
    exchange.begin(stored.status, lines, len(entry.body))
    for start in range(0, len(entry.body), SLICE):
        await exchange.write(entry.body[start : start + SLICE])
    exchange.end()
