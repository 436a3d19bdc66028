-- change x recommendation: what was done in the last days that are measured, asked for or seen
with history as (
    select
        s.workspace_id,
        s.resource_type,
        s.resource_id,
        s.setting,
        s.value,
        lag(s.value) over version as previous_value,
        lag(s.valid_from) over version is not null as is_change,
        last_value(s.value) over (
            version rows between unbounded preceding and unbounded following
        ) as newest_value,
        (s.valid_from at time zone 'UTC')::date as changed_on
    from costpulse.resource_settings as s
    window version as (
        partition by s.workspace_id, s.resource_type, s.resource_id, s.setting order by s.valid_from
    )
),

-- of several changes on one day the last counts
changes as (
    select distinct on (h.workspace_id, h.resource_type, h.resource_id, h.setting, h.changed_on) h.*
    from history as h
    where h.is_change
    order by h.workspace_id, h.resource_type, h.resource_id, h.setting, h.changed_on
),

measured as (
    select
        o.recommendation_id,
        o.changed_on,
        bool_or(o.verdict in ('proved', 'evaporated')) as was_proved
    from costpulse.recommendation_outcomes as o
    where o.recommendation_id is not null
    group by o.recommendation_id, o.changed_on
),

-- one that is there again after it was done is still measured: that is how a saving is seen to evaporate
asked_for as (
    select
        r.id as recommendation_id,
        r.workspace_id,
        r.resource_type,
        r.resource_id,
        r.resource_name,
        r.bearer_type,
        r.bearer_id,
        r.acts_on,
        r.team_id,
        r.setting,
        coalesce(r.done_on, m.changed_on) as changed_on
    from costpulse.recommendations as r
    left join lateral (
        select max(o.changed_on) as changed_on
        from measured as o
        where o.recommendation_id = r.id
    ) as m on true
    where
        coalesce(r.done_on, m.changed_on) between %(first_changed_on)s and %(last_date)s
        and (r.status = 'done' or r.decided_by = 'pipeline')
),

seen as (
    select
        c.workspace_id,
        c.resource_type,
        c.resource_id,
        c.setting,
        c.changed_on
    from changes as c
    cross join
        lateral (
            select
                costpulse.setting_rank(c.setting, coalesce(c.previous_value, '0')) as rank_before,
                costpulse.setting_rank(c.setting, coalesce(c.value, '0')) as rank_after
        ) as k
    where
        c.changed_on between %(first_changed_on)s and %(last_date)s
        and k.rank_after <= k.rank_before * case
            when c.setting in ('auto_termination_minutes', 'auto_stop_minutes') then 0.5
            when c.setting = 'warehouse_size' then 0.99
            else 0.8
        end
        and not exists (
            select from asked_for as a
            where
                a.workspace_id = c.workspace_id
                and a.resource_type = c.resource_type
                and a.resource_id = c.resource_id
                and a.changed_on = c.changed_on
        )
),

every_change as (
    select
        a.recommendation_id,
        a.workspace_id,
        a.resource_type,
        a.resource_id,
        a.resource_name,
        a.bearer_type,
        a.bearer_id,
        a.acts_on,
        a.team_id,
        a.setting,
        a.changed_on
    from asked_for as a
    union all
    select
        null as recommendation_id,
        s.workspace_id,
        s.resource_type,
        s.resource_id,
        coalesce(c.cluster_name, w.name) as resource_name,
        s.resource_type as bearer_type,
        s.resource_id as bearer_id,
        case
            when s.setting in ('auto_termination_minutes', 'auto_stop_minutes') then 'idle time' else 'size'
        end as acts_on,
        null as team_id,
        s.setting,
        s.changed_on
    from seen as s
    left join costpulse.clusters as c
        on s.resource_type = 'cluster' and s.workspace_id = c.workspace_id and s.resource_id = c.cluster_id
    left join costpulse.warehouses as w
        on s.resource_type = 'warehouse' and s.workspace_id = w.workspace_id and s.resource_id = w.warehouse_id
)

select
    e.recommendation_id,
    e.workspace_id,
    e.resource_type,
    e.resource_id,
    e.resource_name,
    e.bearer_type,
    e.bearer_id,
    e.acts_on,
    e.team_id,
    e.setting,
    e.changed_on,
    h.previous_value as setting_from,
    h.value as setting_to,
    coalesce(
        h.is_change
        and costpulse.setting_rank(e.setting, coalesce(h.newest_value, '0'))
        >= costpulse.setting_rank(e.setting, coalesce(h.previous_value, '0')),
        false
    ) as is_changed_back,
    (
        select max(c.changed_on)
        from changes as c
        where
            c.workspace_id = e.workspace_id
            and c.resource_type = e.bearer_type
            and c.resource_id = e.bearer_id
            and c.changed_on < e.changed_on
    ) as changed_before,
    (
        select min(c.changed_on)
        from changes as c
        where
            c.workspace_id = e.workspace_id
            and c.resource_type = e.bearer_type
            and c.resource_id = e.bearer_id
            and c.setting is distinct from e.setting
            and c.changed_on > e.changed_on
    ) as changed_after,
    coalesce((
        select bool_or(o.verdict in ('proved', 'evaporated'))
        from costpulse.recommendation_outcomes as o
        where
            o.recommendation_id is not distinct from e.recommendation_id
            and o.workspace_id is not distinct from e.workspace_id
            and o.resource_type = e.resource_type
            and o.resource_id = e.resource_id
            and o.changed_on = e.changed_on
            and o.measured_on < %(last_date)s
    ), false) as was_proved
from every_change as e
left join changes as h
    on
        e.workspace_id = h.workspace_id
        and e.resource_type = h.resource_type
        and e.resource_id = h.resource_id
        and e.setting = h.setting
        and e.changed_on = h.changed_on
order by e.changed_on, e.workspace_id, e.resource_type, e.resource_id, e.recommendation_id
