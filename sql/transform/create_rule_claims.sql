-- one row per claim; the first one that matches wins, in the order (stage, priority, rank_id, claim_id)
create temporary table rule_claims (
    claim_id integer primary key,
    stage smallint not null,
    priority integer not null,
    rank_id bigint not null,
    rule_id bigint,
    rule_version integer,
    split_id bigint,
    split_version integer,
    team_id bigint,
    valid_from date,
    valid_to date,
    atom_count integer not null
) on commit drop
