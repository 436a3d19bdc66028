"""Files of FOCUS as readers get them: columns, values, layout, metadata, and what is not published."""

import csv
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from costpulse_assets.errors import BadInput, FocusInvalid
from costpulse_assets.reports.focus.columns import COLUMNS, VERSIONS, Version, columns_of
from costpulse_assets.reports.focus.services import SERVICES, SUBCATEGORIES
from costpulse_assets.resources.sql_files import SQL_DIR
from tests.reports.focus.bill import NOVEMBER, OCTOBER, SEPTEMBER, SKU, Bill

DAY = date(2026, 10, 5)
DOCS = SQL_DIR.parent / "docs" / "focus.md"


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return [{name: text or None for name, text in row.items()} for row in csv.DictReader(file)]
    return list(pq.read_table(path).to_pylist())


def exported(bill: Bill, folder: Path, **options: Any) -> list[dict[str, Any]]:
    path = folder / f"focus.{options.pop('ending', 'parquet')}"
    bill.export(path, **options)
    return rows_of(path)


class TestColumns:
    @pytest.mark.parametrize(("version", "count"), [("1.2", 57), ("1.3", 65), ("1.4", 65)])
    def test_a_version_has_the_columns_of_the_specification(self, version: Version, count: int) -> None:
        names = [column.name for column in columns_of(version) if not column.is_own]

        assert len(names) == count
        assert names == sorted(names)

    def test_levels_are_as_many_as_the_specification_has(self) -> None:
        levels = [column.level for column in columns_of("1.3")]

        assert [levels.count(level) for level in ("mandatory", "conditional", "recommended")] == [23, 37, 5]

    @pytest.mark.parametrize("version", VERSIONS)
    @pytest.mark.parametrize("ending", ["parquet", "csv"])
    def test_the_file_has_them_in_order(self, full_bill: Bill, tmp_path: Path, version: Version, ending: str) -> None:
        rows = exported(full_bill, tmp_path, version=version, ending=ending)

        assert list(rows[0]) == [column.name for column in columns_of(version)]
        assert len(rows) == 6

    def test_parquet_has_decimals_times_in_utc_and_text_also_where_all_is_null(
        self, full_bill: Bill, tmp_path: Path
    ) -> None:
        full_bill.export(tmp_path / "focus.parquet")
        types = {
            "decimal": pa.decimal128(38, 18),
            "time": pa.timestamp("us", tz="UTC"),
        }

        schema = pq.read_schema(tmp_path / "focus.parquet")

        assert {field.name: field.type for field in schema} == {
            column.name: types.get(column.type, pa.string()) for column in columns_of("1.3")
        }

    def test_csv_says_the_same_as_parquet(self, full_bill: Bill, tmp_path: Path) -> None:
        parquet, text = exported(full_bill, tmp_path), exported(full_bill, tmp_path, ending="csv")

        def as_text(value: Any) -> str | None:
            if isinstance(value, datetime):
                return value.strftime("%Y-%m-%dT%H:%M:%SZ")
            return f"{value:f}" if isinstance(value, Decimal) else value

        assert [{name: as_text(value) for name, value in row.items()} for row in parquet] == text

    def test_every_column_is_documented(self) -> None:
        lines = DOCS.read_text(encoding="utf-8").splitlines()

        for column in COLUMNS:
            assert any(line.startswith(f"| {column.name} ") and column.source in line for line in lines), column.name


