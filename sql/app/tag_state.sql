-- one row: what changes when tags are judged or policies are edited, up to which day tags are judged, and how many of
-- the judged days wait to be judged again
select
    (select count(*) from costpulse.tag_policies) as policies,
    (select max(p.updated_at) from costpulse.tag_policies as p) as policies_at,
    (select max(c.usage_date) from costpulse.tag_compliance as c) as judged_to,
    (select max(v.updated_at) from costpulse.tag_violations as v) as violations_at,
    (
        select count(*)
        from costpulse.tag_changed_days as d
        inner join costpulse.built_days as b on d.usage_date = b.usage_date
        where b.asset = 'tag_compliance' and d.changed_at > b.built_at
    ) as days_waiting
