-- comparison x part of one scope
select
    c.comparison,
    c.then_first,
    c.then_last,
    c.now_first,
    c.now_last,
    c.part,
    c.amount_usd,
    c.then_usd,
    c.now_usd,
    c.detail
from costpulse.change_bridge as c
where c.scope_type = %(scope_type)s and c.scope_id = %(scope_id)s
order by c.comparison, c.part
