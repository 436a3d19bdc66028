-- one row per row of key_allocations of a day that went to a team directly, under the name by which the pass reads it
create temporary view claimed_bill as
select
    a.usage_date,
    a.team_id,
    a.cost_usd
from costpulse.key_allocations as a
where a.usage_date = %(day)s and a.method in ('rule', 'user', 'tag')
