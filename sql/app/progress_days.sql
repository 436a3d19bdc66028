-- one row: how many usage days can be looked at
select count(*) as days from costpulse.completeness
