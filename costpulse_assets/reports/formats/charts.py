"""Charts on paper, drawn as lines and text: sharp at any size, and the same bytes for the same figures.

Floats live here only; every exact amount is in a table of the report.
"""

import math
import re
from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from costpulse_assets.reports.formats import typesetting
from costpulse_assets.reports.report import Chart

# The colours of the app's light theme.
SERIES = ("#1B4AA0", "#EC5A13", "#209B72", "#A3608F", "#7F76F2", "#5C4E2B", "#45072F")
OTHER = "#7B8794"
TEXT = "#17202B"
MUTED = "#56626F"
GRID = "#E4E9EF"
PRIMARY = "#0B5CAB"

#: Names that stand for the rest are grey, whatever their rank.
_GREY = re.compile(r"(all (\d+ )?)?others?|unallocated|before|.*\b(previous|preceding|before)\b.*", re.IGNORECASE)
_SIZE = 7.0
_BAR = 15.0
_MOST_BARS = 20
_TITLE = 18.0
_LEGEND = 12.0
_AXIS = 16.0

Draw = Callable[[Any, float, float], None]


def height_of(chart: Chart) -> float:
    """How high a chart should be, in points: bars take what they need, the others the height of a strip."""
    if chart.shape != "bars":
        return 150.0
    shown = min(len(chart.categories), _MOST_BARS)
    return _TITLE + _BAR * max(shown, 1) + (_LEGEND if len(chart.series) > 1 or shown < len(chart.categories) else 0)


def draw(canvas: Any, chart: Chart, x: float, top: float, width: float, height: float) -> None:
    """Draw a chart below `top`, with its title; without any amount it says so.

    Args:
        canvas: of reportlab.
        chart: what to draw.
        x: left edge, in points.
        top: upper edge.
        width: room from `x` to the right.
        height: room below `top`.
    """
    heading = typesetting.line(chart.title, 9, width, font=typesetting.BOLD)
    typesetting.draw(canvas, heading, x, top - 9, 9, TEXT)
    series = [(name, [None if each is None else float(each) for each in values]) for name, values in chart.series]
    if not any(value for _, values in series for value in values):
        typesetting.draw(canvas, typesetting.line("There is no cost to show.", 8, width), x, top - 30, 8, MUTED)
        return
    (_bars if chart.shape == "bars" else _upright)(canvas, chart, series, x, top - _TITLE, width, height - _TITLE)


_Values = Sequence[float | None]
_Series = Sequence[tuple[str, _Values]]


def _bars(canvas: Any, chart: Chart, series: _Series, x: float, top: float, width: float, height: float) -> None:
    """Horizontal bars with name and amount; a second series is a thin bar below."""
    if len(series) > 1:
        legend = _legend(canvas, [name for name, _ in series], x, top, width)
        top, height = top - legend, height - legend
    count = min(len(chart.categories), _MOST_BARS)
    names = [typesetting.line(name, _SIZE + 0.5, width * 0.42) for name in chart.categories[:count]]
    largest = _largest(series)
    amounts = [_amount(value, largest) for value in series[0][1][:count]]
    left = max(typesetting.line_width(name, _SIZE + 0.5) for name in names) + 6
    right = max(typesetting.line_width(amount, _SIZE + 0.5) for amount in amounts) + 6
    values = [value or 0.0 for _, one in series for value in one[:count]]
    lowest, highest = min([*values, 0.0]), max([*values, 0.0])
    scale = (width - left - right) / ((highest - lowest) or 1.0)
    zero = x + left - lowest * scale
    pitch = min(_BAR, (height - (_LEGEND if count < len(chart.categories) else 0)) / count)
    for at in range(count):
        middle = top - pitch * (at + 0.5)
        typesetting.draw(canvas, names[at], x + left - 6, middle - 2.6, _SIZE + 0.5, TEXT, "right")
        thick = pitch * 0.62 if len(series) == 1 else pitch * 0.5 / len(series)
        furthest = zero
        for rank, (name, one) in enumerate(series):
            value = one[at] or 0.0
            shade = _colour(chart.categories[at] if len(series) == 1 else name, 0 if len(series) == 1 else rank)
            upper = middle + thick * len(series) / 2 - thick * rank
            canvas.setFillColor(typesetting.ink(shade))
            if value:
                canvas.rect(min(zero, zero + value * scale), upper - thick, abs(value * scale), thick, 0, 1)
            furthest = max(furthest, zero + value * scale)
        typesetting.draw(canvas, amounts[at], furthest + 4, middle - 2.6, _SIZE + 0.5, TEXT)
    canvas.setStrokeColor(typesetting.ink(OTHER))
    canvas.setLineWidth(0.5)
    canvas.line(zero, top, zero, top - pitch * count)
    if count < len(chart.categories):
        more = f"{len(chart.categories) - count} more are in the tables."
        typesetting.draw(canvas, typesetting.line(more, _SIZE, width), x, top - pitch * count - 9, _SIZE, MUTED)


