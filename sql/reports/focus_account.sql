-- one row: the account of the bill, for usage that names none
select coalesce(
    (select min(k.account_id) from costpulse.cost_keys as k),
    (select min(w.account_id) from costpulse.workspaces as w)
) as account_id
