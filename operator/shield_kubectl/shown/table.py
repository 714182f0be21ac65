"""Rows under aligned columns. Pure."""

from collections.abc import Sequence

from shield_kubectl.shown.style import Style, plain

GAP = 3


def table(header: Sequence[str], rows: Sequence[Sequence[str]], style: Style, coloured: int = -1) -> list[str]:
    """The lines of a table; one column may be coloured by its first word. Every row has as many cells as the header."""
    cells = [[plain(cell) or "-" for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(header), *cells]) for i in range(len(header))]
    lines = [_line(header, widths)]
    for row in cells:
        line = _line(row, widths)
        if coloured >= 0:
            start = sum(widths[:coloured]) + GAP * coloured
            end = start + len(row[coloured])
            line = line[:start] + style.word(row[coloured], row[coloured].partition(" ")[0]) + line[end:]
        lines.append(line)
    return lines


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return (" " * GAP).join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
