-- one row per workspace that exists now (a cancelled one disappears from this table)
select
    w.account_id,
    w.workspace_id,
    w.workspace_name,
    w.workspace_url,
    w.create_time,
    w.status
from system.access.workspaces_latest as w
