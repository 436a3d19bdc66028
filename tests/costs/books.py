"""daily_costs typed by hand: a few blocks of a day, workspace, SKU and unit, each with a rate and its teams' shares."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal, localcontext

from costpulse_assets.allocation.assets import KEY_ALLOCATIONS
from costpulse_assets.costs.assets import DAILY_COSTS
from costpulse_assets.costs.statements import StatementRow
from costpulse_assets.periods import whole_month
from costpulse_assets.resources.database import Database, run

JOBS, SQL = "PREMIUM_JOBS_COMPUTE", "PREMIUM_SQL_COMPUTE"
LIST = Decimal("0.15")
EXACT = Context(prec=80)

#: (team_id, SKU) -> (quantity, unpriced quantity, list cost, cost), zeros left out.
Totals = dict[tuple[int | None, str], tuple[Decimal, Decimal, Decimal, Decimal]]


@dataclass(frozen=True)
class Block:
    """All teams of a day and SKU; rate None is usage without a price."""

    quantities: Mapping[int | None, Decimal]
    rate: Decimal | None = LIST


@dataclass
class Books:
    """A migrated database whose daily_costs are what the blocks say."""

    database: Database
    blocks: dict[tuple[date, str], Block] = field(default_factory=dict)
    days: list[date] = field(default_factory=list)

    def collect(self, month: date, *, is_provisional: bool = False) -> None:
        """Books of a month whose days are all collected, final and up to date; usage is put in by `put`."""
        days = list(whole_month(month))
        self.days += days
        with self.database.writing() as connection:
            connection.execute(
                "insert into costpulse.collected_days (source, usage_date, source_rows, source_quantity, "
                "record_count, collected_at, changed_at) select 'cost_records', d, 0, 0, 0, now(), now() "
                "from unnest(%s::date[]) as d",
                [days],
            )
            connection.execute(
                "insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis) "
                "select d, 0, 1, %s, 'none' from unnest(%s::date[]) as d",
                [is_provisional, days],
            )
        self.build(days)

    def build(self, days: Iterable[date]) -> None:
        """As a run does: the days of daily_costs anew, and the books about it."""
        days = list(days)
        with self.database.writing() as connection, localcontext(EXACT):
            connection.execute("delete from costpulse.daily_costs where usage_date = any(%s)", [days])
            for (day, sku), block in self.blocks.items():
                for team, quantity in block.quantities.items():
                    priced = block.rate is not None
                    connection.execute(
                        "insert into costpulse.daily_costs (usage_date, workspace_id, sku_name, product, usage_unit, "
                        "team_id, usage_quantity, list_cost_usd, cost_usd, unpriced_quantity, record_count) select "
                        "%s, '1001', %s, 'JOBS', 'DBU', %s, %s, round(%s * %s::numeric, 18), round(%s * %s::numeric, "
                        "18), %s, 1 where %s = any(%s::date[])",
                        [
                            *(day, sku, team, quantity, quantity, LIST if priced else None, quantity, block.rate),
                            *(0 if priced else quantity, day, days),
                        ],
                    )
            for table in (KEY_ALLOCATIONS, DAILY_COSTS):
                run(
                    connection,
                    "transform/built_days",
                    {"asset": table.name, "upstreams": table.sources, "days": days},
                )

    def put(
        self, day: date, quantities: Mapping[int | None, str], *, sku: str = JOBS, rate: str | None = "0.1"
    ) -> None:
        """Usage of a day and SKU, per team, and its rate."""
        of_team = {team: Decimal(quantity) for team, quantity in quantities.items()}
        self.blocks[day, sku] = Block(of_team, None if rate is None else Decimal(rate))
        self.build([day])

    def change_rules(self, concerns: date = date(2026, 1, 1)) -> None:
        """A rule that is saved, as the triggers of its table write it down; all days are built by it."""
        with self.database.transaction() as connection:
            connection.execute(
                "insert into costpulse.rule_versions (kind, object_id, version, action, content, concerns, actor) "
                "values ('rule', 1, 1, 'update', '{}', daterange(%s, null), 'ada')",
                [concerns],
            )
        self.build(self.days)

    def truth(self, month: date) -> Totals:
        """What daily_costs has of a month."""
        return self._totals(
            "select team_id, sku_name, usage_quantity, unpriced_quantity, list_cost_usd, cost_usd "
            "from costpulse.daily_costs where date_trunc('month', usage_date) = %s",
            month,
        )

    def booked(self, month: date) -> Totals:
        """Statement and adjustments of a month, as they count now."""
        return self._totals(
            "select team_id, sku_name, usage_quantity, unpriced_quantity, list_cost_usd, cost_usd "
            "from costpulse.statement_lines where month = %s and voided_at is null",
            month,
        )

    def _totals(self, statement: str, month: date) -> Totals:
        with self.database.transaction() as connection, localcontext(EXACT):
            totals: Totals = {}
            for row in connection.execute(statement.encode(), [month]):
                key = (row["team_id"], row["sku_name"])
                measures = (row["usage_quantity"], row["unpriced_quantity"], row["list_cost_usd"], row["cost_usd"])
                known = totals.get(key, (Decimal(0),) * 4)
                totals[key] = tuple(a + (b or Decimal(0)) for a, b in zip(known, measures, strict=True))  # type: ignore[assignment]
        return {key: measures for key, measures in totals.items() if any(measures)}


def totals(rows: Iterable[StatementRow]) -> Totals:
    """Rows of a statement or bill, added up."""
    with localcontext(EXACT):
        found: Totals = {}
        for row in rows:
            key = (row.team_id, row.sku_name)
            measures = (row.usage_quantity, row.unpriced_quantity, row.list_cost_usd, row.cost_usd)
            known = found.get(key, (Decimal(0),) * 4)
            found[key] = tuple(a + (b or Decimal(0)) for a, b in zip(known, measures, strict=True))  # type: ignore[assignment]
    return {key: measures for key, measures in found.items() if any(measures)}


def noon(day: date) -> datetime:
    """The moment of a day that tests close and book at."""
    return datetime.combine(day, time(12), tzinfo=UTC)
