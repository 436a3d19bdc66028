-- one row per claim that is valid on some of the days, in the order in which claims are asked
create temporary table claims_in_order on commit drop as
select
    c.claim_id,
    c.atom_count,
    (row_number() over (order by c.stage, c.priority, c.rank_id, c.claim_id))::integer as place,
    daterange(c.valid_from, c.valid_to) * daterange(%(from_date)s, %(to_date)s) as days
from rule_claims as c
where daterange(c.valid_from, c.valid_to) && daterange(%(from_date)s, %(to_date)s)
