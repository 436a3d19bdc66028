-- writes a remark in the name of the actor, for everybody or a team that they see; no row where they may not
insert into costpulse.annotations (usage_date, note, team_id, author)
select
    %(day)s::date,
    %(note)s,
    %(team)s::bigint,
    current_setting('costpulse.actor')
where
    (
        coalesce(nullif(current_setting('costpulse.scope', true), ''), 'all') = 'all'
        or %(team)s::text = any(string_to_array(current_setting('costpulse.scope', true), ','))
    )
    and (%(team)s::bigint is null or exists (select from costpulse.teams as t where t.id = %(team)s::bigint))
returning id
