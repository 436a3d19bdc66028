"""Cost and claims that a test types itself, in one transaction, and what the pass makes of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID, uuid5

from psycopg.types.json import Jsonb

from costpulse_assets.allocation.allocate import Base, allocate
from costpulse_assets.allocation.regular_expressions import beginning
from costpulse_assets.resources.database import Connection, Database, run

MONDAY = date(2026, 6, 1)
SKU = "PREMIUM_JOBS_COMPUTE"

#: (field, tag key, (kind, text) of each pattern)
Atom = tuple[str, str, Sequence[tuple[str, str]]]

_NAMESPACE = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


def tag(key: str, *globs: str) -> Atom:
    """A tag with one of these values."""
    return ("tag", key, [("glob", glob) for glob in globs])


def field(name: str, *globs: str, kind: str = "glob") -> Atom:
    """Another field with one of these values."""
    return (name, "", [(kind, glob) for glob in globs])


class Ledger:
    """Tables of one open transaction; `claims` are staged by hand."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._claims = count(1)
        for table in ("rule_claims", "claim_atoms", "split_terms"):
            connection.execute(f"drop table if exists pg_temp.{table}".encode())
            run(connection, f"transform/create_{table}")

    def key(self, *, tags: dict[str, Any] | None = None, **columns: Any) -> UUID:
        """An attribution key; further keywords are columns of cost_keys."""
        values = {"workspace_id": "1001", "product": "JOBS", **columns, "tags": Jsonb(tags or {})}
        key_id = uuid5(_NAMESPACE, repr(sorted((columns | {"tags": sorted((tags or {}).items())}).items())))
        names = ", ".join(values)
        self.connection.execute(
            f"insert into costpulse.cost_keys (key_id, first_usage_date, last_usage_date, {names}) "
            f"values (%s, %s, %s, {', '.join('%s' for _ in values)}) on conflict (key_id) do nothing".encode(),
            [key_id, MONDAY, MONDAY, *values.values()],
        )
        return key_id

    def cost(
        self,
        quantity: str | Decimal,
        key: UUID | None = None,
        *,
        rate: str | Decimal | None = "1",
        list_rate: str | Decimal | None = None,
        day: date = MONDAY,
        sku: str = SKU,
        unit: str = "DBU",
        ingested: date | None = None,
        records: int = 1,
    ) -> UUID:
        """One cost record; `rate` None has no price."""
        key = key or self.key()
        self.connection.execute(
            "insert into costpulse.cost_records (usage_date, ingestion_date, record_type, key_id, workspace_id, "
            "sku_name, product, usage_unit, usage_quantity, dbu_rate, effective_rate, warehouse_id, record_count) "
            "select %s, %s, 'ORIGINAL', k.key_id, k.workspace_id, %s, k.product, %s, %s, %s, %s, k.warehouse_id, %s "
            "from costpulse.cost_keys as k where k.key_id = %s",
            [day, ingested or day, sku, unit, quantity, list_rate or rate, rate, records, key],
        )
        return key

    def claim(
        self,
        *atoms: Atom,
        stage: int = 1,
        team: int | None = None,
        split: int | None = None,
        priority: int = 0,
        rank: int | None = None,
        valid_from: date | None = None,
        valid_to: date | None = None,
    ) -> int:
        """One claim; a rule's id is its claim's. Returns the number of the claim."""
        number = next(self._claims)
        rule = number if stage == 1 else None
        self.connection.execute(
            "insert into rule_claims values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                number,
                stage,
                priority,
                number if rank is None else rank,
                rule,
                rule and 1,
                split,
                split and 1,
                team,
                valid_from,
                valid_to,
                len(atoms),
            ],
        )
        for place, (name, tag_key, patterns) in enumerate(atoms, 1):
            for kind, text in patterns:
                self.connection.execute(
                    "insert into claim_atoms values (%s, %s, %s, %s, %s, %s, %s)",
                    [number, place, name, tag_key, kind, text, beginning(text) if kind == "regex" else ""],
                )
        return number

    def split(
        self,
        basis: str,
        weights: dict[int, str | Decimal | None] | None = None,
        *atoms: Atom,
        split: int = 900,
        idle: str = "share",
        stage: int = 2,
        valid_from: date | None = None,
        valid_to: date | None = None,
        **claim: Any,
    ) -> int:
        """A split with its claim (of everything, without atoms) and terms; validity is that of the terms."""
        self.claim(*atoms, stage=stage, split=split, **claim)
        for team, weight in (weights or {None: None}).items():
            self.term(split, basis, team, weight, idle=idle, valid_from=valid_from, valid_to=valid_to)
        return split

    def term(
        self,
        split: int,
        basis: str,
        team: int | None,
        weight: str | Decimal | None,
        *,
        idle: str = "share",
        valid_from: date | None = None,
        valid_to: date | None = None,
    ) -> None:
        """A team that shares."""
        self.connection.execute(
            "insert into split_terms values (%s, %s, %s, %s, %s, %s, %s)",
            [split, basis, idle, team, weight, valid_from, valid_to],
        )

    def name(self, kind: str, resource: str, name: str | None, valid_from: date, valid_to: date | None = None) -> None:
        """What a resource of workspace 1001 was called."""
        self.connection.execute(
            "insert into costpulse.resource_names (workspace_id, resource_type, resource_id, name, valid_from, "
            "valid_to) values ('1001', %s, %s, %s, %s, %s)",
            [kind, resource, name, valid_from, valid_to],
        )

    def query(
        self, warehouse: str, user: str | None, cost: str | None, *, kind: str = "query", dbus: str | None = None
    ) -> None:
        """A row of query_costs."""
        source, is_costpulse = ("sql_query", False) if kind == "query" else (None, None)
        self.connection.execute(
            "insert into costpulse.query_costs (usage_date, workspace_id, warehouse_id, kind, executed_by, "
            "source_kind, is_costpulse, executions, execution_seconds, task_seconds, read_bytes, failed_count, "
            "cached_count, dbu_count, cost_usd) values (%s, '1001', %s, %s, %s, %s, %s, 1, 1, 1, 1, 0, 0, %s, %s)",
            [MONDAY, warehouse, kind, user, source, is_costpulse, dbus, cost],
        )

    def allocate(self, *days: date, base: Base = "cost_records", as_of: date | None = None) -> list[dict[str, Any]]:
        """Rows of the pass (MONDAY's if no day is given), in order."""
        allocate(self.connection, days or [MONDAY], base=base, as_of=as_of)
        return self.connection.execute(
            "select * from allocated order by usage_date, key_id, sku_name, usage_unit, team_id, split_id"
        ).fetchall()

    def owners(self, *days: date, **options: Any) -> dict[Any, Decimal | None]:
        """Cost by team, None for Unallocated."""
        found: dict[Any, Decimal | None] = {}
        for row in self.allocate(*days, **options):
            if row["cost_usd"] is not None:
                found[row["team_id"]] = (found.get(row["team_id"]) or Decimal(0)) + row["cost_usd"]
        return found

    def owner(self, key: UUID, day: date = MONDAY) -> Any:
        """The one owner of a key on a day: (method, team)."""
        allocate(self.connection, [day], base="cost_records")
        (row,) = self.connection.execute("select method, team_id from allocated where key_id = %s", [key]).fetchall()
        return row["method"], row["team_id"]


@contextmanager
def open_ledger(url: str) -> Iterator[Ledger]:
    """A ledger on a migrated database, which is as before after the block."""
    with Database(url).transaction() as connection:
        yield Ledger(connection)
        connection.rollback()
