"""Every rule is broken on a copy of a good file, and found there with its name, its column and examples."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from costpulse_assets.reports.focus.columns import VERSIONS, Version, columns_of
from costpulse_assets.reports.focus.rules import Failure, check, check_metadata
from tests.reports.focus.bill import OCTOBER, Bill

JOB = '"SkuId" like \'PREMIUM_JOBS%\' and "ChargeClass" is null and "InvoiceIssuerName" = \'Databricks\''
PART = '"AllocatedMethodId" is not null'
CORRECTION = "\"ChargeClass\" = 'Correction'"

#: column, what it becomes, in which rows, the rule that must say so (a part of its name).
BROKEN = [
    # values
    ("BillingCurrency", "'usd'", JOB, "currency code"),
    ("PricingCurrency", "'EURO'", JOB, "currency code"),
    ("ChargeCategory", "'Usages'", JOB, "is one of Usage"),
    ("ChargeClass", "'correction'", CORRECTION, "is one of Correction"),
    ("ChargeFrequency", "'Daily'", JOB, "is one of One-Time"),
    ("PricingCategory", "'On-Demand'", JOB, "is one of Standard"),
    ("ServiceCategory", "'Big Data'", JOB, "is one of AI"),
    ("ServiceSubcategory", "'Virtual Machines'", JOB, "belongs to the ServiceCategory"),
    ("CapacityReservationStatus", "'Open'", JOB, "is one of Used"),
    ("CommitmentDiscountStatus", "'Available'", JOB, "is one of Used"),
    ("CommitmentDiscountCategory", "'Money'", JOB, "is one of Spend"),
    ("BillingAccountType", "''", JOB, "not blank"),
    ("SkuId", "'Unknown'", JOB, "not a placeholder"),
    ("RegionName", "'N/A'", JOB, "not a placeholder"),
    # null relations
    ("RegionName", "null", JOB, "null exactly where RegionId is"),
    ("ResourceType", "null", JOB, "null exactly where ResourceId is"),
    ("ResourceName", "'a name'", '"ResourceId" is null', "filled only where ResourceId is"),
    ("SubAccountName", "null", JOB, "null exactly where SubAccountId is"),
    ("SubAccountType", "'Workspace'", '"SubAccountId" is null', "null exactly where SubAccountId is"),
    ("ConsumedUnit", "null", JOB, "null exactly where ConsumedQuantity is"),
    ("PricingUnit", "null", JOB, "null exactly where PricingQuantity is"),
    ("CapacityReservationStatus", "'Used'", JOB, "filled only where CapacityReservationId is"),
    ("CommitmentDiscountName", "'three years'", JOB, "filled only where CommitmentDiscountId is"),
    ("CommitmentDiscountType", "'Plan'", JOB, "null exactly where CommitmentDiscountId is"),
    ("CommitmentDiscountId", "'c-1'", JOB, "null exactly where CommitmentDiscountId is", "CommitmentDiscountType"),
    ("CommitmentDiscountId", "'c-1'", JOB, "usage of a commitment", "CommitmentDiscountStatus"),
    ("CommitmentDiscountQuantity", "1", JOB, "filled only where CommitmentDiscountId is"),
    ("CommitmentDiscountUnit", "'DBU'", JOB, "null exactly where CommitmentDiscountQuantity is"),
    ("SkuId", "null", JOB, "filled only where SkuId is", "SkuMeter"),
    ("SkuPriceId", "null", JOB, "filled only where SkuPriceId is", "ListUnitPrice"),
    ("SkuPriceId", "null", JOB, "filled only where SkuPriceId is", "PricingCategory"),
    # usage
    *((name, "null", JOB, "is filled on usage") for name in ("SkuId", "SkuPriceId", "ListUnitPrice")),
    *((name, "null", JOB, "is filled on usage") for name in ("ContractedUnitPrice", "PricingQuantity")),
    *((name, "null", JOB, "is filled on usage") for name in ("PricingCategory", "ConsumedQuantity")),
    *((name, f'-"{name}"', JOB, "not negative") for name in ("ListUnitPrice", "ContractedUnitPrice")),
    *((name, f'-"{name}"', JOB, "only a correction is negative") for name in ("PricingQuantity", "ConsumedQuantity")),
    ("ChargeCategory", "'Credit'", JOB, "null on everything but usage", "ConsumedQuantity"),
    ("ChargeCategory", "'Credit'", JOB, "is null on Credit", "PricingQuantity"),
    ("ChargeCategory", "'Credit'", JOB, "all costs of a credit are equal", "ContractedCost"),
    ("ChargeCategory", "'Tax'", JOB, "is null on Tax", "SkuId"),
    ("ChargeCategory", "'Purchase'", JOB, "not usage-based", "ChargeFrequency"),
    # costs
    ("ListCost", '"ListCost" + 0.000000000000100000', JOB, "is ListUnitPrice x PricingQuantity"),
    ("ContractedCost", '"ContractedCost" - 0.000000000000100000', JOB, "is ContractedUnitPrice x PricingQuantity"),
    ("PricingQuantity", '"PricingQuantity" * 2', CORRECTION, "is ListUnitPrice x PricingQuantity", "ListCost"),
    ("EffectiveCost", '"EffectiveCost" + 1', JOB, "is the ContractedCost of usage"),
    ("BilledCost", '"BilledCost" + 1', JOB, "is the ContractedCost of usage, or 0"),
    ("BilledCost", "0", JOB, "throughout or nowhere"),
    ("PricingCurrencyEffectiveCost", "0", JOB, "is EffectiveCost in the same currency"),
    ("PricingCurrencyListUnitPrice", "0", JOB, "is ListUnitPrice in the same currency"),
    ("PricingCurrencyContractedUnitPrice", "0", JOB, "is ContractedUnitPrice in the same currency"),
    # names
    ("BillingAccountName", '"BillingAccountId"', JOB, "a name, not the id"),
    ("ResourceName", '"ResourceId"', JOB, "a name, not the id"),
    # periods
    ("BillingPeriodStart", '"BillingPeriodStart" + interval 1 day', JOB, "is the month of the file"),
    ("BillingPeriodEnd", '"BillingPeriodEnd" - interval 1 day', JOB, "first of the next month"),
    ("ChargePeriodStart", '"ChargePeriodStart" + interval 3 hour', JOB, "starts with a day"),
    ("ChargePeriodEnd", '"ChargePeriodEnd" - interval 1 second', JOB, "end of the day"),
    ("ChargePeriodStart", '"ChargePeriodStart" - interval 30 day', JOB, "lies in the billing period"),
    ("ChargeClass", "null", CORRECTION, "lies in the billing period", "ChargePeriodStart"),
    ("ChargeClass", "'Correction'", JOB, "of an earlier billing period"),
    # JSON
    ("Tags", "'{'", JOB, "one JSON object"),
    ("Tags", "'[]'", JOB, "one JSON object"),
    ("Tags", '\'{"a": 1, "a": 2}\'', JOB, "unique keys"),
    ("Tags", '\'{"a": {"b": 1}}\'', JOB, "no objects and lists"),
    ("Tags", "'{\"a\": [1]}'", JOB, "no objects and lists"),
    ("SkuPriceDetails", '\'{"Tier": "Premium"}\'', JOB, "keys of FOCUS"),
    ("ContractApplied", "'yes'", JOB, "one JSON object"),
    # parents
    ("SkuId", "'ANOTHER'", f"{JOB} and \"x_JobId\" = '77'", "is one per SkuPriceId"),
    ("SkuPriceDetails", "null", JOB, "is one per SkuPriceId"),
    ("ServiceCategory", "'Compute'", JOB, "is one per ServiceName"),
    ("ServiceSubcategory", "'Search'", JOB, "is one per ServiceName"),
    # split
    ("AllocatedMethodId", "null", PART, "filled only where AllocatedMethodId is", "AllocatedMethodDetails"),
    ("AllocatedResourceName", "null", PART, "null exactly where AllocatedResourceId is"),
    ("AllocatedResourceId", "'1'", JOB, "filled only where AllocatedMethodId is"),
    ("AllocatedTags", '\'{"a/b": "c"}\'', JOB, "filled only where AllocatedMethodId is"),
    ("AllocatedTags", '\'{"team": "Data"}\'', PART, "has a prefix"),
    ("Tags", '"AllocatedTags"', PART, "no key that Tags has", "AllocatedTags"),
    ("AllocatedMethodDetails", "null", PART, "is filled where AllocatedMethodId is"),
    ("AllocatedMethodDetails", "'{\"Elements\": []}'", PART, "each with an AllocatedRatio"),
    ("AllocatedMethodDetails", '\'{"Elements": [{"Ratio": 1}]}\'', PART, "each with an AllocatedRatio"),
    (
        "AllocatedMethodDetails",
        '\'{"Elements": [{"AllocatedRatio": 0.5, "UsageQuantity": 3}]}\'',
        PART,
        "a UsageUnit with each UsageQuantity",
    ),
    ("AllocatedMethodDetails", '\'{"Elements": [{"AllocatedRatio": 0.5}]}\'', PART, "add up to 1"),
    ("EffectiveCost", 'case when "x_TeamId" = \'1\' then 1 else "EffectiveCost" end', PART, "its ratio of the charge"),
    ("ResourceId", "case when \"x_TeamId\" = '1' then 'other' else \"ResourceId\" end", PART, "same in all parts"),
    ("Tags", 'case when "x_TeamId" = \'1\' then \'{"a": 1}\' else "Tags" end', PART, "same in all parts"),
    # conservation
    ("EffectiveCost", '"EffectiveCost" + 0.000000000000000001', JOB, "adds up to cost_records"),
    ("PricingQuantity", '"PricingQuantity" - 0.000000000000000001', JOB, "adds up to cost_records"),
    ("ListCost", '"ListCost" + 0.000000000000000001', CORRECTION, "adds up to cost_records"),
    # what may not be null in a file of 1.3
    *((column.name, "null", JOB, "is never null") for column in columns_of("1.3") if column.null == "never"),
]


#: What these say decides which rules a row must keep.
HIDING = (
    "ChargeCategory",
    "ChargeClass",
    "ChargePeriodStart",
    "SkuPriceId",
    "AllocatedMethodId",
    "AllocatedMethodDetails",
    "BilledCost",
    "BillingAccountId",
    "BillingCurrency",
    "CommitmentDiscountId",
    "CommitmentDiscountQuantity",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "ListUnitPrice",
    "PricingCurrency",
    "PricingQuantity",
    "ServiceCategory",
    "ConsumedUnit",
    "PricingUnit",
)

Case = tuple[str, str, str, str] | tuple[str, str, str, str, str]


def packs() -> Iterator[list[Case]]:
    """Cases that are broken in one copy: each breaks another column, and none of them hides another."""
    waiting: list[Case] = list(BROKEN)
    while waiting:
        pack: list[Case] = []
        for case in list(waiting):
            alone = case[0] in HIDING
            if not pack or (not alone and pack[0][0] not in HIDING and case[0] not in {other[0] for other in pack}):
                pack.append(case)
                waiting.remove(case)
        yield pack


@pytest.fixture(scope="module")
def good(full_bill: Bill, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pa.Table]:
    """A file of 1.3 with a split, and what the database has of it."""
    path = tmp_path_factory.mktemp("good") / "focus.parquet"
    full_bill.export(path, split="team", focus_billing_account_name="Example Inc.")
    sums = (
        pq.read_table(path)
        .group_by(["ChargePeriodStart", "SkuId"])
        .aggregate([(name, "sum") for name in ("PricingQuantity", "ListCost", "EffectiveCost")])
    )
    expected = pa.table(
        {
            "usage_date": sums["ChargePeriodStart"].cast(pa.date32()),
            "sku_name": sums["SkuId"],
            **{
                name: sums[f"{column}_sum"].cast(pa.decimal128(38, 18))
                for name, column in (
                    ("usage_quantity", "PricingQuantity"),
                    ("list_cost_usd", "ListCost"),
                    ("cost_usd", "EffectiveCost"),
                )
            },
        }
    )
    return path, expected


def rewritten(path: Path, target: Path, *changes: tuple[str, str, str]) -> Path:
    """A copy in which columns have other values in some rows (column, value, where); types stay."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        source = f"read_parquet('{path}')"
        types = {row[0]: row[1] for row in connection.execute(f"describe select * from {source}").fetchall()}
        replaced = ", ".join(
            f'case when {where} then ({value})::{types[column]} else "{column}" end as "{column}"'
            for column, value, where in changes
        )
        connection.execute(f"copy (select * replace ({replaced}) from {source}) to '{target}' (format parquet)")
        ((count,),) = connection.execute(
            f"select count(*) from (select * from read_parquet('{target}') except select * from {source})"
        ).fetchall()
    assert count > 0, "the copy is the same"
    return target


