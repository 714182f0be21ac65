"""How upstream requests fail, as a value. Pure."""

NOT_CONNECTED = frozenset(("unresolved", "refused", "unreachable", "connect-timeout", "tls", "identity", "exhausted"))


class UpstreamFailed(Exception):
    """No response, or not a whole one.

    `kind`: one of NOT_CONNECTED (nothing was sent), or closed, response-timeout, idle-timeout, malformed, truncated
    (the request may have had effects).
    """

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind

    @property
    def connected(self) -> bool:
        """The peer may have seen the request."""
        return self.kind not in (
            "unresolved",
            "refused",
            "unreachable",
            "connect-timeout",
            "tls",
            "identity",
            "exhausted",
        )
