-- one row per finding asked for that was recorded before
select h.finding_key
from costpulse.alert_history as h
where h.finding_key = any(%(finding_keys)s::text[])
