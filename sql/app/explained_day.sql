-- one row: what is to be known about a day before its costs are explained
select
    b.usage_date is not null as is_allocated,
    coalesce(v.changed_at > b.upstream_version, false) as rules_have_changed,
    c.is_provisional,
    c.share_in,
    i.key_fingerprint is not null as identities_are_hashed,
    current_user <> 'costpulse_app' or current_setting('costpulse.scope', true) = 'all' as sees_all_teams
from (select %(day)s::date as usage_date) as d
left join costpulse.built_days as b on d.usage_date = b.usage_date and b.asset = 'key_allocations'
left join costpulse.completeness as c on d.usage_date = c.usage_date
left join costpulse.identity_protection as i on true
left join lateral (
    select max(r.changed_at) as changed_at
    from costpulse.rule_versions as r
    where r.concerns @> d.usage_date
) as v on true
