-- one row per value, or list of values, that could be given to a team, and that team: what of the unallocated cost it
-- would claim, and what it would take from others. Tags become tag patterns of the team and users its members, which
-- are asked late: they take what others have by tags (users), by tags of a younger team (tags), or of the rest. All
-- else becomes a rule, which is asked first. Compared without regard to case, and names of teams also without regard
-- to blanks, hyphens and underscores.

-- key_id x team x method
with spent as (
    select
        a.key_id,
        a.team_id,
        a.method,
        coalesce(s.rule_type = 'remainder', false) as is_rest,
        sum(a.cost_usd) as cost_usd
    from costpulse.key_allocations as a
    left join costpulse.cost_splits as s on a.split_id = s.id
    where a.usage_date between %(from_date)s and %(to_date)s and a.cost_usd is not null
    group by a.key_id, a.team_id, a.method, coalesce(s.rule_type = 'remainder', false)
),

-- what a split claims and leaves to nobody is out of reach for tags and users
split_keys as (
    select distinct s.key_id
    from spent as s
    where s.method = 'split' and not s.is_rest
),

teams as (
    select
        t.id,
        t.name,
        lower(regexp_replace(btrim(t.name), '[[:space:]_-]+', ' ', 'g')) as compared_as,
        lower(btrim(t.cost_center)) as cost_center
    from costpulse.teams as t
),

members as (
    select
        lower(btrim(m.email)) as compared_as,
        m.team_id
    from costpulse.team_members as m
    where
        (m.valid_from is null or m.valid_from <= %(to_date)s)
        and (m.valid_to is null or m.valid_to > %(to_date)s)
),

-- key_id: by the present name of its job
keys as (
    select
        k.key_id,
        k.workspace_id,
        k.tags,
        coalesce(n.name, k.job_name) as job_name,
        btrim(k.user_email) as user_email,
        coalesce(o.team_id, c.team_id) as job_owner_team_id
    from costpulse.cost_keys as k
    left join costpulse.resource_names as n
        on
            k.workspace_id = n.workspace_id
            and n.resource_type = 'job'
            and k.job_id = n.resource_id
            and n.valid_to is null
    left join costpulse.jobs as j on k.workspace_id = j.workspace_id and k.job_id = j.job_id
    left join members as o on lower(btrim(j.owner)) = o.compared_as
    left join members as c on lower(btrim(j.creator)) = c.compared_as
    where k.key_id in (select s.key_id from spent as s)
),

-- key_id x what a rule could match
key_values as (
    select
        k.key_id,
        'tag' as field,
        t.key as tag_key,
        t.value
    from keys as k
    cross join lateral jsonb_each_text(k.tags) as t
    union all
    select
        k.key_id,
        'workspace' as field,
        '' as tag_key,
        k.workspace_id as value
    from keys as k
    union all
    select
        k.key_id,
        'user' as field,
        '' as tag_key,
        k.user_email as value
    from keys as k
    union all
    select
        k.key_id,
        'domain' as field,
        '' as tag_key,
        substring(k.user_email from '^[^@[:space:]]+@([^@[:space:]]+)$') as value
    from keys as k
    union all
    select
        k.key_id,
        'job' as field,
        '' as tag_key,
        k.job_name as value
    from keys as k
    union all
    -- jobs that start alike: churn_train and churn_score are churn_
    select
        k.key_id,
        'jobs' as field,
        '' as tag_key,
        substring(k.job_name from '^[[:alnum:]]{3,}[_-]') as value
    from keys as k
),

-- what is no plain text or too long for a name of ours is left to people
usable as (
    select
        v.key_id,
        v.field,
        v.tag_key,
        btrim(v.value) as value,
        lower(btrim(v.value)) as compared_as,
        v.field not in ('tag', 'user') or k.key_id is null as is_in_reach
    from key_values as v
    left join split_keys as k on v.key_id = k.key_id
    where btrim(v.value) <> '' and length(v.tag_key || v.value) <= 80 and v.tag_key || v.value !~ '[[:cntrl:]*]'
),

-- field x tag key x value x team x method
value_costs as (
    select
        u.field,
        u.tag_key,
        u.compared_as,
        s.team_id,
        s.method,
        s.is_rest,
        u.is_in_reach,
        sum(s.cost_usd) as cost_usd
    from usable as u
    inner join spent as s on u.key_id = s.key_id
    group by u.field, u.tag_key, u.compared_as, s.team_id, s.method, s.is_rest, u.is_in_reach
),

-- field x tag key x value, spelled as it is on most cost
values_found as (
    select
        c.field,
        c.tag_key,
        c.compared_as,
        w.value,
        sum(c.cost_usd) as cost_usd,
        coalesce(sum(c.cost_usd) filter (where c.team_id is null and c.is_in_reach), 0) as unallocated_usd
    from value_costs as c
    inner join (
        select distinct on (u.field, u.tag_key, u.compared_as)
            u.field,
            u.tag_key,
            u.compared_as,
            u.value
        from usable as u
        inner join spent as s on u.key_id = s.key_id
        group by u.field, u.tag_key, u.compared_as, u.value
        order by u.field asc, u.tag_key asc, u.compared_as asc, sum(s.cost_usd) desc, u.value asc
    ) as w on c.field = w.field and c.tag_key = w.tag_key and c.compared_as = w.compared_as
    group by c.field, c.tag_key, c.compared_as, w.value
),

