"""Roll-ups written by hand, as the pipeline would leave them: what the pages are tested on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import psycopg

from costpulse_assets.resources.sql_files import load_sql

_KEY = ("account_id", "workspace_id", "product", "cluster_id", "warehouse_id", "job_id", "job_name")
_KEY += ("pipeline_id", "endpoint_name", "user_email", "tags")


@dataclass
class Books:
    """Cost rows by day and key; `write` makes every roll-up from them with plain sums."""

    rows: list[dict[str, Any]] = field(default_factory=list, repr=False)
    provisional: dict[date, Decimal] = field(default_factory=dict)
    workspaces: dict[str, str | None] = field(default_factory=dict)
    teams: list[str] = field(default_factory=list)
    loaded_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def add(
        self,
        day: date,
        cost: str | None,
        *,
        workspace: str | None = "100",
        product: str = "JOBS",
        sku: str = "PREMIUM_JOBS_COMPUTE",
        unit: str = "DBU",
        quantity: str = "10",
        list_cost: str | None = None,
        team: int | None = None,
        tags: Mapping[str, str] | None = None,
        **key: str,
    ) -> None:
        """One row; cost None has no price."""
        self.rows.append(
            {
                "usage_date": day,
                "workspace_id": workspace,
                "product": product,
                "sku_name": sku,
                "usage_unit": unit,
                "usage_quantity": Decimal(quantity),
                "dbu_count": Decimal(quantity) if unit == "DBU" else None,
                "cost_usd": None if cost is None else Decimal(cost),
                "list_cost_usd": Decimal(list_cost or cost) if cost is not None else None,
                "unpriced_quantity": Decimal(quantity) if cost is None else Decimal(0),
                "team_id": team,
                "tags": json.dumps(dict(tags or {}), sort_keys=True),
            }
            | key
        )

    def total(self, **only: Any) -> Decimal:
        """The sum of cost over the rows that have these values."""
        return sum(
            (
                row["cost_usd"]
                for row in self.rows
                if row["cost_usd"] is not None and all(row.get(name) == value for name, value in only.items())
            ),
            Decimal(0),
        )

    def write(self, url: str) -> None:
        """Into a migrated, empty database."""
        with psycopg.connect(url) as connection:
            for name in self.teams:
                connection.execute("insert into costpulse.teams (name) values (%s)", [name])
            for workspace, name in self.workspaces.items():
                connection.execute(
                    "insert into costpulse.workspaces (workspace_id, name) values (%s, %s)", [workspace, name]
                )
            for row in self.rows:
                key = {name: row.get(name) for name in _KEY}
                key_id = uuid5(NAMESPACE_URL, repr(sorted(key.items(), key=str)))
                connection.execute(
                    "insert into costpulse.cost_keys (key_id, account_id, workspace_id, product, cluster_id, "
                    "warehouse_id, job_id, job_name, pipeline_id, endpoint_name, user_email, tags, "
                    "first_usage_date, last_usage_date) values (%(key_id)s, %(account_id)s, %(workspace_id)s, "
                    "%(product)s, %(cluster_id)s, %(warehouse_id)s, %(job_id)s, %(job_name)s, %(pipeline_id)s, "
                    "%(endpoint_name)s, %(user_email)s, %(tags)s, %(day)s, %(day)s) on conflict do nothing",
                    key | {"key_id": key_id, "day": row["usage_date"]},
                )
                connection.execute(
                    "insert into costpulse.daily_key_costs (usage_date, key_id, sku_name, usage_unit, team_id, "
                    "usage_quantity, dbu_count, list_cost_usd, cost_usd, unpriced_quantity, record_count) values "
                    "(%(usage_date)s, %(key_id)s, %(sku_name)s, %(usage_unit)s, %(team_id)s, %(usage_quantity)s, "
                    "%(dbu_count)s, %(list_cost_usd)s, %(cost_usd)s, %(unpriced_quantity)s, 1)",
                    row | {"key_id": key_id},
                )
            measures = "sum(dbu_count), sum(list_cost_usd), sum(cost_usd)"
            quantities = f"sum(usage_quantity), {measures}, sum(unpriced_quantity)"
            for table, dimensions, sums in (
                ("daily_costs", "workspace_id, sku_name, product, usage_unit, team_id", quantities),
                ("daily_team_costs", "team_id, product", measures),
                ("daily_workspace_costs", "workspace_id, product", measures),
                ("daily_sku_costs", "sku_name, product, usage_unit", quantities),
            ):
                columns = sums.replace("sum(", "").replace(")", "")
                connection.execute(
                    f"insert into costpulse.{table} (usage_date, {dimensions}, {columns}, record_count) "
                    f"select usage_date, {dimensions}, {sums}, sum(record_count) from costpulse.daily_key_costs "
                    f"join costpulse.cost_keys using (key_id) group by usage_date, {dimensions}"
                )
            connection.execute(
                "insert into costpulse.weekly_key_costs (week, key_id, sku_name, usage_unit, team_id, dbu_count, "
                "list_cost_usd, cost_usd, unpriced_quantity, record_count) select date_trunc('week', usage_date), "
                f"key_id, sku_name, usage_unit, team_id, {measures}, sum(unpriced_quantity), sum(record_count) "
                "from costpulse.daily_key_costs group by 1, 2, 3, 4, 5"
            )
            days = sorted({row["usage_date"] for row in self.rows})
            connection.execute("delete from costpulse.daily_resource_costs")
            connection.execute(load_sql("transform/daily_resource_costs").encode(), {"days": days})
            for day in days:
                connection.execute(
                    "insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis) "
                    "values (%s, 0, %s, %s, 'none')",
                    [day, self.provisional.get(day, Decimal(1)), day in self.provisional],
                )
            connection.execute(
                "insert into costpulse.collected_days (source, usage_date, source_rows, source_quantity, "
                "record_count, collected_at, changed_at) values ('test', %s, 1, 1, 1, %s, %s)",
                [min(row["usage_date"] for row in self.rows), self.loaded_at, self.loaded_at],
            )
