# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The fast path, compiled: the twin of wire/fast/pure.py, which documents every name here. See wire/fast.py.

One pass over a head checks every byte by the grammar of wire/http/parse.py and finds what decides; nothing is copied but the
raw name, and what the log wants. The classes are not tracked by the garbage collector, so that a full collection does
not walk a million of them: whoever ties them into cycles (answer and resource) unties them when it drops them.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject
from libc.stdint cimport uint64_t
from libc.string cimport memcmp, memcpy

from shield_proxy.wire.fast.pure import COPIED, LARGE, QUEUED, UNLIMITED, Hit
from shield_proxy.wire.fast.blocks import LARGEST, LOGGED, MOST_FIELDS
from shield_proxy.wire.fast.plain import DECISIVE, MARKS, REWRITTEN

cdef extern from "Python.h":
    bint PyObject_GC_IsTracked(object)
    void PyObject_GC_UnTrack(void*)

cdef extern from "<sys/types.h>" nogil:
    ctypedef long off_t

cdef extern from "<sys/socket.h>" nogil:
    enum: MSG_DONTWAIT
    enum: MSG_MORE
    enum: MSG_NOSIGNAL
    Py_ssize_t c_send "send"(int to, const void* start, size_t size, int flags)

cdef extern from "<sys/sendfile.h>" nogil:
    Py_ssize_t sendfile(int to, int descriptor, off_t* offset, size_t size)

ctypedef const unsigned char* Text

cdef enum:
    FIELDS = 64
    SEEN_BITS = 7
    SEEN = 128
    NAME = 1
    VALUE = 2
    TARGET = 4

if MOST_FIELDS > FIELDS:
    raise ImportError("more fields than this was compiled for")

cdef Py_ssize_t copied_most = COPIED
cdef Py_ssize_t large = LARGE
cdef Py_ssize_t queued_most = QUEUED

cdef unsigned char KINDS[256]
cdef unsigned char LOWER[256]
cdef uint64_t SUSPECTS[256]
"""By first letter: a bit for each length (modulo 64) of a name that may decide."""
cdef frozenset DECIDE = DECISIVE
cdef frozenset ONLY_TRUSTED = REWRITTEN
if MARKS != {b"http": b"", b"https": b"\x01"}:
    raise ImportError("other marks than this was compiled for")


cdef void _tables():
    cdef int code
    for code in range(256):
        KINDS[code] = 0
        SUSPECTS[code] = 0
        LOWER[code] = code + 32 if 65 <= code <= 90 else code
        if code in b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ":
            KINDS[code] |= NAME
        if code == 9 or 32 <= code <= 126 or code >= 128:
            KINDS[code] |= VALUE
        if 33 <= code <= 126 and code != 35:
            KINDS[code] |= TARGET
    for name in (*DECISIVE, *REWRITTEN, b"host", *LOGGED):
        code = name[0]
        SUSPECTS[code] |= <uint64_t>1 << (len(name) & 63)
        SUSPECTS[code - 32] |= <uint64_t>1 << (len(name) & 63)


_tables()


def untrack(thing):
    if PyObject_GC_IsTracked(thing):
        PyObject_GC_UnTrack(<void*>thing)


@cython.final
@cython.no_gc
cdef class Tally:
    cdef public str zone
    cdef public long long count
    cdef public long long bytes

    def __init__(self, str zone):
        self.zone = zone


@cython.no_gc
cdef class Answer:
    cdef public bytes lines
    cdef public bytes marks
    cdef public bytes body
    cdef public double born
    cdef public double fresh_for
    cdef public Tally tally
    cdef public object stored
    cdef public object resource
    cdef public object before
    cdef public object after
    cdef public Py_ssize_t cost
    cdef public bint used

    def __init__(self, bytes lines not None, bytes marks not None, bytes body not None, double born, double fresh_for,
                 Tally tally not None, stored=None):
        self.lines = lines
        self.marks = marks
        self.body = body
        self.born = born
        self.fresh_for = fresh_for
        self.tally = tally
        self.stored = stored


@cython.no_gc
cdef class Resource:
    cdef public bytes key
    cdef public tuple vary
    cdef public Answer answer
    cdef public dict variants
    cdef public tuple aliases

    def __init__(self, bytes key not None, tuple vary not None):
        self.key = key
        self.vary = vary
        self.aliases = ()


