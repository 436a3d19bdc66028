-- usage_date: since when, and until when, it is kept what was known of it
insert into costpulse.known_days (usage_date, known_since, known_until)
select
    d.usage_date,
    %(known_from)s::date as known_since,
    %(known_from)s::date as known_until
from unnest(%(days)s::date[]) as d (usage_date)
on conflict (usage_date) do update set known_until = excluded.known_until
