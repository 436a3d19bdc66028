-- usage_date x identity x workspace x team in the tags: sums of daily_key_costs over all keys of an identity
with keys as (
    select
        c.usage_date,
        c.key_id,
        sum(c.cost_usd) as cost_usd
    from costpulse.daily_key_costs as c
    where c.usage_date = any(%(days)s::date[])
    group by c.usage_date, c.key_id
)

insert into costpulse.daily_user_costs (usage_date, user_email, workspace_id, team_tag, cost_usd)
select
    d.usage_date,
    k.user_email,
    k.workspace_id,
    btrim(t.value) as team_tag,
    sum(d.cost_usd) as cost_usd
from keys as d
inner join costpulse.cost_keys as k on d.key_id = k.key_id
left join lateral (
    select e.value
    from jsonb_each_text(k.tags) as e
    where lower(e.key) = 'team' and btrim(e.value) <> ''
    order by (e.key = 'team') desc, e.key asc
    limit 1
) as t on true
where k.user_email is not null
group by d.usage_date, k.user_email, k.workspace_id, btrim(t.value)
