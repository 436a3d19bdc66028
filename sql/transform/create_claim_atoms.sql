-- claim x atom x pattern: one of the patterns of each atom must match
create temporary table claim_atoms (
    claim_id integer not null,
    atom integer not null,
    field text not null,
    tag_key text not null,
    kind text not null,
    pattern text not null
) on commit drop
