"""Fields that custom resources have in common, read with their checks. Every complaint is an InvalidField."""

from collections.abc import Callable

from shield_operator.core.hosts import is_object_name
from shield_operator.core.quantity import whole_bytes
from shield_proxy.config.reading import InvalidField, Reader


def quantity(item: Reader, key: str, default: int, least: str, most: str) -> int:
    """Bytes of a quantity between the quantities `least` and `most`."""
    if not item.has(key):
        return default
    value = item.source[key]
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidField(item.at(key), f"must be a quantity, not {value!r}")
    try:
        size = whole_bytes(value)
    except ValueError as error:
        raise InvalidField(item.at(key), str(error)) from None
    if not whole_bytes(least) <= size <= whole_bytes(most):
        raise InvalidField(item.at(key), f"must be from {least} to {most}, not {value!r}")
    return size


def optional(item: Reader, key: str) -> str | None:
    """A string, None where it is absent."""
    return item.text(key) if item.has(key) else None


def secret_name(item: Reader, key: str) -> str | None:
    """`secretName` of the section under the key, None without the section."""
    if not item.has(key):
        return None
    section = item.section(key)
    name = section.text("secretName")
    if not is_object_name(name):
        raise InvalidField(section.at("secretName"), f"must be the name of a Secret, not {name!r}")
    return name


def unique(item: Reader, key: str, valid: Callable[[str], bool], form: str) -> tuple[str, ...]:
    """A list of strings that are each `valid` and differ; `form` says what they must be."""
    values = item.texts(key)
    for i, value in enumerate(values):
        if not valid(value):
            raise InvalidField(f"{item.at(key)}[{i}]", f"must be {form}, not {value!r}")
        if value in values[:i]:
            raise InvalidField(f"{item.at(key)}[{i}]", f"{value!r} is named twice")
    return values
