"""A message as the text and the HTML of a mail.

HTML of mails is tables with styles of their own: many programs know nothing else. Every name is escaped, and there is
no picture and no address but ours.
"""

from collections.abc import Iterable
from decimal import Decimal
from html import escape

from costpulse_assets.alerts.channels.answers import MessageLinks
from costpulse_assets.alerts.channels.text import cause_line, line, sparkline
from costpulse_assets.alerts.message import Cause, Message, Series
from costpulse_assets.alerts.words import day, signed_usd

_COLOURS = {"info": "#2563eb", "warning": "#b45309", "critical": "#b91c1c"}
_FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_BAR_HEIGHT = 64
_QUIET, _INK, _LINE = "#64748b", "#0f172a", "#e2e8f0"


def subject(message: Message) -> str:
    """One line without control characters."""
    marks = f"{'[Test] ' if message.is_test else ''}{'' if message.severity == 'info' else f'[{message.severity}] '}"
    return f"{marks}{line(message.title, 160)}"


def text_body(message: Message, links: MessageLinks) -> str:
    """The mail for those who read text."""
    parts = [subject(message), message.text]
    if message.figures:
        width = max(len(figure.label) for figure in message.figures)
        parts.append("\n".join(f"{figure.label:<{width}}  {figure.text}" for figure in message.figures))
    if message.series is not None:
        parts.append(f"{message.series.label}\n{sparkline(message.series)}")
    if message.causes:
        parts.append(_text_list("What adds to it", map(cause_line, message.causes)))
    parts += [
        _text_list(section.title, (*section.lines, *map(cause_line, section.causes))) for section in message.sections
    ]
    if message.owner:
        parts.append(f"Owner: {message.owner}")
    parts += message.notes
    parts.append("\n".join(f"{label}: {address}" for label, address in links.buttons()))
    return "\n\n".join(part for part in parts if part) + "\n"


def html_body(message: Message, links: MessageLinks) -> str:
    """The mail for everybody else."""
    colour = _COLOURS[message.severity]
    rows = [
        f'<p style="margin:0 0 4px;font-size:12px;letter-spacing:.06em;text-transform:uppercase;color:{colour}">'
        f"{'Test · ' if message.is_test else ''}{message.severity}</p>",
        f'<h1 style="margin:0 0 12px;font-size:20px;line-height:1.3;color:{_INK};overflow-wrap:anywhere">'
        f"{escape(message.title)}</h1>",
        _paragraph(message.text, _INK) if message.text else "",
        _figures(message),
        _chart(message.series) if message.series is not None else "",
        _causes("What adds to it", message.causes),
        *(
            f"{_heading(section.title)}{_list(section.lines)}{_causes('', section.causes)}"
            for section in message.sections
        ),
        _paragraph(f"Owner: {message.owner}", _QUIET) if message.owner else "",
        *(_paragraph(note, _QUIET, size=12) for note in message.notes),
        _buttons(links, colour),
    ]
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(subject(message))}</title></head>"
        f'<body style="margin:0;padding:24px 12px;background:#f1f5f9;{_FONT}">'
        '<table role="presentation" cellpadding="0" cellspacing="0" width="100%"><tr><td align="center">'
        '<table role="presentation" cellpadding="0" cellspacing="0" width="600" '
        f'style="width:100%;max-width:600px;table-layout:fixed;background:#ffffff;border:1px solid {_LINE};'
        f'border-top:4px solid {colour};border-radius:6px"><tr><td style="padding:24px;text-align:left">'
        f"{''.join(rows)}"
        '</td></tr></table><p style="margin:12px 0 0;font-size:12px;color:'
        f'{_QUIET}">Sent by CostPulse</p></td></tr></table></body></html>\n'
    )


def _text_list(title: str, lines: Iterable[str]) -> str:
    return "\n".join((title, *(f"- {each}" for each in lines)))


def _paragraph(text: str, colour: str, size: int = 14) -> str:
    return (
        f'<p style="margin:0 0 16px;font-size:{size}px;line-height:1.5;color:{colour};overflow-wrap:anywhere">'
        f"{escape(text)}</p>"
    )


