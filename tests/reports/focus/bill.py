"""A bill that a test types itself: keys, cost records and who they are allocated to, and its export."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from psycopg.types.json import Jsonb

from costpulse_assets.reports.focus import FocusExport, export
from costpulse_assets.reports.report_request import checked_request
from costpulse_assets.resources.database import Database
from tests.pipeline import pretend_today

SEPTEMBER, OCTOBER, NOVEMBER, DECEMBER = (date(2026, month, 1) for month in (9, 10, 11, 12))
SKU = "PREMIUM_JOBS_COMPUTE_PHOTON"
MADE_AT = datetime(2026, 12, 20, 8, tzinfo=UTC)

_NAMESPACE = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


class Bill:
    """A migrated database with one account and workspace."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.execute(
            "insert into costpulse.workspaces (workspace_id, name, cloud, region) "
            "values ('1001', 'production', 'AWS', 'eu-west-1'), ('1002', 'elsewhere', 'AZURE', 'nowhere-9')"
        )
        self.execute("insert into costpulse.teams (name) values ('Data'), ('Risk'), ('Web')")

    def execute(self, statement: str, *parameters: Any) -> None:
        with self.database.transaction() as connection:
            connection.execute(statement.encode(), parameters)

    def rows(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        with self.database.transaction() as connection:
            return connection.execute(statement.encode(), parameters).fetchall()

    def key(self, *, tags: Mapping[str, Any] | None = None, **columns: Any) -> UUID:
        """An attribution key; further keywords are columns of cost_keys."""
        values = {
            "account_id": "account-1",
            "workspace_id": "1001",
            "product": "JOBS",
            "usage_type": "COMPUTE_TIME",
            **columns,
            "tags": Jsonb(dict(tags or {})),
        }
        key_id = uuid5(_NAMESPACE, repr(sorted((columns | {"tags": sorted((tags or {}).items())}).items())))
        names = ", ".join(values)
        self.execute(
            f"insert into costpulse.cost_keys (key_id, first_usage_date, last_usage_date, {names}) "
            f"values (%s, %s, %s, {', '.join('%s' for _ in values)}) on conflict (key_id) do nothing",
            key_id,
            OCTOBER,
            OCTOBER,
            *values.values(),
        )
        return key_id

    def cost(
        self,
        quantity: str | Decimal,
        day: date,
        key: UUID | None = None,
        *,
        list_rate: str | Decimal | None = "0.15",
        rate: str | Decimal | None = None,
        ingested: date | None = None,
        record_type: str = "ORIGINAL",
        sku: str = SKU,
        unit: str = "DBU",
        cloud: str | None = "AWS",
        job_name: str | None = None,
    ) -> UUID:
        """One cost record; without a rate of its own at the list rate, and without that it has no price."""
        key = key or self.key()
        self.execute(
            "insert into costpulse.cost_records (usage_date, ingestion_date, record_type, key_id, workspace_id, cloud, "
            "sku_name, product, usage_unit, usage_quantity, dbu_rate, effective_rate, job_name, record_count) "
            "select %s, %s, %s, k.key_id, k.workspace_id, %s, %s, k.product, %s, %s, %s, %s, %s, 1 "
            "from costpulse.cost_keys as k where k.key_id = %s",
            *(day, ingested or day, record_type, cloud, sku, unit, quantity, list_rate),
            *(list_rate if rate is None else rate, job_name, key),
        )
        return key

    def allocate(
        self, key: UUID, day: date, shares: Mapping[int | None, str | Decimal], *, sku: str = SKU, unit: str = "DBU"
    ) -> None:
        """One team owns the key alone by rule 7, several share it by split 9; None is Unallocated."""
        for team, share in shares.items():
            method = "unallocated" if team is None else "rule" if len(shares) == 1 else "split"
            self.execute(
                "insert into costpulse.key_allocations (usage_date, key_id, sku_name, usage_unit, team_id, rule_id, "
                "split_id, method, share, usage_quantity, unpriced_quantity, record_count) "
                "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, 0, 0, 1)",
                *(day, key, sku, unit, team),
                *(7 if method == "rule" else None, 9 if method == "split" else None, method, share),
            )

    def close(self, month: date, at: datetime) -> None:
        """CostPulse closes a month."""
        self.execute(
            "insert into costpulse.closed_periods (month, closed_at, closed_by) values (%s, %s, 'ada')", month, at
        )

    def export(
        self,
        target: Path,
        first: date = OCTOBER,
        last: date = date(2026, 10, 31),
        *,
        version: str = "1.3",
        split: str = "none",
        today: date = date(2026, 12, 20),
        **settings: Any,
    ) -> FocusExport:
        """As a report of format focus does."""
        request = checked_request(
            report_type="showback",
            format="focus",
            first_day=first,
            last_day=last,
            focus_version=version,
            split=split,
        )
        with self.database.transaction() as connection:
            connection.execute("set transaction isolation level repeatable read")
            return export(connection, pretend_today(today, **settings), request, target, made_at=MADE_AT)
