-- adds the prices of one source that were read
insert into costpulse.vm_prices (cloud, region, node_type, usd_per_hour, source, valid_from)
select
    p.cloud,
    p.region,
    p.node_type,
    p.usd_per_hour,
    %(source)s,
    p.valid_from
from
    unnest(
        %(clouds)s::text[], %(regions)s::text[], %(node_types)s::text[], %(usd_per_hours)s::numeric[],
        %(valid_froms)s::date[]
    ) as p (cloud, region, node_type, usd_per_hour, valid_from)