def test_a_good_file_breaks_no_rule(good: tuple[Path, pa.Table]) -> None:
    path, expected = good

    verdict = check(path, "1.3", month=OCTOBER, expected=expected)

    assert verdict.failures == ()
    assert verdict.row_count == 8


@pytest.mark.parametrize("pack", list(packs()), ids=lambda pack: f"{pack[0][0]} and {len(pack) - 1} more")
def test_broken_rules_are_found(good: tuple[Path, pa.Table], tmp_path: Path, pack: list[Case]) -> None:
    path, expected = good
    broken = rewritten(path, tmp_path / "broken.parquet", *(case[:3] for case in pack))

    failures = check(broken, "1.3", month=OCTOBER, expected=expected).failures

    found = {
        (named, rule): [failure for failure in failures if failure.column == named and rule in failure.rule]
        for named, rule in ((case[-1] if len(case) == 5 else case[0], case[3]) for case in pack)
    }
    missing = [case for case, matching in found.items() if not matching]
    assert not missing, "; ".join(map(str, missing))
    for (named, _), (failure, *_) in found.items():
        assert failure.count >= 1
        assert 1 <= len(failure.examples) <= 3
        assert str(failure).startswith(f"{named}: ")


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("PricingUnit", "'dbu'", "is a unit"),
        ("ServiceCategory", "'Other'", "one that CostPulse knows"),
        ("ContractedCost", '"ListCost" + 1', "not above ListCost"),
        ("SkuMeter", "'STORAGE_SPACE'", "is one per SkuId"),
    ],
)
def test_what_need_not_be_wrong_is_a_warning(
    good: tuple[Path, pa.Table], tmp_path: Path, column: str, value: str, rule: str
) -> None:
    broken = rewritten(good[0], tmp_path / "odd.parquet", (column, value, f"{JOB} and \"x_JobId\" = '77'"))

    verdict = check(broken, "1.3", month=OCTOBER)

    assert [w for w in verdict.warnings if rule in w.rule and w.count == 1 and w.examples]
    assert not [failure for failure in verdict.failures if rule in failure.rule]


