-- source x connection: how the last attempt went; the last success is kept
insert into costpulse.collection_status as known (
    source, connection, state, message, next_step, attempted_at, succeeded_at, as_of
)
values (
    %(source)s, %(connection)s, %(state)s, %(message)s, %(next_step)s, now(),
    case when %(state)s = 'ok' then now() end, %(as_of)s
)
on conflict (source, connection) do update set
    state = excluded.state,
    message = excluded.message,
    next_step = excluded.next_step,
    attempted_at = excluded.attempted_at,
    succeeded_at = coalesce(excluded.succeeded_at, known.succeeded_at),
    as_of = coalesce(excluded.as_of, known.as_of)
