-- one row per identity that is in no team, team it seems to belong to, and evidence; the caller empties the table
-- before.
-- Addresses are compared without regard to case; names of teams and their tags also without regard to blanks, hyphens
-- and underscores.
with members as (
    select
        lower(btrim(m.email)) as compared_as,
        t.id as team_id,
        t.name as team_name
    from costpulse.team_members as m
    inner join costpulse.teams as t on m.team_id = t.id
    where
        (m.valid_from is null or m.valid_from <= %(to_date)s)
        and (m.valid_to is null or m.valid_to > %(to_date)s)
),

identities as (
    select
        u.identity,
        lower(u.identity) as compared_as,
        u.domain,
        u.kind
    from costpulse.users as u
),

-- identity x workspace x team in the tags
spending as (
    select
        lower(btrim(c.user_email)) as compared_as,
        c.workspace_id,
        c.team_tag as tag,
        lower(regexp_replace(c.team_tag, '[[:space:]_-]+', ' ', 'g')) as tag_compared_as,
        sum(c.cost_usd) as cost_usd
    from costpulse.daily_user_costs as c
    where c.usage_date between %(from_date)s and %(to_date)s and c.cost_usd is not null
    group by lower(btrim(c.user_email)), c.workspace_id, c.team_tag
),

spent as (
    select
        s.compared_as,
        sum(s.cost_usd) as cost_usd
    from spending as s
    group by s.compared_as
    having sum(s.cost_usd) > 0
),

-- how each team is written in tags, most expensive first
spellings as (
    select
        s.tag_compared_as,
        (array_agg(s.tag order by s.cost_usd desc, s.tag asc))[1] as tag
    from (
        select
            p.tag_compared_as,
            p.tag,
            sum(p.cost_usd) as cost_usd
        from spending as p
        where p.tag is not null
        group by p.tag_compared_as, p.tag
    ) as s
    group by s.tag_compared_as
),

by_tag as (
    select
        s.compared_as,
        t.id as team_id,
        coalesce(t.name, n.tag) as team_name,
        'tag' as evidence,
        s.cost_usd / p.cost_usd as share,
        s.cost_usd
    from (
        select
            g.compared_as,
            g.tag_compared_as,
            sum(g.cost_usd) as cost_usd
        from spending as g
        where g.tag is not null
        group by g.compared_as, g.tag_compared_as
    ) as s
    inner join spent as p on s.compared_as = p.compared_as
    inner join spellings as n on s.tag_compared_as = n.tag_compared_as
    left join lateral (
        select
            e.id,
            e.name
        from costpulse.teams as e
        where lower(regexp_replace(btrim(e.name), '[[:space:]_-]+', ' ', 'g')) = s.tag_compared_as
        order by e.id
        limit 1
    ) as t on true
),

-- everybody known of a domain, members who were never seen included
people as (
    select
        i.compared_as,
        i.domain
    from identities as i
    where i.kind = 'person'
    union
    select
        m.compared_as,
        split_part(m.compared_as, '@', 2) as domain
    from members as m
    where position('@' in m.compared_as) > 0
),

domains as (
    select
        e.domain,
        count(*) as people
    from people as e
    group by e.domain
),

by_domain as (
    select
        i.compared_as,
        t.team_id,
        t.team_name,
        'domain' as evidence,
        t.members::numeric / d.people as share,
        coalesce(p.cost_usd, 0) as cost_usd
    from identities as i
    inner join domains as d on i.domain = d.domain
    inner join (
        select
            e.domain,
            m.team_id,
            m.team_name,
            count(*) as members
        from members as m
        inner join people as e on m.compared_as = e.compared_as
        group by e.domain, m.team_id, m.team_name
    ) as t on i.domain = t.domain
    left join spent as p on i.compared_as = p.compared_as
    where i.kind = 'person'
),

-- workspace x team whose members make more than half of what identities cost there
team_workspaces as (
    select
        t.workspace_id,
        t.team_id,
        t.team_name
    from (
        select
            s.workspace_id,
            m.team_id,
            m.team_name,
            sum(s.cost_usd) as cost_usd
        from spending as s
        inner join members as m on s.compared_as = m.compared_as
        where s.workspace_id is not null
        group by s.workspace_id, m.team_id, m.team_name
    ) as t
    inner join (
        select
            s.workspace_id,
            sum(s.cost_usd) as cost_usd
        from spending as s
        group by s.workspace_id
    ) as w on t.workspace_id = w.workspace_id
    where t.cost_usd > w.cost_usd / 2
),

by_workspace as (
    select
        s.compared_as,
        t.team_id,
        t.team_name,
        'workspace' as evidence,
        sum(s.cost_usd) / max(p.cost_usd) as share,
        sum(s.cost_usd) as cost_usd
    from spending as s
    inner join team_workspaces as t on s.workspace_id = t.workspace_id
    inner join spent as p on s.compared_as = p.compared_as
    group by s.compared_as, t.team_id, t.team_name
),

suggested as (
    select
        g.compared_as,
        g.team_id,
        g.team_name,
        g.evidence,
        g.share,
        g.cost_usd
    from by_tag as g
    union all
    select
        d.compared_as,
        d.team_id,
        d.team_name,
        d.evidence,
        d.share,
        d.cost_usd
    from by_domain as d
    union all
    select
        w.compared_as,
        w.team_id,
        w.team_name,
        w.evidence,
        w.share,
        w.cost_usd
    from by_workspace as w
)

insert into costpulse.member_suggestions (identity, team_id, team_name, evidence, share, cost_usd)
select
    i.identity,
    s.team_id,
    s.team_name,
    s.evidence,
    -- corrections of the rest of the cost can lift it above one
    least(round(s.share, 6), 1) as share,
    s.cost_usd
from suggested as s
inner join identities as i on s.compared_as = i.compared_as
where
    s.share >= %(least_share)s
    and not exists (select from members as m where m.compared_as = s.compared_as)
