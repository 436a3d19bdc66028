-- closed month x cause: what was priced or allocated anew after the closing, so that its file is not what it was
select
    l.month,
    l.cause,
    count(*) as line_count
from costpulse.statement_lines as l
where
    l.month = any(%(months)s::date[])
    and l.kind = 'adjustment'
    and l.cause in ('price', 'rule')
    and l.voided_at is null
group by l.month, l.cause
order by l.month, l.cause