class TestServices:
    def test_every_service_has_one_category_and_a_subcategory_of_it(self) -> None:
        assert len({service.product for service in SERVICES}) == len(SERVICES)
        assert len({service.name for service in SERVICES}) == len(SERVICES)
        for service in SERVICES:
            allowed = (*SUBCATEGORIES[service.category], f"Other ({service.category})")
            assert service.subcategory in allowed

    @pytest.mark.parametrize(
        ("product", "is_serverless", "name", "category", "code"),
        [
            ("SQL_SERVERLESS", True, "Databricks SQL", "Databases", "SQL"),
            ("SHARED_SERVERLESS_COMPUTE", None, "Shared Serverless Compute", "Compute", "SHARED_SERVERLESS_COMPUTE"),
            ("BRAND_NEW", None, "BRAND_NEW", "Other", "BRAND_NEW"),
            ("UNKNOWN", None, "Databricks", "Other", None),
        ],
    )
    def test_a_product_is_a_service(
        self,
        bill: Bill,
        tmp_path: Path,
        product: str,
        is_serverless: bool | None,
        name: str,
        category: str,
        code: str | None,
    ) -> None:
        bill.cost("1", DAY, bill.key(product=product, is_serverless=is_serverless))

        (row,) = exported(bill, tmp_path)

        assert (row["ServiceName"], row["ServiceCategory"], row["x_BillingOriginProduct"]) == (name, category, code)


