"""What a period cost, by team, SKU, workspace, product, month and day: read once, shown by several types of report.

Every amount, total and share comes from the database; nothing is added up here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from costpulse_assets.errors import BadInput, InvariantBroken
from costpulse_assets.periods import Period, whole_month
from costpulse_assets.reports.report import Chart, Column, Detail, Figure, Table, Value
from costpulse_assets.reports.report_types.notes import Days, day_words, month_words, notes
from costpulse_assets.resources.database import Connection, Row, run

UNALLOCATED = "Unallocated"
#: Bars of a chart that stand for one team or product each; the others share one.
BARS = 10
#: Days that a chart can show one by one.
_DAYS_SHOWN = 62

TEAM = (
    Column("team", "Team", width=2),
    Column("department", "Department", width=1.5),
    Column("cost_center", "Cost center"),
)
WORKSPACE = (Column("workspace_id", "Workspace ID", width=1.2), Column("workspace", "Workspace", width=1.8))
COSTS = (Column("list_cost_usd", "List cost", "usd"), Column("cost_usd", "Cost", "usd"))
SHARE = Column("share_percent", "Share", "percent", 0.7)
USAGE = (
    Column("product", "Product", width=1.5),
    Column("sku_name", "SKU", width=2.5),
    Column("usage_unit", "Unit", width=0.7),
    Column("usage_quantity", "Quantity", "quantity"),
)
UNPRICED = Column("unpriced_quantity", "Of it without price", "quantity")

DETAIL = (
    Column("usage_date", "Day", "date"),
    *TEAM,
    *WORKSPACE,
    *USAGE,
    *COSTS,
    UNPRICED,
    Column("is_provisional", "Not final", "boolean", 0.7),
)


@dataclass(frozen=True)
class Asked:
    """What is to be reported, looked up: `team_id` is the team of that name, None: all teams."""

    connection: Connection
    period: Period
    team: str | None
    team_id: int | None
    made_at: datetime
    currency: str

    @property
    def parameters(self) -> dict[str, Any]:
        """Of the statements that read a period's cost."""
        return {"first": self.period.first, "last": self.period.last, "team_id": self.team_id}

    @property
    def whose(self) -> str:
        """Whose cost it is, in words."""
        return "all teams" if self.team is None else self.team


@dataclass(frozen=True)
class Totals:
    """Sums of one bill: `whole` is all of it, `of` the same by a dimension, largest first, days and months in order."""

    whole: Row
    of: Mapping[str, Sequence[Row]]

    @property
    def unallocated(self) -> Row:
        """The line of Unallocated, which is there also when it has no cost."""
        return next(row for row in self.of["team"] if row["team_id"] is None)

    @property
    def unpriced(self) -> list[Row]:
        """SKUs and units of which some usage has no price: it is in no amount."""
        return [row for row in self.of["sku"] if row["unpriced_quantity"]]


def read_totals(asked: Asked, days: Days) -> Totals:
    """Totals of daily_costs.

    Raises:
        BadInput: there is no usage in the period.
    """
    totals = totals_from(run(asked.connection, "reports/totals", asked.parameters), asked)
    if not totals.whole["row_count"]:
        raise BadInput(
            f"There is no cost from {asked.period.first} to {asked.period.last} of {asked.whose}.",
            next_step="Choose other days: "
            + (
                "no usage was collected yet."
                if days.first is None
                else f"usage was collected from {days.first} to {days.newest}."
            ),
        )
    return totals


def totals_from(rows: Sequence[Row], asked: Asked) -> Totals:
    """Totals from the rows of a statement that has one for each dimension and value."""
    of: dict[str, list[Row]] = {name: [] for name in ("total", "team", "workspace", "sku", "product", "month", "day")}
    for row in rows:
        of.setdefault(row["dimension"], []).append(row)
    whole = of["total"][0]
    if asked.team_id is None and all(row["team_id"] is not None for row in of["team"]):
        of["team"].append(no_cost(whole))
    return Totals(whole, of)


def no_cost(whole: Row) -> Row:
    """The line of Unallocated where everything has a team."""
    amounts = {key: Decimal(0) for key in whole if key.endswith(("_usd", "_percent"))}
    return {**dict.fromkeys(whole), **amounts, "team": UNALLOCATED}


def expect_same(totals: Totals, amount: Decimal | None, table_name: str) -> None:
    """Another table adds up to the same cost.

    Raises:
        InvariantBroken: it does not, so that the report would contradict itself.
    """
    if exact(amount) != exact(totals.whole["cost_usd"]):
        raise InvariantBroken(
            f"The cost of the period is {amount} by {table_name} and {totals.whole['cost_usd']} by daily_costs.",
            next_step="Make the report again when the running materialization is through; if it stays so, run "
            "`costpulse materialize` for the days of the report.",
        )


def table(
    title: str, columns: Sequence[Column], rows: Sequence[Row], whole: Row | None = None, note: str = ""
) -> Table:
    """A table of rows by the keys of its columns; `whole` has what goes into the line of totals."""
    totals: tuple[Value, ...] | None = None
    if whole is not None:
        summed = [whole.get(column.key) if column.kind in ("usd", "percent") else None for column in columns]
        totals = ("Total", *summed[1:])
    return Table(title, tuple(columns), [tuple(row[column.key] for column in columns) for row in rows], totals, note)


def by_team(totals: Totals) -> Table:
    """Each team's own cost: a team above others has theirs in their lines."""
    note = "The cost of a team is its own; that of teams below it is in their lines."
    return table("By team", [*TEAM, *COSTS, SHARE], totals.of["team"], totals.whole, note)


