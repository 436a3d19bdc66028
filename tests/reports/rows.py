"""Rows of daily_costs put in by hand, the detail of them, and a report around it that needs nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from costpulse_assets.periods import Period
from costpulse_assets.reports.report import Chart, Column, Detail, Figure, Report, Table, Value
from costpulse_assets.reports.report_types.totals import DETAIL
from costpulse_assets.resources.database import Connection, run

FIRST = date(2026, 10, 1)
PERIOD = Period(FIRST, date(2026, 10, 31))
PROVISIONAL = "30 and 31 October are not final: amounts may still change."

#: What does harm where it is taken for more than text, and what breaks files.
HOSTILE = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\tplain",
    "\r=1",
    "  =1",
    "\u00a0@x",
    "\u200b=1",
    "＝1+1",
    "\u202e=gnp.exe",
    'a,"b"\nc',
    "a|=b",
    "bell\x07",
    "next\x85line",
    "\u2028",
    "\ufffe\uffff",
    "<r><broken</r>",
    "_x003D_1",
    "&amp; <b>&",
    "]]>",
    "",
    " ",
    "'=1",
    "ä" * 40_000,
    "\U0001f600" * 20_000,
    "\U0001f600" + "a" * 32_765,
    "a" * 32_767,
)


@dataclass(frozen=True)
class Put:
    """A row of daily_costs, in short."""

    product: str = "JOBS"
    sku: str = "PREMIUM_JOBS_COMPUTE"
    cost: Decimal | None = Decimal("1.25")
    day: date = FIRST
    team_id: int | None = None
    workspace_id: str | None = "1001"


def put(connection: Connection, rows: Sequence[Put]) -> None:
    """Replaces all of daily_costs by these rows."""
    connection.execute("truncate costpulse.daily_costs")
    connection.cursor().executemany(
        "insert into costpulse.daily_costs (usage_date, workspace_id, sku_name, product, usage_unit, team_id, "
        "usage_quantity, list_cost_usd, cost_usd, unpriced_quantity, record_count) "
        "values (%s, %s, %s, %s, 'DBU', %s, 2, %s, %s, %s, 1)",
        [
            (row.day, row.workspace_id, row.sku, row.product, row.team_id, row.cost, row.cost, 2 * (row.cost is None))
            for row in rows
        ],
    )


def put_many(connection: Connection, count: int) -> None:
    """So many rows on the days of October, made up in the database; each cost has 18 digits after the point."""
    connection.execute("truncate costpulse.daily_costs")
    connection.execute(
        "insert into costpulse.daily_costs (usage_date, workspace_id, sku_name, product, usage_unit, team_id, "
        "usage_quantity, list_cost_usd, cost_usd, unpriced_quantity, record_count) "
        "select %s::date + n %% 31, (1000 + n %% 40)::text, 'SKU ' || n, 'PRODUCT ' || n %% 7, 'DBU', null, "
        "n / 1000000007.0, n / 999999937.0, n / 1000000000000000000.0 - 0.0000000000001, 0, 1 "
        "from generate_series(1, %s) as n",
        [FIRST, count],
    )


def detail(connection: Connection, period: Period = PERIOD) -> Detail:
    """The detail of a showback, with the total of the database."""
    found = connection.execute(
        "select coalesce(sum(cost_usd), 0) as total from costpulse.daily_costs where usage_date between %s and %s",
        [period.first, period.last],
    ).fetchone()
    assert found is not None
    parameters = {"first": period.first, "last": period.last, "team_id": None}
    return Detail("Detail", "reports/detail", parameters, DETAIL, "cost_usd", found["total"])


def expected_rows(connection: Connection, of: Detail) -> list[dict[str, object]]:
    """What the statement of a detail returns."""
    return run(connection, of.statement, of.parameters)


def table(rows: Sequence[tuple[Value, ...]], totals: tuple[Value, ...] | None = None, title: str = "By team") -> Table:
    """A table with a column of each kind."""
    columns = (
        Column("team", "Team", width=2),
        Column("since", "Since", "date"),
        Column("cost_usd", "Cost", "usd"),
        Column("usage_quantity", "Quantity", "quantity"),
        Column("share_percent", "Share", "percent"),
        Column("job_count", "Jobs", "integer"),
        Column("is_final", "Final", "boolean"),
    )
    return Table(title, columns, rows, totals, "Unallocated is what no rule claims.")


def report(**changes: object) -> Report:
    """A report with everything but a detail."""
    days = tuple(f"{FIRST + timedelta(days=n):%d %b}" for n in range(3))
    plain = Report(
        title="Showback",
        subtitle="October 2026, all teams",
        report_type="showback",
        period=PERIOD,
        team=None,
        made_at=datetime(2026, 11, 2, 8, 0, tzinfo=UTC),
        provisional=None,
        figures=(
            Figure("Total cost", Decimal("1234.567890123456789012"), "usd", "4.2 % more than September"),
            Figure("Unallocated", Decimal("12.5"), "percent"),
            Figure("Newest final day", date(2026, 10, 29), "date"),
            Figure("Teams", 3, "integer"),
        ),
        sentences=("Platform cost most: $800.00, 64.8 % of all.",),
        charts=(
            Chart(
                "Cost by day", "stacked", days, (("JOBS", (Decimal(1), None, Decimal(3))), ("SQL", (Decimal(2),) * 3))
            ),
            Chart("Cost by team", "bars", ("Platform", "Unallocated"), (("Cost", (Decimal(800), Decimal(434))),)),
            Chart("Trend", "line", days, (("Cost", (Decimal(1), Decimal(2), Decimal(3))),)),
        ),
        tables=(
            table(
                [
                    ("Platform", FIRST, Decimal("800.1"), Decimal("1E-18"), Decimal("64.8"), 12, True),
                    ("Unallocated", None, Decimal("-434.467890123456789012"), Decimal(0), None, 0, False),
                ],
                ("Total", None, Decimal("365.632109876543210988"), None, Decimal(100), 12, None),
            ),
        ),
        notes=(("Cost", "List price less what was agreed."), ("Rules", "Version 7 of 2026-10-30.")),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]
