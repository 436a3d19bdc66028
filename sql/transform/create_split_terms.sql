-- split x team x period: who shares by which weight; team_id null where a split lists no teams
create temporary table split_terms (
    split_id bigint not null,
    basis text not null,
    idle text not null,
    team_id bigint,
    weight numeric,
    valid_from date,
    valid_to date
) on commit drop
