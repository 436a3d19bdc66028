"""An invoice or usage download as CSV: recognised or mapped, checked, and added up to what a comparison needs.

DuckDB streams the file and adds it up in exact decimals, so its size does not matter; what comes out is one row per
month, SKU and workspace (and currency). Whatever cannot be read is refused with its line: a row that is left out would
be a difference that nobody can explain.
"""

import csv
import gzip
import io
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, Self

import duckdb
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from costpulse_assets.allocation.text_files import read_yaml
from costpulse_assets.errors import BadInput

Measure = Literal["amount", "quantity"]
_Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]

_DELIMITERS = (",", ";", "\t", "|")
_MEMORY = "300MB"
_HEADER_BYTES = 1 << 20
_EXAMPLES = 3
#: What is written around a number: blanks of all kinds, marks of thousands that are no decimal mark, signs of currency.
_AROUND_NUMBERS = "[\\s\u00a0\u202f\u2009'’$€£¥]"
_MAPPING_HELP = "docs/reconcile.md shows the mapping file; --mapping names it."


class Columns(BaseModel):
    """Names of columns, as they stand in the heading of the file.

    `date` is the day or time of the usage, `month` the month that the row is billed in; one of them is enough. `amount`
    is what is to be paid, net of `discount`, `list_amount` what it would be at list price. `ingestion_date` is the day
    on which the usage was recorded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    date: str | None = None
    month: str | None = None
    sku: str | None = None
    workspace: str | None = None
    quantity: str | None = None
    amount: str | None = None
    list_amount: str | None = None
    discount: str | None = None
    currency: str | None = None
    ingestion_date: str | None = None

    @model_validator(mode="after")
    def _is_enough(self) -> Self:
        if self.date is None and self.month is None:
            raise ValueError("columns must name date or month")
        if self.amount is None and self.quantity is None and (self.list_amount is None or self.discount is None):
            raise ValueError("columns must name amount, or list_amount and discount, or quantity")
        return self


class FileMapping(BaseModel):
    """How a file is to be read.

    `date_format` as of strptime (%d.%m.%Y; else ISO dates are expected), `decimal` the decimal mark, `delimiter` what
    stands between columns; these two are found out if they are not given. `currency` holds for rows that name none,
    `rates` are US dollars per unit of another currency. `unit` leaves our usage in other units out of the comparison.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    columns: Columns
    date_format: str | None = None
    decimal: Literal[".", ","] | None = None
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    currency: _Currency = "USD"
    rates: dict[_Currency, Annotated[Decimal, Field(gt=0, lt=1_000_000)]] = {}
    unit: str | None = None

    @property
    def measure(self) -> Measure:
        """What is compared: money where the file has any, else quantities."""
        has_money = self.columns.amount is not None or self.columns.list_amount is not None
        return "amount" if has_money else "quantity"


#: Files that are recognised by their heading, the most telling first.
KNOWN_FILES: dict[str, FileMapping] = {
    "FOCUS": FileMapping(
        columns=Columns(
            month="BillingPeriodStart",
            date="ChargePeriodStart",
            sku="SkuId",
            workspace="SubAccountId",
            quantity="PricingQuantity",
            amount="EffectiveCost",
            list_amount="ListCost",
            currency="BillingCurrency",
        )
    ),
    "usage download of the account console": FileMapping(
        columns=Columns(date="timestamp", sku="sku", workspace="workspaceId", quantity="dbus"), unit="DBU"
    ),
    "system.billing.usage": FileMapping(
        columns=Columns(
            date="usage_date",
            sku="sku_name",
            workspace="workspace_id",
            quantity="usage_quantity",
            ingestion_date="ingestion_date",
        )
    ),
}
#: Of our own FOCUS files.
_FOCUS_INGESTION_DATE = "x_IngestionDate"


@dataclass(frozen=True)
class InvoiceFile:
    """What a file holds, added up.

    Attributes:
        kind: which of KNOWN_FILES it is; None: by a mapping.
        mapping: how it was read.
        totals: per billed month, month of usage, SKU, workspace and currency: row_count, quantity, amount and
            list_amount (decimal128(38, 18)), first_day, last_day and newest ingested_on.
        row_count: rows that were read.
        places: most decimals that a compared number has; two where all have fewer.
    """

    kind: str | None
    mapping: FileMapping
    totals: pa.Table
    row_count: int
    places: int


