"""How a request to the API can fail."""


class Unreachable(Exception):
    """Nothing, or nothing that makes sense, was answered in time. Whether a write was made is not known."""


class TooLarge(Unreachable):
    """The answer has more bytes than are read."""


class ApiError(Exception):
    """The API server refused."""

    def __init__(self, status: int, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{status} {message[:300]}")
        self.status = status
        self.retry_after = retry_after
        """Seconds that it asks to wait."""


class BadRequest(ApiError):
    """It does not understand the request, such as a selector of a field by which it can't select (400)."""


class Conflict(ApiError):
    """The object is not what the write was conditional on, or is there already (409)."""


class Expired(ApiError):
    """The version that a list or watch was to go on from is no longer known (410)."""


class NotThere(ApiError):
    """There is no such object (404)."""


KINDS: dict[int, type[ApiError]] = {400: BadRequest, 404: NotThere, 409: Conflict, 410: Expired}


def refusal(status: int, document: object, retry_after: float | None = None) -> ApiError:
    """The error of an answer's status, with what its Status object says."""
    message = document.get("message") if isinstance(document, dict) else None
    return KINDS.get(status, ApiError)(status, str(message or "no message"), retry_after)
