"""The columns of the FOCUS data set Cost and Usage: one table that serves versions 1.2, 1.3 and 1.4.

Names, types, levels and null rules are those of the FinOps Open Cost and Usage Specification. The export selects by
this table, the rules check by it, the metadata file is written from it.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

Version = Literal["1.2", "1.3", "1.4"]
ColumnType = Literal["text", "decimal", "time", "key_value", "json"]
Level = Literal["mandatory", "conditional", "recommended", "own"]

VERSIONS: tuple[Version, ...] = ("1.2", "1.3", "1.4")
#: Day from which the table below is as it is: the creation date of its schemas in the metadata file.
CREATED_AT = datetime(2026, 11, 30, tzinfo=UTC)


@dataclass(frozen=True)
class FocusColumn:
    """One column of the file.

    `null`: "never"; "allowed"; "as X": null exactly where X is; "within X": filled only where X is.
    `source` says in words what CostPulse fills it from; sql/reports/focus_charges.sql has the expression under the
    same name in snake_case. `by_people`: people choose its texts, so a placeholder such as Unknown may be a name.
    """

    name: str
    type: ColumnType
    level: Level
    null: str
    source: str
    versions: tuple[Version, ...] = VERSIONS
    by_people: bool = False

    @property
    def field(self) -> str:
        """Its name in statements."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.name).lower()

    @property
    def is_own(self) -> bool:
        """CostPulse's, not the specification's."""
        return self.level == "own"


_SINCE_1_3: tuple[Version, ...] = ("1.3", "1.4")
_SINCE_1_4: tuple[Version, ...] = ("1.4",)
_BEFORE_1_4: tuple[Version, ...] = ("1.2", "1.3")
_EMPTY = "empty: the system tables of Databricks do not have it"
_SPLIT = "the split (see there); else empty"


def _own(name: str, source: str, *, by_people: bool = False) -> FocusColumn:
    return FocusColumn(name, "text", "own", "allowed", source, by_people=by_people)