def test_prices_of_corrections_are_checked_but_in_1_2(full_bill: Bill, tmp_path: Path) -> None:
    for version, is_found in (("1.2", False), ("1.3", True)):
        path = tmp_path / f"{version}.parquet"
        full_bill.export(path, version=version)
        broken = rewritten(path, tmp_path / f"broken-{version}.parquet", ("ListCost", '"ListCost" * 2', CORRECTION))

        failures = check(broken, version, month=OCTOBER).failures  # type: ignore[arg-type]

        assert bool([f for f in failures if f.column == "ListCost"]) == is_found


@pytest.mark.parametrize("version", VERSIONS)
def test_a_missing_an_unknown_and_a_misplaced_column_are_found(
    full_bill: Bill, tmp_path: Path, version: Version
) -> None:
    good = tmp_path / "good.parquet"
    full_bill.export(good, version=version)
    table = pq.read_table(good)
    cases = {
        "BilledCost": table.drop_columns(["BilledCost"]),
        "InvoiceTotal": table.append_column("InvoiceTotal", table["BilledCost"]),
        "x_invoice": table.append_column("x_invoice", table["BilledCost"]),
        "all columns": table.select([*table.column_names[1:], table.column_names[0]]),
        "Tags": table.set_column(
            table.schema.get_field_index("Tags"), "Tags", pa.array([None] * len(table), pa.binary())
        ),
        "ListCost": table.set_column(
            table.schema.get_field_index("ListCost"), "ListCost", table["ListCost"].cast(pa.float64())
        ),
    }

    for column, spoiled in cases.items():
        pq.write_table(spoiled, tmp_path / "spoiled.parquet")
        failures = check(tmp_path / "spoiled.parquet", version, month=OCTOBER).failures
        assert column in {failure.column for failure in failures}


