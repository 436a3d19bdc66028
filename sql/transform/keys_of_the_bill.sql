-- key_id x SKU of the bill
create temporary table matched_keys on commit drop as
select distinct
    b.key_id,
    b.sku_name
from matched_bill as b
