"""Text on paper: where lines break, which font has each letter, how Arabic letters join and which way they run.

Text is text, never markup. What DejaVu Sans does not have of Chinese, Japanese and Korean is set in a font of the
reader's machine; any other letter that it does not have is an empty box, and still the letter when it is copied.
"""

import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from reportlab.lib.colors import HexColor
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

from costpulse_assets.alerts.channels.text import line as one_line

Align = Literal["left", "right", "center"]
#: Pieces from left to right, each with its font.
Line = tuple[tuple[str, str], ...]

REGULAR = "DejaVuSans"
BOLD = "DejaVuSans-Bold"

#: Longer texts are cut, with head and tail kept: no name is worth a page.
_LONGEST = 2_000
_HAN, _JAPANESE, _KOREAN = "STSong-Light", "HeiseiKakuGo-W5", "HYGothic-Medium"
_MARKS = "-_/.:@,"
_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")


def lines(text: str, size: float, width: float, *, font: str = REGULAR, at_most: int = 0) -> tuple[Line, ...]:
    """The text in lines no wider than `width` points; a break in the text is one on paper.

    Args:
        text: as it comes from the source.
        size: of the font, in points.
        width: of the column, in points.
        font: REGULAR or BOLD.
        at_most: lines; the last one ends in … where there are more. 0: as many as it takes.
    """
    return _lines(text, round(width / size, 3), font, at_most)


def line(text: str, size: float, width: float, *, font: str = REGULAR) -> Line:
    """The text as one line, cut where it is too long."""
    return lines(text, size, width, font=font, at_most=1)[0]


def line_width(text: Line, size: float) -> float:
    """How wide a line is, in points."""
    return size * sum(_advance(letter, font) for font, piece in text for letter in piece)


def draw(canvas: Any, text: Line, x: float, y: float, size: float, colour: str, align: Align = "left") -> None:
    """Write a line with its baseline at `y`, from `x`, to `x` or around it."""
    if align != "left":
        x -= line_width(text, size) / (1 if align == "right" else 2)
    canvas.setFillColor(ink(colour))
    for font, piece in text:
        canvas.setFont(font, size)
        canvas.drawString(x, y, piece)
        x += size * sum(_advance(letter, font) for letter in piece)


@cache
def ink(colour: str) -> Any:
    """The colour of #RRGGBB; to read it anew for each line takes longer than to write the line."""
    return HexColor(colour)


@lru_cache(maxsize=8192)
def _lines(text: str, width: float, font: str, at_most: int) -> tuple[Line, ...]:
    """As `lines`, for a font of one point."""
    east = _east(text)
    paragraphs = [_joined(one_line(each, _LONGEST)) for each in text.split("\n")]
    broken = [each for paragraph in paragraphs for each in _broken(paragraph, width, font, east)]
    if at_most and len(broken) > at_most:
        shown, rest = broken[: at_most - 1], " ".join(paragraphs)
        for each in shown:
            rest = rest[len(each) :].lstrip(" ")
        fits = _fitting(rest, width - _advance("…", font), font, east)
        broken = [*shown, f"{rest[:fits].rstrip()}…"]
    return tuple(_pieces(each, font, east) for each in broken)


def _broken(text: str, width: float, font: str, east: str) -> Iterator[str]:
    """Lines break at blanks; a word that is wider than a line breaks after a mark, else anywhere."""
    current = ""
    for word in text.split(" "):
        longer = f"{current} {word}" if current else word
        if _width(longer, font, east) <= width:
            current = longer
            continue
        if current:
            yield current
        while _width(word, font, east) > width:
            fits = max(_fitting(word, width, font, east), 1)
            mark = max(word.rfind(mark, 0, fits) for mark in _MARKS) + 1
            fits = mark if mark > fits / 4 else fits
            yield word[:fits]
            word = word[fits:]
        current = word
    yield current


def _fitting(text: str, width: float, font: str, east: str) -> int:
    """How many letters fit."""
    for at, letter in enumerate(text):
        width -= _advance(letter, _font_of(letter, font, east))
        if width < 0:
            return at
    return len(text)


def _width(text: str, font: str, east: str) -> float:
    return sum(_advance(letter, _font_of(letter, font, east)) for letter in text)


def _pieces(text: str, font: str, east: str) -> Line:
    return tuple(
        (chosen, "".join(letters))
        for chosen, letters in groupby(_in_reading_order(text), key=lambda letter: _font_of(letter, font, east))
    )


@lru_cache(maxsize=8192)
def _advance(letter: str, font: str) -> float:
    _register_fonts()
    return float(pdfmetrics.stringWidth(letter, font, 1))


@lru_cache(maxsize=8192)
def _font_of(letter: str, font: str, east: str) -> str:
    if letter.isascii() or ord(letter) > 0xFFFF or ord(letter) in _register_fonts():
        return font
    return east if _is_east_asian(letter) else font


