-- price_adjustments becomes this list: rows without an id are new, in this order, and ids that are not in it go
with wanted as (
    select
        w.id,
        w.sku_pattern,
        w.percentage,
        w.fixed_rate,
        w.valid_from,
        w.valid_to + 1 as valid_to,
        w.note,
        w.position
    from unnest(
        %(ids)s::bigint[],
        %(sku_patterns)s::text[],
        %(percentages)s::numeric[],
        %(fixed_rates)s::numeric[],
        %(valid_from)s::date[],
        %(valid_to)s::date[],
        %(notes)s::text[]
    ) with ordinality as w (id, sku_pattern, percentage, fixed_rate, valid_from, valid_to, note, position)
),

gone as (
    delete from costpulse.price_adjustments as p
    where not exists (select 1 from wanted as w where w.id = p.id)
),

changed as (
    update costpulse.price_adjustments as p
    set
        sku_pattern = w.sku_pattern,
        percentage = w.percentage,
        fixed_rate = w.fixed_rate,
        valid_from = w.valid_from,
        valid_to = w.valid_to,
        note = w.note,
        updated_at = clock_timestamp()
    from wanted as w
    where
        w.id = p.id
        and (p.sku_pattern, p.percentage, p.fixed_rate, p.valid_from, p.valid_to, p.note)
        is distinct from (w.sku_pattern, w.percentage, w.fixed_rate, w.valid_from, w.valid_to, w.note)
)

insert into costpulse.price_adjustments (sku_pattern, percentage, fixed_rate, valid_from, valid_to, note)
select
    w.sku_pattern,
    w.percentage,
    w.fixed_rate,
    w.valid_from,
    w.valid_to,
    w.note
from wanted as w
where w.id is null
order by w.position
