-- one row: the whole message of a finding, and its evidence
select
    content::text as content,
    evidence::text as evidence,
    finding_key
from costpulse.alert_history
where id = %(id)s
