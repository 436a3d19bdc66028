-- key_id x SKU of daily_key_costs on the days: all keys, or these
create temporary table matched_keys on commit drop as
select distinct
    d.key_id,
    d.sku_name
from costpulse.daily_key_costs as d
where d.usage_date = any(%(days)s::date[]) and (%(keys)s::uuid[] is null or d.key_id = any(%(keys)s::uuid[]))
