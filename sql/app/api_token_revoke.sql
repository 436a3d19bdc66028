-- one row: the number of the token that is revoked now; none where none of this name is in force
select t.id
from costpulse.revoke_api_token(%(name)s::text) as t (id)
where t.id is not null
