"""Texts of messages made fit to be sent: names come from the source, and could hold anything."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal

from costpulse_assets.alerts.message import Cause, Figure, Message, Section, Series
from costpulse_assets.alerts.words import day, percent, signed_usd, usd

#: Control characters, what turns the direction of writing around, and half characters that no encoding can write.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_BLANKS = re.compile(r"[\s\u2028\u2029]+")
_BARS = "▁▂▃▄▅▆▇█"
_POINTS = 31
_LINES = 100


def line(text: str, limit: int) -> str:
    """One line of at most `limit` characters: unprintable ones left out, runs of blanks made one."""
    return cut(_BLANKS.sub(" ", _UNPRINTABLE.sub("", text)).strip(), limit)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters: a longer text keeps its head and its tail, with … between."""
    if len(text) <= limit:
        return text
    tail = (limit - 1) // 3
    return f"{text[: limit - 1 - tail]}…{text[len(text) - tail :]}"


def fitted(text: str, limit: int, escape: Callable[[str], str]) -> str:
    """The escaped text, cut before it is escaped, so that the result has at most `limit` characters."""
    length = limit
    while len(escaped := escape(cut(text, length))) > limit:
        length = min(length - 1, length * limit // len(escaped))
    return escaped


def printable(message: Message) -> Message:
    """The message with every text cleaned, and no longer than any channel could show."""
    return message.model_copy(
        update={
            "title": line(message.title, 300) or "Alert",
            "text": line(message.text, 2_800),
            "figures": tuple(
                Figure(label=line(each.label, 80) or "–", text=line(each.text, 300) or "–")
                for each in message.figures[:20]
            ),
            "causes": _causes(message.causes),
            "series": _series(message.series),
            "sections": tuple(_section(each) for each in message.sections[:12]),
            "notes": _lines(message.notes[:10]),
            "owner": line(message.owner, 254) or None if message.owner else None,
        }
    )


def cause_line(cause: Cause) -> str:
    """`job nightly_load: +$812.40, new`."""
    name = f"{cause.kind} {cause.name}" if cause.kind else cause.name
    return f"{name}: {signed_usd(cause.usd)}" + (f", {cause.note}" if cause.note else "")


def sparkline(series: Series) -> str:
    """The chart as one line of bars between its first and last day, and a line that says how high they are."""
    values = [point.value for point in series.points]
    lowest, highest = min([Decimal(0), *values]), max(values)
    span = highest - lowest
    bars = "".join(_BARS[int((value - lowest) / span * 7) if span else 0] for value in values)
    write = usd if series.unit == "usd" else percent
    peak = max(series.points, key=lambda point: point.value)
    said = [f"highest {write(peak.value)} on {day(peak.day)}", f"last {write(values[-1])}"]
    if series.reference is not None:
        said.append(f"compared with {write(series.reference)}")
    return f"{day(series.points[0].day)} {bars} {day(series.points[-1].day)}\n{', '.join(said)}"


def _lines(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(written for each in texts if (written := line(each, 500)))


def _causes(causes: Sequence[Cause]) -> tuple[Cause, ...]:
    return tuple(
        Cause(
            name=line(each.name, 200) or "(no name)", kind=line(each.kind, 40), usd=each.usd, note=line(each.note, 200)
        )
        for each in causes[:20]
    )


def _series(series: Series | None) -> Series | None:
    if series is None or not series.points:
        return None
    return series.model_copy(update={"label": line(series.label, 120), "points": series.points[-_POINTS:]})


def _section(section: Section) -> Section:
    lines = _lines(section.lines)
    if len(lines) > _LINES:
        lines = (*lines[: _LINES - 1], f"and {len(lines) - _LINES + 1} more")
    return Section(title=line(section.title, 150) or "…", lines=lines, causes=_causes(section.causes))
