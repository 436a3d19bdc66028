"""The list of system tables is exactly what the statements of sql/collect read, and what the documentation says."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from costpulse_assets.collectors import clusters, hourly_costs, job_runs, jobs, queries, warehouses
from costpulse_assets.collectors.billing_days import BillingTable
from costpulse_assets.collectors.node_utilization import node_utilization
from costpulse_assets.collectors.regional import DailyTable, StateTable
from costpulse_assets.collectors.system_tables import NEVER_READ, SYSTEM_TABLES, SystemTable, documentation
from costpulse_assets.resources.sql_files import SQL_DIR
from costpulse_assets.settings import Settings
from tests.small_account import SmallAccount

#: Statements that belong to a table of another name.
_BELONG_TO = {"control_totals": "cost_records", "price_table_probe": "list_prices"}

Reads = dict[str, set[str]]


def reads_of(statement: str) -> Reads:
    """The system tables of a Databricks statement and the top-level columns it uses of each.

    A column is followed through `x.*` to where it comes from; the star itself needs no column.
    """
    found: Reads = {}
    for scope in traverse_scope(sqlglot.parse_one(statement, dialect="databricks")):
        for source in scope.sources.values():
            if isinstance(source, exp.Table):
                found.setdefault(_name(source), set())
        for column in scope.columns:
            names = [part.name for part in column.parts]
            assert names[0] in scope.sources or len(names) == 1, f"{column.sql()} has no known source"
            if names[0] in scope.sources:
                for table, read in _origins(scope.sources[names[0]], names[1]):
                    found[_name(table)].add(read)
            else:
                assert names[0] in _query(scope).named_selects, f"{column.sql()} must be qualified"
    return found


def _origins(source: exp.Expr | Scope, column: str) -> Iterator[tuple[exp.Table, str]]:
    """Where a column of a source comes from, if it is passed on by a star; a named one is read where it is named."""
    if isinstance(source, exp.Table):
        if column != "*":
            yield source, column
        return
    assert isinstance(source, Scope)
    for part in source.set_operation_scopes or [source]:
        if column not in _query(part).named_selects:
            for star in _query(part).selects:
                if star.is_star:
                    assert isinstance(star, exp.Column), "write the star as alias.*"
                    yield from _origins(part.sources[star.table], column)


def _query(scope: Scope) -> exp.Query:
    assert isinstance(scope.expression, exp.Query)
    return scope.expression


def _name(table: exp.Table) -> str:
    assert table.catalog == "system", table.sql()
    return f"{table.db}.{table.name}"


def all_reads() -> tuple[Reads, Reads]:
    """Of all statements: columns by system table, and our tables by system table."""
    columns: Reads = {}
    needed_by: Reads = {}
    for path in sorted((SQL_DIR / "collect").glob("*.sql")):
        for table, read in reads_of(path.read_text(encoding="utf-8")).items():
            columns.setdefault(table, set()).update(read)
            needed_by.setdefault(table, set()).add(_BELONG_TO.get(path.stem, path.stem))
    return columns, needed_by


def test_columns_are_followed_through_stars_and_renamed_ones_are_not() -> None:
    statement = """
    with a as (select t.*, lag(t.x) over (order by t.y) as z from system.s.t as t where t.w > 0),
    b as (select a.* from a),
    c as (select u.k as z from system.s.u as u union all select v.m as z from system.s.v as v)
    select b.z, b.n, b.p.q.r as f, c.z as c from b left join c on b.z = c.z order by f
    """
    assert reads_of(statement) == {"s.t": {"x", "y", "w", "n", "p"}, "s.u": {"k"}, "s.v": {"m"}}


def test_the_tables_are_those_the_statements_read() -> None:
    columns, _ = all_reads()
    assert {table.name for table in SYSTEM_TABLES} == set(columns), "correct SYSTEM_TABLES in system_tables.py"


@pytest.mark.parametrize("table", SYSTEM_TABLES, ids=lambda table: table.name)
def test_the_columns_and_our_tables_are_those_of_the_statements(table: SystemTable) -> None:
    columns, needed_by = all_reads()
    read = columns.get(table.name, set())
    assert set(table.columns) == read, (
        f"of {table.name} add {sorted(read - set(table.columns))}, remove {sorted(set(table.columns) - read)}"
    )
    assert set(table.needed_by) == needed_by.get(table.name, set())


def test_a_table_has_the_columns_that_databricks_documents() -> None:
    with SmallAccount() as account:
        for table in SYSTEM_TABLES:
            documented = account.fetch(f"select t.* from {table.full_name} as t limit 0").schema.names
            assert {*table.columns, *filter(None, [table.date_column])} <= set(documented), table.name


@pytest.mark.parametrize("path", sorted((SQL_DIR / "collect").glob("*.sql")), ids=lambda path: path.stem)
def test_no_statement_reads_what_is_never_read(path: Path) -> None:
    for columns in reads_of(path.read_text(encoding="utf-8")).values():
        assert not columns & set(NEVER_READ)


def test_the_probe_of_the_warehouse_uses_only_columns_that_are_collected() -> None:
    statement = (SQL_DIR / "doctor" / "warehouse.sql").read_text(encoding="utf-8")
    (warehouses,) = [table for table in SYSTEM_TABLES if table.name == "compute.warehouses"]
    assert reads_of(statement)["compute.warehouses"] <= set(warehouses.columns)


def test_a_name_in_a_grant_cannot_end_the_quotes() -> None:
    grants = SYSTEM_TABLES[0].grants("a`; drop")
    assert all(grant.endswith(" TO `a``; drop`") for grant in grants)
    assert SYSTEM_TABLES[0].grants()[-1] == "GRANT SELECT ON TABLE system.billing.usage TO `<application-id>`"


def test_the_page_about_data_sources_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "data-sources.md"
    assert page.read_text(encoding="utf-8") == documentation(), (
        "run python -m costpulse_assets.collectors.system_tables > docs/data-sources.md"
    )


def _collectors() -> list[StateTable | DailyTable | BillingTable]:
    settings = Settings(_env_file=None)
    modules = (clusters, warehouses, queries, jobs, job_runs, hourly_costs)
    kinds = (StateTable, DailyTable, BillingTable)
    found = [value for module in modules for value in vars(module).values() if isinstance(value, kinds)]
    return [*found, node_utilization(settings)]


@pytest.mark.parametrize("collector", _collectors(), ids=lambda collector: collector.name)
def test_what_a_collector_says_of_its_tables_is_what_the_list_says(
    collector: StateTable | DailyTable | BillingTable,
) -> None:
    read = [table for table in SYSTEM_TABLES if collector.name in table.needed_by]
    assert {table.name for table in read} == set(collector.reads)
    for table in read:
        if isinstance(collector, StateTable):
            # Another collector may read it more often.
            assert table.every == collector.every or (table.every is None and len(table.needed_by) > 1)
        else:
            assert table.every is None
        if isinstance(collector, DailyTable):
            assert table.kept_days == collector.kept_days or len(read) > 1
