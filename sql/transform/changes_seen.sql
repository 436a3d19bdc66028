-- Recommendations whose setting was seen to change the way they asked for, while they were made, are done since that
-- day; one row each. What changed only part of the way counts once the recommendation is not found any more.
with candidates as (
    select
        r.id,
        r.setting,
        r.setting_from,
        r.setting_to,
        coalesce(newest.value, '0') as value,
        (
            select min(k.valid_from)
            from costpulse.resource_settings as k
            where
                k.workspace_id = r.workspace_id
                and k.resource_type = r.resource_type
                and k.resource_id = r.resource_id
                and k.setting = r.setting
                and k.valid_from > coalesce(last_so.valid_from, '-infinity')
        ) as changed_at,
        r.gone_at,
        case
            when r.status = 'open' then greatest(r.found_first_at, coalesce(r.decided_at, r.found_first_at))
            else r.found_first_at
        end as made_at
    from costpulse.recommendations as r
    cross join
        lateral (
            select k.value
            from costpulse.resource_settings as k
            where
                k.workspace_id = r.workspace_id
                and k.resource_type = r.resource_type
                and k.resource_id = r.resource_id
                and k.setting = r.setting
            order by k.valid_from desc
            limit 1
        ) as newest
    left join lateral (
        select max(k.valid_from) as valid_from
        from costpulse.resource_settings as k
        where
            k.workspace_id = r.workspace_id
            and k.resource_type = r.resource_type
            and k.resource_id = r.resource_id
            and k.setting = r.setting
            and coalesce(k.value, '0') = r.setting_from
    ) as last_so on true
    where
        r.setting_from is not null
        and (
            r.status in ('open', 'accepted')
            or (r.status = 'expired' and r.decided_by = 'pipeline' and r.status_reason = 'condition is gone')
        )
),

ranked as (
    select
        c.*,
        (c.changed_at at time zone 'UTC')::date as changed_on,
        costpulse.setting_rank(c.setting, c.value) as rank_now,
        costpulse.setting_rank(c.setting, c.setting_from) as rank_from,
        costpulse.setting_rank(c.setting, c.setting_to) as rank_to
    from candidates as c
    where c.value <> c.setting_from
)

update costpulse.recommendations as r
set
    status = 'done',
    done_on = k.changed_on,
    status_reason = format('seen to have changed from %%s to %%s on %%s', k.setting_from, k.value, k.changed_on),
    decided_by = 'pipeline',
    decided_at = %(now)s
from ranked as k
where
    r.id = k.id
    and k.changed_on between (k.made_at at time zone 'UTC')::date and %(today)s
    and (k.gone_at is null or k.changed_at <= k.gone_at)
    and (
        k.value = k.setting_to
        or k.rank_now <= k.rank_to
        or (k.rank_now < k.rank_from and k.gone_at is not null)
    )
returning r.id
