"""The fast path: plain requests for fresh stored responses, answered from the bytes that came, without a parser.

There are two implementations of one contract: `_fast` is compiled where a C compiler was when the package was built,
`pure` is always there. SHIELD_PURE=1 in the environment turns the compiled one off; IMPLEMENTATION says which runs.

`FastPath(names, limits, log).serve(buffer, position, now, out, client)` answers the requests that begin at `position`
in their order, appends the bytes to send to `out`, and returns where the first request begins that it leaves to the
full parser: one that is not whole, is no plain GET or HEAD (see plain.py), has no fresh answer under its raw name
(the mark of its scheme, the authority in lower case, the target), or is the last that its connection may send. It also
stops after about QUEUED bytes. What it accepts, the full parser accepts with the same meaning.
"""

import os

if os.environ.get("SHIELD_PURE", "") not in ("", "0"):
    from shield_proxy.wire.fast.pure import LARGE, UNLIMITED, Answer, Client, FastPath, Hit, Resource, Tally, untrack

    IMPLEMENTATION = "pure"
else:
    try:
        from shield_proxy.wire.fast._fast import (
            LARGE,
            UNLIMITED,
            Answer,
            Client,
            FastPath,
            Hit,
            Resource,
            Tally,
            untrack,
        )

        IMPLEMENTATION = "compiled"
    except ImportError:
        from shield_proxy.wire.fast.pure import (
            LARGE,
            UNLIMITED,
            Answer,
            Client,
            FastPath,
            Hit,
            Resource,
            Tally,
            untrack,
        )

        IMPLEMENTATION = "pure"

__all__ = [
    "IMPLEMENTATION",
    "LARGE",
    "UNLIMITED",
    "Answer",
    "Client",
    "FastPath",
    "Hit",
    "Resource",
    "Tally",
    "untrack",
]
