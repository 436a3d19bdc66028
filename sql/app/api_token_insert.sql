-- one row: the number of the new token; none where one of this name is in force. Its hash is kept apart.
with made as (
    insert into costpulse.api_tokens (name, prefix, team_ids, created_by, expires_at)
    values (%(name)s, %(prefix)s, %(team_ids)s::bigint[], %(actor)s, %(expires_at)s::timestamptz)
    on conflict (lower(name)) where revoked_at is null do nothing
    returning id
),

kept as (
    insert into costpulse.api_token_hashes (token_id, token_hash)
    select
        m.id,
        %(token_hash)s::bytea as token_hash
    from made as m
)

select m.id
from made as m
