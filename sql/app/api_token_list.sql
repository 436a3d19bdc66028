-- one row per token that was ever made, by name, those in force first: whose rows it reads and whether it still does
select
    t.id,
    t.name,
    t.prefix,
    t.team_ids,
    (
        select array_agg(coalesce(m.name, 'team ' || s.team_id) order by s.place)
        from unnest(t.team_ids) with ordinality as s (team_id, place)
        left join costpulse.teams as m on s.team_id = m.id
    ) as teams,
    t.created_by,
    t.created_at,
    t.expires_at,
    t.last_used_at,
    t.revoked_at,
    case
        when t.revoked_at is not null then 'revoked'
        when t.expires_at <= now() then 'expired'
        else 'in force'
    end as status
from costpulse.api_tokens as t
order by t.revoked_at is not null, lower(t.name), t.id
