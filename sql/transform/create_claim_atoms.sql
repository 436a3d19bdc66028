-- claim x atom x pattern: one of the patterns of each atom must match; beginning is that of all values that a regular
-- expression matches
create temporary table claim_atoms (
    claim_id integer not null,
    atom integer not null,
    field text not null,
    tag_key text not null,
    kind text not null,
    pattern text not null,
    beginning text not null default ''
) on commit drop
