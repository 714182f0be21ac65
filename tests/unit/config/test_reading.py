"""Reading at the border: the right type, or the field's path."""

from typing import Any

import pytest

from shield_proxy.config.reading import InvalidField, Reader

TREE: dict[str, Any] = {"a": {"list": [{"n": 1}, {"n": "one"}], "texts": ["x", 2], "off": False, "none": None}}


def complaint(read: Any) -> str:
    with pytest.raises(InvalidField) as refused:
        read(Reader(TREE))
    return str(refused.value)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (lambda top: top.text("b"), "b: is required"),
        (lambda top: top.text("a"), "a: must be str"),
        (lambda top: top.section("a").section("list"), "a.list: must be an object, not list"),
        (lambda top: top.section("a").items("list", lambda item: item.number("n")), "a.list[1].n: must be int"),
        (lambda top: top.section("a").texts("texts"), "a.texts[1]: must be str"),
        (lambda top: top.section("a").number("off"), "a.off: must be int, not False"),
        (lambda top: top.section("a").number("none"), "a.none: is required"),
        (lambda top: top.section("a").items("off", lambda item: item), "a.off: must be a list"),
        (lambda top: Reader([1]), "document: must be an object, not list"),
        (lambda top: Reader({"n": 9}).number("n", least=1, most=8), "n: must be from 1 to 8, not 9"),
    ],
)
def test_a_complaint_names_the_path_and_the_problem(read: Any, text: str) -> None:
    assert complaint(read).startswith(text)


def test_defaults_stand_for_absent_and_null_fields_only() -> None:
    section = Reader(TREE).section("a")
    assert section.flag("off", True) is False
    assert section.text("none", "x") == "x"
    assert section.number("absent", 3) == 3
    assert section.texts("absent") == ()
    assert not section.has("none")
    assert section.has("off")
    assert Reader(TREE).section("absent").texts("x") == ()