@pytest.mark.parametrize(
    ("column", "text", "rule"),
    [
        ("BilledCost", "1,5", "is a plain decimal"),
        ("BilledCost", "1E-7", "is a plain decimal"),
        ("BilledCost", "$1", "is a plain decimal"),
        ("ChargePeriodStart", "2026-10-05 00:00:00", "is a time in UTC"),
        ("ChargePeriodStart", "2026-10-05T02:00:00+02:00", "is a time in UTC"),
        ("ChargePeriodStart", "2026-13-45T00:00:00Z", "is a time in UTC"),
        ("BillingAccountType", "", "not blank"),
        ("SubAccountName", "", "not blank"),
    ],
)
def test_the_forms_of_text_are_checked_in_csv(
    full_bill: Bill, tmp_path: Path, column: str, text: str, rule: str
) -> None:
    good, broken = tmp_path / "good.csv", tmp_path / "broken.csv"
    full_bill.export(good)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(
            f"copy (select * replace (? as \"{column}\") from read_csv('{good}', all_varchar = true, nullstr = '', "
            f"allow_quoted_nulls = false)) to '{broken}' (format csv, header, force_quote (\"{column}\"))",
            [text],
        )
    assert check(good, "1.3", month=OCTOBER).failures == ()

    failures = check(broken, "1.3", month=OCTOBER).failures

    assert [f for f in failures if f.column == column and rule in f.rule and f.count == 6 and len(f.examples) == 3]