COLUMNS: tuple[FocusColumn, ...] = (
    FocusColumn("AllocatedMethodDetails", "json", "recommended", "within AllocatedMethodId", _SPLIT, _SINCE_1_3),
    FocusColumn("AllocatedMethodId", "text", "conditional", "allowed", _SPLIT, _SINCE_1_3),
    FocusColumn("AllocatedResourceId", "text", "conditional", "within AllocatedMethodId", _SPLIT, _SINCE_1_3),
    FocusColumn(
        "AllocatedResourceName", "text", "conditional", "as AllocatedResourceId", _SPLIT, _SINCE_1_3, by_people=True
    ),
    FocusColumn("AllocatedTags", "key_value", "conditional", "within AllocatedMethodId", _SPLIT, _SINCE_1_3),
    FocusColumn("AvailabilityZone", "text", "recommended", "allowed", _EMPTY),
    FocusColumn(
        "BilledCost", "decimal", "mandatory", "never", "cost_usd; 0 with COSTPULSE_FOCUS_BILLED_COST=zero and in 1.4"
    ),
    FocusColumn("BillingAccountId", "text", "mandatory", "never", "account_id"),
    FocusColumn(
        "BillingAccountName", "text", "mandatory", "allowed", "COSTPULSE_FOCUS_BILLING_ACCOUNT_NAME", by_people=True
    ),
    FocusColumn("BillingAccountType", "text", "conditional", "as BillingAccountId", "`Account`"),
    FocusColumn("BillingCurrency", "text", "mandatory", "never", "`USD`"),
    FocusColumn("BillingPeriodEnd", "time", "mandatory", "never", "first of the month after"),
    FocusColumn(
        "BillingPeriodStart", "time", "mandatory", "never", "first of the month in which it is billed (see corrections)"
    ),
    FocusColumn("CapacityReservationId", "text", "conditional", "allowed", _EMPTY),
    FocusColumn("CapacityReservationStatus", "text", "conditional", "within CapacityReservationId", _EMPTY),
    FocusColumn("ChargeCategory", "text", "mandatory", "never", "`Usage`"),
    FocusColumn(
        "ChargeClass", "text", "mandatory", "allowed", "`Correction` of a closed month (see there); else empty"
    ),
    FocusColumn("ChargeDescription", "text", "mandatory", "allowed", "service and SKU in words", by_people=True),
    FocusColumn("ChargeFrequency", "text", "recommended", "never", "`Usage-Based`"),
    FocusColumn("ChargePeriodEnd", "time", "mandatory", "never", "usage_date + 1 day"),
    FocusColumn("ChargePeriodStart", "time", "mandatory", "never", "usage_date"),
    FocusColumn("CommitmentDiscountCategory", "text", "conditional", "as CommitmentDiscountId", _EMPTY),
    FocusColumn("CommitmentDiscountId", "text", "conditional", "allowed", _EMPTY),
    FocusColumn("CommitmentDiscountName", "text", "conditional", "within CommitmentDiscountId", _EMPTY),
    FocusColumn("CommitmentDiscountQuantity", "decimal", "conditional", "within CommitmentDiscountId", _EMPTY),
    FocusColumn("CommitmentDiscountStatus", "text", "conditional", "within CommitmentDiscountId", _EMPTY),
    FocusColumn("CommitmentDiscountType", "text", "conditional", "as CommitmentDiscountId", _EMPTY),
    FocusColumn("CommitmentDiscountUnit", "text", "conditional", "as CommitmentDiscountQuantity", _EMPTY),
    FocusColumn("CommitmentProgramEligibilityDetails", "json", "conditional", "allowed", _EMPTY, _SINCE_1_4),
    FocusColumn("ConsumedQuantity", "decimal", "conditional", "allowed", "usage_quantity"),
    FocusColumn("ConsumedUnit", "text", "conditional", "as ConsumedQuantity", "usage_unit, spelled as FOCUS does"),
    FocusColumn("ContractApplied", "json", "conditional", "allowed", _EMPTY, _SINCE_1_3),
    FocusColumn("ContractedCost", "decimal", "mandatory", "never", "cost_usd: at your price adjustments"),
    FocusColumn(
        "ContractedUnitPrice",
        "decimal",
        "conditional",
        "allowed",
        "effective_rate: the list rate after your price adjustments",
    ),
    FocusColumn("EffectiveCost", "decimal", "mandatory", "never", "cost_usd"),
    FocusColumn("HostProviderName", "text", "mandatory", "allowed", "cloud", _SINCE_1_3),
    FocusColumn("InvoiceDetailId", "text", "conditional", "allowed", _EMPTY, _SINCE_1_4),
    FocusColumn("InvoiceId", "text", "recommended", "allowed", _EMPTY),
    FocusColumn(
        "InvoiceIssuerName", "text", "mandatory", "never", "COSTPULSE_FOCUS_INVOICE_ISSUERS by cloud; else `Databricks`"
    ),
    FocusColumn("ListCost", "decimal", "mandatory", "never", "list_cost_usd"),
    FocusColumn("ListUnitPrice", "decimal", "conditional", "allowed", "dbu_rate: the list price in force"),
    FocusColumn("PricingCategory", "text", "conditional", "allowed", "`Standard`"),
    FocusColumn("PricingCurrency", "text", "conditional", "never", "`USD`"),
    FocusColumn(
        "PricingCurrencyContractedUnitPrice",
        "decimal",
        "conditional",
        "as ContractedUnitPrice",
        "as ContractedUnitPrice",
    ),
    FocusColumn("PricingCurrencyEffectiveCost", "decimal", "conditional", "never", "as EffectiveCost"),
    FocusColumn("PricingCurrencyListUnitPrice", "decimal", "conditional", "as ListUnitPrice", "as ListUnitPrice"),
    FocusColumn("PricingQuantity", "decimal", "mandatory", "allowed", "usage_quantity"),
    FocusColumn("PricingUnit", "text", "mandatory", "as PricingQuantity", "usage_unit, spelled as FOCUS does"),
    FocusColumn("ProviderName", "text", "mandatory", "never", "`Databricks`; deprecated", _BEFORE_1_4),
    FocusColumn("PublisherName", "text", "mandatory", "never", "`Databricks`; deprecated", _BEFORE_1_4),
    FocusColumn("RegionId", "text", "conditional", "allowed", "region of the workspace"),
    FocusColumn("RegionName", "text", "conditional", "as RegionId", "its name with the cloud provider; else the id"),
    FocusColumn("ResourceId", "text", "conditional", "allowed", "`workspaces/<workspace>/<kind>/<id>`"),
    FocusColumn(
        "ResourceName", "text", "conditional", "within ResourceId", "what it was called on the day", by_people=True
    ),
    FocusColumn("ResourceType", "text", "conditional", "as ResourceId", "SQL Warehouse, Job, Pipeline, Cluster ..."),
    FocusColumn("ServiceCategory", "text", "mandatory", "never", "product (services.py)"),
    FocusColumn("ServiceName", "text", "mandatory", "never", "product (services.py)", by_people=True),
    FocusColumn("ServiceProviderName", "text", "mandatory", "never", "`Databricks`", _SINCE_1_3),
    FocusColumn("ServiceSubcategory", "text", "recommended", "never", "product (services.py)"),
    FocusColumn("SkuId", "text", "conditional", "allowed", "sku_name"),
    FocusColumn("SkuMeter", "text", "conditional", "within SkuId", "usage_type"),
    FocusColumn(
        "SkuPriceDetails",
        "key_value",
        "conditional",
        "within SkuPriceId",
        "what the name of the SKU says: x_Tier, x_Serverless, x_Photon",
    ),
    FocusColumn("SkuPriceId", "text", "conditional", "allowed", "sku_name"),
    FocusColumn(
        "SubAccountId", "text", "conditional", "allowed", "workspace_id; empty for usage of the account itself"
    ),
    FocusColumn(
        "SubAccountName",
        "text",
        "conditional",
        "as SubAccountId",
        "what the workspace was called on the day; else its id",
        by_people=True,
    ),
    FocusColumn("SubAccountType", "text", "conditional", "as SubAccountId", "`Workspace`"),
    FocusColumn("Tags", "key_value", "conditional", "allowed", "tags, unaltered; a tag without a value is true"),
    _own("x_Team", "team that the record is allocated to; empty: shared by several, or Unallocated", by_people=True),
    _own("x_TeamId", "its number"),
    _own("x_AllocationMethod", "rule, user, tag, split, unallocated; empty: not allocated yet"),
    _own("x_AllocationRuleId", "number of the rule, or of the split with the method split"),
    _own("x_User", "user_email", by_people=True),
    _own("x_UserSource", "run_as, owned_by or created_by"),
    _own("x_BillingOriginProduct", "the product's code"),
    _own("x_Serverless", "true or false"),
    _own("x_ClusterId", "cluster_id"),
    _own("x_WarehouseId", "warehouse_id"),
    _own("x_JobId", "job_id"),
    _own("x_PipelineId", "pipeline_id"),
    _own("x_EndpointName", "endpoint_name", by_people=True),
    _own("x_RecordType", "record_type; empty where several were netted"),
    _own("x_IngestionDate", "day on which Databricks added it, the newest where several were netted"),
    _own("x_KeyId", "attribution key: everything cost can be attributed by; the parts of a split have the same one"),
)


def columns_of(version: Version) -> tuple[FocusColumn, ...]:
    """The columns of a version, in the order of the file: those of FOCUS by name, then CostPulse's own."""
    return tuple(column for column in COLUMNS if version in column.versions)
