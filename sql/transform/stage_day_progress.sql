-- open day (up to a week old) x settled day like it x number of hours: the share of the settled day's cost that its
-- first hours have, and that they have without what is billed once a day; beside how many hours of the open day are in
-- and what they cost. Days without staged_day_hours are not here.
create temporary table staged_day_progress on commit drop as
with days as (
    select
        h.usage_date,
        %(today)s::date - h.usage_date as age,
        extract(isodow from h.usage_date) >= 6 as is_weekend,
        sum(h.cost_usd) as cost_usd
    from staged_day_hours as h
    group by h.usage_date
    having sum(h.cost_usd) > 0
),

settled as (
    select
        d.usage_date,
        d.is_weekend,
        d.cost_usd
    from days as d
    where d.age >= 8
),

-- the same part of the week where that is seven days or more, else all days
alike as (
    select
        o.usage_date,
        s.usage_date as like_date,
        s.cost_usd
    from days as o
    inner join settled as s
        on
            o.is_weekend = s.is_weekend
            or (select count(*) from settled as q where q.is_weekend = o.is_weekend) < 7
    where o.age < 8
),

-- a product that is billed once a day has all of its usage in the first hour
products as (
    select
        h.product,
        max(h.usage_hour) = 0 as is_once_a_day
    from staged_day_hours as h
    where h.cost_usd > 0
    group by h.product
),

-- like is compared with like: what is billed once a day comes when the day is over, and until then is no part of it
seen as (
    select distinct
        h.usage_date,
        h.product,
        p.is_once_a_day
    from staged_day_hours as h
    inner join products as p on h.product = p.product
    where h.cost_usd > 0
),

comparable as (
    select
        a.usage_date,
        a.like_date,
        h.usage_hour,
        sum(h.cost_usd) / a.cost_usd as share,
        sum(h.cost_usd) filter (where not s.is_once_a_day) / a.cost_usd as hourly_share
    from alike as a
    inner join staged_day_hours as h on a.like_date = h.usage_date
    inner join seen as s on a.usage_date = s.usage_date and h.product = s.product
    group by a.usage_date, a.like_date, a.cost_usd, h.usage_hour
),

shares as (
    select
        a.usage_date,
        a.like_date,
        clock.usage_hour,
        coalesce(c.share, 0) as share,
        coalesce(sum(c.share) over until_then, 0) as share_until,
        coalesce(sum(c.hourly_share) over until_then, 0) as hourly_share_until
    from alike as a
    cross join generate_series(0, 23) as clock (usage_hour)
    left join comparable as c
        on a.usage_date = c.usage_date and a.like_date = c.like_date and clock.usage_hour = c.usage_hour
    window until_then as (partition by a.usage_date, a.like_date order by clock.usage_hour)
),

usual as (
    select
        s.usage_date,
        s.usage_hour,
        avg(s.share) as share
    from shares as s
    group by s.usage_date, s.usage_hour
),

costs as (
    select
        h.usage_date,
        h.usage_hour,
        sum(h.cost_usd) as cost_usd
    from staged_day_hours as h
    group by h.usage_date, h.usage_hour
),

-- pace: what the whole day would cost by its hours before this one
paced as (
    select
        u.usage_date,
        u.usage_hour,
        u.share,
        c.cost_usd,
        sum(c.cost_usd) over earlier / nullif(sum(u.share) over earlier, 0) as pace,
        sum(c.cost_usd) over (partition by u.usage_date order by u.usage_hour) as cost_until
    from usual as u
    left join costs as c on u.usage_date = c.usage_date and u.usage_hour = c.usage_hour
    where u.usage_date + make_interval(hours => u.usage_hour) < %(now)s::timestamptz at time zone 'UTC'
    window
        earlier as (partition by u.usage_date order by u.usage_hour rows between unbounded preceding and 1 preceding)
),

-- the newest hour that has at least half of what it would have at that pace: one row that came early is not an hour
newest as (
    select distinct on (p.usage_date)
        p.usage_date,
        p.usage_hour + 1 as hours_in,
        p.cost_until as cost_in
    from paced as p
    where p.cost_usd > 0 and p.cost_usd >= coalesce(p.pace, 0) * p.share / 2
    order by p.usage_date asc, p.usage_hour desc
)

select
    s.usage_date,
    s.like_date,
    s.usage_hour + 1 as hours,
    s.share_until as share,
    s.hourly_share_until as hourly_share,
    n.hours_in,
    n.cost_in
from shares as s
inner join newest as n on s.usage_date = n.usage_date
