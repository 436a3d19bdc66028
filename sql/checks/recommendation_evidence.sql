-- type x name of a figure: what the evidence of the newest run consists of
select distinct
    r.type,
    e.name
from costpulse.recommendations as r
cross join lateral jsonb_object_keys(r.evidence) as e (name)
where r.gone_at is null and r.found_at = (select max(n.found_at) from costpulse.recommendations as n)
order by r.type, e.name