@cython.final
@cython.no_gc
cdef class Client:
    cdef public str peer
    cdef public bytes mark
    cdef public bint trusted
    cdef public long long left

    def __init__(self, str peer not None, bytes mark not None, bint trusted, long long left):
        self.peer = peer
        self.mark = mark
        self.trusted = trusted
        self.left = left


cdef struct Span:
    Text start
    Py_ssize_t size


cdef struct Head:
    bint get
    Span target
    Span host
    Span agent
    Span referer
    Span trace
    Span told
    int scheme  # of a trusted proxy: 0 the connection's, 1 http, 2 https
    int count
    Span names[FIELDS]
    Span values[FIELDS]


cdef inline Text value_end(Text at, Text end) noexcept nogil:
    """Where the first byte is that a value can't hold. Eight bytes at a time while none is below space or DEL."""
    cdef uint64_t word, other
    while end - at >= 8:
        memcpy(&word, at, 8)
        other = word ^ <uint64_t>0x7F7F7F7F7F7F7F7F
        if (((word - <uint64_t>0x2020202020202020) & ~word) | ((other - <uint64_t>0x0101010101010101) & ~other)) \
                & <uint64_t>0x8080808080808080:
            break
        at += 8
    while at < end and KINDS[at[0]] & VALUE:
        at += 1
    return at


cdef inline bint same(Span span, const char* lower, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t i
    if span.size != size:
        return False
    for i in range(size):
        if LOWER[span.start[i]] != <unsigned char>lower[i]:
            return False
    return True


cdef inline bytes text(Span span):
    return PyBytes_FromStringAndSize(<const char*>span.start, span.size) if span.size else b""


cdef bytes lower_text(Span span):
    cdef bytes made = PyBytes_FromStringAndSize(NULL, span.size)
    cdef char* into = PyBytes_AS_STRING(made)
    cdef Py_ssize_t i
    for i in range(span.size):
        into[i] = <char>LOWER[span.start[i]]
    return made


cdef bint suspect(Head* head, Span name, Span value, bint trusted) except -1:
    """Whether a field decides something; takes note of those that are known. Raises nothing but for want of memory."""
    cdef bytes lower
    if same(name, "host", 4):
        if head.host.start != NULL:
            return True
        head.host = value
        return False
    # Of a repeated field the log shows all values, which takes the full parser's index.
    if same(name, "user-agent", 10):
        if head.agent.start != NULL:
            return True
        head.agent = value
        return False
    if same(name, "referer", 7):
        if head.referer.start != NULL:
            return True
        head.referer = value
        return False
    if same(name, "traceparent", 11):
        if head.trace.start != NULL:
            return True
        head.trace = value
        return False
    if same(name, "connection", 10):
        return not same(value, "keep-alive", 10)
    lower = lower_text(name)
    if lower in ONLY_TRUSTED:
        if not trusted:
            return False
        if same(name, "x-forwarded-for", 15):
            if head.told.start != NULL:
                return True
            head.told = value
            return False
        if same(name, "x-real-ip", 9):
            return False
        if not same(name, "x-forwarded-proto", 17) or head.scheme:
            return True
        if value.size == 4 and memcmp(value.start, <const char*>"http", 4) == 0:
            head.scheme = 1
        elif value.size == 5 and memcmp(value.start, <const char*>"https", 5) == 0:
            head.scheme = 2
        return not head.scheme
    return lower in DECIDE


cdef Py_ssize_t read_head(Text start, Text end, Head* head, bint trusted, Py_ssize_t largest, Py_ssize_t longest,
                          int most) except -1:
    """Bytes of the plain head that begins at `start`; 0 where there is none."""
    cdef Text at = start
    cdef Text line
    cdef Span name, value
    head.host.start = head.agent.start = head.referer.start = head.trace.start = head.told.start = NULL
    head.host.size = head.agent.size = head.referer.size = head.trace.size = head.told.size = 0
    head.scheme = head.count = 0
    head.get = True
    head.target.start = NULL
    head.target.size = 0
    if end - at < 18:  # the shortest: GET / HTTP/1.1
        return 0
    if memcmp(at, <const char*>"GET /", 5) == 0:
        head.get = True
        at += 4
    elif memcmp(at, <const char*>"HEAD /", 6) == 0:
        head.get = False
        at += 5
    else:
        return 0
    head.target.start = at
    while at < end and KINDS[at[0]] & TARGET:
        at += 1
    head.target.size = at - head.target.start
    if end - at < 11 or memcmp(at, <const char*>" HTTP/1.1\r\n", 11) != 0 or head.target.size > longest:
        return 0
    at += 11
    line = at - 2
    while True:
        if end - at < 2 or head.count > most:
            return 0
        if at[0] == 13:
            if at[1] != 10:
                return 0
            at += 2
            break
        name.start = at
        while at < end and KINDS[at[0]] & NAME:
            at += 1
        name.size = at - name.start
        if at == end or at[0] != 58 or not name.size:
            return 0
        at += 1
        while at < end and (at[0] == 32 or at[0] == 9):
            at += 1
        value.start = at
        at = value_end(at, end)
        if end - at < 2 or at[0] != 13 or at[1] != 10:
            return 0
        value.size = at - value.start
        at += 2
        while value.size and (value.start[value.size - 1] == 32 or value.start[value.size - 1] == 9):
            value.size -= 1
        if head.count == most:
            return 0
        head.names[head.count] = name
        head.values[head.count] = value
        head.count += 1
        if SUSPECTS[name.start[0]] >> (name.size & 63) & 1 and suspect(head, name, value, trusted):
            return 0
        if name.size > 6 and name.start[0] | 32 == c"s":
            name.size = 7
            if same(name, "shield-", 7):
                return 0
    if head.host.start == NULL or at - line > largest:
        return 0
    return at - start


cdef bytes raw_name(Head* head, bytes mark):
    """The mark of the scheme, the authority in lower case, the target."""
    cdef Py_ssize_t marked = PyBytes_GET_SIZE(mark), i
    cdef bytes made = PyBytes_FromStringAndSize(NULL, marked + head.host.size + head.target.size)
    cdef char* into = PyBytes_AS_STRING(made)
    memcpy(into, PyBytes_AS_STRING(mark), marked)
    into += marked
    for i in range(head.host.size):
        into[i] = <char>LOWER[head.host.start[i]]
    memcpy(into + head.host.size, head.target.start, head.target.size)
    return made


cdef bytes variation(Head* head, tuple names):
    """See wire.fast.plain: the values of the fields that a Vary names, as one key."""
    cdef list parts = []
    cdef list values
    cdef bytes name, value
    cdef int i
    for name in names:
        values = []
        for i in range(head.count):
            if same(head.names[i], PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name)):
                value = text(head.values[i])
                values.append(value.lower() if name == b"host" else value)
        parts.append(name + b":" + b", ".join(values) if values else name)
    return b"\n".join(parts)


