"""The rules of a FOCUS file, checked on the file as it was written: set-based SQL in DuckDB, no row in Python.

Rules of single rows are conditions that a bad row meets, all counted in one pass; rules between rows are queries that
return the offenders. Each failure names the rule, the column, how many rows, and three of them.
"""
# ruff: noqa: S608 - statements are put together from the names and words of this module alone

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from costpulse_assets.reports.focus.columns import FocusColumn, Version, columns_of
from costpulse_assets.reports.focus.services import SUBCATEGORIES

#: Examples given of a failure.
EXAMPLES = 3
#: Columns by which a reader finds an example in the file.
_IDENTIFYING = ("ChargePeriodStart", "SkuPriceId", "x_KeyId")

_VALUES: dict[str, tuple[str, ...]] = {
    "CapacityReservationStatus": ("Used", "Unused"),
    "ChargeCategory": ("Usage", "Purchase", "Tax", "Credit", "Adjustment"),
    "ChargeClass": ("Correction",),
    "ChargeFrequency": ("One-Time", "Recurring", "Usage-Based"),
    "CommitmentDiscountCategory": ("Spend", "Usage"),
    "CommitmentDiscountStatus": ("Used", "Unused"),
    "PricingCategory": ("Standard", "Committed", "Dynamic", "Other"),
    "ServiceCategory": tuple(SUBCATEGORIES),
}
_CURRENCIES = ("BillingCurrency", "PricingCurrency")
_UNITS = ("CommitmentDiscountUnit", "ConsumedUnit", "PricingUnit")
_PRICES = (
    "ListUnitPrice",
    "ContractedUnitPrice",
    "PricingCurrencyListUnitPrice",
    "PricingCurrencyContractedUnitPrice",
)
_OF_USAGE = (
    *("SkuId", "SkuPriceId", "ListUnitPrice", "ContractedUnitPrice", "PricingQuantity", "PricingUnit"),
    *("PricingCategory", "ConsumedQuantity", "ConsumedUnit"),
)
_OF_A_SKU_PRICE = (
    *("ListUnitPrice", "ContractedUnitPrice", "PricingQuantity", "PricingUnit", "PricingCategory"),
    "CommitmentDiscountQuantity",
)
_OF_A_SPLIT = (
    *("AllocatedMethodDetails", "AllocatedMethodId", "AllocatedResourceId", "AllocatedResourceName", "AllocatedTags"),
)
_SKU_DETAILS = (
    *("CoreCount", "DiskMaxIops", "DiskSpace", "DiskType", "GpuCount", "InstanceType", "InstanceSeries"),
    *("MemorySize", "NetworkMaxIops", "NetworkMaxThroughput", "OperatingSystem", "Redundancy", "StorageClass"),
)
_PLACEHOLDERS = ("0", "n/a", "not applicable", "unknown", "null", "none")

_PLAIN_DECIMAL = r"-?[0-9]+(\.[0-9]+)?"
_UTC_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
_NOUN = r"[A-Z][A-Za-z]*( [A-Z][A-Za-z]*)*"
_UNIT = rf"([0-9]+ )?{_NOUN}([-/]{_NOUN})?"
_OWN_NAME = r"x_[A-Z][A-Za-z0-9]*"

# Money in units of its last digit. A cost may differ from price x quantity by what rounding each record once, and
# cutting the parts of a split, can come to.
_MACROS = """
create macro last_digits(amount) as replace(amount::decimal(38, 18)::varchar, '.', '')::hugeint;
create macro magnitude_product(p, q) as
    (p // 1000000000000000000) * (q // 1000000000000000000) * 1000000000000000000
    + (p // 1000000000000000000) * (q % 1000000000000000000)
    + (p % 1000000000000000000) * (q // 1000000000000000000)
    + ((p % 1000000000000000000) * (q % 1000000000000000000)) // 1000000000000000000;
create macro product(p, q) as
    sign(p) * sign(q) * magnitude_product(abs(last_digits(p)), abs(last_digits(q)));
create macro differs(p, q, cost) as
    p is not null and q is not null and coalesce(
        try(abs(product(p, q) - last_digits(cost)) > 1000 + 1000 * ceil(abs(p))::hugeint), true
    );
create macro is_no_object(value) as
    case
        when value is null then false
        when not json_valid(value) then true
        when json_type(value) <> 'OBJECT' then true
        else len(json_keys(value)) <> len(list_distinct(json_keys(value)))
    end;
create macro is_nested(value) as
    case
        when value is null or not json_valid(value) then false
        when json_type(value) <> 'OBJECT' then false
        else len(list_filter(json_extract(value, '$.*'), lambda x: json_type(x) in ('OBJECT', 'ARRAY'))) > 0
    end;
create macro keys_of(value) as case when value is null or not json_valid(value) then [] else json_keys(value) end;
create macro elements_of(value) as
    case when value is null or not json_valid(value) then [] else json_extract(value, '$.Elements[*]') end;
create macro ratio_of(element) as try_cast(element ->> 'AllocatedRatio' as decimal(38, 18));
-- from the text: a number of JSON becomes a float
create macro ratio_in(value) as
    list_sum(
        list_transform(
            regexp_extract_all(value, '"AllocatedRatio": ?(-?[0-9.]+)', 1), lambda x: x::decimal(38, 18)
        )
    );
"""