def test_another_month_is_found(good: tuple[Path, pa.Table]) -> None:
    failures = check(good[0], "1.3", month=OCTOBER.replace(month=9)).failures

    assert Failure("is the month of the file", "BillingPeriodStart", 8, failures[0].examples) == failures[0]


def test_metadata_that_do_not_match_the_file_are_found(full_bill: Bill, tmp_path: Path) -> None:
    path = tmp_path / "focus.parquet"
    full_bill.export(path)
    made = json.loads((tmp_path / "focus.parquet.metadata.json").read_text())
    assert check_metadata(made, path, "1.3") == []

    for change, column in (
        (lambda schema: schema["ColumnDefinition"].pop(3), "ColumnDefinition"),
        (lambda schema: schema["ColumnDefinition"].reverse(), "ColumnDefinition"),
        (lambda schema: schema["ColumnDefinition"][6].update(DataType="STRING"), "DataType"),
        (lambda schema: schema.update(FocusVersion="1.2"), "FocusVersion"),
    ):
        spoiled = json.loads(json.dumps(made))
        change(spoiled["Schema"][-1])
        failures = check_metadata(spoiled, path, "1.3")
        assert column in [failure.column for failure in failures]


def test_a_failure_is_one_sentence() -> None:
    failure = Failure("is never null", "BilledCost", 2, ("SkuPriceId A", "SkuPriceId B"))

    assert str(failure) == "BilledCost: is never null, 2 cases (such as SkuPriceId A; SkuPriceId B)"
    assert str(replace(failure, count=1, examples=())) == "BilledCost: is never null, 1 case"