cdef inline char* decimal(char* into, long long number) noexcept nogil:
    """Writes the number, which is not negative; where the text ends."""
    cdef char digits[24]
    cdef int count = 0
    while True:
        digits[count] = <char>(48 + number % 10)
        number //= 10
        count += 1
        if not number:
            break
    while count:
        count -= 1
        into[0] = digits[count]
        into += 1
    return into


cdef bytes piece(Answer answer, Py_ssize_t size, long long age, Py_ssize_t copied):
    """The head, with the first `copied` bytes of the body."""
    cdef char tail[64]
    cdef char* at = decimal(tail, size)
    cdef Py_ssize_t of_lines = PyBytes_GET_SIZE(answer.lines), of_marks = PyBytes_GET_SIZE(answer.marks), of_tail
    cdef bytes made
    memcpy(at, <const char*>"\r\nAge: ", 7)
    at = decimal(at + 7, age)
    memcpy(at, <const char*>"\r\n\r\n", 4)
    of_tail = at + 4 - tail
    made = PyBytes_FromStringAndSize(NULL, of_lines + of_marks + of_tail + copied)
    at = PyBytes_AS_STRING(made)
    memcpy(at, PyBytes_AS_STRING(answer.lines), of_lines)
    memcpy(at + of_lines, PyBytes_AS_STRING(answer.marks), of_marks)
    memcpy(at + of_lines + of_marks, tail, of_tail)
    if copied:
        memcpy(at + of_lines + of_marks + of_tail, PyBytes_AS_STRING(answer.body), copied)
    return made


