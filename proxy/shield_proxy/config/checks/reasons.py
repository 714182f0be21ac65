"""Why a probe failed: one of exactly 17 reasons. Pure."""

from enum import StrEnum


class Reason(StrEnum):
    """As people are told it; `condition` is the same word for the reason of a condition."""

    TCP_FAILED = "TCP connection failed"
    HTTP_TIMEOUT = "HTTP timeout occurred"
    CODE_MISMATCH = "Response code mismatch error"
    BODY_MISMATCH = "Response body mismatch error"
    TLS_UNTRUSTED = "TLS untrusted certificate error"
    TLS_NAME = "TLS name mismatch error"
    TLS_PROTOCOL = "TLS protocol error"
    TLS_UNRECOGNIZED_NAME = "TLS unrecognized name error"
    NO_ROUTE = "No route to host error"
    TCP_TIMEOUT = "TCP Timeout"
    NETWORK_UNREACHABLE = "Network Unreachable"
    HTTP_INVALID = "HTTP Invalid Response"
    DNS_UNKNOWN_HOST = "DNS Unknown Host"
    RESET = "Connection Reset by Peer"
    CONFIGURATION = "Monitor Configuration Error"
    DNS_INTERNAL = "DNS Internal"
    OTHER = "Other Failure"

    @property
    def condition(self) -> str:
        """In CamelCase, such as TCPConnectionFailed."""
        return "".join(word[0].upper() + word[1:] for word in self.split())
