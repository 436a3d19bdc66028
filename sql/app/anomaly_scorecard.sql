-- method x class of event: how well the detectors find events that were put into this account's history
select
    method,
    event_class,
    injected,
    found,
    mean_delay_days,
    missed_usd,
    false_alarms_per_week,
    wanted_alarms_per_week,
    suggested_sensitivity,
    series,
    first_date,
    last_date,
    computed_at
from costpulse.detector_scorecard
order by method, event_class
