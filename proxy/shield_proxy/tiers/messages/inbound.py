"""A request as the tiers see it: what only a client or only a hop may say is settled here. Pure."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from shield_proxy.config.contract import (
    HEADER_BUDGET,
    HEADER_FORWARDED,
    HEADER_REQUEST_ID,
    HEADER_SCHEME,
    PRIVATE_HEADERS,
)
from shield_proxy.tiers.messages.budget import deadline_of
from shield_proxy.wire.fast.plain import MARKS, REWRITTEN
from shield_proxy.wire.http.message import Fields, Index, RequestHead, index_fields
from shield_proxy.wire.http.parse import AUTHORITY
from shield_proxy.wire.http.serialise import HOP_BY_HOP, forwardable
from shield_proxy.wire.http.tracecontext import Trace, checked_trace, is_request_id, trace_id_of
from shield_proxy.wire.serving.arrival import Arrival

PRIVATE = frozenset(name.lower().encode() for name in PRIVATE_HEADERS)
_PASSED = frozenset((b"forwarded", b"x-forwarded-port", b"x-real-ip"))
"""What a trusted proxy said goes on as it is."""
_REQUEST_ID = HEADER_REQUEST_ID.lower().encode()
_NEVER = frozenset((b"host", b"content-length", _REQUEST_ID))
"""Written anew for each leg."""
_OURS = PRIVATE | REWRITTEN | HOP_BY_HOP | _NEVER | {b"via", b"cdn-loop"}
MOST_KNOWN = 512
"""Blocks of fields whose meaning is remembered."""
MOST_FORWARDS = 1_000_000
"""What Max-Forwards is lowered to where it says more."""


@dataclass(slots=True)
class Derived:
    """What follows of a request's fields, worked out where it is first needed."""

    fetched: bytes | None = None
    """The lines that are sent where a response is fetched for the cache."""
    plain: bool | None = None
    """See wire.plain.is_plain()."""


@dataclass(slots=True)
class Inbound:
    """A request without what belongs to its connection. `fields` may be sent on to any leg."""

    head: RequestHead
    fields: Fields
    """End-to-end; without Host, Content-Length, private fields, Via and CDN-Loop."""
    index: Index
    """Of `fields`."""
    scheme: bytes
    """That the client used."""
    deadline: float
    from_hop: bool
    forwarded: bool
    """A pod of this tier asks the owner: no further forward."""
    via: bytes | None
    cdn_loop: bytes | None
    request_id: bytes = b""
    trace: Trace | None = None
    """Its place in its trace, where requests are traced."""
    derived: Derived = field(default_factory=Derived)


def request_id_of(index: Index, new: Callable[[], bytes], *, from_hop: bool) -> bytes:
    """Under which a request is logged: what the pod before calls it, or its trace's id, or a new one."""
    if from_hop and is_request_id(told := index.get(_REQUEST_ID, b"")):
        return told
    return trace_id_of(index) or new()


def from_client(head: RequestHead, arrival: Arrival, now: float, longest: float, *, request_id: bytes = b"") -> Inbound:
    """A client's request: private fields removed, and what it says of itself or of others before it. A trusted proxy is
    believed where it says a thing once and understandably; X-Forwarded-For goes on with its address."""
    believed: Index = {}
    if arrival.trusted:
        times = Counter(name.lower() for name, _ in head.fields)
        believed = {name: head.index[name] for name in REWRITTEN & times.keys() if times[name] == 1}
    fields = forwardable(head.fields, head.index, PRIVATE | _NEVER | (REWRITTEN - (believed.keys() & _PASSED)))
    fields = tuple([field for field in fields if b"_" not in field[0] or not _passes_for_ours(field[0])])
    scheme = believed.get(b"x-forwarded-proto", b"").lower()
    scheme = scheme if scheme in MARKS else arrival.scheme
    host = believed.get(b"x-forwarded-host", b"").lower()
    chain = arrival.peer.encode()
    if arrival.trusted and (said := head.index.get(b"x-forwarded-for")):  # it may be a list, or several fields
        chain = b"%s, %s" % (said, chain)
    fields += (
        (b"X-Forwarded-For", chain),
        (b"X-Forwarded-Proto", scheme),
        (b"X-Forwarded-Host", host if AUTHORITY.fullmatch(host) else head.authority),
    )
    return _inbound(head, fields, scheme, now + longest, request_id, from_hop=False, forwarded=False)


