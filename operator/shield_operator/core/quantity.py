"""Kubernetes quantities ("256Mi", "1.5Gi", "1e9", 1000) as whole bytes."""

import re
from fractions import Fraction

_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?\d{1,3}))?")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def parse_quantity(value: str | int) -> Fraction:
    """The exact number a quantity stands for. ValueError where it is none."""
    if isinstance(value, int):
        return Fraction(value)
    match = _FORM.fullmatch(value)
    if match is None:
        raise ValueError(f"must be a Kubernetes quantity such as 256Mi, not {value!r}")
    number, suffix, exponent = match.groups()
    if exponent is not None:
        return Fraction(number) * Fraction(10) ** int(exponent)
    if suffix in _BINARY:
        return Fraction(number) * (1 << _BINARY[suffix])
    return Fraction(number) * Fraction(10) ** _DECIMAL.get(suffix or "", 0)


def whole_bytes(value: str | int) -> int:
    """Bytes of a quantity, rounded up as Kubernetes does. ValueError where it is none, or negative."""
    number = parse_quantity(value)
    if number < 0:
        raise ValueError(f"must not be negative, but is {value!r}")
    return -(-number.numerator // number.denominator)
