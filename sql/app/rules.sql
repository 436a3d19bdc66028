-- one row: all teams, members, rules, splits and shares, each as a list; rules and splits in the order in which they
-- are asked. One statement, so that they belong together while somebody saves. Weights are text: numbers lose digits.
select
    (
        select coalesce(jsonb_agg(to_jsonb(t) order by t.id), '[]')
        from (
            select
                m.id,
                m.name,
                m.department,
                m.cost_center,
                m.manager_email,
                m.tag_patterns,
                m.parent_team_id
            from costpulse.teams as m
        ) as t
    ) as teams,
    (
        select coalesce(jsonb_agg(to_jsonb(t) order by t.id), '[]')
        from (
            select
                m.id,
                m.team_id,
                m.email,
                m.role,
                m.valid_from,
                m.valid_to
            from costpulse.team_members as m
        ) as t
    ) as members,
    (
        select coalesce(jsonb_agg(to_jsonb(r) order by r.priority, r.id), '[]')
        from (
            select
                a.id,
                a.name,
                a.team_id,
                a.rule_type,
                a.conditions,
                a.priority,
                a.is_active,
                a.valid_from,
                a.valid_to,
                a.version,
                a.note
            from costpulse.allocation_rules as a
        ) as r
    ) as rules,
    (
        select coalesce(jsonb_agg(to_jsonb(s) order by s.priority, s.id), '[]')
        from (
            select
                c.id,
                c.name,
                c.rule_type,
                c.conditions,
                c.basis,
                c.idle,
                c.priority,
                c.is_active,
                c.valid_from,
                c.valid_to,
                c.version,
                c.note
            from costpulse.cost_splits as c
        ) as s
    ) as splits,
    (
        select coalesce(jsonb_agg(to_jsonb(w) order by w.id), '[]')
        from (
            select
                s.id,
                s.split_id,
                s.team_id,
                s.weight::text as weight,
                s.valid_from,
                s.valid_to
            from costpulse.split_weights as s
        ) as w
    ) as weights
