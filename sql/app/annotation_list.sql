-- one row per remark that may be seen on a day of the period, oldest first: for everybody, and of the teams asked for
select
    a.id,
    a.usage_date,
    a.note,
    a.team_id,
    a.author
from costpulse.annotations as a
where
    a.usage_date between %(first)s and %(last)s
    and (a.team_id is null or %(teams)s::bigint[] is null or a.team_id = any(%(teams)s::bigint[]))
order by a.usage_date, a.id
limit 100
