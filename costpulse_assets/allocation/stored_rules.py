"""Teams, rules and splits between the tables (ids, days half-open) and documents (names, days inclusive)."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb
from pydantic import BaseModel

from costpulse_assets.allocation.documents import (
    MemberDocument,
    RuleDocument,
    RuleSet,
    ShareDocument,
    SplitDocument,
    TeamDocument,
)
from costpulse_assets.resources.database import Connection, Row, run

#: Fields of documents that name something else, or hold parts: columns of other names, or other tables.
_REFERENCES = {"parent", "members", "team", "shares"}


@dataclass(frozen=True)
class StoredRules:
    """The rows of the tables, rules and splits in the order in which they are asked."""

    teams: Sequence[Row]
    members: Sequence[Row]
    rules: Sequence[Row]
    splits: Sequence[Row]
    weights: Sequence[Row]

    @property
    def rule_set(self) -> RuleSet:
        """The rows as documents: in an order that does not depend on when something was typed."""
        names = {row["id"]: row["name"] for row in self.teams}
        members, weights = _grouped(self.members, "team_id"), _grouped(self.weights, "split_id")
        teams = [
            TeamDocument(
                **_fields(TeamDocument, row),
                parent=names.get(row["parent_team_id"]),
                members=tuple(MemberDocument(**_fields(MemberDocument, member)) for member in members[row["id"]]),
            )
            for row in self.teams
        ]
        rules = [RuleDocument(**_fields(RuleDocument, row), team=names[row["team_id"]]) for row in self.rules]
        splits = [
            SplitDocument(
                **_fields(SplitDocument, row),
                shares=tuple(
                    ShareDocument(**_fields(ShareDocument, weight), team=names[weight["team_id"]])
                    for weight in weights[row["id"]]
                ),
            )
            for row in self.splits
        ]
        return RuleSet(
            teams=tuple(team.in_order for team in sorted(teams, key=lambda team: team.name.casefold())),
            rules=tuple(rules),
            splits=tuple(split.in_order for split in splits),
        )


def read_rules(connection: Connection) -> StoredRules:
    """What the database holds now, all of one moment."""
    (found,) = run(connection, "app/rules")
    return StoredRules(**{table: [_typed(row) for row in rows] for table, rows in found.items()})


def day_after(last: date | None) -> date | None:
    """Where validity ends in the tables: on the day after the last one; None is open on both sides."""
    return None if last is None else last + timedelta(days=1)


def columns_of(document: BaseModel) -> dict[str, Any]:
    """The columns of a document's row; what it names, and its parts, are left to the caller."""
    columns = document.model_dump(exclude=_REFERENCES)
    if "valid_to" in columns:
        columns["valid_to"] = day_after(columns["valid_to"])
    if isinstance(document, TeamDocument):
        columns["tag_patterns"] = {key: list(values) for key, values in document.tag_patterns.items()}
    return columns


def put_row(connection: Connection, table: str, row: Row | None, columns: Mapping[str, Any]) -> int:
    """Inserts a row, or updates what differs of the one that is there.

    Args:
        connection: with an open transaction.
        table: table of the schema.
        row: the present row, with its id; None where there is none.
        columns: what it shall hold.

    Returns:
        The id of the row.
    """
    if row is None:
        inserted = connection.execute(_insert(table, columns), _parameters(columns)).fetchone()
        assert inserted is not None
        return int(inserted["id"])
    different = {name: value for name, value in columns.items() if row[name] != value}
    if different:
        update = sql.SQL("update {} set ({}) = row({}) where id = %s").format(
            sql.Identifier("costpulse", table), *_names_and_holders(different)
        )
        connection.execute(update, [*_parameters(different), row["id"]])
    return int(row["id"])


def put_rows(
    connection: Connection,
    table: str,
    rows: Sequence[Row],
    wanted: Sequence[Mapping[str, Any]],
    *,
    key: Callable[[Mapping[str, Any]], Hashable],
) -> None:
    """Makes of these rows the wanted ones; a row of the same key is kept, or changed where it differs."""
    columns = {key(each): each for each in wanted}
    kept: dict[Hashable, Row] = {}
    gone = []
    for row in rows:
        if key(row) in columns and key(row) not in kept:
            kept[key(row)] = row
        else:
            gone.append(row)
    delete_rows(connection, table, gone)
    for place, row in kept.items():
        put_row(connection, table, row, columns[place])
    new = [each for place, each in columns.items() if place not in kept]
    if new:
        with connection.cursor() as cursor:
            cursor.executemany(_insert(table, new[0]), map(_parameters, new))


def delete_rows(connection: Connection, table: str, rows: Sequence[Row]) -> None:
    """Deletes these rows of a table."""
    if rows:
        connection.execute(
            sql.SQL("delete from {} where id = any(%s)").format(sql.Identifier("costpulse", table)),
            [[row["id"] for row in rows]],
        )


def _insert(table: str, columns: Mapping[str, Any]) -> sql.Composed:
    return sql.SQL("insert into {} ({}) values ({}) returning id").format(
        sql.Identifier("costpulse", table), *_names_and_holders(columns)
    )


def _names_and_holders(columns: Mapping[str, Any]) -> tuple[sql.Composed, sql.Composed]:
    comma = sql.SQL(", ")
    return comma.join(map(sql.Identifier, columns)), comma.join(sql.Placeholder() * len(columns))


def _parameters(columns: Mapping[str, Any]) -> list[Any]:
    return [Jsonb(value) if isinstance(value, dict) else value for value in columns.values()]


def _typed(row: Row) -> Row:
    """A row that travelled as JSON."""
    typed = dict(row)
    for name in ("valid_from", "valid_to"):
        if typed.get(name) is not None:
            typed[name] = date.fromisoformat(typed[name])
    if typed.get("weight") is not None:
        typed["weight"] = Decimal(typed["weight"])
    return typed


def _grouped(rows: Iterable[Row], column: str) -> defaultdict[int, list[Row]]:
    groups: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return groups


def _fields(document: type[BaseModel], row: Row) -> dict[str, Any]:
    fields = {name: row[name] for name in document.model_fields if name in row and name not in _REFERENCES}
    if fields.get("valid_to") is not None:
        fields["valid_to"] -= timedelta(days=1)
    return fields
