-- one row: how many series are watched
select count(*) as series
from (
    select
    from ({series}) as d
    group by d.scope_type, d.scope_id
) as s