@cython.final
cdef class FastPath:
    cdef public double at
    cdef dict _names
    cdef object _log
    cdef list _seen
    cdef Py_ssize_t _largest, _longest
    cdef int _most

    def __init__(self, dict names not None, limits, log=None):
        self._names = names
        self._log = log
        self._seen = [b""] * SEEN
        self._largest = min(limits.head, LARGEST)
        self._longest = limits.target
        self._most = min(limits.fields, MOST_FIELDS)

    cdef bytes same_text(self, Span span):
        """The text, as the object made of it lately if there is one: logs look it up, and its hash is known."""
        cdef bytes known
        cdef uint64_t first, last
        if span.size < 8:
            return text(span)
        memcpy(&first, span.start, 8)
        memcpy(&last, span.start + span.size - 8, 8)
        first = (first ^ last * 31 ^ <uint64_t>span.size) * <uint64_t>0x9E3779B97F4A7C15  # spreads what differs
        cdef Py_ssize_t place = first >> (64 - SEEN_BITS)
        known = <bytes>self._seen[place]
        if PyBytes_GET_SIZE(known) != span.size or memcmp(PyBytes_AS_STRING(known), span.start, span.size) != 0:
            known = text(span)
            self._seen[place] = known
        return known

    cdef bytes same_lower_text(self, Span span):
        cdef Py_ssize_t i
        for i in range(span.size):
            if LOWER[span.start[i]] != span.start[i]:
                return lower_text(span)
        return self.same_text(span)

    def introduce(self, str peer not None, bytes mark not None, bint trusted, long long left):
        return Client(peer, mark, trusted, left)

    def serve(self, bytes buffer not None, Py_ssize_t position, double now, list out not None, Client client not None):
        cdef Text start = <Text>PyBytes_AS_STRING(buffer)
        cdef Py_ssize_t end = PyBytes_GET_SIZE(buffer), used, size, queued = 0
        cdef Head head
        cdef PyObject* found
        cdef Resource resource
        cdef Answer answer
        cdef double age
        cdef bytes mark, made
        while position < end and queued < queued_most and client.left > 1:
            used = read_head(start + position, start + end, &head, client.trusted, self._largest, self._longest,
                             self._most)
            if not used:
                break
            mark = client.mark if not head.scheme else b"" if head.scheme == 1 else b"\x01"
            found = PyDict_GetItem(self._names, raw_name(&head, mark))
            if found == NULL:
                break
            resource = <Resource?><object>found
            answer = resource.answer
            if answer is None:
                if not resource.variants:
                    break
                found = PyDict_GetItem(resource.variants, variation(&head, resource.vary))
                if found == NULL:
                    break
                answer = <Answer?><object>found
            age = now - answer.born
            size = PyBytes_GET_SIZE(answer.body)
            if age >= answer.fresh_for or size > large:
                break
            if age < 0:
                age = 0
            answer.used = True
            if not head.get or not size:
                made = piece(answer, size, <long long>age, 0)
                out.append(made)
            elif size <= copied_most:
                made = piece(answer, size, <long long>age, size)
                out.append(made)
            else:
                made = piece(answer, size, <long long>age, 0)
                out.append(made)
                out.append(answer.body)
                queued += size
            queued += PyBytes_GET_SIZE(made)
            answer.tally.count += 1
            if head.get:
                answer.tally.bytes += size
            if self._log is not None:
                self._log((self.at, client.peer, answer, b"GET" if head.get else b"HEAD",
                           self.same_lower_text(head.host), self.same_text(head.target), self.same_text(head.agent),
                           self.same_text(head.referer), text(head.trace), self.same_text(head.told)))
            client.left -= 1
            position += used
        return position


def send_file(int to, bytes head not None, int descriptor, Py_ssize_t size):
    """See wire.fast.files."""
    cdef off_t offset = 0
    cdef Py_ssize_t more, sent = c_send(to, PyBytes_AS_STRING(head), PyBytes_GET_SIZE(head),
                                        MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL)
    if sent < 0:
        return 0
    if sent == PyBytes_GET_SIZE(head):
        more = sendfile(to, descriptor, &offset, size)
        if more > 0:
            sent += more
    return sent
