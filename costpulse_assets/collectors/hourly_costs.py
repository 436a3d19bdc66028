"""Usage and cost by the hour, for views within a day: the bill of cost_records, grouped otherwise."""

from costpulse_assets.collectors.billing_days import BillingTable

HOURLY_COSTS = BillingTable(
    name="hourly_costs",
    reads=("billing.usage", "billing.list_prices"),
    columns=(
        "usage_date",
        "usage_hour",
        "workspace_id",
        "sku_name",
        "product",
        "usage_unit",
        "warehouse_id",
        "dbu_rate",
        "usage_quantity",
        "record_count",
    ),
    description="Cost per day, UTC hour, workspace, SKU, product, unit, warehouse and list rate, corrections netted. "
    "Usage counts in the hour in which it starts; storage is billed once a day. Its days add up to cost_records.",
    kept_days=90,
    check="hourly_costs_conserve",
)
