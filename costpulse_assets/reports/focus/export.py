"""The bill as files of FOCUS: one billing month per file, streamed from the database, checked before it has its name.

Amounts travel as text from `numeric` to CSV, or to decimal128(38, 18) of Parquet; no float is on the way. The same
state of the database gives the same bytes.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
from psycopg import Copy, sql

from costpulse_assets.errors import BadInput, FocusInvalid
from costpulse_assets.periods import Period, whole_month
from costpulse_assets.reports.files import publish, temporary_beside
from costpulse_assets.reports.focus import services
from costpulse_assets.reports.focus.columns import ColumnType, FocusColumn, Version, columns_of
from costpulse_assets.reports.focus.metadata import Sector, as_json, document, schema_id
from costpulse_assets.reports.focus.rules import Failure, check, check_metadata
from costpulse_assets.reports.formats.arrow_copy import ROW_GROUP, row_groups
from costpulse_assets.reports.report_request import ReportRequest
from costpulse_assets.resources.database import Connection, Row, run
from costpulse_assets.resources.sql_files import load_sql
from costpulse_assets.settings import Settings

#: Id of the way in which charges are divided among teams, documented in docs/focus.md; another way gets another id.
SPLIT_METHOD = "costpulse-team-split-1"

_ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "decimal": pa.decimal128(38, 18),
    "time": pa.timestamp("us", tz="UTC"),
    "key_value": pa.string(),
    "json": pa.string(),
}
_EXPECTED = pa.schema(
    [
        ("usage_date", pa.date32()),
        ("sku_name", pa.string()),
        ("usage_quantity", pa.decimal128(38, 18)),
        ("list_cost_usd", pa.decimal128(38, 18)),
        ("cost_usd", pa.decimal128(38, 18)),
    ]
)
#: Fields that tell any two rows of a file apart, in the order of the rows.
_ORDER = (
    *("charge_period_start", "x_key_id", "sku_id", "pricing_unit", "host_provider_name", "list_unit_price"),
    *("contracted_unit_price", "x_record_type", "x_ingestion_date", "x_team_id"),
)
_NUMBERS = ("list_unit_price", "contracted_unit_price")


@dataclass(frozen=True)
class Unpriced:
    """Usage of a billing month that has no list price and so cannot be in its file.

    Its cost in USD is known where a rate of the customer's own was typed; else None.
    """

    month: date
    sku_name: str
    usage_unit: str
    usage_quantity: Decimal
    cost_usd: Decimal | None
    record_count: int


@dataclass(frozen=True)
class FocusExport:
    """What was written.

    Attributes:
        files: the files of the months, then their metadata.
        row_count: charges in them.
        unpriced: usage that is left out, by month, SKU and unit.
        failures: rules that are broken; empty, as a file that breaks one is not published.
        warnings: what a reader should know although no rule is broken.
        months: first days of the billing months.
    """

    files: tuple[Path, ...]
    row_count: int
    unpriced: tuple[Unpriced, ...]
    failures: tuple[Failure, ...]
    warnings: tuple[Failure, ...]
    months: tuple[date, ...]


def export(
    connection: Connection, settings: Settings, request: ReportRequest, target: Path, *, made_at: datetime
) -> FocusExport:
    """Writes the billing months of a request.

    Args:
        connection: as the owner of the schema, in a transaction of isolation level repeatable read: the files and what
            they are compared with must be of one state. Temporary tables are made in it.
        settings: who bills and closes months.
        request: of format focus.
        target: for one month a file that ends with .parquet or .csv, beside which FILE.metadata.json is written; else
            a folder, which gets focus/<version>/billing_period=<month>/part-0001.parquet.
        made_at: when; only the metadata say so.

    Raises:
        BadInput: there is no cost in the months, the account is not known, or version and target do not fit.
        FocusInvalid: a file breaks a rule; nothing has its name.
        FileNotWritten: the disk or folder.
    """
    version = request.focus_version
    months = _months(request.period)
    is_file = target.suffix in (".parquet", ".csv")
    if is_file and len(months) > 1:
        raise BadInput("FOCUS has one month per file.", next_step="Give a folder for several months.")
    if version == "1.2" and request.split != "none":
        raise BadInput("FOCUS 1.2 has no columns for a split.", next_step="Ask for version 1.3, or for no split.")
    _prepare(connection, settings, months)
    bounds = {row["month"]: row for row in run(connection, "reports/focus_months", {"months": months})}
    if not bounds:
        raise BadInput(
            f"There is no cost from {request.first_day} to {request.last_day}.", next_step="Choose a month with cost."
        )
    account_id = run(connection, "reports/focus_account")[0]["account_id"]
    if account_id is None:
        raise BadInput(
            "The account of the bill is not known, and FOCUS must name it.",
            next_step="Collect usage again: it comes with system.billing.usage.",
        )
    parameters = _parameters(settings, request, account_id)

    row_count = 0
    unpriced: list[Unpriced] = []
    failures: list[Failure] = []
    warnings: list[Failure] = []
    with ExitStack() as written:
        parts: dict[Path, Path] = {}
        for month in months:
            path = target if is_file else _hive_path(target, version, month)
            part = parts[path] = written.enter_context(temporary_beside(path))
            # A month without any usage is a file without rows.
            of_month = parameters | {"month": month, **_days(bounds.get(month), month)}
            _write(connection, version, of_month, part, schema_id(version, account_id))
            expected = _expected(run(connection, "reports/focus_control", of_month))
            verdict = check(part, version, month=month, expected=expected)
            row_count += verdict.row_count
            failures += verdict.failures
            warnings += verdict.warnings
            unpriced += [Unpriced(**row) for row in run(connection, "reports/focus_unpriced", of_month)]
        sectors = [
            Sector(**row)
            for row in run(
                connection,
                "reports/focus_sectors",
                {"first_day": request.first_day, "last_day": request.last_day},
            )
        ]
        data = next(iter(parts.values()))
        for path, text in _metadata(target, version, account_id, sectors, made_at, is_file=is_file).items():
            part = parts[path] = written.enter_context(temporary_beside(path))
            part.write_text(text, encoding="utf-8")
            if "Schema" in (described := json.loads(text)):
                failures += check_metadata(described, data, version)
        if failures:
            raise _invalid(failures)
        for path, part in parts.items():
            publish(part, path)
    warnings += _remarks(unpriced, run(connection, "reports/focus_changed", {"months": months}))
    return FocusExport(tuple(parts), row_count, tuple(unpriced), (), tuple(warnings), tuple(months))


def _remarks(unpriced: Sequence[Unpriced], changed: Sequence[Row]) -> Iterator[Failure]:
    """What breaks no rule, and must not go unsaid."""
    if unpriced:
        yield Failure(
            "usage without a list price is left out",
            "ListUnitPrice",
            sum(each.record_count for each in unpriced),
            tuple(f"{each.sku_name}: {each.usage_quantity:,.2f} {each.usage_unit}" for each in unpriced[:3]),
        )
    for cause, what, column in (("price", "priced", "ContractedCost"), ("rule", "allocated", "x_Team")):
        rows = [row for row in changed if row["cause"] == cause]
        if rows:
            yield Failure(
                f"a closed month was {what} anew, and its file is not the one made when it was closed",
                column,
                sum(row["line_count"] for row in rows),
                tuple(f"{row['month']:%Y-%m}" for row in rows[:3]),
            )


def _prepare(connection: Connection, settings: Settings, months: Sequence[date]) -> None:
    connection.execute("set local work_mem = '64MB'")
    connection.execute("drop table if exists pg_temp.focus_billing, pg_temp.focus_closings")
    run(
        connection,
        "reports/focus_closings",
        {"today": settings.current_date(), "close_day": settings.close_month_on_day},
    )
    run(connection, "reports/focus_billing")
    connection.execute("analyze pg_temp.focus_billing")


def _parameters(settings: Settings, request: ReportRequest, account_id: str) -> dict[str, Any]:
    # From 1.4 on only who sends the invoice may say what is billed.
    is_zero = settings.focus_billed_cost == "zero" or request.focus_version == "1.4"
    return {
        **services.parameters(),
        "split": request.split,
        "method_id": SPLIT_METHOD,
        "billed_cost": "zero" if is_zero else "contracted",
        "account_id": account_id,
        "account_name": settings.focus_billing_account_name,
        "issuer_clouds": list(settings.focus_invoice_issuers),
        "issuers": list(settings.focus_invoice_issuers.values()),
    }


def _months(period: Period) -> list[date]:
    return sorted({day.replace(day=1) for day in period})


def _days(row: Row | None, month: date) -> dict[str, date]:
    """The days of usage that are billed in a month."""
    if row is None:
        return {"first_day": month, "last_day": whole_month(month).last}
    return {"first_day": row["first_day"], "last_day": row["last_day"]}


def _hive_path(target: Path, version: Version, month: date) -> Path:
    return target / "focus" / version / f"billing_period={month:%Y-%m}" / "part-0001.parquet"


def _write(connection: Connection, version: Version, parameters: dict[str, Any], path: Path, schema: str) -> None:
    columns = columns_of(version)
    is_csv = path.suffix == ".csv"
    statement = _statement(columns, with_names=is_csv).as_bytes(connection)
    with connection.cursor() as cursor, cursor.copy(statement, parameters) as copy:
        if is_csv:
            with path.open("wb") as file:
                file.writelines(copy)
        else:
            _write_parquet(copy, columns, path, {"FocusVersion": version, "SchemaId": schema})


def _statement(columns: Sequence[FocusColumn], *, with_names: bool) -> sql.Composed:
    """COPY of the columns of a version, by their names in FOCUS."""
    chosen = sql.SQL(", ").join(
        sql.SQL("{} as {}").format(sql.Identifier("c", column.field), sql.Identifier(column.name)) for column in columns
    )
    order = sql.SQL(", ").join(
        sql.SQL("{}" if field in _NUMBERS else '{} collate "C"').format(sql.Identifier("c", field)) for field in _ORDER
    )
    return (
        sql.SQL("copy (select {} from (").format(chosen)
        + sql.SQL(load_sql("reports/focus_charges"))
        + sql.SQL(") as c order by {}) to stdout (format csv, header {})").format(order, sql.Literal(with_names))
    )


def _write_parquet(copy: Copy, columns: Sequence[FocusColumn], path: Path, metadata: dict[str, str]) -> None:
    schema = pa.schema([(column.name, _read_as(_ARROW_TYPES[column.type])) for column in columns])
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd", store_schema=False) as writer:
        for group in row_groups(copy, schema):
            writer.write_table(group, ROW_GROUP)
            del group
        writer.add_key_value_metadata(metadata)


def _read_as(kind: pa.DataType) -> pa.DataType:
    return pa.dictionary(pa.int32(), kind) if kind == pa.string() else kind


def _expected(rows: Sequence[Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), _EXPECTED)


def _metadata(
    target: Path, version: Version, account_id: str, sectors: Sequence[Sector], made_at: datetime, *, is_file: bool
) -> dict[Path, str]:
    """The texts of the metadata files by their paths."""
    path = target.with_name(f"{target.name}.metadata.json") if is_file else target / "focus" / version / "metadata.json"
    previous = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    made = document(version, account_id, sectors, made_at=made_at, previous=previous)
    texts = {path: as_json(made)}
    if not is_file:
        for schema in made["Schema"]:
            texts[path.parent / "schemas" / f"{schema['SchemaId']}.json"] = as_json(schema)
    return texts


def _invalid(failures: Sequence[Failure]) -> FocusInvalid:
    shown = "; ".join(map(str, failures[:5]))
    more = f"; and {len(failures) - 5} more" if len(failures) > 5 else ""
    return FocusInvalid(
        f"The FOCUS file breaks {len(failures)} {'rule' if len(failures) == 1 else 'rules'}: {shown}{more}.",
        next_step="Nothing was published. Look for the named rows in the tables, and collect their days again; "
        "docs/focus.md lists the rules.",
    )
