-- one row per month, SKU and workspace, those that differ most first
select
    r.month,
    r.sku_name,
    r.workspace_id,
    r.workspace,
    r.file_value,
    r.our_value,
    r.difference,
    r.unpriced,
    r.discount,
    r.late_rows,
    r.currency,
    r.missing_workspace,
    r.earlier_months,
    r.rounding,
    r.not_explained
from reconcile_result as r
order by
    r.month asc,
    abs(r.not_explained) desc,
    abs(r.difference) desc,
    r.sku_name asc nulls last,
    r.workspace_id asc nulls last
