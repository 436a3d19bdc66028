-- one row: the newest rule version that all days show, and how many days a later one still has to be applied to
with waiting as (
    select
        v.id,
        b.usage_date
    from costpulse.rule_versions as v
    inner join costpulse.built_days as b
        on
            b.asset = 'key_allocations'
            and v.changed_at > b.upstream_version
            and v.concerns @> b.usage_date
    where not isempty(v.concerns)
)

select
    coalesce(
        (
            select max(v.id) from costpulse.rule_versions as v
            where v.id < coalesce((select min(w.id) from waiting as w), v.id + 1)
        ),
        0
    ) as version,
    (select count(distinct w.usage_date) from waiting as w) as days_waiting
