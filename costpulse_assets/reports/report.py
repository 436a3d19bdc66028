"""What a report says, whatever the format: figures, charts, tables of a page or two, and detail that is streamed.

Money is Decimal in USD and never rounded here; a format rounds what it shows, each number for itself, and takes totals
from here instead of adding what it rounded. Texts hold names from the source as they are; making them harmless is the
work of the format.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from costpulse_assets.periods import Period

Kind = Literal["text", "date", "usd", "quantity", "percent", "integer", "boolean"]
Value = str | date | Decimal | int | bool | None


@dataclass(frozen=True)
class Column:
    """A column of a table.

    `key` is the name in CSV, Parquet and statements (snake_case), `title` the one on paper. A percent is 0..100.
    `width` is the share of the page's width it wants, against the other columns.
    """

    key: str
    title: str
    kind: Kind = "text"
    width: float = 1.0


@dataclass(frozen=True)
class Table:
    """A table that fits into memory: at most some thousand rows.

    `rows` are in the order of `columns`; `totals` is one more row that was computed by the database, not added up from
    `rows`; None where a total has no meaning. `note` is a sentence under the table.
    """

    title: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Value, ...]]
    totals: tuple[Value, ...] | None = None
    note: str = ""


@dataclass(frozen=True)
class Chart:
    """A picture of one or more series over the same categories, in the order given; values in USD.

    `bars` are horizontal and compare names; `columns` and `line` go over days or months; `stacked` are columns whose
    series add up.
    """

    title: str
    shape: Literal["bars", "columns", "line", "stacked"]
    categories: tuple[str, ...]
    series: tuple[tuple[str, tuple[Decimal | None, ...]], ...]


@dataclass(frozen=True)
class Figure:
    """A number people look at first: "Total cost", 12345.67, "usd", "4.2 % more than October"."""

    label: str
    value: Value
    kind: Kind
    note: str = ""


@dataclass(frozen=True)
class Detail:
    """Rows too many for memory: a file of sql/reports/ that a format streams through COPY or a server-side cursor.

    The statement returns exactly `columns`, in their order and named by their keys, in an order that does not change
    from run to run. The total of its column `total_key` is `total`.
    """

    title: str
    statement: str
    parameters: Mapping[str, Any]
    columns: tuple[Column, ...]
    total_key: str
    total: Decimal


@dataclass(frozen=True)
class Report:
    """One report, complete: a format adds nothing to it.

    `provisional` is the sentence that stands on every page where days are not final ("23 and 24 November are not
    final."); None: all days are. `notes` are definitions, prices, freshness and rule version: heading and text.
    `summary` holds the same figures as text for lists and messages.
    """

    title: str
    subtitle: str
    report_type: str
    period: Period
    team: str | None
    made_at: datetime
    provisional: str | None
    figures: tuple[Figure, ...]
    sentences: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    detail: Detail | None = None
    notes: tuple[tuple[str, str], ...] = ()
    summary: Mapping[str, str] = field(default_factory=dict)
