-- event that is due x dimension x value: what part of the difference it is. The ten largest are named; the others, and
-- what has no value, have a row each, so that every dimension adds up to the event.
with rates as (
    select
        event_no,
        sku_name,
        usage_unit,
        sum(expected_usd) / nullif(sum(expected_quantity), 0) as expected_rate
    from staged_anomaly_costs
    group by event_no, sku_name, usage_unit
),

split as (
    select
        c.event_no,
        v.dimension,
        v.value_id,
        max(case when v.dimension = 'job' then k.job_name end) as job_name,
        sum(c.actual_usd) as actual_usd,
        sum(c.expected_usd) as expected_usd,
        sum(c.actual_quantity) as actual_quantity,
        sum(c.expected_quantity) as expected_quantity,
        -- to ten digits: a quotient is no rate to the last one
        round(coalesce(sum(c.actual_usd - c.actual_quantity * r.expected_rate), 0), 10) as price_effect_usd
    from staged_anomaly_costs as c
    inner join costpulse.cost_keys as k on c.key_id = k.key_id
    inner join rates as r
        on c.event_no = r.event_no and c.sku_name = r.sku_name and c.usage_unit = r.usage_unit
    cross join
        lateral (
            values
            ('workspace', k.workspace_id),
            ('product', k.product),
            ('team', coalesce(c.team_id::text, 'unallocated')),
            ('sku', c.sku_name),
            ('job', coalesce(k.workspace_id, '') || '/' || k.job_id),
            ('pipeline', coalesce(k.workspace_id, '') || '/' || k.pipeline_id),
            ('warehouse', coalesce(k.workspace_id, '') || '/' || k.warehouse_id),
            (
                'cluster',
                case
                    when k.job_id is null and k.pipeline_id is null and k.warehouse_id is null
                        then coalesce(k.workspace_id, '') || '/' || k.cluster_id
                end
            ),
            ('endpoint', coalesce(k.workspace_id, '') || '/' || k.endpoint_name),
            ('user', k.user_email)
        ) as v (dimension, value_id)
    group by c.event_no, v.dimension, v.value_id
),

ranked as (
    select
        s.event_no,
        s.dimension,
        s.job_name,
        s.actual_usd,
        s.expected_usd,
        s.actual_quantity,
        s.expected_quantity,
        s.price_effect_usd,
        coalesce(s.value_id, '') as value_id,
        case
            when s.value_id is not null
                then row_number() over (
                    partition by s.event_no, s.dimension, s.value_id is null
                    order by
                        case
                            when e.direction = 'up' then s.actual_usd - s.expected_usd
                            else s.expected_usd - s.actual_usd
                        end desc,
                        s.value_id
                )
        end as place
    from split as s
    inner join staged_anomalies as e on s.event_no = e.event_no
),

kept as (
    select
        event_no,
        dimension,
        case when coalesce(place, 1) <= 10 then value_id end as value_id,
        min(place) filter (where place <= 10) as place,
        max(job_name) filter (where place <= 10) as job_name,
        sum(actual_usd) as actual_usd,
        sum(expected_usd) as expected_usd,
        sum(actual_quantity) as actual_quantity,
        sum(expected_quantity) as expected_quantity,
        sum(price_effect_usd) as price_effect_usd
    from ranked
    group by event_no, dimension, case when coalesce(place, 1) <= 10 then value_id end
),

shares as (
    select
        k.*,
        a.id as anomaly_id,
        a.start_date,
        k.actual_usd - k.expected_usd as difference_usd,
        round((k.actual_usd - k.expected_usd) / nullif(a.impact_usd, 0), 6) as share
    from kept as k
    inner join staged_anomalies as s on k.event_no = s.event_no
    inner join costpulse.anomalies as a on s.anomaly_id = a.id
),

-- the most specific dimension whose largest value makes up half of the event
mains as (
    select distinct on (s.event_no)
        s.event_no,
        s.dimension
    from shares as s
    where s.place = 1 and s.share >= 0.5
    order by
        s.event_no,
        array_position(
            array[
                'job', 'pipeline', 'endpoint', 'warehouse', 'cluster', 'sku', 'user', 'product', 'team', 'workspace'
            ],
            s.dimension
        )
)

insert into costpulse.anomaly_causes (
    anomaly_id, dimension, value_id, name, actual_usd, expected_usd, difference_usd, share,
    price_effect_usd, volume_effect_usd, is_new, is_gone, rank, is_main
)
select
    s.anomaly_id,
    s.dimension,
    s.value_id,
    case
        when s.place is null then null
        when s.dimension in ('product', 'sku', 'user') then s.value_id
        when s.dimension = 'workspace' then w.name
        when s.dimension = 'team' then coalesce(t.name, initcap(s.value_id))
        when s.dimension = 'endpoint' then substring(s.value_id from position('/' in s.value_id) + 1)
        else coalesce(n.name, s.job_name)
    end as name,
    s.actual_usd,
    s.expected_usd,
    s.difference_usd,
    s.share,
    s.price_effect_usd,
    s.difference_usd - s.price_effect_usd as volume_effect_usd,
    s.place is not null and s.expected_quantity = 0 and s.actual_quantity > 0 as is_new,
    s.place is not null and s.actual_quantity = 0 and s.expected_quantity > 0 as is_gone,
    s.place,
    coalesce(m.event_no is not null and s.place = 1, false) as is_main
from shares as s
left join mains as m on s.event_no = m.event_no and s.dimension = m.dimension
left join costpulse.workspaces as w on s.dimension = 'workspace' and s.value_id = w.workspace_id
left join costpulse.teams as t on s.dimension = 'team' and s.value_id = t.id::text
-- as it was called when it began; before its first known name it goes by that one
left join lateral (
    select r.name
    from costpulse.resource_names as r
    where
        s.dimension in ('job', 'pipeline', 'warehouse', 'cluster')
        and r.workspace_id = split_part(s.value_id, '/', 1)
        and r.resource_type = s.dimension
        and r.resource_id = substring(s.value_id from position('/' in s.value_id) + 1)
        and r.name is not null
    order by r.valid_from <= s.start_date desc, abs(r.valid_from - s.start_date)
    limit 1
) as n on true