def by_sku(totals: Totals) -> Table:
    """Cost and quantity by SKU and unit."""
    columns = [*USAGE[1:], *COSTS, SHARE]
    return table("By SKU", columns, totals.of["sku"], totals.whole, _unpriced_note(totals))


def by_workspace(totals: Totals) -> Table:
    """Cost by workspace; what belongs to none has a line of its own."""
    return table("By workspace", [*reversed(WORKSPACE), *COSTS, SHARE], totals.of["workspace"], totals.whole)


def by_product(totals: Totals) -> Table:
    """Cost by product, as Databricks names them."""
    return table("By product", [USAGE[0], *COSTS, SHARE], totals.of["product"], totals.whole)


def by_month(totals: Totals) -> list[Table]:
    """Cost by month, where the period has days of more than one."""
    if len(totals.of["month"]) < 2:
        return []
    columns = [Column("first_day", "Month of", "date"), *COSTS, SHARE]
    return [table("By month", columns, totals.of["month"], totals.whole)]


def detail(asked: Asked, totals: Totals) -> Detail:
    """Every row of daily_costs, streamed."""
    return Detail("Detail", "reports/detail", asked.parameters, DETAIL, "cost_usd", exact(totals.whole["cost_usd"]))


def over_time(asked: Asked, totals: Totals) -> Chart:
    """Cost by day, or by month where there are too many days to see."""
    by_day = len(asked.period) <= _DAYS_SHOWN
    cost = {row["first_day"]: row["cost_usd"] for row in totals.of["day" if by_day else "month"]}
    starts = [day for day in asked.period if by_day or day == max(asked.period.first, whole_month(day).first)]
    labels = tuple(day_words(day) if by_day else month_words(day) for day in starts)
    values = tuple(cost.get(day if by_day else whole_month(day).first) for day in starts)
    return Chart("Cost by day" if by_day else "Cost by month", "columns", labels, (("Cost", values),))


def largest(title: str, key: str, rows: Sequence[Row]) -> Chart:
    """The largest as bars; what is behind them shares one. Rows come largest first."""
    shown = [row for row in rows if row["cost_usd"] is not None]
    shown.sort(key=lambda row: row["cost_usd"], reverse=True)
    # One alone is shown by its name: there is nothing to share a bar.
    alone = BARS if len(shown) != BARS + 1 else BARS + 1
    bars = [(row[key], row["cost_usd"]) for row in shown[:alone]]
    if len(shown) > alone:
        others = sum((row["cost_usd"] for row in shown[alone:]), Decimal(0))
        bars.append((f"All {len(shown) - alone} others", others))
    return Chart(title, "bars", tuple(name for name, _ in bars), (("Cost", tuple(cost for _, cost in bars)),))


def figures(asked: Asked, totals: Totals, days: Days) -> tuple[Figure, ...]:
    """What people look at first."""
    whole = totals.whole
    found = [
        Figure("Total cost", whole["cost_usd"], "usd"),
        Figure("List cost", whole["list_cost_usd"], "usd", _saved(whole)),
    ]
    if asked.team_id is None:
        cost = totals.unallocated["cost_usd"]
        share = totals.unallocated["share_percent"]
        found.append(Figure(UNALLOCATED, share, "percent", "" if cost is None else f"{usd(cost)} of no team"))
    found.append(Figure("Days not final", len(days.not_final), "integer", f"of {len(asked.period)}"))
    return tuple(found)


def summary(figures: Sequence[Figure]) -> dict[str, str]:
    """Figures as text, for lists and messages."""
    return {figure.label: _text(figure) for figure in figures}


def sentences(totals: Totals) -> tuple[str, ...]:
    """What is worth saying about a bill."""
    found = []
    teams = [row for row in totals.of["team"] if row["team_id"] is not None and (row["share_percent"] or 0) > 0]
    if len(teams) > 1:
        first = teams[0]
        cost = f"{usd(first['cost_usd'])}, {percent(first['share_percent'])} of all"
        found.append(f"The team with most cost is {first['team']}: {cost}.")
    if totals.unpriced:
        found.append(_unpriced_note(totals))
    return tuple(found)


def exact(amount: Decimal | None) -> Decimal:
    """A sum of which nothing has a price is a sum of nothing."""
    return Decimal(0) if amount is None else amount


def usd(amount: Decimal) -> str:
    """Dollars and cents in text: $58,412.10, -$12.30."""
    cents = abs(amount).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{'-' if amount < 0 and cents else ''}${cents:,}"


def percent(value: Decimal) -> str:
    """A percentage in text, with one decimal: 34.3 %."""
    return f"{value.quantize(Decimal('0.1'), ROUND_HALF_UP):,} %"


def _text(figure: Figure) -> str:
    value = figure.value
    if value is None:
        return "not known"
    if isinstance(value, Decimal):
        return usd(value) if figure.kind == "usd" else percent(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def _saved(whole: Row) -> str:
    saved = whole["saved_percent"]
    if not saved:
        return ""
    return f"the cost is {percent(abs(saved))} {'below' if saved > 0 else 'above'} it"


def _unpriced_note(totals: Totals) -> str:
    count = len({row["sku_name"] for row in totals.unpriced})
    if not count:
        return ""
    what = "1 SKU has" if count == 1 else f"{count} SKUs have"
    return f"{what} usage without a price: it is in no amount, and named in the notes."


def notes_of(asked: Asked, days: Days, totals: Totals, *definitions: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """The notes of a report about these totals."""
    return notes(
        asked.connection,
        period=asked.period,
        days=days,
        unpriced=totals.unpriced,
        currency=asked.currency,
        made_at=asked.made_at,
        definitions=definitions,
    )