def _passes_for_ours(name: bytes) -> bool:
    """Whether an origin that knows fields as CGI variables (RFC 3875, 4.1.18) would take it for one that only we write:
    there X_Forwarded_For and X-Forwarded-For are one."""
    return name.lower().replace(b"_", b"-") in _OURS


def from_pod(head: RequestHead, now: float, longest: float, *, same_tier: bool, request_id: bytes = b"") -> Inbound:
    """A pod's request: its private fields are obeyed and removed."""
    fields = forwardable(head.fields, head.index, PRIVATE | _NEVER)
    scheme = b"https" if head.index.get(HEADER_SCHEME.lower().encode()) == b"https" else b"http"
    deadline = deadline_of(head.index.get(HEADER_BUDGET.lower().encode()), now, longest)
    forwarded = same_tier or HEADER_FORWARDED.lower().encode() in head.index
    return _inbound(head, fields, scheme, deadline, request_id, from_hop=True, forwarded=forwarded)


def _inbound(
    head: RequestHead,
    fields: Fields,
    scheme: bytes,
    deadline: float,
    request_id: bytes,
    *,
    from_hop: bool,
    forwarded: bool,
) -> Inbound:
    kept = tuple(field for field in fields if field[0].lower() not in (b"via", b"cdn-loop"))
    kept = checked_trace(kept, head.index)
    return Inbound(
        head=head,
        fields=kept,
        index=index_fields(kept),
        scheme=scheme,
        deadline=deadline,
        from_hop=from_hop,
        forwarded=forwarded,
        via=head.index.get(b"via"),
        cdn_loop=head.index.get(b"cdn-loop"),
        request_id=request_id,
    )


def forwards_left(head: RequestHead) -> int | None:
    """To how many more recipients an OPTIONS may go (RFC 9110, 7.6.2); None where nothing intelligible says so. TRACE,
    of which it is asked as well, is refused anyway."""
    if head.method != b"OPTIONS" or not (told := head.index.get(b"max-forwards", b"")).isdigit():
        return None
    told = told.lstrip(b"0")
    return int(told or b"0") if len(told) < len(b"%d" % MOST_FORWARDS) else MOST_FORWARDS


def sent_on(inbound: Inbound, left: int) -> Inbound:
    """The request as it leaves when it may go to `left` more recipients, the next one among them."""
    told = (b"Max-Forwards", b"%d" % (left - 1))
    fields = tuple([told if name.lower() == b"max-forwards" else (name, value) for name, value in inbound.fields])
    return replace(inbound, fields=fields, index=index_fields(fields), derived=Derived())


class Clients:
    """Requests of clients: what follows of a block of fields is worked out once while clients repeat it."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[int, tuple[Arrival, Inbound]] = {}

    def inbound(self, head: RequestHead, arrival: Arrival, now: float, longest: float, request_id: bytes) -> Inbound:
        """As from_client()."""
        known = self._known.get(id(head.fields))
        if known is not None:
            before, first = known
            # The same object as the fields of the head that is kept: what has its id now is what had it then.
            if first.head.fields is head.fields and before == arrival and _alike(first.head, head):
                return Inbound(
                    head,
                    first.fields,
                    first.index,
                    first.scheme,
                    now + longest,
                    False,
                    False,
                    first.via,
                    first.cdn_loop,
                    request_id,
                    derived=first.derived,
                )
        made = from_client(head, arrival, now, longest, request_id=request_id)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[id(head.fields)] = arrival, made
        return made


def _alike(one: RequestHead, other: RequestHead) -> bool:
    return one.authority == other.authority and one.minor == other.minor
