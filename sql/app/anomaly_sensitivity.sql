-- one row per scope about which people taught the detector something
select
    scope_type,
    scope_id,
    factor,
    minimum_impact_usd,
    reason
from costpulse.series_sensitivity
order by scope_type, scope_id