def _upright(canvas: Any, chart: Chart, series: _Series, x: float, top: float, width: float, height: float) -> None:
    """Columns, stacked columns or lines over days or months."""
    if len(series) > 1:
        legend = _legend(canvas, [name for name, _ in series], x, top, width)
        top, height = top - legend, height - legend
    bottom = top - height + _AXIS
    ticks = _ticks(*_reach(chart, series))
    labels = [typesetting.line(_short_usd(tick, ticks[1] - ticks[0]), _SIZE, width) for tick in ticks]
    left = x + max(typesetting.line_width(label, _SIZE) for label in labels) + 6
    scale = (top - 4 - bottom) / (ticks[-1] - ticks[0])

    def at_height(value: float) -> float:
        return bottom + (value - ticks[0]) * scale

    canvas.setLineWidth(0.5)
    for tick, label in zip(ticks, labels, strict=True):
        canvas.setStrokeColor(typesetting.ink(OTHER if tick == 0 else GRID))
        canvas.line(left, at_height(tick), x + width, at_height(tick))
        typesetting.draw(canvas, label, left - 6, at_height(tick) - 2.5, _SIZE, MUTED, "right")
    pitch = (x + width - left) / len(chart.categories)
    _time_axis(canvas, chart.categories, left, bottom - 10, pitch)
    if chart.shape == "line":
        _lines(canvas, series, left + pitch / 2, pitch, at_height)
    else:
        _columns(canvas, series, left, pitch, at_height, stacked=chart.shape == "stacked")
    if len(series) == 1 and chart.shape != "line" and pitch > 38:
        largest = _largest(series)
        for at, value in enumerate(series[0][1]):
            if value is not None:
                above = at_height(max(value, 0.0)) + 3
                typesetting.draw(
                    canvas, _amount(value, largest), left + pitch * (at + 0.5), above, _SIZE, TEXT, "center"
                )


def _columns(
    canvas: Any, series: _Series, left: float, pitch: float, at_height: Callable[[float], float], *, stacked: bool
) -> None:
    wide = min(pitch * 0.82, 44.0)
    width = wide if stacked else wide / len(series)
    count = len(series[0][1])
    up, down = [0.0] * count, [0.0] * count
    for rank, (name, values) in enumerate(series):
        canvas.setFillColor(typesetting.ink(_colour(name, rank)))
        for at, value in enumerate(values):
            if not value:
                continue
            base = (up if value > 0 else down)[at] if stacked else 0.0
            (up if value > 0 else down)[at] += value
            corner = left + pitch * at + (pitch - wide) / 2 + (0 if stacked else width * rank)
            canvas.rect(corner, at_height(base), width, at_height(base + value) - at_height(base), 0, 1)


def _lines(canvas: Any, series: _Series, first: float, pitch: float, at_height: Callable[[float], float]) -> None:
    """A gap in the amounts is a gap in the line; an amount alone between gaps is a dot."""
    canvas.setLineWidth(1.3)
    canvas.setLineCap(1)
    canvas.setLineJoin(1)
    for rank, (name, values) in enumerate(series):
        canvas.setStrokeColor(typesetting.ink(_colour(name, rank)))
        canvas.setFillColor(typesetting.ink(_colour(name, rank)))
        path = canvas.beginPath()
        for at, value in enumerate(values):
            if value is None:
                continue
            point = (first + pitch * at, at_height(value))
            if at and values[at - 1] is not None:
                path.lineTo(*point)
            elif at + 1 < len(values) and values[at + 1] is not None:
                path.moveTo(*point)
            else:
                canvas.circle(*point, 1.6, 0, 1)
        canvas.drawPath(path, 1, 0)
    canvas.setLineCap(0)