class TestCharges:
    def test_costs_are_at_list_and_at_your_price(self, bill: Bill, tmp_path: Path) -> None:
        bill.cost("3.123456789012345678", DAY, list_rate="0.15", rate="0.13")

        (row,) = exported(bill, tmp_path)

        assert row["ListUnitPrice"] == Decimal("0.15")
        assert row["ContractedUnitPrice"] == Decimal("0.13")
        assert row["ListCost"] == Decimal("0.468518518351851852")
        for name in ("BilledCost", "EffectiveCost", "ContractedCost", "PricingCurrencyEffectiveCost"):
            assert row[name] == Decimal("0.406049382571604938")
        assert row["PricingQuantity"] == row["ConsumedQuantity"] == Decimal("3.123456789012345678")

    @pytest.mark.parametrize(("version", "setting"), [("1.3", "zero"), ("1.4", "contracted")])
    def test_who_does_not_send_the_invoice_bills_nothing(
        self, bill: Bill, tmp_path: Path, version: str, setting: str
    ) -> None:
        bill.cost("2", DAY)

        (row,) = exported(bill, tmp_path, version=version, focus_billed_cost=setting)

        assert (row["BilledCost"], row["EffectiveCost"]) == (0, Decimal("0.3"))

    def test_a_price_that_changes_inside_a_day_makes_two_charges(self, bill: Bill, tmp_path: Path) -> None:
        bill.cost("1", DAY, list_rate="0.15")
        bill.cost("2", DAY, list_rate="0.20")

        rows = exported(bill, tmp_path)

        assert [(row["ListUnitPrice"], row["PricingQuantity"]) for row in rows] == [
            (Decimal("0.15"), 1),
            (Decimal("0.2"), 2),
        ]

    def test_usage_without_a_list_price_is_left_out_and_counted(self, bill: Bill, tmp_path: Path) -> None:
        bill.cost("1", DAY)
        bill.cost("2", DAY, sku="NEW", list_rate=None)
        bill.cost("3", DAY, sku="PRIVATE", list_rate=None, rate="0.5")

        result = bill.export(tmp_path / "focus.parquet")

        assert [row["SkuId"] for row in rows_of(tmp_path / "focus.parquet")] == [SKU]
        assert [(u.sku_name, u.usage_quantity, u.cost_usd) for u in result.unpriced] == [
            ("NEW", 2, None),
            ("PRIVATE", 3, Decimal("1.5")),
        ]
        assert [(w.column, w.count, w.examples) for w in result.warnings] == [
            ("ListUnitPrice", 2, ("NEW: 2.00 DBU", "PRIVATE: 3.00 DBU"))
        ]

    def test_usage_of_the_account_has_no_workspace(self, bill: Bill, tmp_path: Path) -> None:
        bill.cost("1", DAY, bill.key(workspace_id=None))
        bill.cost("1", DAY, bill.key(workspace_id="0"))

        for row in exported(bill, tmp_path):
            assert [row[name] for name in ("SubAccountId", "SubAccountName", "SubAccountType", "RegionId")] == [
                None
            ] * 4

    def test_clouds_decide_who_hosts_and_who_sends_the_invoice(self, bill: Bill, tmp_path: Path) -> None:
        bill.cost("1", DAY, bill.key(workspace_id="1001"))
        bill.cost("1", DAY, bill.key(workspace_id="1002"), cloud="AZURE")

        rows = {row["SubAccountName"]: row for row in exported(bill, tmp_path)}

        names = ("HostProviderName", "InvoiceIssuerName", "RegionId", "RegionName", "ProviderName")
        assert [rows["production"][name] for name in names] == [
            *("Amazon Web Services", "Databricks", "eu-west-1", "Europe (Ireland)", "Databricks")
        ]
        assert [rows["elsewhere"][name] for name in names] == [
            *("Microsoft Azure", "Microsoft", "nowhere-9", "nowhere-9", "Databricks")
        ]

    @pytest.mark.parametrize(
        ("columns", "resource", "kind"),
        [
            ({"product": "SQL", "warehouse_id": "w", "job_id": "j"}, "workspaces/1001/warehouses/w", "SQL Warehouse"),
            ({"product": "JOBS", "warehouse_id": "w", "job_id": "j"}, "workspaces/1001/jobs/j", "Job"),
            ({"product": "DLT", "cluster_id": "c", "pipeline_id": "p"}, "workspaces/1001/pipelines/p", "Pipeline"),
            ({"product": "ALL_PURPOSE", "job_id": "j", "cluster_id": "c"}, "workspaces/1001/clusters/c", "Cluster"),
            ({"product": "SQL", "pipeline_id": "p"}, "workspaces/1001/pipelines/p", "Pipeline"),
            ({"product": "AI_GATEWAY", "endpoint_name": "e"}, "workspaces/1001/endpoints/e", "Serving Endpoint"),
            ({"product": "APPS", "resource_type": "app", "resource_id": "a"}, "workspaces/1001/apps/a", "App"),
            ({"product": "JOBS"}, None, None),
        ],
    )
    def test_a_charge_is_of_the_resource_of_its_product(
        self, bill: Bill, tmp_path: Path, columns: dict[str, str], resource: str | None, kind: str | None
    ) -> None:
        bill.cost("1", DAY, bill.key(**columns))

        (row,) = exported(bill, tmp_path)

        assert (row["ResourceId"], row["ResourceType"]) == (resource, kind)

    def test_resources_and_workspaces_have_the_names_of_the_day(self, bill: Bill, tmp_path: Path) -> None:
        bill.execute(
            "insert into costpulse.resource_names (workspace_id, resource_type, resource_id, name, valid_from, "
            "valid_to) values ('1001', 'job', '7', 'first', '2026-10-04', '2026-10-06'), "
            "('1001', 'job', '7', 'second', '2026-10-06', null), "
            "('1001', 'workspace', '1001', 'before', '2026-10-04', '2026-10-06'), "
            "('1001', 'workspace', '1001', 'production', '2026-10-06', null)"
        )
        key = bill.key(job_id="7")
        for day in (1, 5, 6):
            bill.cost("1", date(2026, 10, day), key, job_name="as billed")

        rows = exported(bill, tmp_path)

        assert [(row["ResourceName"], row["SubAccountName"]) for row in rows] == [
            *(("first", "before"), ("first", "before"), ("second", "production"))
        ]

    def test_tags_stay_as_they_are(self, bill: Bill, tmp_path: Path) -> None:
        tags = {"team": "data", "Team": "other", "empty": "", "none": None, 'q",\n': "ü = 1", "costpulse": "x"}
        bill.cost("1", DAY, bill.key(tags=tags))
        bill.cost("1", DAY, bill.key(job_id="untagged"))

        for ending in ("parquet", "csv"):
            rows = exported(bill, tmp_path, ending=ending)
            (tagged,) = [row["Tags"] for row in rows if row["x_JobId"] is None]
            assert json.loads(tagged) == tags | {"empty": True, "none": True}
            assert [row["Tags"] for row in rows if row["x_JobId"]] == [None]

    def test_odd_texts_survive(self, bill: Bill, tmp_path: Path) -> None:
        name = '=1+1 "quoted", ünï\nNULL'
        bill.cost("1", DAY, bill.key(job_id="7", user_email='"@x,'), job_name=name)

        for ending in ("parquet", "csv"):
            (row,) = exported(bill, tmp_path, ending=ending)
            assert (row["ResourceName"], row["x_User"]) == (name, '"@x,')

    def test_small_and_large_amounts_are_plain(self, bill: Bill, tmp_path: Path) -> None:
        bill.cost("0.000000000000000001", DAY, list_rate="1")
        bill.cost("99999999999999.999999999999999999", DAY, list_rate="999999", sku="LARGE")

        rows = {row["SkuId"]: row for row in exported(bill, tmp_path, ending="csv")}

        assert rows[SKU]["BilledCost"] == "0.000000000000000001"
        assert rows["LARGE"]["PricingQuantity"] == "99999999999999.999999999999999999"

    def test_units_are_spelled_as_focus_does(self, bill: Bill, tmp_path: Path) -> None:
        for unit in ("HOUR", "TOKEN", "ANSWER", "DSU", "GB"):
            bill.cost("1", DAY, sku=unit, unit=unit)

        rows = {row["SkuId"]: row["PricingUnit"] for row in exported(bill, tmp_path)}

        assert rows == {"HOUR": "Hours", "TOKEN": "Tokens", "ANSWER": "Answers", "DSU": "DSU", "GB": "GB"}