def read_mapping(content: bytes, name: str) -> FileMapping:
    """The mapping in a YAML file.

    Raises:
        BadInput: it is not YAML, or not such a mapping; every fault in one sentence.
    """
    found = read_yaml(content, name)
    try:
        return FileMapping.model_validate(found.value)
    except ValidationError as error:
        faults = []
        for fault in error.errors():
            field = ".".join(map(str, fault["loc"]))
            message = fault["msg"].removeprefix("Value error, ")
            if fault["type"] == "extra_forbidden":
                known = Columns.model_fields if len(fault["loc"]) > 1 else FileMapping.model_fields
                message = f"is nothing that a mapping has{_meant(str(fault['loc'][-1]), list(known))}"
            faults.append(f"{field}: {message}" if field else message)
        raise BadInput(f"{name} is no mapping: {'; '.join(faults)}.", next_step=_MAPPING_HELP) from None


def read_invoice(path: Path, mapping: FileMapping | None, *, month: date | None = None) -> InvoiceFile:
    """Reads and adds up a file.

    Args:
        path: CSV, or CSV in gzip.
        mapping: how to read it; None: it must be one of KNOWN_FILES.
        month: first day of the only billed month to read; None: all of the file.

    Raises:
        BadInput: it is empty or not UTF-8, its columns are not known, or rows cannot be read.
    """
    heading, delimiter = _heading(path, mapping.delimiter if mapping else None)
    kind = None
    if mapping is None:
        kind, mapping = _recognised(heading, path)
    positions = _positions(heading, mapping.columns, path)
    with _opened(path, len(heading), delimiter) as connection:
        decimal = mapping.decimal or _decimal_mark(connection, positions, path)
        _stage(connection, positions, mapping, decimal)
        totals = connection.sql(_TOTALS, params={"month": month}).to_arrow_table()
        if bad := sum(totals["bad_rows"].to_pylist()):
            raise _bad_rows(connection, bad, path)
        if totals.num_rows == 0:
            if month is None:
                raise BadInput(f"{path} has a heading and no rows.", next_step="Download it again.")
            raise BadInput(f"{path} has no row of {month:%Y-%m}.", next_step="Choose a month that is in the file.")
        places = max(totals["places"].to_pylist())
    columns = totals.drop_columns(["bad_rows", "places"])
    return InvoiceFile(kind, mapping, columns, sum(totals["row_count"].to_pylist()), max(places, 2))


def _heading(path: Path, delimiter: str | None) -> tuple[list[str], str]:
    """Names of the columns, and what stands between them."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            start = file.read(_HEADER_BYTES)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or "it is damaged"
        raise BadInput(f"{path} cannot be read: {reason}.", next_step="Name a CSV file.") from error
    # The piece may end in the middle of a letter.
    text = start.decode("utf-8-sig", errors="replace")
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or "\0" in text:
        raise BadInput(
            f"{path} is no CSV in UTF-8.", next_step="Save it as CSV UTF-8, not as Unicode text or a workbook."
        )
    if not text.strip():
        raise BadInput(f"{path} is empty.", next_step="Download it again.")
    rows = {each: _first_row(text, each) for each in ((delimiter,) if delimiter else _DELIMITERS)}
    best = max(rows, key=lambda each: len(rows[each]))
    return [name.strip() for name in rows[best]], best


def _first_row(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []


def _recognised(heading: Sequence[str], path: Path) -> tuple[str, FileMapping]:
    for kind, mapping in KNOWN_FILES.items():
        if set(_named(mapping.columns).values()) <= set(heading):
            if _FOCUS_INGESTION_DATE in heading and mapping.columns.ingestion_date is None:
                columns = mapping.columns.model_copy(update={"ingestion_date": _FOCUS_INGESTION_DATE})
                mapping = mapping.model_copy(update={"columns": columns})
            return kind, mapping
    # The file it is most like: of that the missing columns are named, and what they may be called here.
    kind, mapping = max(KNOWN_FILES.items(), key=lambda item: len(set(_named(item[1].columns).values()) & set(heading)))
    missing = [name for name in _named(mapping.columns).values() if name not in heading]
    if len(missing) < len(_named(mapping.columns)):
        told = "; ".join(f"it has no {name!r}{_meant(name, heading)}" for name in missing)
        raise BadInput(f"{path} is nearly a file of {kind}, but {told}.", next_step=_MAPPING_HELP)
    raise BadInput(
        f"{path} is no file that CostPulse knows; its columns are {', '.join(map(repr, heading[:12]))}"
        f"{' and more' if len(heading) > 12 else ''}.",
        next_step=f"Say which column is what: {_MAPPING_HELP}",
    )


def _named(columns: Columns) -> dict[str, str]:
    return {field: name for field, name in columns.model_dump().items() if name is not None}


def _positions(heading: Sequence[str], columns: Columns, path: Path) -> dict[str, int]:
    """Place of each named column in the file, by field."""
    faults = []
    for field, name in _named(columns).items():
        if name not in heading:
            faults.append(f"there is no column {name!r} ({field}){_meant(name, heading)}")
        elif heading.count(name) > 1:
            faults.append(f"the column {name!r} ({field}) is there {heading.count(name)} times")
    if faults:
        raise BadInput(f"{path}: {'; '.join(faults)}.", next_step="Correct the mapping, or the file.")
    return {field: heading.index(name) for field, name in _named(columns).items()}


def _meant(name: str, known: Sequence[str]) -> str:
    folded = {each.casefold(): each for each in known}
    close = get_close_matches(name.casefold(), folded, n=2, cutoff=0.5)
    return f"; nearest: {', '.join(repr(folded[each]) for each in close)}" if close else ""


@contextmanager
def _opened(path: Path, width: int, delimiter: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory whose view `cells` is the file: c0, c1, ... as text, NULL where empty."""
    with tempfile.TemporaryDirectory(prefix="costpulse-") as folder:
        # By a name of ours: in that of a person * and [ would be patterns.
        link = Path(folder) / ("input.csv.gz" if path.suffix == ".gz" else "input.csv")
        link.symlink_to(path.resolve())
        with closing(
            duckdb.connect(config={"threads": 2, "memory_limit": _MEMORY, "temp_directory": folder})
        ) as connection:
            connection.execute("set TimeZone = 'UTC'")
            columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(width))
            connection.execute(
                f"create view cells as select * from read_csv('{link}', columns = {{{columns}}}, header = true, "  # noqa: S608
                f"auto_detect = false, delim = '{delimiter}', quote = '\"', escape = '\"', nullstr = '')"
            )
            try:
                yield connection
            except duckdb.Error as error:
                raise _not_read(error, path) from error


