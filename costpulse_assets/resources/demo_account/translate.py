"""Databricks SQL to DuckDB SQL, for the portable subset that `sql/collect/` is written in."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

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
    return _portable(statement).transform(_bind, dict(parameters or {})).sql(dialect="duckdb")


@lru_cache(maxsize=128)
def _portable(statement: str) -> exp.Expr:
    """Its tree as DuckDB takes it, parameters still open. Not to be changed: a run asks it for many windows."""
    try:
        trees = [tree for tree in sqlglot.parse(statement, dialect="databricks") if tree is not None]
    except SqlglotError as error:
        # The parser underlines the place with terminal codes in its message; the structured fields have none.
        places = getattr(error, "errors", [])
        reason = f"{places[0]['description']} (line {places[0]['line']})" if places else "it is not SQL"
        raise _bad_sql(f"[PARSE_SYNTAX_ERROR] {reason}") from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise _bad_sql("Only one SELECT statement is accepted")
    (tree,) = trees
    for node in reversed(list(tree.walk())):  # the innermost first
        replacement = _time_as_in_spark(node)
        if replacement is not node:
            node.replace(replacement)
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
    return tree


def _bind(node: exp.Expr, values: Mapping[str, Parameter]) -> exp.Expr:
    if not isinstance(node, exp.Placeholder):
        return node
    if not node.this or node.this == "?":
        raise _bad_sql("Parameters are written as :name")
    if node.this not in values:
        raise _bad_sql(f"[UNBOUND_SQL_PARAMETER] No value was given for the parameter :{node.this}")
    return _literal(values[node.this])


#: What the parser adds to unix_timestamp() of one argument.
_NO_FORMAT = sqlglot.parse_one("unix_timestamp(t)", dialect="databricks").args["format"]

#: Microseconds in what timestamp_seconds(), timestamp_millis() and timestamp_micros() count.
_COUNTED_IN = {"timestamp_seconds": 1_000_000, "timestamp_millis": 1_000, "timestamp_micros": 1}


def _time_as_in_spark(node: exp.Expr) -> exp.Expr:
    """Functions of time that DuckDB lacks, or that give another value there than on Spark."""
    # unix_timestamp() without a format is read as one of text; ours is of a timestamp, like unix_seconds().
    if isinstance(node, exp.UnixSeconds | exp.UnixMillis) or (
        isinstance(node, exp.StrToUnix) and node.args["format"] == _NO_FORMAT
    ):
        unit = 1_000 if isinstance(node, exp.UnixMillis) else 1_000_000
        # Spark drops what is less than a unit, where DuckDB rounds.
        return exp.IntDiv(this=exp.func("epoch_us", node.this), expression=exp.Literal.number(unit))
    if isinstance(node, exp.TimestampDiff) or (isinstance(node, exp.DateDiff) and node.text("unit") != "DAY"):
        # Spark counts whole units that have passed, DuckDB's date_diff() the boundaries between them.
        unit_name = exp.Literal.string(node.text("unit"))
        return exp.Anonymous(this="datesub", expressions=[unit_name, node.expression, node.this])
    if isinstance(node, exp.Anonymous) and node.name.lower() in _COUNTED_IN:
        factor = exp.cast(exp.Literal.number(_COUNTED_IN[node.name.lower()]), "bigint")
        micros = exp.cast(exp.Mul(this=exp.paren(node.expressions[0]), expression=factor), "bigint")
        return exp.func("make_timestamptz", micros)
    return node


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