class TestTeams:
    def test_one_team_nobody_several_and_not_allocated_yet(self, bill: Bill, tmp_path: Path) -> None:
        for job, shares in {"own": {2: "1"}, "none": {None: "1"}, "shared": {1: "0.25", 3: "0.75"}, "new": {}}.items():
            key = bill.key(job_id=job)
            bill.cost("1", DAY, key)
            bill.allocate(key, DAY, shares)  # type: ignore[arg-type]

        rows = {row["x_JobId"]: row for row in exported(bill, tmp_path)}

        names = ("x_Team", "x_TeamId", "x_AllocationMethod", "x_AllocationRuleId")
        assert {job: tuple(row[name] for name in names) for job, row in rows.items()} == {
            "own": ("Risk", "2", "rule", "7"),
            "none": (None, None, "unallocated", None),
            "shared": (None, None, "split", "9"),
            "new": (None, None, None, None),
        }

    def test_a_split_has_a_charge_per_team_and_one_for_the_rest(self, bill: Bill, tmp_path: Path) -> None:
        key = bill.key(warehouse_id="w", product="SQL", tags={"a": "b"})
        third = Decimal("0.333333333333333333")
        bill.cost("0.000000000000000010", DAY, key, list_rate="1", rate="0.7")
        bill.allocate(key, DAY, {1: third, 2: third, None: third})

        rows = {row["AllocatedResourceId"]: row for row in exported(bill, tmp_path, split="team")}

        assert {id_: row["PricingQuantity"].scaleb(18) for id_, row in rows.items()} == {"1": 4, "2": 3, None: 3}
        assert {id_: row["EffectiveCost"].scaleb(18) for id_, row in rows.items()} == {"1": 3, "2": 2, None: 2}
        assert {id_: row["AllocatedTags"] for id_, row in rows.items()} == {
            "1": '{"costpulse/team": "Data"}',
            "2": '{"costpulse/team": "Risk"}',
            None: None,
        }
        assert rows["1"]["AllocatedMethodDetails"] == '{"Elements": [{"AllocatedRatio": 0.333333333333333334}]}'
        assert {row["AllocatedMethodId"] for row in rows.values()} == {"costpulse-team-split-1"}
        assert {(row["ResourceId"], row["Tags"], row["ListUnitPrice"]) for row in rows.values()} == {
            ("workspaces/1001/warehouses/w", '{"a": "b"}', Decimal(1))
        }
        assert rows["2"]["x_Team"] == rows["2"]["AllocatedResourceName"] == "Risk"

    def test_what_one_team_owns_is_not_split(self, bill: Bill, tmp_path: Path) -> None:
        key = bill.cost("1", DAY)
        bill.allocate(key, DAY, {1: "1"})

        (row,) = exported(bill, tmp_path, split="team")

        assert (row["AllocatedMethodId"], row["x_Team"]) == (None, "Data")