def _decimal_mark(connection: duckdb.DuckDBPyConnection, positions: Mapping[str, int], path: Path) -> str:
    """Whether 1,5 or 1.5 is meant: by the numbers that can be read in one way only."""
    columns = [f"c{positions[field]}" for field in _NUMBERS if field in positions]
    values = " union all ".join(
        f"select regexp_replace({column}, '{_quoted(_AROUND_NUMBERS)}', '', 'g') as v from cells"  # noqa: S608
        for column in columns
    )
    comma, point, either = connection.execute(
        # A comma before three digits may be a mark of thousands; a point there is a decimal one unless it is repeated.
        f"with numbers as ({values}) select "  # noqa: S608
        r"coalesce(bool_or(regexp_matches(v, '\..*,|^[^,]*,(\d{1,2}|\d{4,})\D*$|^\D*0,|\.\d+\.')), false), "
        r"coalesce(bool_or(regexp_matches(v, ',.*\.|^[^.]*\.(\d{1,2}|\d{4,})\D*$|^\D*0\.|,\d+,')), false), "
        r"coalesce(bool_or(regexp_matches(v, ',\d{3}\D*$')), false) from numbers"
    ).fetchall()[0]
    if (comma and point) or (either and not comma and not point):
        reason = (
            "has both 1,5 and 1.5" if comma else "does not tell whether 1,500 is one and a half or more than a thousand"
        )
        raise BadInput(f"{path} {reason}.", next_step='Say `decimal: ","` or `decimal: "."` in a mapping file.')
    return "," if comma else "."


_NUMBERS = ("quantity", "amount", "list_amount", "discount")
_DAYS = ("date", "ingestion_date")


