"""Databricks SQL to DuckDB SQL, for the portable subset that `sql/collect/` is written in."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from costpulse_assets.errors import SourceForbidden, SourceSqlError
from costpulse_assets.resources.demo_account.tables import CATALOG, TABLES
from costpulse_assets.resources.source import Parameter


def translate(statement: str, parameters: Mapping[str, Parameter] | None = None) -> str:
    """The DuckDB text of one read-only Databricks statement, with the parameters bound as typed literals.

    Values become nodes of the parsed tree, so no value can change what the statement means.

    Raises:
        SourceForbidden: the statement names a `system` table that this account does not have.
        SourceSqlError: it does not parse, is more than one statement, writes, or lacks a parameter.
    """
    try:
        trees = [tree for tree in sqlglot.parse(statement, dialect="databricks") if tree is not None]
    except SqlglotError as error:
        # The parser underlines the place with terminal codes in its message; the structured fields have none.
        places = getattr(error, "errors", [])
        reason = f"{places[0]['description']} (line {places[0]['line']})" if places else "it is not SQL"
        raise _bad_sql(f"[PARSE_SYNTAX_ERROR] {reason}") from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise _bad_sql("Only one SELECT statement is accepted")
    tree = trees[0].transform(_bind, dict(parameters or {}))
    for table in tree.find_all(exp.Table):
        if table.catalog.lower() == "system":
            name = f"{table.db}.{table.name}".lower()
            if name not in TABLES:
                raise SourceForbidden(
                    f"[TABLE_OR_VIEW_NOT_FOUND] The demo account has no table system.{name}.",
                    next_step="Read one of " + ", ".join(f"system.{known}" for known in TABLES) + ".",
                )
            table.set("catalog", exp.to_identifier(CATALOG))
    for kind in tree.find_all(exp.DataType):
        # A Databricks TIMESTAMP is an instant; DuckDB's plain TIMESTAMP is not.
        if kind.this in (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPLTZ):
            kind.set("this", exp.DType.TIMESTAMPTZ)
    return tree.sql(dialect="duckdb")


def _bind(node: exp.Expr, values: Mapping[str, Parameter]) -> exp.Expr:
    if not isinstance(node, exp.Placeholder):
        return node
    if not node.this or node.this == "?":
        raise _bad_sql("Parameters are written as :name")
    if node.this not in values:
        raise _bad_sql(f"[UNBOUND_SQL_PARAMETER] No value was given for the parameter :{node.this}")
    return _literal(values[node.this])


def _literal(value: Parameter) -> exp.Expr:
    if value is None:
        return exp.null()
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, str):
        return exp.Literal.string(value)
    if isinstance(value, int):
        return exp.cast(exp.Literal.string(str(value)), "bigint" if abs(value) > 0x7FFFFFFF else "int")
    if isinstance(value, datetime):
        instant = value.replace(tzinfo=UTC) if value.tzinfo is None else value
        return exp.cast(exp.Literal.string(instant.isoformat(sep=" ")), "timestamptz")
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), "date")
    if isinstance(value, Decimal) and value.is_finite():
        _, digits, exponent = value.as_tuple()
        scale = max(0, -int(exponent))
        precision = max(len(digits) + max(0, int(exponent)), scale, 1)
        return exp.cast(exp.Literal.string(f"{value:f}"), f"decimal({precision}, {scale})")
    raise _bad_sql(f"A parameter of type {type(value).__name__} cannot be bound")


def _bad_sql(reason: str) -> SourceSqlError:
    return SourceSqlError(
        f"The statement was refused: {reason}.",
        next_step="Correct the statement; the demo account accepts the portable subset of Databricks SQL.",
    )