def _heading(text: str) -> str:
    return (
        f'<h2 style="margin:20px 0 6px;font-size:14px;color:{_INK};overflow-wrap:anywhere">{escape(text)}</h2>'
        if text
        else ""
    )


def _list(lines: Iterable[str]) -> str:
    items = "".join(f'<li style="margin:0 0 4px;overflow-wrap:anywhere">{escape(each)}</li>' for each in lines)
    return (
        f'<ul style="margin:0 0 12px;padding-left:18px;font-size:14px;line-height:1.45;color:{_INK}">{items}</ul>'
        if items
        else ""
    )


def _figures(message: Message) -> str:
    rows = "".join(
        f'<tr><td width="40%" valign="top" style="padding:6px 12px 6px 0;border-bottom:1px solid {_LINE};'
        f'color:{_QUIET};overflow-wrap:anywhere">{escape(figure.label)}</td>'
        f'<td valign="top" style="padding:6px 0;border-bottom:1px solid {_LINE};color:{_INK};font-weight:600;'
        f'overflow-wrap:anywhere">{escape(figure.text)}</td></tr>'
        for figure in message.figures
    )
    return _table(rows) if rows else ""


def _causes(title: str, causes: tuple[Cause, ...]) -> str:
    rows = "".join(
        f'<tr><td style="padding:6px 12px 6px 0;border-bottom:1px solid {_LINE};color:{_INK};overflow-wrap:anywhere">'
        f"{escape(f'{cause.kind} {cause.name}'.strip())}"
        + (f'<span style="color:{_QUIET}"> {escape(cause.note)}</span>' if cause.note else "")
        + f'</td><td width="110" align="right" valign="top" style="padding:6px 0;border-bottom:1px solid {_LINE};'
        f'color:{_INK};font-weight:600;white-space:nowrap">{signed_usd(cause.usd)}</td></tr>'
        for cause in causes
    )
    return f"{_heading(title)}{_table(rows)}" if rows else ""


def _table(rows: str) -> str:
    return (
        '<table role="presentation" cellpadding="0" cellspacing="0" width="100%" style="margin:0 0 16px;'
        f'table-layout:fixed;font-size:14px;line-height:1.4">{rows}</table>'
    )


def _chart(series: Series) -> str:
    """One bar a day, as cells of a table; those above what it is compared with are dark."""
    values = [point.value for point in series.points]
    lowest, highest = min(Decimal(0), *values), max(values)
    span = (highest - lowest) or Decimal(1)
    cells = "".join(_bar(int((value - lowest) / span * _BAR_HEIGHT), _colour(value, series)) for value in values)
    said = sparkline(series).splitlines()[1]
    days = f"{day(series.points[0].day)} to {day(series.points[-1].day)}"
    return (
        f"{_heading(series.label)}"
        '<table role="presentation" cellpadding="0" cellspacing="1" width="100%" style="table-layout:fixed">'
        f'<tr style="height:{_BAR_HEIGHT}px">{cells}</tr></table>'
        f'<p style="margin:4px 0 16px;font-size:12px;color:{_QUIET}">{days}: {escape(said)}</p>'
    )


def _bar(height: int, colour: str) -> str:
    height = max(height, 2)
    return (
        f'<td valign="bottom" style="vertical-align:bottom"><div style="height:{height}px;line-height:{height}px;'
        f'font-size:1px;background:{colour}">&nbsp;</div></td>'
    )


def _colour(value: Decimal, series: Series) -> str:
    return "#1d4ed8" if series.reference is not None and value > series.reference else "#93c5fd"


def _buttons(links: MessageLinks, colour: str) -> str:
    (label, address), *others = links.buttons()
    first = (
        f'<a href="{escape(address)}" style="display:inline-block;padding:10px 16px;background:{colour};color:#ffffff;'
        f'border-radius:4px;font-size:14px;font-weight:600;text-decoration:none">{escape(label)}</a>'
    )
    more = "".join(
        f'<a href="{escape(address)}" style="display:inline-block;padding:10px 12px;color:{colour};font-size:14px">'
        f"{escape(label)}</a>"
        for label, address in others
    )
    return f'<p style="margin:20px 0 0">{first}{more}</p>'
