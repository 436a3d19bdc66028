-- one row: what the changes of the last 90 days that the viewer may see were proved to save per 30 days, each change of
-- what is billed once
with newest as (
    select distinct on (o.workspace_id, o.resource_type, o.resource_id, o.recommendation_id, o.changed_on)
        o.workspace_id,
        o.bearer_type,
        o.bearer_id,
        o.changed_on,
        o.saving_per_30_days_usd,
        o.saving_per_30_days_lower_usd,
        o.saving_per_30_days_upper_usd,
        o.verdict
    from costpulse.recommendation_outcomes as o
    where o.changed_on > %(today)s::date - 90
    order by
        o.workspace_id asc, o.resource_type asc, o.resource_id asc, o.recommendation_id asc, o.changed_on asc,
        o.measured_on desc
),

once as (
    select distinct on (n.workspace_id, n.bearer_type, n.bearer_id, n.changed_on)
        n.saving_per_30_days_usd,
        n.saving_per_30_days_lower_usd,
        n.saving_per_30_days_upper_usd,
        n.verdict
    from newest as n
    order by
        n.workspace_id asc, n.bearer_type asc, n.bearer_id asc, n.changed_on asc, (n.verdict = 'proved') desc,
        n.saving_per_30_days_usd desc
)

select
    count(*) filter (where o.verdict = 'proved') as proved,
    count(*) filter (where o.verdict = 'measuring') as measuring,
    count(*) filter (where o.verdict in ('not proved', 'workload shrank')) as not_proved,
    count(*) filter (where o.verdict = 'evaporated') as evaporated,
    coalesce(sum(o.saving_per_30_days_usd) filter (where o.verdict = 'proved'), 0) as saving_per_30_days_usd,
    coalesce(sum(o.saving_per_30_days_lower_usd) filter (where o.verdict = 'proved'), 0)
        as saving_per_30_days_lower_usd,
    coalesce(sum(o.saving_per_30_days_upper_usd) filter (where o.verdict = 'proved'), 0)
        as saving_per_30_days_upper_usd
from once as o
