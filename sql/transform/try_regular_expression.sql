-- one row: on how many of all cluster names that are known a regular expression matches; it is compiled in any case
select count(*) as names
from (
    select n.name
    from costpulse.resource_names as n
    where n.resource_type = 'cluster'
    union
    select '' as name
) as c
where costpulse.matches_regex(c.name, %(expression)s)
