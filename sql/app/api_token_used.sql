-- no rows; a token says when it was used last
update costpulse.api_tokens as t
set last_used_at = now()
where t.id = %(id)s::bigint and (t.last_used_at is null or t.last_used_at < now() - interval '1 minute')
