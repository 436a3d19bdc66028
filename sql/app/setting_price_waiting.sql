-- one row: how many collected days are marked to be priced anew
select count(*) as days
from costpulse.collected_days as d
where d.source = 'cost_records' and d.reprice_reason is not null
