"""Parts of pages that are made from declarations: paragraphs, lists and tables of Markdown."""

import textwrap
from collections.abc import Iterable

_WIDTH = 120


def paragraph(text: str) -> str:
    """Text with line breaks where a person would make them."""
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def bullets(*items: str) -> str:
    """A list."""
    return "\n".join(
        textwrap.fill(
            item, _WIDTH, initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
        for item in items
    )


def table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table; a bar within a cell is none between cells."""
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def anchor(heading: str) -> str:
    """What a link within the page calls a heading."""
    return "".join(letter for letter in heading.lower().replace(" ", "-") if letter.isalnum() or letter in "-_")
