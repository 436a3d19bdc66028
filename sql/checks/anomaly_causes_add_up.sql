-- event x dimension whose causes are not the whole event: there must be none
select
    a.id,
    d.dimension,
    a.actual_usd,
    a.expected_usd,
    sum(c.actual_usd) as causes_actual_usd,
    sum(c.expected_usd) as causes_expected_usd
from costpulse.anomalies as a
cross join
    unnest(
        array['workspace', 'product', 'team', 'sku', 'job', 'pipeline', 'warehouse', 'cluster', 'endpoint', 'user']
    ) as d (dimension)
left join costpulse.anomaly_causes as c on a.id = c.anomaly_id and d.dimension = c.dimension
group by a.id, d.dimension
having
    a.actual_usd <> coalesce(sum(c.actual_usd), 0)
    or a.expected_usd <> coalesce(sum(c.expected_usd), 0)