@dataclass(frozen=True)
class Failure:
    """A rule that a file breaks: where, how often, and up to three examples (rows, or groups of rows, as text)."""

    rule: str
    column: str
    count: int
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        seen = f" (such as {'; '.join(self.examples)})" if self.examples else ""
        return f"{self.column}: {self.rule}, {self.count} {'case' if self.count == 1 else 'cases'}{seen}"


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a file, and what is only worth knowing."""

    failures: tuple[Failure, ...]
    warnings: tuple[Failure, ...]
    row_count: int


@dataclass(frozen=True)
class _Rule:
    """`bad` is true for a row that breaks the rule; NULL counts as kept."""

    name: str
    column: str
    bad: str
    blocks: bool = True


@dataclass(frozen=True)
class _Between:
    """`offenders` returns one row (one text) per group of rows that breaks the rule."""

    name: str
    column: str
    offenders: str
    blocks: bool = True


def check(path: Path, version: Version, *, month: date, expected: pa.Table | None = None) -> Verdict:
    """Checks a file that was written.

    Args:
        path: a Parquet file, or one that ends with .csv.
        version: of FOCUS.
        month: first day of the billing month that it must be of.
        expected: usage_date, sku_name, usage_quantity, list_cost_usd, cost_usd (decimal(38, 18)): what the database
            has of it; None: it is not compared.
    """
    wanted = columns_of(version)
    with _opened(path, wanted) as (connection, types):
        failures = _columns(wanted, types, is_csv=_is_csv(path))
        missing = {column.name for column in wanted} - types.keys()
        rules = [rule for rule in _row_rules(wanted, version, month) if rule.column not in missing]
        if _is_csv(path):
            rules += [rule for rule in _text_forms(wanted) if rule.column not in missing]
        found = _count(connection, rules)
        between = list(_rules_between())
        if version != "1.2" and _one(connection, "select count(*) from parts"):
            between += [*_rules_of_parts(), *_differing_parts(connection, version)]
        if expected is not None:
            connection.register("expected", expected)
            between += _conservation()
        for each in between:
            failure = _offenders(connection, each) if each.column not in missing else None
            if failure is not None:
                found.append((each, failure))
        row_count = _one(connection, "select count(*) from charges")
    return Verdict(
        (*failures, *(failure for rule, failure in found if rule.blocks)),
        tuple(failure for rule, failure in found if not rule.blocks),
        row_count,
    )


def check_metadata(document: Mapping[str, Any], path: Path, version: Version) -> list[Failure]:
    """Compares the newest schema of a metadata document with a file: names, order and types of its columns."""
    with _opened(path, columns_of(version)) as (_, types):
        in_file = list(types)
    schema = document["Schema"][-1]
    definitions = schema["ColumnDefinition"]
    failures = []
    described = [definition["ColumnName"] for definition in definitions]
    if described != in_file:
        differing = sorted(set(described) ^ set(in_file)) or ["the order of columns"]
        failures.append(
            Failure(
                "is the same in the metadata and the file", "ColumnDefinition", len(differing), tuple(differing[:3])
            )
        )
    if schema["FocusVersion"] != version:
        failures.append(Failure("is the version of the file", "FocusVersion", 1, (str(schema["FocusVersion"]),)))
    kinds = {column.name: _METADATA_TYPES[column.type] for column in columns_of(version)}
    wrong = [d["ColumnName"] for d in definitions if d["DataType"] != kinds.get(d["ColumnName"], d["DataType"])]
    if wrong:
        failures.append(Failure("has the type of the column", "DataType", len(wrong), tuple(wrong[:3])))
    return failures


_METADATA_TYPES = {"text": "STRING", "decimal": "DECIMAL", "time": "DATETIME", "key_value": "JSON", "json": "JSON"}
_DUCKDB_TYPES = {
    "text": "VARCHAR",
    "decimal": "DECIMAL(38,18)",
    "time": "TIMESTAMP WITH TIME ZONE",
    "key_value": "VARCHAR",
    "json": "VARCHAR",
}


@contextmanager
def _opened(path: Path, wanted: Sequence[FocusColumn]) -> Iterator[tuple[duckdb.DuckDBPyConnection, dict[str, str]]]:
    """A connection with the view `charges`, whose columns have the types they should have, and the types in the file.

    What cannot be read as its type is NULL there; of CSV, `<name>__raw` is the text.
    """
    connection = duckdb.connect(
        config={
            "threads": 2,
            "autoinstall_known_extensions": False,
            # What does not fit is written beside the file, and goes with the connection.
            "memory_limit": "512MB",
            "temp_directory": str(path.parent),
        }
    )
    with connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(_MACROS)
        if _is_csv(path):
            # Else casts are handed to the reader of CSV, which fails where a cast should give NULL.
            connection.execute("set disabled_optimizers = 'type_pushdown'")
            file = connection.read_csv(
                str(path),
                header=True,
                all_varchar=True,
                sep=",",
                quotechar='"',
                escapechar='"',
                na_values=[""],
                allow_quoted_nulls=False,
            )
        else:
            file = connection.read_parquet(str(path), hive_partitioning=False)
        file.create_view("file")
        types = {row[0]: row[1] for row in connection.execute("describe file").fetchall()}
        columns = []
        for column in wanted:
            kind = _DUCKDB_TYPES[column.type]
            if column.name not in types:
                columns.append(f"null::{kind} as {_quoted(column.name)}")
                continue
            name = _quoted(column.name)
            read = name if types[column.name] == kind else f"try_cast({name} as {kind})"
            columns.append(f"{read} as {_quoted(column.name)}")
            if _is_csv(path):
                columns.append(f"{_quoted(column.name)} as {_quoted(column.name + '__raw')}")
        connection.execute(f"create view charges as select {', '.join(columns)} from file")
        if any(column.name == "AllocatedMethodId" for column in wanted):
            connection.execute(
                "create temp table parts as select *, "
                'ratio_in("AllocatedMethodDetails") as ratio from charges '
                'where "AllocatedMethodId" is not null'
            )
        yield connection, types


def _columns(wanted: Sequence[FocusColumn], types: Mapping[str, str], *, is_csv: bool) -> list[Failure]:
    names = [column.name for column in wanted]
    failures = [
        Failure(f"the file must have this {column.level} column", column.name, 1)
        for column in wanted
        if column.name not in types
    ]
    for name in types:
        if name in names:
            continue
        if not name.startswith("x_"):
            failures.append(Failure("only columns of FOCUS, or names that start with x_", name, 1))
        elif len(name) > 50 or re.fullmatch(_OWN_NAME, name) is None:
            failures.append(Failure("own names are x_ and PascalCase, at most 50 characters", name, 1))
    in_order = [name for name in types if name in names]
    if in_order != [name for name in names if name in types] or any(
        not _own(after) for before, after in zip(types, list(types)[1:], strict=False) if _own(before)
    ):
        failures.append(Failure("columns are in order, CostPulse's own after those of FOCUS", "all columns", 1))
    if not is_csv:
        failures += [
            Failure(f"the type is {_DUCKDB_TYPES[column.type]}", column.name, 1, (types[column.name],))
            for column in wanted
            if column.name in types and types[column.name] != _DUCKDB_TYPES[column.type]
        ]
    return failures


def _text_forms(wanted: Sequence[FocusColumn]) -> Iterator[_Rule]:
    """Of CSV, whose columns are all text."""
    for column in wanted:
        raw = _quoted(column.name + "__raw")
        if column.type == "decimal":
            bad = f"not regexp_full_match({raw}, {_text(_PLAIN_DECIMAL)}) or {_quoted(column.name)} is null"
            yield _Rule("is a plain decimal", column.name, f"{raw} is not null and ({bad})")
        elif column.type == "time":
            bad = f"not regexp_full_match({raw}, {_text(_UTC_TIME)}) or {_quoted(column.name)} is null"
            yield _Rule("is a time in UTC, YYYY-MM-DDTHH:MM:SSZ", column.name, f"{raw} is not null and ({bad})")


def _row_rules(wanted: Sequence[FocusColumn], version: Version, month: date) -> Iterator[_Rule]:
    names = {column.name for column in wanted}
    for column in wanted:
        yield from _column_rules(column)
    for name, values in _VALUES.items():
        yield _Rule(f"is one of {', '.join(values)}", name, f"{_quoted(name)} not in ({_texts(values)})")
    for name in _CURRENCIES:
        yield _Rule(
            "is a currency code of three capitals", name, f"not regexp_full_match({_quoted(name)}, '[A-Z]{{3}}')"
        )
    for name in _UNITS:
        yield _Rule(
            "is a unit such as GB, Hours or 1000 Tokens",
            name,
            f"not regexp_full_match({_quoted(name)}, {_text(_UNIT)})",
            blocks=False,
        )
    subcategories = " or ".join(
        f'("ServiceCategory" = {_text(category)} and "ServiceSubcategory" in '
        f"({_texts((*below, f'Other ({category})'))}))"
        for category, below in SUBCATEGORIES.items()
    )
    yield _Rule("belongs to the ServiceCategory", "ServiceSubcategory", f"not ({subcategories})")
    yield _Rule("the product is one that CostPulse knows", "ServiceName", "\"ServiceCategory\" = 'Other'", blocks=False)
    yield from _charge_rules(version)
    yield from _period_rules(month)
    yield from _json_rules(names)
    if version != "1.2":
        yield from _split_rules()


def _column_rules(column: FocusColumn) -> Iterator[_Rule]:
    name = _quoted(column.name)
    if column.null == "never":
        yield _Rule("is never null", column.name, f"{name} is null")
    elif column.null.startswith("as "):
        other = column.null.removeprefix("as ")
        yield _Rule(f"is null exactly where {other} is", column.name, f"({name} is null) <> ({_quoted(other)} is null)")
    elif column.null.startswith("within "):
        other = column.null.removeprefix("within ")
        yield _Rule(f"is filled only where {other} is", column.name, f"{name} is not null and {_quoted(other)} is null")
    if column.type in ("text", "key_value", "json"):
        yield _Rule("a missing value is null, not blank", column.name, f"trim({name}) = ''")
    if column.type == "text" and not column.by_people and not column.is_own:
        yield _Rule(
            "a missing value is null, not a placeholder",
            column.name,
            f"lower(trim({name})) in ({_texts(_PLACEHOLDERS)})",
        )


def _charge_rules(version: Version) -> Iterator[_Rule]:
    usage = '"ChargeCategory" = \'Usage\' and "ChargeClass" is null'
    for name in _OF_USAGE:
        yield _Rule("is filled on usage", name, f"{usage} and {_quoted(name)} is null")
    for name in ("ConsumedQuantity", "ConsumedUnit"):
        yield _Rule(
            "is null on everything but usage", name, f"\"ChargeCategory\" <> 'Usage' and {_quoted(name)} is not null"
        )
    for name in _PRICES:
        yield _Rule("a price is not negative", name, f"{_quoted(name)} < 0")
    for name in _OF_A_SKU_PRICE:
        yield _Rule("is filled only where SkuPriceId is", name, f'{_quoted(name)} is not null and "SkuPriceId" is null')
    yield _Rule(
        "is filled where SkuPriceId is",
        "ListUnitPrice",
        f'{usage} and "SkuPriceId" is not null and "ListUnitPrice" is null',
    )
    for category, columns in (
        ("Tax", ("SkuId", "SkuPriceId", "ListUnitPrice", "ContractedUnitPrice", "PricingQuantity", "PricingCategory")),
        ("Credit", ("SkuId", "SkuPriceId", "ListUnitPrice", "ContractedUnitPrice", "PricingQuantity")),
    ):
        for name in columns:
            yield _Rule(
                f"is null on {category}", name, f'"ChargeCategory" = {_text(category)} and {_quoted(name)} is not null'
            )
    for name in ("BilledCost", "EffectiveCost", "ContractedCost"):
        yield _Rule(
            "all costs of a credit are equal", name, f'"ChargeCategory" = \'Credit\' and {_quoted(name)} <> "ListCost"'
        )
    yield _Rule(
        "a purchase of a commitment costs nothing itself",
        "EffectiveCost",
        '"ChargeCategory" = \'Purchase\' and "CommitmentDiscountId" is not null and "EffectiveCost" <> 0',
    )
    yield _Rule(
        "a purchase is not usage-based",
        "ChargeFrequency",
        "\"ChargeCategory\" = 'Purchase' and \"ChargeFrequency\" = 'Usage-Based'",
    )
    yield _Rule(
        "is filled on usage of a commitment",
        "CommitmentDiscountStatus",
        '"ChargeCategory" = \'Usage\' and "CommitmentDiscountId" is not null and "CommitmentDiscountStatus" is null',
    )
    # 1.2 leaves corrections out of what a cost is the product of.
    products = f"{usage} and " if version == "1.2" else ""
    for price, cost in (("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost")):
        yield _Rule(f"is {price} x PricingQuantity", cost, f'{products}differs("{price}", "PricingQuantity", "{cost}")')
    of_usage = '"ChargeCategory" = \'Usage\' and "CommitmentDiscountId" is null and '
    yield _Rule("is the ContractedCost of usage", "EffectiveCost", f'{of_usage}"EffectiveCost" <> "ContractedCost"')
    yield _Rule(
        "is the ContractedCost of usage, or 0",
        "BilledCost",
        f'{of_usage}"BilledCost" <> "ContractedCost" and "BilledCost" <> 0',
    )
    if version == "1.4":
        yield _Rule("is 0 from one who does not send the invoice", "BilledCost", '"BilledCost" <> 0')
    for name in ("ListUnitPrice", "ContractedUnitPrice", "EffectiveCost"):
        other = f"PricingCurrency{name}"
        yield _Rule(
            f"is {name} in the same currency",
            other,
            f'"PricingCurrency" = "BillingCurrency" and {_quoted(other)} <> {_quoted(name)}',
        )
    yield _Rule("is not above ListCost", "ContractedCost", f'{usage} and "ContractedCost" > "ListCost"', blocks=False)
    yield _Rule("is a name, not the id", "BillingAccountName", '"BillingAccountName" = "BillingAccountId"')
    yield _Rule("is a name, not the id", "ResourceName", '"ResourceName" = "ResourceId"')


def _period_rules(month: date) -> Iterator[_Rule]:
    yield _Rule(
        "is the month of the file",
        "BillingPeriodStart",
        f"\"BillingPeriodStart\" <> timestamptz '{month:%Y-%m-01} 00:00:00+00'",
    )
    yield _Rule(
        "is the first of the next month, exclusive",
        "BillingPeriodEnd",
        '"BillingPeriodEnd" <> "BillingPeriodStart" + interval 1 month',
    )
    yield _Rule(
        "starts with a day in UTC",
        "ChargePeriodStart",
        'date_trunc(\'day\', "ChargePeriodStart") <> "ChargePeriodStart"',
    )
    yield _Rule(
        "is the end of the day, exclusive",
        "ChargePeriodEnd",
        '"ChargePeriodEnd" <> "ChargePeriodStart" + interval 1 day',
    )
    yield _Rule(
        "lies in the billing period, but for corrections",
        "ChargePeriodStart",
        '"ChargeClass" is null and ("ChargePeriodStart" < "BillingPeriodStart" '
        'or "ChargePeriodEnd" > "BillingPeriodEnd")',
    )
    yield _Rule(
        "a correction is of an earlier billing period",
        "ChargeClass",
        '"ChargeClass" = \'Correction\' and "ChargePeriodEnd" > "BillingPeriodStart"',
    )
    for name in ("PricingQuantity", "ConsumedQuantity"):
        yield _Rule(
            "only a correction is negative",
            name,
            f'"ChargeClass" is null and "ChargeCategory" = \'Usage\' and {_quoted(name)} < 0',
        )


def _json_rules(names: set[str]) -> Iterator[_Rule]:
    for name in ("AllocatedTags", "SkuPriceDetails", "Tags"):
        if name in names:
            yield _Rule("is one JSON object with unique keys", name, f"is_no_object({_quoted(name)})")
            yield _Rule("holds no objects and lists", name, f"is_nested({_quoted(name)})")
    for name in ("AllocatedMethodDetails", "CommitmentProgramEligibilityDetails", "ContractApplied"):
        if name in names:
            yield _Rule("is one JSON object with unique keys", name, f"is_no_object({_quoted(name)})")
    known = ", ".join(map(_text, _SKU_DETAILS))
    yield _Rule(
        "has keys of FOCUS, or keys that start with x_",
        "SkuPriceDetails",
        'len(list_filter(keys_of("SkuPriceDetails"), '
        f"lambda x: x not in ({known}) and not starts_with(x, 'x_'))) > 0",
    )


def _split_rules() -> Iterator[_Rule]:
    details = '"AllocatedMethodDetails"'
    yield _Rule(
        "is filled where AllocatedMethodId is",
        "AllocatedMethodDetails",
        f'"AllocatedMethodId" is not null and {details} is null',
    )
    yield _Rule(
        "has Elements, each with an AllocatedRatio",
        "AllocatedMethodDetails",
        f"{details} is not null and (len(elements_of({details})) = 0 "
        f"or len(list_filter(elements_of({details}), lambda x: ratio_of(x) is null)) > 0)",
    )
    yield _Rule(
        "has a UsageUnit with each UsageQuantity, and no other keys but x_",
        "AllocatedMethodDetails",
        f"len(list_filter(elements_of({details}), lambda x: "
        "(x ->> 'UsageQuantity' is not null and x ->> 'UsageUnit' is null) "
        "or len(list_filter(json_keys(x), lambda key: key not in ('AllocatedRatio', 'UsageUnit', 'UsageQuantity') "
        "and not starts_with(key, 'x_'))) > 0)) > 0",
    )
    yield _Rule(
        "has a prefix and no key that Tags has",
        "AllocatedTags",
        'list_has_any(keys_of("AllocatedTags"), keys_of("Tags")) or len(list_filter(keys_of("AllocatedTags"), '
        "lambda x: not contains(x, '/'))) > 0",
    )


def _rules_between() -> Iterator[_Between]:
    for child, parent, blocks in (
        ("SkuPriceId", "SkuId", True),
        ("SkuPriceId", "SkuPriceDetails", True),
        ("ServiceName", "ServiceCategory", True),
        ("ServiceName", "ServiceSubcategory", True),
        ("SubAccountId", "SubAccountType", True),
        ("BillingAccountId", "BillingAccountType", True),
        ("SkuId", "SkuMeter", False),
    ):
        yield _Between(
            f"is one per {child}",
            parent,
            f"select {_quoted(child)} as offender from charges where {_quoted(child)} is not null "
            f"group by {_quoted(child)} having count(distinct coalesce({_quoted(parent)}, '')) > 1",
            blocks=blocks,
        )
    yield _Between(
        "is 0 throughout or nowhere",
        "BilledCost",
        'select \'mixed\' as offender from charges having bool_or("BilledCost" = 0 and "ContractedCost" <> 0) '
        'and bool_or("BilledCost" <> 0)',
    )


def _rules_of_parts() -> Iterator[_Between]:
    yield _Between(
        "the ratios of all parts of a charge add up to 1",
        "AllocatedMethodDetails",
        f"select any_value({_NAMED}) || ': ' || coalesce(sum(ratio)::varchar, 'none') as offender "
        f"from parts group by {_ORIGIN} having sum(ratio) is distinct from 1",
    )
    for name in _SUMMABLE:
        yield _Between(
            "a part is its ratio of the charge",
            name,
            f"select {_NAMED} || ': ' || {_quoted(name)} as offender "
            f"from (select *, sum({_quoted(name)}) over (partition by {_ORIGIN}) as whole from parts) "
            f"where coalesce(try(abs(product(ratio, whole) - last_digits({_quoted(name)})) > 1000), true)",
        )


def _differing_parts(connection: duckdb.DuckDBPyConnection, version: Version) -> Iterator[_Between]:
    """What is not an amount and not of the split is the same in all parts of a charge; in one pass."""
    apart = {*_OF_A_SPLIT, *_SUMMABLE, *_ORIGIN_COLUMNS, "x_Team", "x_TeamId"}
    columns = [column.name for column in columns_of(version) if column.name not in apart]
    differs = [
        f"min({_quoted(name)}) is distinct from max({_quoted(name)}) or count({_quoted(name)}) not in (0, count(*))"
        for name in columns
    ]
    groups = ", ".join(f"({each}) as flag_{number}" for number, each in enumerate(differs))
    flags = ", ".join(f"bool_or(flag_{number})" for number in range(len(differs)))
    (row,) = connection.execute(f"select {flags} from (select {groups} from parts group by {_ORIGIN})").fetchall()
    for name, condition, is_different in zip(columns, differs, row, strict=True):
        if is_different:
            yield _Between(
                "is the same in all parts of a charge",
                name,
                f"select any_value({_NAMED}) as offender from parts group by {_ORIGIN} having {condition}",
            )


#: Amounts whose parts add up to the charge that was split.
_SUMMABLE = (
    *("BilledCost", "ConsumedQuantity", "ContractedCost", "EffectiveCost", "ListCost", "PricingCurrencyEffectiveCost"),
    "PricingQuantity",
)
#: Columns that tell one charge from another; its parts share them.
_ORIGIN_COLUMNS = (
    *("BillingPeriodStart", "ChargePeriodStart", "x_KeyId", "SkuPriceId", "PricingUnit", "ListUnitPrice"),
    *("ContractedUnitPrice", "InvoiceIssuerName", "ChargeClass", "x_RecordType", "x_IngestionDate"),
)
_ORIGIN = ", ".join(f'"{name}"' for name in _ORIGIN_COLUMNS)
_NAMED = "coalesce(\"x_KeyId\", 'no key') || ' on ' || \"ChargePeriodStart\"::date"


def _conservation() -> Iterator[_Between]:
    """The file has what the database has, per usage day and SKU, to the last digit."""
    for name, measure in (
        ("PricingQuantity", "usage_quantity"),
        ("ListCost", "list_cost_usd"),
        ("ContractedCost", "cost_usd"),
        ("EffectiveCost", "cost_usd"),
    ):
        yield _Between(
            "adds up to cost_records, per day and SKU",
            name,
            f'with written as (select "ChargePeriodStart"::date as usage_date, "SkuId" as sku_name, '
            f"sum({_quoted(name)}) as amount from charges group by all) "
            f"select coalesce(e.usage_date, w.usage_date) || ' ' || coalesce(e.sku_name, w.sku_name, 'no SKU') || "
            f"': file ' || coalesce(w.amount, 0) || ', database ' || coalesce(e.{measure}, 0) as offender "
            "from expected as e full join written as w on e.usage_date = w.usage_date and e.sku_name = w.sku_name "
            f"where coalesce(w.amount, 0) <> coalesce(e.{measure}, 0)",
        )


def _count(connection: duckdb.DuckDBPyConnection, rules: Sequence[_Rule]) -> list[tuple[Any, Failure]]:
    """All rules of rows in one pass; examples are looked for only of those that are broken."""
    counts = ", ".join(f"count(*) filter (where {rule.bad})" for rule in rules)
    (row,) = connection.execute(f"select {counts} from charges").fetchall()
    found: list[tuple[Any, Failure]] = []
    for rule, count in zip(rules, row, strict=True):
        if count:
            shown = (*_IDENTIFYING, *({rule.column} - set(_IDENTIFYING)))
            columns = ", ".join(f"{_quoted(name)}::varchar" for name in shown)
            rows = connection.execute(f"select {columns} from charges where {rule.bad} limit {EXAMPLES}").fetchall()
            examples = tuple(
                ", ".join(f"{name} {value}" for name, value in zip(shown, values, strict=True)) for values in rows
            )
            found.append((rule, Failure(rule.name, rule.column, count, examples)))
    return found


def _offenders(connection: duckdb.DuckDBPyConnection, rule: _Between) -> Failure | None:
    ((count, examples),) = connection.execute(
        f"select count(*), min(offender, {EXAMPLES}) from ({rule.offenders})"
    ).fetchall()
    return Failure(rule.name, rule.column, count, tuple(map(str, examples))) if count else None


def _one(connection: duckdb.DuckDBPyConnection, statement: str) -> int:
    ((number,),) = connection.execute(statement).fetchall()
    return int(number)


def _is_csv(path: Path) -> bool:
    return path.suffix == ".csv"


def _own(name: str) -> bool:
    return name.startswith("x_")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _texts(values: Sequence[str]) -> str:
    return ", ".join(map(_text, values))
