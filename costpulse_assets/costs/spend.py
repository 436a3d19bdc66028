"""What the pages and commands read: spend by anything, from the smallest roll-up that can answer.

The statements are `sql/app/*.sql`. Their parts in braces (table, grouping, filters) come from the fixed lists of
this module only; every value is bound. Measures are exact: Decimal, or None where nothing has a price.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal, LiteralString, TypeVar

from psycopg import Connection, sql
from psycopg.rows import class_row, scalar_row, tuple_row

from costpulse_assets.periods import Period
from costpulse_assets.resources.sql_files import load_sql

#: Dimensions whose ids have names in resource_names.
NAMED_BY_COLLECTION = frozenset({"cluster", "warehouse", "job", "pipeline"})

#: Stands for "without" in a list of ids: no workspace, no user, unallocated. No id of Databricks is a tilde.
NONE = "~"

_DAY = timedelta(days=1)

Row = TypeVar("Row")
Measure = Literal["cost", "list", "dbu"]
Bin = Literal["day", "week", "month"]
_Row = TypeVar("_Row")


@dataclass(frozen=True)
class Dimension:
    """Something cost can be grouped and filtered by.

    `without` is what rows are called that have no value of it.
    """

    name: str
    label: str
    plural: str
    without: str


DIMENSIONS = {
    dimension.name: dimension
    for dimension in (
        Dimension("product", "Product", "products", "No product"),
        Dimension("workspace", "Workspace", "workspaces", "Account level"),
        Dimension("team", "Team", "teams", "Unallocated"),
        Dimension("sku", "SKU", "SKUs", "No SKU"),
        Dimension("user", "User", "users", "No user"),
        Dimension("job", "Job", "jobs", "No job"),
        Dimension("cluster", "Cluster", "clusters", "No cluster"),
        Dimension("warehouse", "Warehouse", "warehouses", "No warehouse"),
        Dimension("pipeline", "Pipeline", "pipelines", "No pipeline"),
        Dimension("endpoint", "Endpoint", "endpoints", "No endpoint"),
        Dimension("tag", "Tag", "tag values", "Untagged"),
    )
}

_COLUMNS: dict[str, LiteralString] = {
    "product": "c.product",
    "workspace": "c.workspace_id",
    "team": "c.team_id::text",
    "sku": "c.sku_name",
    "user": "c.user_email",
    "job": "c.job_id",
    "cluster": "c.cluster_id",
    "warehouse": "c.warehouse_id",
    "pipeline": "c.pipeline_id",
    "endpoint": "c.endpoint_id",
}
_MEASURES: dict[Measure, LiteralString] = {
    "cost": "c.cost_usd",
    "list": "c.list_cost_usd",
    "dbu": "c.dbu_count",
}
_BINS: dict[Bin, LiteralString] = {
    "day": "c.usage_date",
    "week": "date_trunc('week', c.usage_date::timestamp)::date",
    "month": "date_trunc('month', c.usage_date::timestamp)::date",
}
# Smallest first; what none of them has is read from daily_key_costs with its keys.
_ROLLUPS: tuple[tuple[str, frozenset[str]], ...] = (
    ("daily_team_costs", frozenset({"team", "product"})),
    ("daily_workspace_costs", frozenset({"workspace", "product"})),
    ("daily_sku_costs", frozenset({"sku", "product"})),
    ("daily_costs", frozenset({"workspace", "team", "sku", "product"})),
)
# Their rows are sums over all teams, which nobody sees who may see only some.
_OF_ALL_TEAMS = ("daily_workspace_costs", "daily_sku_costs")


@dataclass(frozen=True)
class Selection:
    """Which rows count.

    `only` holds (dimension, ids): the row's id must be one of them; NONE stands for rows without. `tags` holds
    (key, value): values of one key are alternatives, every key must match; value None means the key is missing.
    """

    only: tuple[tuple[str, tuple[str, ...]], ...] = ()
    tags: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True)
class Windows:
    """The days of a question: the period, the last of its days that is judged, and what it is compared with.

    `last_final` before the period's first day means that none of its days is final.
    """

    period: Period
    last_final: date | None
    before: Period | None = None


@dataclass(frozen=True)
class GroupSpend:
    """Spend of one group in the period; None where nothing of it has a price (or it has no DBUs).

    `final_amount` and `before_amount` are the chosen measure, on final days and in the compared period;
    `in_period` is False for a group that only the compared period has. `further` is 0, or the number of groups
    beyond the limit whose sums this one row holds.
    """

    group_id: str | None
    group_name: str | None
    cost_usd: Decimal | None
    list_cost_usd: Decimal | None
    dbu_count: Decimal | None
    final_amount: Decimal | None
    before_amount: Decimal | None
    in_period: bool = True
    further: int = 0

    def amount(self, measure: Measure) -> Decimal | None:
        """The measure over the whole period, days that are not final included."""
        return {"cost": self.cost_usd, "list": self.list_cost_usd, "dbu": self.dbu_count}[measure]


@dataclass(frozen=True)
class BinSpend:
    """One bar segment: the first day of its bin, the group (None: every group not named), the measure."""

    bin: date
    group_id: str | None
    amount: Decimal | None


@dataclass(frozen=True)
class Unpriced:
    """Usage of a SKU that has no price; its quantity is in no amount."""

    sku_name: str
    usage_unit: str
    unpriced_quantity: Decimal
    first_day: date
    last_day: date


def spend_by_group(
    connection: Connection[Any],
    windows: Windows,
    *,
    by: str | None,
    tag_key: str = "",
    selection: Selection = Selection(),
    measure: Measure = "cost",
    limit: int | None = None,
) -> list[GroupSpend]:
    """One row per group that has usage in the period or in the compared one.

    Args:
        connection: where to read.
        windows: the period, its final days, the compared period.
        by: the dimension of the groups; None is one row for everything.
        tag_key: the key when `by` is tag.
        selection: which rows count.
        measure: cost, list cost or DBUs: what is judged, and what makes a group large.
        limit: at most so many groups, the largest in the period; all others are one last row, see
            `GroupSpend.further`. None: all groups.
    """
    before = windows.before
    amount = sql.SQL(_MEASURES[measure])
    # A job has a new cluster for every run: nearly every group of one period is not in the other. Filters on what
    # only a key says leave few rows: one pass is quicker.
    of_one_period = by == "cluster" and rollup_for(_needs(None, selection)) != "daily_key_costs"
    query, bound = _query(
        connection,
        "app/spend_side_by_side" if of_one_period else "app/spend_by_group",
        _needs(by, selection),
        selection,
        {
            "chosen": sql.SQL("null::text") if by is None else _column(by),
            "label": sql.SQL("max(c.job_name)" if by == "job" else "null::text"),
            "amount": amount,
        },
        cuts=_cuts(windows),
    )
    if limit is not None:
        query = _template("app/largest_groups").format(groups=query, amount=amount)
    parameters = {
        "first": windows.period.first,
        "last": windows.period.last,
        "last_final": windows.last_final,
        "before_first": before and before.first,
        "before_last": before and before.last,
        "tag_key": tag_key,
        "largest": limit,
    }
    groups = _read(connection, GroupSpend, query, parameters | bound)
    if by not in NAMED_BY_COLLECTION:
        return groups
    ids = [group.group_id for group in groups if group.group_id is not None]
    names = _names(connection, "app/resource_names", by, ids)
    return [replace(group, group_name=names.get(group.group_id or "", group.group_name)) for group in groups]


def resource_names(connection: Connection[Any], dimension: str, ids: Sequence[str]) -> dict[str, str]:
    """Present names of clusters, warehouses, jobs or pipelines by workspace/resource; no entry where none is known."""
    known = _names(connection, "app/resource_names", dimension, ids)
    if dimension == "job" and (others := [id for id in ids if id not in known]):
        # The bill names jobs too: for those whose list was never read.
        known |= _names(connection, "app/job_names", dimension, others)
    return known


def spend_by_bin(
    connection: Connection[Any],
    period: Period,
    *,
    bin: Bin,
    by: str | None = None,
    named: Sequence[str] = (),
    tag_key: str = "",
    selection: Selection = Selection(),
    measure: Measure = "cost",
) -> list[BinSpend]:
    """One row per bin and named group; all other groups of a bin in one row with group_id None.

    Args:
        connection: where to read.
        period: first and last day.
        bin: day, week (from Monday) or month.
        by: the dimension of the groups; None for totals.
        named: ids of the groups that get their own rows (NONE for rows without a value).
        tag_key: the key when `by` is tag.
        selection: which rows count.
        measure: cost, list cost or DBUs.
    """
    query, bound = _query(
        connection,
        "app/spend_by_bin",
        _needs(by, selection),
        selection,
        {
            "bucket": sql.SQL(_BINS[bin]),
            "chosen": sql.SQL("null::text") if by is None else _column(by),
            "amount": sql.SQL(_MEASURES[measure]),
        },
        cuts={
            "day": None,
            "week": _edges(period),
            "month": [*_edges(period), *(day for day in period if day.day == 1)],
        }[bin],
    )
    parameters = {"first": period.first, "last": period.last, "named": list(named), "tag_key": tag_key}
    return _read(connection, BinSpend, query, parameters | bound)


def spend_without_price(
    connection: Connection[Any], period: Period, *, selection: Selection = Selection()
) -> list[Unpriced]:
    """The SKUs of the period that have usage without a price, by name."""
    query, bound = _query(connection, "app/spend_without_price", _needs("sku", selection), selection, {})
    return _read(connection, Unpriced, query, {"first": period.first, "last": period.last} | bound)


def rollup_for(needs: frozenset[str]) -> str:
    """The smallest table that has all the dimensions."""
    for table, dimensions in _ROLLUPS:
        if needs <= dimensions:
            return table
    return "daily_key_costs"


def _needs(by: str | None, selection: Selection) -> frozenset[str]:
    needed = {dimension for dimension, _ in selection.only}
    if by is not None:
        needed.add(by)
    if selection.tags:
        needed.add("tag")
    return frozenset(needed)


def _column(dimension: str) -> sql.Composable:
    return sql.SQL("c.tags ->> %(tag_key)s") if dimension == "tag" else sql.SQL(_COLUMNS[dimension])


def _query(
    connection: Connection[Any],
    statement: str,
    needs: frozenset[str],
    selection: Selection,
    parts: dict[str, sql.Composable],
    *,
    cuts: Iterable[date] | None = None,
) -> tuple[sql.Composed, dict[str, Any]]:
    """The statement on the smallest roll-up that has what it needs, and the values its filters bind.

    `cuts` are the first days of what the statement tells apart: a week that none of them falls into is read in one
    row. None: it needs every day.
    """
    table = rollup_for(needs)
    if table in _OF_ALL_TEAMS and _sees_some_teams(connection):
        table = rollup_for(needs | {"team"})
    filters, bound = _filters(selection)
    source: sql.Composable = sql.Identifier("costpulse", table)
    if table == "daily_key_costs":
        if cuts is not None:
            weeks = sorted({day - timedelta(days=day.weekday()) for day in cuts if day.weekday()})
            bound["cut_weeks"] = weeks
            bound["cut_days"] = [week + timedelta(days=number) for week in weeks for number in range(7)]
            source = sql.SQL("({})").format(_template("app/key_costs_by_week"))
        source = sql.SQL("({})").format(_template("app/keyed_costs").format(costs=source))
    return _template(statement).format(rollup=source, filters=filters, **parts), bound


def _sees_some_teams(connection: Connection[Any]) -> bool:
    with connection.cursor(row_factory=scalar_row) as cursor:
        scope = cursor.execute("select current_setting('costpulse.scope', true)").fetchone()
    return scope not in (None, "", "all")


def _cuts(windows: Windows) -> list[date]:
    cuts = [*_edges(windows.period), *(_edges(windows.before) if windows.before else [])]
    return cuts if windows.last_final is None else [*cuts, windows.last_final + _DAY]


def _edges(period: Period) -> list[date]:
    return [period.first, period.last + _DAY]


def _names(connection: Connection[Any], statement: str, dimension: str, ids: Sequence[str]) -> dict[str, str]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        return dict(cursor.execute(load_sql(statement).encode(), {"ids": list(ids), "kind": dimension}).fetchall())


def _read(connection: Connection[Any], row: type[_Row], query: sql.Composed, parameters: dict[str, Any]) -> list[_Row]:
    with connection.cursor(row_factory=class_row(row)) as cursor:
        return cursor.execute(query, parameters).fetchall()


def _template(statement: str) -> sql.SQL:
    # Comments go: the driver would look for parameters in them.
    code = "\n".join(line for line in load_sql(statement).splitlines() if not line.startswith("--"))
    return sql.SQL(code)


def _filters(selection: Selection) -> tuple[sql.Composable, dict[str, Any]]:
    conditions: list[sql.Composable] = [sql.SQL("true")]
    bound: dict[str, Any] = {}
    for number, (dimension, ids) in enumerate(selection.only):
        # As they are stored: an index serves neither a converted column nor, below row-level security, a cast.
        column = sql.SQL("c.team_id" if dimension == "team" else _COLUMNS[dimension])
        one_of = sql.SQL("{column} = any({ids})").format(column=column, ids=sql.Placeholder(f"only_{number}"))
        bound[f"only_{number}"] = [int(id) for id in ids if id.isdecimal()] if dimension == "team" else list(ids)
        if NONE in ids:
            one_of = sql.SQL("({one_of} or {column} is null)").format(one_of=one_of, column=column)
        conditions.append(one_of)
    for number, key in enumerate(dict.fromkeys(key for key, _ in selection.tags)):
        values = [value for other, value in selection.tags if other == key]
        bound[f"tag_{number}"] = key
        bound[f"values_{number}"] = [value for value in values if value is not None]
        condition = "c.tags ->> {key} = any({values}::text[])"
        if None in values:
            condition = "(c.tags ->> {key} is null or c.tags ->> {key} = any({values}::text[]))"
        conditions.append(
            sql.SQL(condition).format(key=sql.Placeholder(f"tag_{number}"), values=sql.Placeholder(f"values_{number}"))
        )
    return sql.SQL(" and ").join(conditions), bound
