-- one row: changes when any price adjustment does
select coalesce(md5(string_agg(a::text, '|' order by a.id)), '') as fingerprint
from costpulse.price_adjustments as a
