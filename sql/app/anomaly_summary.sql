-- one row: when anything was judged last and how many series, what people decided in the last 90 days and which of it
-- was no anomaly, and how many events that are shown are open
select
    greatest(max(a.judged_at), (select max(s.updated_at) from costpulse.detector_states as s)) as judged_at,
    (select max(s.series) from costpulse.detector_states as s) as series,
    count(*) filter (where d.is_shown and a.status in ('open', 'acknowledged')) as open,
    count(*) filter (where d.is_shown and d.is_decided) as decided,
    count(*) filter (where d.is_shown and d.is_decided and a.resolution = 'not an anomaly') as wrong
from costpulse.anomalies as a
cross join
    lateral (
        select
            not exists (select from costpulse.anomalies as p where p.id = a.parent_id) as is_shown,
            a.status in ('expected', 'resolved')
            and a.decided_by <> 'pipeline'
            and a.decided_at > %(now)s::timestamptz - interval '90 days' as is_decided
    ) as d
