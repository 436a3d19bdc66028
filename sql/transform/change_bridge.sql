-- comparison x scope x part, from bridged
insert into costpulse.change_bridge (
    comparison, scope_type, scope_id, then_first, then_last, now_first, now_last, part, amount_usd, then_usd, now_usd,
    detail
)
select
    %(comparison)s as comparison,
    b.scope_type,
    b.scope_id,
    %(then_first)s as then_first,
    %(then_last)s as then_last,
    %(now_first)s as now_first,
    %(now_last)s as now_last,
    b.part,
    b.amount_usd,
    b.then_usd,
    b.now_usd,
    b.detail
from bridged as b
