-- one row per change, of a recommendation or seen without one: its newest outcome, the largest saving first. A change
-- of what is billed counts once (`counts`), however many recommendations asked for it.
with newest as (
    select distinct on (o.workspace_id, o.resource_type, o.resource_id, o.recommendation_id, o.changed_on)
        o.id,
        o.recommendation_id,
        o.workspace_id,
        o.resource_type,
        o.resource_id,
        o.resource_name,
        o.bearer_type,
        o.bearer_id,
        o.team_id,
        o.setting,
        o.setting_from,
        o.setting_to,
        o.changed_on,
        o.measured_on,
        o.measured_from,
        o.days_before,
        o.days_after,
        o.actual_cost_usd,
        o.counterfactual_usd,
        o.counterfactual_lower_usd,
        o.counterfactual_upper_usd,
        o.saving_usd,
        o.saving_lower_usd,
        o.saving_upper_usd,
        o.saving_per_30_days_usd,
        o.saving_per_30_days_lower_usd,
        o.saving_per_30_days_upper_usd,
        o.work_unit,
        o.work_before_per_day,
        o.work_after_per_day,
        o.comparable_resources,
        o.placebos,
        o.method,
        o.verdict,
        o.sentence,
        o.measured_at
    from costpulse.recommendation_outcomes as o
    order by
        o.workspace_id asc, o.resource_type asc, o.resource_id asc, o.recommendation_id asc, o.changed_on asc,
        o.measured_on desc
)

select
    n.*,
    n.verdict = 'proved' and row_number() over (
        partition by n.workspace_id, n.bearer_type, n.bearer_id, n.changed_on, n.verdict = 'proved'
        order by n.saving_per_30_days_usd desc, n.id asc
    ) = 1 as counts
from newest as n
order by n.saving_per_30_days_usd desc nulls last, n.id asc
