"""Reading untrusted JSON or YAML at the border: every complaint names the field's path."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
MOST_QUOTED = 80
"""Characters of a value that a complaint quotes."""


class InvalidField(ValueError):
    """A field that can't be honoured; `path` says where it stands, `problem` what is wrong with it."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class Reader:
    """A mapping under a path. Each method returns the value in its type, or raises InvalidField."""

    __slots__ = ("path", "source")

    def __init__(self, source: object, path: str = "") -> None:
        if not isinstance(source, Mapping):
            raise InvalidField(path or "document", f"must be an object, not {type(source).__name__}")
        self.source: Mapping[str, Any] = source
        self.path = path

    def at(self, key: str) -> str:
        """The path of a key below this mapping."""
        return f"{self.path}.{key}" if self.path else key

    def has(self, key: str) -> bool:
        """Whether the key is there and not null."""
        return self.source.get(key) is not None

    def _value(self, key: str, kind: type[T], default: T | None) -> T:
        value = self.source.get(key)
        if value is None:
            if default is None:
                raise InvalidField(self.at(key), "is required")
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise InvalidField(self.at(key), f"must be {kind.__name__}, not {value!r}")
        if isinstance(value, str):
            _check_text(value, self.at(key))
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """A string."""
        return self._value(key, str, default)

    def choice(self, key: str, kind: type[E], default: E | None = None) -> E:
        """A member of an enumeration, by its value."""
        value = self.text(key, default)
        try:
            return kind(value)
        except ValueError:
            members = ", ".join(kind)
            raise InvalidField(self.at(key), f"must be one of {members}, not {value[:MOST_QUOTED]!r}") from None

    def flag(self, key: str, default: bool | None = None) -> bool:
        """A boolean."""
        return self._value(key, bool, default)

    def number(self, key: str, default: int | None = None, least: int = 0, most: int = 2**63) -> int:
        """An integer in [least, most]."""
        value = self._value(key, int, default)
        if not least <= value <= most:
            raise InvalidField(self.at(key), f"must be from {least} to {most}, not {value}")
        return value

    def section(self, key: str) -> "Reader":
        """The mapping under the key; an absent one reads as empty."""
        return Reader(self.source.get(key) or {}, self.at(key))

    def items(self, key: str, read: Callable[["Reader"], T]) -> tuple[T, ...]:
        """What `read` makes of each mapping in the list under the key; absent: none."""
        return tuple(read(Reader(item, f"{self.at(key)}[{i}]")) for i, item in enumerate(self._list(key)))

    def texts(self, key: str) -> tuple[str, ...]:
        """The list of strings under the key; absent: none."""
        values = self._list(key)
        for i, value in enumerate(values):
            if not isinstance(value, str):
                raise InvalidField(f"{self.at(key)}[{i}]", f"must be str, not {value!r}")
            _check_text(value, f"{self.at(key)}[{i}]")
        return tuple(values)

    def _list(self, key: str) -> Sequence[Any]:
        value = self.source.get(key)
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            raise InvalidField(self.at(key), f"must be a list, not {type(value).__name__}")
        return value


def _check_text(value: str, path: str) -> None:
    """JSON can escape halves of characters, which no encoding can write again."""
    try:
        value.isascii() or value.encode()
    except UnicodeEncodeError:
        raise InvalidField(path, "holds half a character") from None
