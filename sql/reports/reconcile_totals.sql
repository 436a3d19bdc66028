-- one row: the whole comparison
select
    coalesce(sum(r.file_value), 0) as file_value,
    coalesce(sum(r.our_value), 0) as our_value,
    coalesce(sum(r.difference), 0) as difference,
    coalesce(sum(r.unpriced), 0) as unpriced,
    coalesce(sum(r.discount), 0) as discount,
    coalesce(sum(r.late_rows), 0) as late_rows,
    coalesce(sum(r.currency), 0) as currency,
    coalesce(sum(r.missing_workspace), 0) as missing_workspace,
    coalesce(sum(r.earlier_months), 0) as earlier_months,
    coalesce(sum(r.rounding), 0) as rounding,
    coalesce(sum(r.not_explained), 0) as not_explained,
    count(*) filter (where r.not_explained <> 0) as not_explained_count
from reconcile_result as r