def _legend(canvas: Any, names: Sequence[str], x: float, top: float, width: float) -> float:
    """Squares and names, in as many rows as they need; the height of the rows."""
    at, row = x, 0
    for rank, name in enumerate(names):
        said = typesetting.line(name, _SIZE, min(width, 150.0) - 18)
        wide = typesetting.line_width(said, _SIZE) + 22
        if at > x and at + wide - 13 > x + width:
            at, row = x, row + 1
        y = top - _LEGEND * row
        canvas.setFillColor(typesetting.ink(_colour(name, rank)))
        canvas.rect(at, y - 7, 6, 6, 0, 1)
        typesetting.draw(canvas, said, at + 9, y - 6.6, _SIZE, TEXT)
        at += wide
    return _LEGEND * (row + 1)


def _time_axis(canvas: Any, categories: Sequence[str], left: float, baseline: float, pitch: float) -> None:
    """As many labels as stand clear of each other; over months of days, one where each month begins."""
    days = [_day(category) for category in categories]
    if len(days) > 62 and all(days):
        labels = {at: f"{day:%b %Y}" for at, day in enumerate(days) if day and day.day == 1}
    else:
        labels = {at: _category(category) for at, category in enumerate(categories)}
    said = [(at, typesetting.line(label, _SIZE, 90)) for at, label in labels.items()]
    room = max((typesetting.line_width(label, _SIZE) for _, label in said), default=0.0) + 4
    nearest = min((after - at for (at, _), (after, _) in pairwise(said)), default=1) * pitch
    for at, label in said[:: math.ceil(room / nearest)]:
        middle = min(
            left + pitch * (at + 0.5), left + pitch * len(categories) - typesetting.line_width(label, _SIZE) / 2
        )
        typesetting.draw(canvas, label, middle, baseline, _SIZE, MUTED, "center")


def _day(category: str) -> date | None:
    try:
        return date.fromisoformat(category)
    except ValueError:
        return None


def _category(category: str) -> str:
    """2026-11-03 is 3 Nov, 2026-11 is Nov 2026; anything else is as it is."""
    if (day := _day(category)) is not None:
        return f"{day.day} {day:%b}"
    if re.fullmatch(r"\d{4}-\d{2}", category) and (month := _day(f"{category}-01")) is not None:
        return f"{month:%b %Y}"
    return category


def _reach(chart: Chart, series: _Series) -> tuple[float, float]:
    """Lowest and highest value of the axis, zero always among them."""
    if chart.shape != "stacked":
        every = [value for _, values in series for value in values if value is not None]
        return min(0.0, *every), max(0.0, *every)
    columns = [[values[at] or 0.0 for _, values in series] for at in range(len(chart.categories))]
    return (
        min(sum(value for value in column if value < 0) for column in columns),
        max(sum(value for value in column if value > 0) for column in columns),
    )


def _ticks(lowest: float, highest: float) -> list[float]:
    """Round values that enclose both, some five steps apart."""
    rough = (highest - lowest) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in (1, 2, 2.5, 5, 10) if power * each >= rough * 0.999)
    first, last = math.floor(lowest / step + 1e-9), math.ceil(highest / step - 1e-9)
    return [step * each for each in range(first, last + 1)]


def _short_usd(value: float, step: float) -> str:
    """$0, $250, $1.5k, -$2M: as many decimals as its step needs."""
    divisor, unit = next(
        ((size, unit) for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")) if abs(value) >= size), (1.0, "")
    )
    digits = 1 if f"{step:e}".startswith("2.5") else 0
    decimals = max(0, digits - math.floor(math.log10(step / divisor) + 1e-9))
    number = f"{abs(value) / divisor:,.{decimals}f}"
    if "." in number and unit:
        number = number.rstrip("0").rstrip(".")
    return f"{'-' if value < 0 else ''}${number}{unit}" if value else "$0"


def _largest(series: _Series) -> float:
    return max(abs(value) for _, values in series for value in values if value is not None)


def _amount(value: float | None, largest: float) -> typesetting.Line:
    """Whole dollars where one is a thousand or more, but for those below one; cents elsewhere."""
    if value is None:
        return typesetting.line("–", _SIZE, 200)
    number = f"{abs(value):,.0f}" if largest >= 999.995 and (abs(value) >= 1 or not value) else f"{abs(value):,.2f}"
    return typesetting.line(f"{'-' if value < 0 else ''}${number}", _SIZE, 200)


def _colour(name: str, rank: int) -> str:
    return OTHER if _GREY.fullmatch(name) else SERIES[rank % len(SERIES)]
