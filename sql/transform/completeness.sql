-- one row per collected usage_date: how much of it is in, what it will be, and whether it may be judged.
-- Whether, the arrival curve says: which share of a day is in k days after it. How much of a day that is not final, its
-- hours say where they are known: the share that the hours that are in have of days like it, less what arrives late.
with days as (
    select
        d.usage_date,
        coalesce(c.cost_usd, 0) as cost_usd,
        greatest(%(today)s::date - d.usage_date, 0) as age
    from costpulse.collected_days as d
    left join (
        select
            t.usage_date,
            sum(t.cost_usd) as cost_usd
        from costpulse.daily_sku_costs as t
        group by t.usage_date
    ) as c on d.usage_date = c.usage_date
    where d.source = 'cost_records'
),

clock as (
    select
        extract(hour from %(now)s::timestamptz at time zone 'UTC') / 24 as day_share,
        -- hours between the newest usage that is in and now
        extract(
            epoch from (%(now)s::timestamptz at time zone 'UTC')
            - max(p.usage_date + make_interval(hours => p.hours_in))
        ) / 3600 as lag_hours
    from staged_day_progress as p
),

-- an ingestion day says what is in when it ends: today, only the part of the day that is over has arrived
by_day as (
    select
        a.age,
        min(a.basis) as basis,
        percentile_cont(0.5) within group (order by a.share)::numeric as whole_day,
        percentile_cont(0.5) within group (order by a.share * passed.share)::numeric as typical,
        percentile_cont(0.1) within group (order by a.share * passed.share)::numeric as low,
        percentile_cont(0.9) within group (order by a.share * passed.share)::numeric as high
    from staged_arrivals as a
    cross join clock as c
    inner join lateral (
        select case when a.age = 0 and a.basis = 'ingestion_date' then c.day_share else 1 end as share
    ) as passed on true
    group by a.age
),

-- open day x settled day like it x age: which share of the hours that could be in was in. On the day itself not all
-- could: those of the lag were still to come. A day later never less is in.
punctual as (
    select
        p.usage_date,
        p.like_date,
        a.age,
        a.basis,
        case
            when a.age = 0 then least(a.last_share / nullif(p.hourly_share, 0), later.share, 1)
            else a.share
        end as share
    from staged_arrivals as a
    cross join clock as c
    inner join staged_day_progress as p
        on
            a.usage_date = p.like_date
            and p.hours = case when a.age = 0 then greatest(floor(a.hours_passed - c.lag_hours), 1) else 24 end
    left join staged_arrivals as later on a.usage_date = later.usage_date and later.age = a.age + 1
),

-- what arrives by ingestion day arrives little by little between the ends of two days
punctual_now as (
    select
        p.usage_date,
        p.like_date,
        p.age,
        case
            when p.age > 0 and p.basis = 'ingestion_date'
                then lag(p.share) over by_age + (p.share - lag(p.share) over by_age) * c.day_share
            else p.share
        end as share
    from punctual as p
    cross join clock as c
    window by_age as (partition by p.usage_date, p.like_date order by p.age)
),

-- what would be in of each settled day if it stood where the open day stands
by_hour as (
    select
        p.usage_date,
        p.hours_in,
        p.cost_in,
        percentile_cont(0.5) within group (order by p.share * n.share)::numeric as typical,
        percentile_cont(0.1) within group (order by p.share * n.share)::numeric as low,
        percentile_cont(0.9) within group (order by p.share * n.share)::numeric as high
    from staged_day_progress as p
    inner join punctual_now as n
        on
            p.usage_date = n.usage_date
            and p.like_date = n.like_date
            and n.age = %(today)s::date - p.usage_date
    where p.hours = p.hours_in
    group by p.usage_date, p.hours_in, p.cost_in
    having count(*) >= 7
),

judged as (
    select
        d.usage_date,
        d.cost_usd,
        d.age < %(provisional_days)s or coalesce(c.whole_day, 1) < %(complete_share)s as is_provisional,
        coalesce(c.typical, 1) as typical,
        coalesce(c.low, 1) as low,
        coalesce(c.high, 1) as high,
        coalesce(c.basis, 'none') as basis
    from days as d
    left join by_day as c on d.age = c.age
),

known as (
    select
        j.usage_date,
        j.cost_usd,
        j.is_provisional,
        coalesce(h.cost_in, j.cost_usd) as cost_in,
        -- so far a day is never less than what is in by now
        case when h.usage_date is not null then j.cost_usd end as at_least,
        coalesce(h.typical, j.typical) as typical,
        coalesce(h.low, j.low) as low,
        coalesce(h.high, j.high) as high,
        (j.usage_date + make_interval(hours => h.hours_in)) at time zone 'UTC' as in_until,
        case when h.usage_date is not null then 'hourly_costs' else j.basis end as basis
    from judged as j
    -- less than a thousandth tells nothing of the rest
    left join by_hour as h on j.usage_date = h.usage_date and j.is_provisional and h.low >= 0.001
)

insert into costpulse.completeness (
    usage_date, cost_usd, share_in, expected_cost, lower_bound, upper_bound, is_provisional, in_until, basis
)
select
    k.usage_date,
    k.cost_usd,
    k.typical as share_in,
    greatest(round(k.cost_in / nullif(k.typical, 0), 18), k.at_least) as expected_cost,
    greatest(round(k.cost_in / nullif(case when k.cost_in < 0 then k.low else k.high end, 0), 18), k.at_least)
        as lower_bound,
    greatest(round(k.cost_in / nullif(case when k.cost_in < 0 then k.high else k.low end, 0), 18), k.at_least)
        as upper_bound,
    k.is_provisional,
    k.in_until,
    k.basis
from known as k
on conflict (usage_date) do update set
    cost_usd = excluded.cost_usd,
    share_in = excluded.share_in,
    expected_cost = excluded.expected_cost,
    lower_bound = excluded.lower_bound,
    upper_bound = excluded.upper_bound,
    is_provisional = excluded.is_provisional,
    in_until = excluded.in_until,
    basis = excluded.basis,
    computed_at = now()
