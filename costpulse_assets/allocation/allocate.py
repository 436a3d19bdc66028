"""The pass: who owns every dollar and unit of quantity of these days, in set-based SQL, exact to the last digit.

What may claim cost is read from three temporary tables, `rule_claims`, `claim_atoms` and `split_terms`, which
`staging.stage_claims` makes from the stored rules or from a draft. Only distinct values meet patterns; keys that no
pattern can tell apart are decided together.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg import sql

from costpulse_assets.allocation.staging import stage_claims
from costpulse_assets.resources.database import Connection, run
from costpulse_assets.resources.sql_files import load_sql

#: What is allocated: the bill itself, or its sums per key, which are the same and which the app may read;
#: ingested_costs are the bill itself for the app where it shows all teams.
Base = Literal["cost_records", "ingested_costs", "daily_key_costs"]

#: Held shared while the rules are read, exclusively while they are changed.
RULES_LOCK = 7_205_741_002

# What the statements of this module make, each by its file in sql/transform.
_VIEWS = ("bill", "claimed_bill", "class_claims", "key_claims", "allocated")
_TABLES = (
    "matched_bill",
    "claims_in_order",
    "matched_keys",
    "asked_fields",
    "matched_parts",
    "matched_values",
    "pattern_hits",
    "part_atoms",
    "part_classes",
    "key_classes",
    "first_claims",
    "split_receivers",
    "split_parts",
)


def match_claims(connection: Connection, days: Sequence[date], keys: Sequence[UUID] | None = None) -> None:
    """Finds what every claim matches, and what comes first.

    Needs `rule_claims` and `claim_atoms` in this transaction, and makes temporary views and tables that last as long:

    - `key_claims` (key_id, sku_name, from_date, to_date, claim_id): every claim that matches, whether it wins or not;
    - `first_claims`, the same columns and the owner: the one claim that wins, at most one per key, SKU and day;
    - `pattern_hits` (field, tag_key, kind, pattern, value): which value matched which pattern.

    from_date is inclusive, to_date exclusive, both within the days' first and last. May be called again in the
    transaction; what the call before made is replaced.

    Args:
        connection: with an open transaction, in which the claims were staged.
        days: usage days, at least one.
        keys: only these attribution keys; None: all that daily_key_costs has on the days.
    """
    _begin(connection)
    parameters = _window(days) | {"days": list(days), "keys": None if keys is None else list(keys)}
    _make(connection, "claims_in_order", parameters)
    _make(connection, "matched_keys", parameters)
    _match(connection, parameters)


def allocate(connection: Connection, days: Sequence[date], *, base: Base, as_of: date | None = None) -> None:
    """Makes `allocated`, a temporary view with the columns of key_allocations, of every row of the days.

    Needs `rule_claims`, `claim_atoms` and `split_terms` in this transaction. May be called again in it; what the call
    before made is replaced. Where something claims cost, what `match_claims` makes is there as well.

    Args:
        connection: with an open transaction, in which the claims were staged.
        days: usage days, at least one.
        base: where the cost is read: its sums are the same everywhere.
        as_of: only what had been ingested by then (UTC day, inclusive); not with base daily_key_costs.
    """
    _begin(connection)
    parameters = _window(days) | {"days": list(days), "as_of": as_of}
    # A view keeps no parameters: they are written into it, quoted by the driver.
    with psycopg.ClientCursor(connection) as cursor:
        cursor.execute(load_sql(f"transform/bill_{base}").encode(), parameters)
    _make(connection, "claims_in_order", parameters)
    if connection.execute("select from claims_in_order limit 1").fetchone() is None:
        run(connection, "transform/allocated_to_nobody")
        return
    _make(connection, "matched_bill", parameters)
    connection.execute("drop view pg_temp.bill")
    _make(connection, "matched_keys", parameters, file="keys_of_the_bill")
    _match(connection, parameters)
    run(connection, "transform/claimed_bill")
    _make(connection, "split_receivers", parameters)
    _make(connection, "split_parts", parameters)
    run(connection, "transform/allocated")


def allocate_stored(connection: Connection, days: Sequence[date]) -> None:
    """As `allocate`, of the bill itself by the stored rules, which cannot change until the transaction ends."""
    connection.execute("select pg_advisory_xact_lock_shared(%s)", [RULES_LOCK])
    stage_claims(connection)
    allocate(connection, days, base="cost_records")


def _match(connection: Connection, parameters: Mapping[str, Any]) -> None:
    for table in _TABLES[_TABLES.index("asked_fields") : _TABLES.index("split_receivers")]:
        _make(connection, table, parameters)
    run(connection, "transform/class_claims")
    run(connection, "transform/key_claims")


def _make(connection: Connection, table: str, parameters: Mapping[str, Any], *, file: str | None = None) -> None:
    """One temporary table; without statistics the planner takes it for a small one, and loops."""
    run(connection, f"transform/{file or table}", parameters)
    connection.execute(sql.SQL("analyze {}").format(sql.Identifier("pg_temp", table)))


def _begin(connection: Connection) -> None:
    # Both until the transaction ends: tables of keys fit into memory, and a small sample of them tells their size.
    connection.execute("set local work_mem = '64MB'")
    connection.execute("set local default_statistics_target = 10")
    # All of them are joined by equality, and sorting text to join it takes several times as long as hashing it.
    connection.execute("set local enable_mergejoin = off")
    for kind, names in (("view", _VIEWS), ("table", _TABLES)):
        connection.execute(
            sql.SQL("drop {} if exists {} cascade").format(
                sql.SQL(kind), sql.SQL(", ").join(sql.Identifier("pg_temp", name) for name in names)
            )
        )


def _window(days: Sequence[date]) -> dict[str, date]:
    return {"from_date": min(days), "to_date": max(days) + timedelta(days=1)}