class TestFiles:
    def test_one_month_is_a_file_with_its_metadata_beside_it(self, full_bill: Bill, tmp_path: Path) -> None:
        result = full_bill.export(tmp_path / "october.parquet")

        assert result.files == (tmp_path / "october.parquet", tmp_path / "october.parquet.metadata.json")
        assert sorted(tmp_path.iterdir()) == sorted(result.files)
        assert (result.row_count, result.months, result.failures) == (6, (OCTOBER,), ())

    def test_several_months_are_a_folder_as_hive_lays_it_out(self, full_bill: Bill, tmp_path: Path) -> None:
        result = full_bill.export(tmp_path / "focus-files", SEPTEMBER, date(2026, 11, 30))

        folder = tmp_path / "focus-files" / "focus" / "1.3"
        (schema,) = (folder / "schemas").iterdir()
        assert set(result.files) == {
            *(folder / f"billing_period=2026-{month}" / "part-0001.parquet" for month in ("09", "10", "11")),
            folder / "metadata.json",
            schema,
        }
        assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(result.files)
        counts = [pq.read_metadata(path).num_rows for path in result.files[:3]]
        assert counts == [1, 6, 0]
        assert result.row_count == 7

    @pytest.mark.parametrize("ending", ["parquet", "csv"])
    def test_the_same_bill_gives_the_same_bytes(self, full_bill: Bill, tmp_path: Path, ending: str) -> None:
        for number in (1, 2):
            full_bill.export(tmp_path / f"{number}.{ending}", split="team")

        first, second = ((tmp_path / f"{number}.{ending}").read_bytes() for number in (1, 2))
        assert first == second

    def test_a_file_that_breaks_a_rule_is_not_there(self, bill: Bill, tmp_path: Path) -> None:
        bill.cost("1", DAY, bill.key(tags={"nested": {"a": 1}}))
        (tmp_path / "october.parquet").write_bytes(b"as it was")

        with pytest.raises(FocusInvalid, match=r"Tags: holds no objects and lists, 1 case \(such as Charge.*nested"):
            bill.export(tmp_path / "october.parquet")

        assert [path.name for path in tmp_path.iterdir()] == ["october.parquet"]
        assert (tmp_path / "october.parquet").read_bytes() == b"as it was"

    def test_what_cannot_be_asked_for_has_a_reason(self, bill: Bill, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="no cost from 2026-10-01 to 2026-10-31"):
            bill.export(tmp_path / "a.parquet")
        bill.cost("1", DAY)
        with pytest.raises(BadInput, match="one month per file"):
            bill.export(tmp_path / "a.parquet", OCTOBER, date(2026, 11, 30))
        with pytest.raises(BadInput, match=r"1\.2 has no columns for a split"):
            bill.export(tmp_path / "a.parquet", version="1.2", split="team")
        bill.execute("update costpulse.cost_records set key_id = %s", bill.key(account_id=None))
        bill.execute("delete from costpulse.cost_keys where account_id is not null")
        with pytest.raises(BadInput, match="account of the bill is not known"):
            bill.export(tmp_path / "a.parquet")
        assert list(tmp_path.iterdir()) == []

    def test_a_closed_month_that_was_allocated_anew_is_pointed_at(self, bill: Bill, tmp_path: Path) -> None:
        bill.cost("1", DAY)
        bill.close(OCTOBER, datetime(2026, 11, 8, tzinfo=UTC))
        bill.execute(
            "insert into costpulse.statement_lines (closing_id, month, booked_month, usage_date, kind, cause, product, "
            "sku_name, usage_unit, usage_quantity, unpriced_quantity, created_at) select c.id, %s, %s, %s, "
            "'adjustment', 'rule', 'JOBS', 'A', 'DBU', 0, 0, now() from costpulse.closed_periods as c",
            *(OCTOBER, NOVEMBER, DAY),
        )

        (warning,) = bill.export(tmp_path / "a.parquet").warnings

        assert (warning.column, warning.count, warning.examples) == ("x_Team", 1, ("2026-10",))
        assert "allocated anew" in warning.rule


