-- one row: grows with every change of what decides the allocation, also with one that was committed out of order
select count(*) as changes
from costpulse.rule_versions
