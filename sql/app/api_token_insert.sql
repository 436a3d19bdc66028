-- one row: the number of the token that is made in the name of costpulse.actor; none where one of this name is in force
select t.id
from
    costpulse.create_api_token(
        %(name)s::text, %(prefix)s::text, %(team_ids)s::bigint[], %(expires_at)s::timestamptz, %(token_hash)s::bytea
    ) as t (id)
where t.id is not null