def _is_east_asian(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in "WFH"


def _east(text: str) -> str:
    """Japanese where there is kana, Korean where there is Hangul: their signs differ from those of Chinese."""
    if text.isascii():
        return _HAN
    names = {unicodedata.name(letter, "").split(" ")[0] for letter in text}
    return _JAPANESE if names & {"HIRAGANA", "KATAKANA"} else _KOREAN if "HANGUL" in names else _HAN


@cache
def _register_fonts() -> frozenset[int]:
    """Make the fonts known; the letters that DejaVu Sans has."""
    package = find_spec("matplotlib")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("matplotlib, which has the fonts of PDF reports, is not installed")
    folder = Path(package.origin).parent / "mpl-data" / "fonts" / "ttf"
    for name in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf"), shapable=False))
    for name in (_HAN, _JAPANESE, _KOREAN):
        pdfmetrics.registerFont(UnicodeCIDFont(name))
    return frozenset(pdfmetrics.getFont(REGULAR).face.charToGlyph)


def _in_reading_order(text: str) -> str:
    """Letters from left to right as they stand on paper, in a text that reads from left to right as a whole.

    The part of the Unicode bidirectional algorithm that names need: no embedded levels, no controls.
    """
    if text.isascii():
        return text
    classes = [_direction(letter) for letter in text]
    if "R" not in classes:
        return text
    levels = [0] * len(text)
    strong = "L"
    for at, kind in enumerate(classes):
        if kind in "LR":
            strong = kind
        if kind == "R":
            levels[at] = 1
        elif kind == "N" and strong == "R":
            levels[at] = 2
    at = 0
    for neutral, run in groupby(classes, key=lambda kind: kind == "-"):
        length = len(list(run))
        if neutral and at > 0 and at + length < len(text) and levels[at - 1] and levels[at + length]:
            levels[at : at + length] = [1] * length
        at += length
    open_brackets: list[int] = []
    for at, letter in enumerate(text):
        if letter in "([{":
            open_brackets.append(levels[at])
        elif letter in ")]}" and open_brackets:
            # A bracket goes the way of its other half.
            levels[at] = open_brackets.pop()
    letters = [
        letter.translate(_MIRRORED) if level == 1 else letter for letter, level in zip(text, levels, strict=True)
    ]
    for lowest in (2, 1):
        turned: list[tuple[str, int]] = []
        for is_turned, run_of in groupby(zip(letters, levels, strict=True), key=lambda each: each[1] >= lowest):
            part = list(run_of)
            turned.extend(reversed(part) if is_turned else part)
        letters, levels = [letter for letter, _ in turned], [level for _, level in turned]
    return "".join(letters)


def _direction(letter: str) -> str:
    """L, R, N for digits, - for what goes with its neighbours."""
    match unicodedata.bidirectional(letter):
        case "R" | "AL" | "NSM":
            return "R" if unicodedata.bidirectional(letter) != "NSM" else "-"
        case "EN" | "AN":
            return "N"
        case "L":
            return "L"
    return "-"


def _joined(text: str) -> str:
    """Arabic letters in the form that their neighbours ask for; everything else as it is, less what has no width."""
    text = "".join(letter for letter in text if unicodedata.category(letter) != "Cf" and letter != "\ufe0f")
    if text.isascii() or not any(unicodedata.bidirectional(letter) == "AL" for letter in text):
        return text
    forms = _arabic_forms()
    units: list[str] = []
    for letter in text:
        if units and units[-1] + letter in forms:
            units[-1] += letter
        else:
            units.append(letter)
    shown: list[str] = []
    for at, unit in enumerate(units):
        of_unit = forms.get(unit)
        if of_unit is None:
            shown.append(unit)
            continue
        before = _neighbour(units, at, -1)
        after = _neighbour(units, at, 1)
        from_before = "final" in of_unit and ("initial" in forms.get(before, {}) or before == "ـ")
        to_after = "initial" in of_unit and ("final" in forms.get(after, {}) or after == "ـ")
        form = {(True, True): "medial", (True, False): "final", (False, True): "initial"}.get(
            (from_before, to_after), "isolated"
        )
        shown.append(of_unit.get(form, unit))
    return "".join(shown)


def _neighbour(units: list[str], at: int, step: int) -> str:
    """The next letter that is not a mark above or below one."""
    at += step
    while 0 <= at < len(units) and unicodedata.category(units[at][0]) == "Mn":
        at += step
    return units[at] if 0 <= at < len(units) else ""


@cache
def _arabic_forms() -> dict[str, dict[str, str]]:
    """Forms of each letter, and of lam with alef, from the Unicode database: isolated, initial, medial, final."""
    forms: dict[str, dict[str, str]] = {}
    for code in (*range(0xFB50, 0xFC00), *range(0xFE80, 0xFEFD)):
        form, _, letters = unicodedata.decomposition(chr(code)).partition(" ")
        if form:
            unit = "".join(chr(int(each, 16)) for each in letters.split())
            forms.setdefault(unit, {})[form.strip("<>")] = chr(code)
    return forms
