"""What a message says, whatever the channel: channels make blocks, mails and JSON of it.

Texts hold names from the source as they are; escaping them is the channel's work.
"""

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["info", "warning", "critical"]
#: From the least to the most severe.
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(_Part):
    """One number with its label, both as people read them: ("Spent", "$9,960 of $12,000")."""

    label: str
    text: str


class Cause(_Part):
    """What explains a part of the money: a job, a SKU, a user, ..."""

    name: str
    #: What kind of thing it is: job, SKU, user; empty: said by the name.
    kind: str = ""
    #: USD it adds; below zero it takes away.
    usd: Decimal
    #: A word on it: new, gone, price, volume.
    note: str = ""


class Point(_Part):
    """A day of the small chart."""

    day: date
    value: Decimal


class Series(_Part):
    """The last days as a small chart: bars of text where pictures are not possible."""

    label: str
    unit: Literal["usd", "percent"] = "usd"
    points: tuple[Point, ...]
    #: A line to compare with: what was expected, or the limit.
    reference: Decimal | None = None


class Section(_Part):
    """A part of a digest: a heading and lines under it."""

    title: str
    lines: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()


class Message(_Part):
    """One message, complete without the app: what happened, how much, why, since when, what to do."""

    #: One line: "Budget Data Platform: 83 % of $12,000 is spent".
    title: str
    #: A sentence or two that say what happened, compared with what, on which days.
    text: str
    severity: Severity
    figures: tuple[Figure, ...] = ()
    causes: tuple[Cause, ...] = ()
    series: Series | None = None
    sections: tuple[Section, ...] = ()
    #: Small print: days that are not final, what is not known.
    notes: tuple[str, ...] = ()
    #: Path and query of the view in the app that shows it: "/anomalies?id=12".
    view: str = "/alerts"
    #: Whom to mention: an address, or a user id of Slack.
    owner: str | None = None
    is_test: bool = False
