"""Messages for the tests of channels."""

from datetime import date, timedelta
from decimal import Decimal

from costpulse_assets.alerts.channels import MessageLinks
from costpulse_assets.alerts.message import Cause, Figure, Message, Point, Section, Series

LINKS = MessageLinks(
    open="http://127.0.0.1:8501/forecast?tab=budgets&id=4",
    acknowledge="http://127.0.0.1:8501/alerts?act=aaa.bbb",
    mute="http://127.0.0.1:8501/alerts?act=ccc.ddd",
)

#: What a name of the source could be, and what must not come of it.
HOSTILE = {
    "HTML": "</td><script>alert(1)</script><img src=x onerror=alert(1)>",
    "everybody": "<!channel> <!here> @channel @here @everyone",
    "a person": "<@U0123456789> <mailto:a@example.com|click> <https://evil.example|here>",
    "formatting": "*bold* _it_ ~gone~ `code` ```block``` &amp; & < >",
    "a formula": '=cmd|" /C calc"!A0',
    "other scripts": "データ基盤 مستودع البيانات \u202egnp.exe\u202c здесь 🚀",
    "long": "x" * 10_000,
    "long and all to be escaped": "<&>*_~`" * 1_500,
    "control characters": "a\x00b\x1b[31mc\r\nBcc: everybody@example.com\r\n\r\nd\ud800e",
    "blanks": " \t\r\n ",
}


def message(**changes: object) -> Message:
    """A message with everything in it."""
    points = tuple(Point(day=date(2026, 11, 1) + timedelta(n), value=Decimal(300 + n * 17 % 200)) for n in range(23))
    whole = Message(
        title="Budget Data Platform: 83 % of $12,000 is spent",
        text="The team spent $9,960 from Sun 1 Nov to Mon 23 Nov 2026.",
        severity="warning",
        figures=(Figure(label="Spent", text="$9,960 of $12,000"), Figure(label="Forecast", text="$13,020")),
        causes=(
            Cause(name="nightly_load", kind="job", usd=Decimal("812.40"), note="new"),
            Cause(name="old_report", kind="job", usd=Decimal("-40")),
        ),
        series=Series(label="Cost per day", points=points, reference=Decimal(400)),
        notes=("The last two days are not final.",),
        owner="lead@example.com",
    )
    return whole.model_copy(update=changes)


def named(name: str) -> Message:
    """The name wherever one can stand."""
    return message(
        title=f"Cluster {name} costs more",
        text=f"Cluster {name} cost $5,214 on Mon 23 Nov 2026.",
        figures=(Figure(label=name, text=name), Figure(label="Cost", text="$5,214")),
        causes=(Cause(name=name, kind="job", usd=Decimal(5214), note=name),),
        series=message().series.model_copy(update={"label": name}),  # type: ignore[union-attr]
        sections=(Section(title=name, lines=(name, "a line"), causes=(Cause(name=name, usd=Decimal(1)),)),),
        notes=(name,),
        owner=name,
    )
