"""Clusters typed by a test hour by hour, put through the statements that fill cluster_daily and cluster_info."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from costpulse_assets.analysis.recommendation_run import find
from costpulse_assets.analysis.recommendation_types import RECOMMENDATION_TYPES
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Database, run
from costpulse_assets.utilization.clusters import rebuild_cluster_info

#: A Monday; the window is 30 days from here, so four whole weeks and two days.
FIRST = date(2026, 6, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(30)]
LAST = DAYS[-1]
TODAY = LAST + timedelta(days=2)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
PROD, AZURE = "1001", "1002"
ALL_PURPOSE, JOBS = "PREMIUM_ALL_PURPOSE_COMPUTE", "PREMIUM_JOBS_COMPUTE"

_KEYS = UUID("00000000-0000-0000-0000-000000000006")
NODE_TYPES = {
    "m5.xlarge": (4, 16384, 0),
    "m5.2xlarge": (8, 32768, 0),
    "c5.xlarge": (4, 8192, 0),
    "Standard_D8ds_v5": (8, 32768, 0),
    "Standard_D4ds_v5": (4, 16384, 0),
    "Standard_D4s_v5": (4, 16384, 0),
    "n2-standard-8": (8, 32768, 0),
    "n2-standard-4": (4, 16384, 0),
    "n2-highmem-4": (4, 16384, 0),
    "g4dn.xlarge": (4, 16384, 1),
}


def histogram(minutes: int, percent: float) -> str:
    """All minutes in the bin of 5 % that this percentage is in."""
    counts = [0] * 20
    counts[min(int(percent // 5), 19)] = minutes
    return " ".join(map(str, counts))


def emptied(database: Database) -> Database:
    """The same database without what a `ClusterAccount` put into it: sooner done than a new one for every test."""
    with database.transaction() as connection:
        connection.execute(
            "truncate costpulse.workspaces, costpulse.node_types, costpulse.clusters, costpulse.node_utilization, "
            "costpulse.cluster_task_hours, costpulse.job_task_days, costpulse.cost_keys, costpulse.daily_key_costs, "
            "costpulse.cluster_daily, costpulse.cluster_info, costpulse.built_days, costpulse.vm_prices, "
            "costpulse.jobs, costpulse.job_runs, costpulse.job_run_costs, costpulse.list_prices, "
            "costpulse.price_adjustments restart identity cascade"
        )
    return database


@dataclass
class ClusterAccount:
    """An account with two workspaces, whose clusters, hours and costs a test adds before it looks."""

    database: Database
    _hours: list[dict[str, Any]] = field(default_factory=list)
    _tasks: list[dict[str, Any]] = field(default_factory=list)
    _costs: list[dict[str, Any]] = field(default_factory=list)
    _node_types: dict[tuple[str, str], tuple[str, str | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.execute(
            "insert into costpulse.workspaces (workspace_id, name, cloud, region) "
            "values (%s, 'prod', 'AWS', 'us_east_1'), (%s, 'eu', 'AZURE', 'eu_west')",
            PROD, AZURE,
        )  # fmt: skip
        for name, size in NODE_TYPES.items():
            self.execute("insert into costpulse.node_types values (%s, %s, %s, %s, 'typed', now())", name, *size)

    def execute(self, statement: str, *parameters: Any) -> None:
        """One statement in a transaction of its own."""
        with self.database.transaction() as connection:
            connection.execute(statement.encode(), parameters)

    def cluster(
        self,
        cluster_id: str = "c1",
        name: str | None = "lab",
        *,
        workspace: str = PROD,
        auto_termination: int | None = 60,
        workers: int | None = 0,
        autoscale: tuple[int, int] | None = None,
        node_type: str = "m5.xlarge",
        driver_type: str | None = None,
        kind: str = "all-purpose",
        owner: str | None = "ada@example.com",
        pool: str | None = None,
        created: datetime = LONG_AGO,
        changed: datetime | None = None,
        deleted: datetime | None = None,
    ) -> None:
        """Its newest configuration."""
        has_workers = bool(workers) or autoscale is not None
        self._node_types[workspace, cluster_id] = (driver_type or node_type, node_type if has_workers else None)
        self.execute(
            "insert into costpulse.clusters (workspace_id, cluster_id, cluster_name, cluster_type, owner, "
            "driver_node_type, worker_node_type, worker_count, min_autoscale_workers, max_autoscale_workers, "
            "auto_termination_minutes, worker_instance_pool_id, create_time, delete_time, change_time, connection) "
            "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'typed')",
            workspace, cluster_id, name, kind, owner, driver_type or node_type, node_type if has_workers else None,
            None if autoscale else workers, *(autoscale or (None, None)), auto_termination, pool, created, deleted,
            deleted or changed or created,
        )  # fmt: skip

    def price(self, usd_per_hour: str, node_type: str = "m5.xlarge") -> None:
        """What a customer pays the cloud provider for a machine."""
        self.execute(
            "insert into costpulse.vm_prices (cloud, region, node_type, usd_per_hour, source, valid_from) "
            "values ('AWS', null, %s, %s, 'user', '2026-01-01')",
            node_type, usd_per_hour,
        )  # fmt: skip

    def hour(
        self,
        day: date,
        hour: int,
        *,
        cluster_id: str = "c1",
        workspace: str = PROD,
        up: int = 60,
        idle: int = 0,
        workers: int = 0,
        cpu: float = 50,
        mem: float = 40,
        io: float = 0,
        swap: float = 0,
        readings: float = 1,
    ) -> None:
        """What the nodes did in an hour; figures are of the workers, or of the driver where there is none."""
        driver_type, worker_type = self._node_types[workspace, cluster_id]
        start = datetime.combine(day, time(hour), tzinfo=UTC)
        for is_driver, nodes in ((True, 1), (False, workers)):
            if not nodes:
                continue
            minutes = up * nodes
            read = int(minutes * readings)
            self._hours.append(
                {
                    "usage_date": day, "usage_hour": hour, "workspace_id": workspace, "cluster_id": cluster_id,
                    "is_driver": is_driver, "node_type": driver_type if is_driver else worker_type,
                    "node_minutes": minutes, "node_count": nodes,
                    "cpu_minutes": histogram(read, cpu), "mem_minutes": histogram(read, mem),
                    "cpu_sum": round(read * cpu * 100), "mem_sum": round(read * mem * 100),
                    "io_wait_sum": round(read * io * 100), "swap_max": round(swap * 100),
                    "up_minutes": up if is_driver else None, "idle_minutes": idle if is_driver else None,
                    "last_up_at": start + timedelta(minutes=up - 1) if is_driver else None,
                    "last_idle_at": start + timedelta(minutes=up - 1) if is_driver and idle else None,
                    "last_busy_at": start if is_driver and idle < up else None,
                }
            )  # fmt: skip

    def always_up(self, days: Iterable[date] = DAYS, *, busy: Iterable[int] = (), **figures: Any) -> None:
        """Up all day long, and idle but for these hours."""
        busy = set(busy)
        for day in days:
            for hour in range(24):
                self.hour(day, hour, idle=0 if hour in busy else 60, **figures)

    def task(self, day: date, hour: int, seconds: int, *, cluster_id: str = "c1", workspace: str = PROD) -> None:
        """A task that ran so long in an hour."""
        self._tasks.append(
            {
                "usage_date": day, "usage_hour": hour, "workspace_id": workspace, "cluster_id": cluster_id,
                "task_seconds": seconds, "last_task_at": datetime.combine(day, time(hour), tzinfo=UTC),
            }
        )  # fmt: skip

    def cost(
        self,
        usd: str,
        days: Iterable[date] = DAYS,
        *,
        cluster_id: str = "c1",
        workspace: str | None = PROD,
        sku: str = ALL_PURPOSE,
    ) -> None:
        """So much on each day."""
        self._costs += [
            {"usage_date": day, "workspace_id": workspace, "cluster_id": cluster_id, "sku": sku, "usd": usd}
            for day in days
        ]

    def build(self) -> None:
        """The tables from what was added since."""
        with self.database.writing() as connection, connection.cursor() as cursor:
            if self._hours:
                names = list(self._hours[0])
                with cursor.copy(
                    f"copy costpulse.node_utilization ({', '.join(names)}, connection) from stdin".encode()
                ) as copy:
                    for row in self._hours:
                        copy.write_row([*row.values(), "typed"])
            cursor.executemany(
                "insert into costpulse.cluster_task_hours values (%(usage_date)s, %(usage_hour)s, %(workspace_id)s, "
                "%(cluster_id)s, %(task_seconds)s, %(last_task_at)s, 'typed')",
                self._tasks,
            )
            cursor.executemany(
                "insert into costpulse.job_task_days values (%(usage_date)s, %(workspace_id)s, 'r' || %(usage_hour)s, "
                "'cluster', %(cluster_id)s, %(task_seconds)s, 'typed')",
                self._tasks,
            )
            for cost in self._costs:
                cost["key"] = uuid5(_KEYS, f"{cost['workspace_id']} {cost['cluster_id']}")
            cursor.executemany(
                "insert into costpulse.cost_keys (key_id, workspace_id, product, cluster_id, first_usage_date, "
                "last_usage_date) values (%(key)s, %(workspace_id)s, 'ALL_PURPOSE', %(cluster_id)s, %(usage_date)s, "
                "%(usage_date)s) on conflict do nothing",
                self._costs,
            )
            cursor.executemany(
                "insert into costpulse.daily_key_costs (usage_date, key_id, sku_name, usage_unit, usage_quantity, "
                "dbu_count, list_cost_usd, cost_usd, unpriced_quantity, record_count) values (%(usage_date)s, %(key)s, "
                "%(sku)s, 'DBU', 1, 1, %(usd)s, %(usd)s, 0, 1)",
                self._costs,
            )
            days = sorted({row["usage_date"] for row in (*self._hours, *self._costs)})
            run(connection, "transform/cluster_daily", {"days": days})
        rebuild_cluster_info(self.database, datetime.combine(TODAY, time(12), tzinfo=UTC))

    def found(self, *types: str, **thresholds: Mapping[str, Decimal]) -> list[dict[str, Any]]:
        """What these types find in the window, after `build`."""
        self.build()
        return look(self.database, *types, **thresholds)


def look(
    database: Database,
    *types: str,
    first: date = FIRST,
    last: date = LAST,
    today: date = TODAY,
    **thresholds: Mapping[str, Decimal],
) -> list[dict[str, Any]]:
    """Rows that these types find in a window, the largest saving first."""
    with database.transaction() as connection:
        find(connection, [RECOMMENDATION_TYPES[name] for name in types], Period(first, last), thresholds, today=today)
        return connection.execute(
            "select * from found_recommendations order by saving_usd desc, workspace_id, resource_id"
        ).fetchall()
