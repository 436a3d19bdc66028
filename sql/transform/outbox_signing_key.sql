-- one row: the key of a purpose; none where it was never made
select k.key
from costpulse.signing_keys as k
where k.purpose = %(purpose)s
