"""How text may look on the screen that it is for. Pure."""

import re
from dataclasses import dataclass

_COLOURS = {"Healthy": "32", "True": "32", "Delivered": "32", "Unhealthy": "31", "False": "31", "Failed": "31"}
_DOUBT = "33"


@dataclass(frozen=True, slots=True)
class Style:
    """What the screen can do."""

    colour: bool = False
    unicode: bool = False
    width: int = 80
    """Columns."""

    def word(self, text: str, word: str | None = None) -> str:
        """The text, coloured as its word (the text itself, if not given) is good, bad or in doubt."""
        if not self.colour or not text:
            return text
        return f"\x1b[{_COLOURS.get(word or text, _DOUBT)}m{text}\x1b[0m"


def plain(text: str) -> str:
    """Without what would move the cursor or change colours: details come from servers that nobody vouches for."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]", "?", text)


def age(seconds: float) -> str:
    """As kubectl tells ages: 4s, 3m, 5h, 2d."""
    whole = max(0, int(seconds))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if whole >= 2 * size:
            return f"{whole // size}{unit}"
    return f"{whole}s"