def _stage(
    connection: duckdb.DuckDBPyConnection, positions: Mapping[str, int], mapping: FileMapping, decimal: str
) -> None:
    """Makes the view `charges`: one row per row of the file, with what could not be read as `fault`."""
    other = "." if decimal == "," else ","
    # A mark of thousands only where it stands before three digits: elsewhere it was meant otherwise.
    form = rf"[-+]?(\d*|\d{{1,3}}([{other}]\d{{3}})+)([{decimal}]\d*)?([eE][-+]?\d+)?"

    def text(field: str) -> str:
        return f"nullif(trim(c{positions[field]}), '')" if field in positions else "null::varchar"

    def number(field: str) -> str:
        bare = f"regexp_replace({text(field)}, '{_quoted(_AROUND_NUMBERS)}', '', 'g')"
        # (12.50) and 12.50- are what accountants write for -12.50
        bare = f"regexp_replace(replace({bare}, '−', '-'), '^\\((.*)\\)$|^([^-].*)-$', '-\\1\\2')"
        plain = f"replace(replace({bare}, '{other}', ''), '{decimal}', '.')"
        return f"case when regexp_full_match({bare}, '{form}') then try_cast({plain} as decimal(38, 18)) end"

    def day(field: str) -> str:
        if mapping.date_format is not None:
            return f"try_strptime({text(field)}, '{_quoted(mapping.date_format)}')::date"
        return f"try_cast({text(field)} as timestamptz)::date"

    def month(field: str) -> str:
        of_digits = f"regexp_replace({text(field)}, '^(\\d{{4}})[-/]?(\\d\\d)$', '\\1-\\2-01')"
        return f"date_trunc('month', coalesce({day(field)}, try_cast({of_digits} as timestamptz)::date))::date"

    used = [field for field in (*_NUMBERS, *_DAYS, "month", "sku", "workspace", "currency") if field in positions]
    needed = {"date", "month", mapping.measure}
    net = number("amount")
    if mapping.measure == "amount" and "amount" not in positions:
        needed |= {"list_amount", "discount"}
        net = f"({number('list_amount')} - {number('discount')})"
    gross = number("list_amount")
    if "list_amount" not in positions and "discount" in positions:
        gross = f"({net} + {number('discount')})"
    usage = day("date") if "date" in positions else month("month")
    readings = {field: number(field) for field in _NUMBERS} | {field: day(field) for field in _DAYS}
    readings["month"] = month("month")
    # an optional number may be blank, and nothing may be there that is none
    faults = [
        f"when {reading} is null and ({text(field)} is not null or {str(field in needed).lower()}) "
        f"then 'the {field.replace('_', ' ')} ' "
        f"|| coalesce(chr(34) || left({text(field)}, 40) || chr(34), 'is missing')"
        for field, reading in readings.items()
        if field in positions
    ]
    billed_in = month("month") if "month" in positions else f"date_trunc('month', {usage})::date"
    currency = f"coalesce(upper({text('currency')}), '{mapping.currency}')"
    connection.execute(
        "create view charges as select "  # noqa: S608
        f"{billed_in} as month, "
        f"{usage} as usage_day, {text('sku')} as sku_name, nullif({text('workspace')}, '0') as workspace, "
        f"{currency} as currency, {number('quantity')} as quantity, {net} as amount, {gross} as list_amount, "
        f"{day('ingestion_date')} as ingested_on, {mapping.measure} as compared, "
        f"case {' '.join(faults)} end as fault "
        f"from cells where coalesce({', '.join(text(field) for field in used)}) is not null"
    )


#: Decimals that a number needs; an amount of 12.50 has two where others of the file have.
_PLACES = "length(rtrim(split_part(compared::varchar, '.', 2), '0'))"
_TOTALS = f"""
select
    month,
    date_trunc('month', usage_day)::date as usage_month,
    sku_name,
    workspace,
    currency,
    count(*) as row_count,
    sum(quantity) as quantity,
    sum(amount) as amount,
    case when count(list_amount) = count(*) then sum(list_amount) end as list_amount,
    min(usage_day) as first_day,
    max(usage_day) as last_day,
    max(ingested_on) as ingested_on,
    max({_PLACES}) as places,
    count(fault) as bad_rows
from charges
where $month is null or month = $month or fault is not null
group by all
"""  # noqa: S608


def _bad_rows(connection: duckdb.DuckDBPyConnection, count: int, path: Path) -> BadInput:
    examples = connection.execute(
        "select fault, sku_name, workspace from charges where fault is not null limit $n", {"n": _EXAMPLES}
    ).fetchall()
    told = "; ".join(
        fault + (f" (SKU {sku})" if sku else "") + (f" in workspace {workspace}" if workspace else "")
        for fault, sku, workspace in examples
    )
    return BadInput(
        f"{path}: {count:,} {'row' if count == 1 else 'rows'} cannot be read: {told}.",
        next_step="Delete rows that are totals, or say `date_format` or `decimal` in a mapping file.",
    )


def _not_read(error: duckdb.Error, path: Path) -> BadInput:
    text = str(error)
    line = re.search(r"CSV Error on Line: (\d+)", text)
    where = f"{path}, line {line[1]}" if line else f"{path}"
    if "unicode" in text.lower() or "utf-8" in text.lower():
        return BadInput(f"{where}: it is not UTF-8.", next_step="Save it as CSV UTF-8.")
    if columns := re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text):
        return BadInput(
            f"{where}: it has {columns[2]} values instead of {columns[1]}.",
            next_step="Correct the line, or download again.",
        )
    if isinstance(error, duckdb.OutOfRangeException | duckdb.ConversionException):
        return BadInput(
            f"{path}: its numbers add up to more than 20 digits.", next_step="Look whether they are amounts."
        )
    reason = text.splitlines()[0].removeprefix("Invalid Input Error: ")
    return BadInput(f"{where} cannot be read as CSV: {reason}", next_step="Correct the file, or download it again.")


def _quoted(text: str) -> str:
    return text.replace("'", "''")