-- a tag says which team it is; only a tag that is made for teams can name a new one
named as (
    select
        v.field,
        v.tag_key,
        v.compared_as,
        v.value,
        t.id as team_id,
        coalesce(
            t.name,
            first_value(v.value) over (
                partition by regexp_replace(v.compared_as, '[[:space:]_-]+', ' ', 'g')
                order by v.unallocated_usd desc, v.value asc
            )
        ) as team_name,
        'team name' as evidence,
        1 as strength,
        null::numeric as share
    from values_found as v
    left join lateral (
        select
            e.id,
            e.name
        from teams as e
        where
            e.compared_as = regexp_replace(v.compared_as, '[[:space:]_-]+', ' ', 'g')
            or (e.cost_center = v.compared_as and v.tag_key ~* '^cost[-_ ]?cent(er|re)$')
        order by e.id
        limit 1
    ) as t on true
    where
        v.field = 'tag'
        and (t.id is not null or v.tag_key ~* '^(team|squad|department|business[-_ ]?unit)$')
),

-- one team has more than half of all cost with the value, and not because it was shared out
before as (
    select
        v.field,
        v.tag_key,
        v.compared_as,
        v.value,
        t.id as team_id,
        t.name as team_name,
        'same team before' as evidence,
        case v.field when 'user' then 3 when 'jobs' then 4 when 'tag' then 5 when 'domain' then 6 else 7 end
            as strength,
        c.cost_usd / v.cost_usd as share
    from values_found as v
    inner join (
        select
            o.field,
            o.tag_key,
            o.compared_as,
            o.team_id,
            sum(o.cost_usd) as cost_usd
        from value_costs as o
        where o.method in ('rule', 'user', 'tag')
        group by o.field, o.tag_key, o.compared_as, o.team_id
    ) as c on v.field = c.field and v.tag_key = c.tag_key and v.compared_as = c.compared_as
    inner join teams as t on c.team_id = t.id
    where v.field <> 'job' and v.cost_usd > 0 and c.cost_usd > v.cost_usd / 2
),

-- the jobs with this name all run as members of one team, or were made by them
owned as (
    select
        v.field,
        v.tag_key,
        v.compared_as,
        v.value,
        t.id as team_id,
        t.name as team_name,
        'job owner' as evidence,
        2 as strength,
        null::numeric as share
    from values_found as v
    inner join (
        select
            u.compared_as,
            min(k.job_owner_team_id) as team_id
        from usable as u
        inner join keys as k on u.key_id = k.key_id
        where u.field = 'job'
        group by u.compared_as
        having count(k.job_owner_team_id) = count(*) and min(k.job_owner_team_id) = max(k.job_owner_team_id)
    ) as j on v.compared_as = j.compared_as
    inner join teams as t on j.team_id = t.id
    where v.field = 'job'
),

-- what it would take from other teams
weighed as (
    select
        p.*,
        v.unallocated_usd,
        coalesce((
            select sum(c.cost_usd)
            from value_costs as c
            where
                c.field = p.field and c.tag_key = p.tag_key and c.compared_as = p.compared_as
                and c.team_id is distinct from p.team_id
                and case p.field
                    when 'tag' then c.is_rest or (c.method = 'tag' and c.team_id > p.team_id)
                    when 'user' then c.is_rest or c.method = 'tag'
                    else c.method in ('user', 'tag', 'split')
                end
        ), 0) as moved_usd
    from (
        select n.* from named as n
        union all
        select b.* from before as b
        union all
        select o.* from owned as o
    ) as p
    inner join values_found as v on p.field = v.field and p.tag_key = v.tag_key and p.compared_as = v.compared_as
    where v.unallocated_usd >= %(least_usd)s
),

-- a value may speak for a team in two ways: the better one counts
proposed as (
    select distinct on (w.field, w.tag_key, w.compared_as) w.*
    from weighed as w
    where w.moved_usd <= %(most_moved)s * w.unallocated_usd
    order by w.field, w.tag_key, w.compared_as, w.strength, w.team_id
),

-- each unallocated key speaks for one of the values that would claim it
claimed as (
    select distinct on (u.key_id)
        u.key_id,
        p.field,
        p.tag_key,
        p.compared_as
    from usable as u
    inner join proposed as p on u.field = p.field and u.tag_key = p.tag_key and u.compared_as = p.compared_as
    where u.is_in_reach
    order by u.key_id asc, p.strength asc, p.unallocated_usd desc, p.field asc, p.tag_key asc, p.compared_as asc
),

-- of two values that would claim the same cost, the better one stays
kept as (
    select p.*
    from proposed as p
    inner join (
        select
            c.field,
            c.tag_key,
            c.compared_as,
            sum(s.cost_usd) as unallocated_usd
        from claimed as c
        inner join spent as s on c.key_id = s.key_id
        where s.team_id is null
        group by c.field, c.tag_key, c.compared_as
    ) as c on p.field = c.field and p.tag_key = c.tag_key and p.compared_as = c.compared_as
    where c.unallocated_usd >= p.unallocated_usd / 2
)

select
    k.evidence,
    k.field,
    k.tag_key,
    k.team_id is null as is_new_team,
    k.team_name,
    array_agg(k.value order by k.unallocated_usd desc, k.value asc) as values,
    max(k.share) as share,
    max(w.name) as workspace_name,
    sum(k.unallocated_usd) as unallocated_usd,
    sum(k.moved_usd) as moved_usd
from kept as k
left join costpulse.workspaces as w on k.field = 'workspace' and k.value = w.workspace_id
-- jobs of the members of a team go together, and spellings of its name in a tag; every other value goes alone
group by
    k.evidence, k.field, k.tag_key, k.team_id, k.team_name,
    case when k.evidence = 'same team before' then k.compared_as end
order by sum(k.unallocated_usd) desc, min(k.field) asc, min(k.tag_key) asc, min(k.compared_as) asc
limit %(most)s
