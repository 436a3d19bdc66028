-- one row per token that is not revoked: its hash, and the scope that it reads in (teams with all below them)
select
    t.id,
    t.prefix,
    h.token_hash,
    t.expires_at,
    case
        when t.team_ids is null then 'all'
        else (
            select coalesce(string_agg(distinct s.team_id::text, ','), '')
            from costpulse.team_scopes as s
            where s.scope_team_id = any(t.team_ids)
        )
    end as scope
from costpulse.api_tokens as t
inner join costpulse.api_token_hashes as h on t.id = h.token_id
where t.revoked_at is null
