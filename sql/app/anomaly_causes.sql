-- event asked for x dimension x value: the parts of its difference, largest first, what names nothing last
select
    anomaly_id,
    dimension,
    value_id,
    name,
    actual_usd,
    expected_usd,
    difference_usd,
    share,
    price_effect_usd,
    volume_effect_usd,
    is_new,
    is_gone,
    rank,
    is_main
from costpulse.anomaly_causes
where anomaly_id = any(%(ids)s) and (rank <= %(ranks)s or rank is null)
order by anomaly_id, dimension, rank nulls last, value_id nulls last
