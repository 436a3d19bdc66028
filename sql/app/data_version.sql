-- one row: what changes when new data is materialized or somebody renames, and when the source was last read
select
    (select max(b.built_at) from costpulse.built_days as b) as built_at,
    (select max(s.computed_at) from costpulse.completeness as s) as computed_at,
    (select count(*) from costpulse.completeness) as day_count,
    (select max(d.changed_at) from costpulse.collected_days as d) as changed_at,
    (select max(w.updated_at) from costpulse.workspaces as w) as workspaces_at,
    (select max(t.updated_at) from costpulse.teams as t) as teams_at,
    (
        select md5(string_agg(r.source || r.connection || r.state, ',' order by r.source, r.connection))
        from costpulse.collection_status as r
    ) as source_states,
    greatest(
        (select max(d.collected_at) from costpulse.collected_days as d),
        (select max(r.succeeded_at) from costpulse.collection_status as r where r.source = 'cost_records')
    ) as loaded_at,
    current_database() as database_name
