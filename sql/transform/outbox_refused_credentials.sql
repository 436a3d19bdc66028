-- one row per channel and credential with which messages were refused
select distinct
    o.channel,
    o.credential
from costpulse.alert_outbox as o
where
    o.state = 'refused'
    and o.credential is not null
    and o.purpose <> 'test'
