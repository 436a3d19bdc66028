-- one row: the number of the token that is revoked now; none where none of this name is in force
update costpulse.api_tokens as t
set revoked_at = now(), revoked_by = %(actor)s
where lower(t.name) = lower(%(name)s) and t.revoked_at is null
returning t.id