class TestMetadata:
    @pytest.mark.parametrize("version", VERSIONS)
    def test_they_describe_the_columns_of_the_file(self, full_bill: Bill, tmp_path: Path, version: Version) -> None:
        full_bill.export(tmp_path / "a.parquet", version=version)

        made = json.loads((tmp_path / "a.parquet.metadata.json").read_text(encoding="utf-8"))

        assert made["DataGenerator"] == {"DataGenerator": "CostPulse"}
        (schema,) = made["Schema"]
        assert schema["FocusVersion"] == version
        assert schema["CreationDate"] == "2026-11-30T00:00:00Z"
        definitions = {each["ColumnName"]: each for each in schema["ColumnDefinition"]}
        assert list(definitions) == pq.read_schema(tmp_path / "a.parquet").names
        assert definitions["BilledCost"] == {
            **{"ColumnName": "BilledCost", "DataType": "DECIMAL"},
            **{"NumericPrecision": 38, "NumberScale": 18},
        }
        assert definitions["ChargePeriodEnd"]["DataType"] == "DATETIME"
        assert definitions["Tags"]["DataType"] == "JSON"
        assert definitions.get("ProviderName", {}).get("Deprecated", False) == (version == "1.3")
        stored = pq.read_metadata(tmp_path / "a.parquet").metadata
        assert stored[b"SchemaId"].decode() == schema["SchemaId"]
        assert UUID(schema["SchemaId"]).version == 5

    def test_recency_has_a_sector_per_day(self, full_bill: Bill, tmp_path: Path) -> None:
        full_bill.export(tmp_path / "a.parquet")

        made = json.loads((tmp_path / "a.parquet.metadata.json").read_text(encoding="utf-8"))

        (instance,), (recency,) = made["DatasetInstance"], made["Recency"]
        assert instance["FocusDatasetId"] == "CostAndUsage"
        assert recency["DatasetInstanceId"] == instance["DatasetInstanceId"] == made["Schema"][0]["DatasetInstanceId"]
        assert recency["RecencyLastUpdated"] == "2026-12-20T08:00:00Z"
        assert recency["DatasetInstanceLastUpdated"] == "2026-11-03T04:00:00Z"
        assert recency["TimeSectors"] == [
            {
                "TimeSectorStart": f"2026-10-0{day}T00:00:00Z",
                "TimeSectorEnd": f"2026-10-0{day + 1}T00:00:00Z",
                "TimeSectorLastUpdated": "2026-11-03T04:00:00Z",
                "TimeSectorComplete": day == 5,
            }
            for day in (5, 6)
        ]

    def test_1_2_knows_no_instances(self, full_bill: Bill, tmp_path: Path) -> None:
        full_bill.export(tmp_path / "a.parquet", version="1.2")

        made = json.loads((tmp_path / "a.parquet.metadata.json").read_text(encoding="utf-8"))

        assert set(made) == {"DataGenerator", "Schema"}

    def test_a_schema_that_was_is_kept(self, full_bill: Bill, tmp_path: Path) -> None:
        beside = tmp_path / "a.parquet.metadata.json"
        beside.write_text(json.dumps({"Schema": [{"SchemaId": "before"}]}), encoding="utf-8")

        for _ in range(2):
            full_bill.export(tmp_path / "a.parquet")

        schemas = [schema["SchemaId"] for schema in json.loads(beside.read_text(encoding="utf-8"))["Schema"]]
        assert schemas[0] == "before"
        assert len(schemas) == 2
