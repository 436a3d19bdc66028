-- What every table and column of the pipeline holds: shown by the Dagster UI and by SQL clients.

comment on table costpulse.workspaces is
'One row per workspace that is listed now or was ever seen in usage; a vanished one keeps its row.';
comment on column costpulse.workspaces.id is 'Number of the row.';
comment on column costpulse.workspaces.workspace_id is 'Databricks'' id of the workspace.';
comment on column costpulse.workspaces.name is 'Last known name.';
comment on column costpulse.workspaces.host is 'Host name, from workspace_url.';
comment on column costpulse.workspaces.cloud is 'AWS, AZURE or GCP, from usage.';
comment on column costpulse.workspaces.region is 'Region suffix of the workspace''s serverless SKUs.';
comment on column costpulse.workspaces.status is
'Status in workspaces_latest; VANISHED when it is no longer listed.';
comment on column costpulse.workspaces.plan is
'standard, premium or enterprise, from the prefix of its SKUs.';
comment on column costpulse.workspaces.account_id is 'Databricks account.';
comment on column costpulse.workspaces.host_source is 'Where host came from.';
comment on column costpulse.workspaces.cloud_source is 'Where cloud came from.';
comment on column costpulse.workspaces.region_source is 'Where region came from.';
comment on column costpulse.workspaces.plan_source is 'Where plan came from.';
comment on column costpulse.workspaces.created_at is 'When Databricks created the workspace (UTC).';
comment on column costpulse.workspaces.first_seen_at is 'When CostPulse first saw it.';
comment on column costpulse.workspaces.updated_at is 'When the row was last written.';

comment on table costpulse.list_prices is
'One row per list price window of a SKU, unit and currency; half-open, UTC.';
comment on column costpulse.list_prices.cloud is 'AWS, AZURE or GCP.';
comment on column costpulse.list_prices.sku_name is 'SKU.';
comment on column costpulse.list_prices.usage_unit is 'Unit the price is for, e.g. DBU, DSU, GB.';
comment on column costpulse.list_prices.currency_code is 'Currency of the rates.';
comment on column costpulse.list_prices.price_start_time is 'In force from this moment on.';
comment on column costpulse.list_prices.price_end_time is
'In force until just before this moment; NULL: still in force.';
comment on column costpulse.list_prices.default_rate is 'Published list price per unit.';
comment on column costpulse.list_prices.effective_rate is
'List price that applies per unit: promotional where there is one.';
comment on column costpulse.list_prices.account_id is 'Databricks account.';
comment on column costpulse.list_prices.first_seen_at is 'When CostPulse first read this window.';

comment on table costpulse.price_adjustments is
'Discounts and contract rates typed by people; the longest literal part of a pattern wins, then the lowest id.';
comment on column costpulse.price_adjustments.id is 'Number of the adjustment.';
comment on column costpulse.price_adjustments.sku_pattern is
'Case-insensitive glob over SKU names; only * is special.';
comment on column costpulse.price_adjustments.percentage is
'Change of the list price in percent, e.g. -15 for a discount of 15 %.';
comment on column costpulse.price_adjustments.fixed_rate is
'Price per usage unit in USD, instead of a percentage.';
comment on column costpulse.price_adjustments.valid_from is 'First usage day (UTC).';
comment on column costpulse.price_adjustments.valid_to is
'First usage day it no longer holds for; NULL: open.';
comment on column costpulse.price_adjustments.note is 'Free text.';
comment on column costpulse.price_adjustments.created_at is 'When it was typed.';
comment on column costpulse.price_adjustments.updated_at is 'When it was last changed.';

comment on table costpulse.cost_keys is
'One row per distinct combination of what cost can be attributed by.';
comment on column costpulse.cost_keys.key_id is 'Hash of the columns of the combination.';
comment on column costpulse.cost_keys.account_id is 'Databricks account.';
comment on column costpulse.cost_keys.workspace_id is 'Workspace; NULL for account-level usage.';
comment on column costpulse.cost_keys.product is
'billing_origin_product, with _SERVERLESS where the usage is serverless.';
comment on column costpulse.cost_keys.usage_type is 'COMPUTE_TIME, STORAGE_SPACE, ...';
comment on column costpulse.cost_keys.is_serverless is
'As the source says; NULL where there is no classic alternative.';
comment on column costpulse.cost_keys.cluster_id is 'Classic cluster.';
comment on column costpulse.cost_keys.warehouse_id is 'SQL warehouse.';
comment on column costpulse.cost_keys.job_id is 'Job; NULL for jobs on all-purpose clusters and warehouses.';
comment on column costpulse.cost_keys.job_name is 'Newest name seen in billing; not part of the key.';
comment on column costpulse.cost_keys.pipeline_id is 'Pipeline (dlt_pipeline_id).';
comment on column costpulse.cost_keys.endpoint_name is 'Serving or vector search endpoint.';
comment on column costpulse.cost_keys.resource_type is
'Kind of any other resource: notebook, app, metastore, ...';
comment on column costpulse.cost_keys.resource_id is 'Id of that resource.';
comment on column costpulse.cost_keys.user_email is
'Identity: run_as, else owned_by, else created_by; a person or a service principal.';
comment on column costpulse.cost_keys.user_source is 'Which of the three it was.';
comment on column costpulse.cost_keys.tags is 'Tags as the source has them, keys sorted.';
comment on column costpulse.cost_keys.first_usage_date is 'First usage day with this key.';
comment on column costpulse.cost_keys.last_usage_date is 'Last usage day with this key.';

comment on table costpulse.cost_records is
'One row per usage day, ingestion day, record type, key, SKU, unit and list rate; the net is a plain sum.';
comment on column costpulse.cost_records.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.cost_records.ingestion_date is 'Day the rows entered the billing table.';
comment on column costpulse.cost_records.record_type is 'ORIGINAL, RETRACTION or RESTATEMENT.';
comment on column costpulse.cost_records.key_id is 'Attribution key, see cost_keys.';
comment on column costpulse.cost_records.account_id is 'Databricks account.';
comment on column costpulse.cost_records.workspace_id is 'Workspace; NULL for account-level usage.';
comment on column costpulse.cost_records.cloud is 'AWS, AZURE or GCP.';
comment on column costpulse.cost_records.sku_name is 'SKU.';
comment on column costpulse.cost_records.product is
'billing_origin_product, with _SERVERLESS where the usage is serverless.';
comment on column costpulse.cost_records.usage_type is 'COMPUTE_TIME, STORAGE_SPACE, ...';
comment on column costpulse.cost_records.is_serverless is
'As the source says; NULL where there is no classic alternative.';
comment on column costpulse.cost_records.usage_unit is 'Unit of usage_quantity; never add different units.';
comment on column costpulse.cost_records.usage_quantity is 'Signed quantity, exact.';
comment on column costpulse.cost_records.dbu_count is 'usage_quantity where the unit is DBU, else NULL.';
comment on column costpulse.cost_records.dbu_rate is
'List price per usage unit in force at usage time; NULL: the SKU has no price.';
comment on column costpulse.cost_records.list_cost_usd is
'usage_quantity x dbu_rate, rounded once to 18 digits; NULL without a price.';
comment on column costpulse.cost_records.effective_rate is
'The customer''s price per usage unit: list price after the adjustment.';
comment on column costpulse.cost_records.price_adjustment_id is
'The adjustment that made effective_rate; NULL: list price.';
comment on column costpulse.cost_records.cost_usd is
'usage_quantity x effective_rate, rounded once to 18 digits; NULL without a price.';
comment on column costpulse.cost_records.cluster_id is 'Classic cluster.';
comment on column costpulse.cost_records.warehouse_id is 'SQL warehouse.';
comment on column costpulse.cost_records.job_id is
'Job; NULL for jobs on all-purpose clusters and warehouses.';
comment on column costpulse.cost_records.job_name is 'Name of the job in billing.';
comment on column costpulse.cost_records.pipeline_id is 'Pipeline.';
comment on column costpulse.cost_records.endpoint_name is 'Serving or vector search endpoint.';
comment on column costpulse.cost_records.resource_type is 'Kind of any other resource.';
comment on column costpulse.cost_records.resource_id is 'Id of that resource.';
comment on column costpulse.cost_records.user_email is 'Identity: run_as, else owned_by, else created_by.';
comment on column costpulse.cost_records.user_source is 'Which of the three it was.';
comment on column costpulse.cost_records.tags is 'Tags, keys sorted.';
comment on column costpulse.cost_records.record_count is 'Rows of system.billing.usage in this row.';

comment on table costpulse.collected_days is
'What the source said about each usage day when it was last collected.';
comment on column costpulse.collected_days.source is 'Collector, e.g. cost_records.';
comment on column costpulse.collected_days.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.collected_days.source_rows is 'Rows the source held of the day.';
comment on column costpulse.collected_days.source_quantity is
'Sum of their quantities over all units: a control total, not a figure.';
comment on column costpulse.collected_days.newest_ingestion_date is 'Newest ingestion_date among them.';
comment on column costpulse.collected_days.record_count is 'Source rows that are in cost_records.';
comment on column costpulse.collected_days.rejected_count is 'Source rows that are in rejected_rows.';
comment on column costpulse.collected_days.in_flight is
'The source moved while the day was read: it is read again.';
comment on column costpulse.collected_days.recollect_reason is
'Why the day must be collected again; NULL: it need not.';
comment on column costpulse.collected_days.reprice_reason is
'Why the day''s money must be made anew; NULL: it need not.';
comment on column costpulse.collected_days.collected_at is 'When it was last collected.';
comment on column costpulse.collected_days.changed_at is
'When its rows last changed: the version of the day.';

comment on table costpulse.collection_log is
'Append-only: what was in of a day each time it was loaded.';
comment on column costpulse.collection_log.id is 'Number of the line.';
comment on column costpulse.collection_log.source is 'Collector.';
comment on column costpulse.collection_log.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.collection_log.loaded_at is 'When it was loaded.';
comment on column costpulse.collection_log.source_rows is 'Rows the source held of the day.';
comment on column costpulse.collection_log.source_quantity is 'Sum of their quantities over all units.';
comment on column costpulse.collection_log.cost_usd is 'Cost of the day as known then.';
comment on column costpulse.collection_log.rejected_count is 'Source rows refused.';
comment on column costpulse.collection_log.in_flight is 'The source moved meanwhile.';
comment on column costpulse.collection_log.run_id is 'Dagster run.';

comment on table costpulse.rejected_rows is
'Rows of the source that break a rule: kept and counted, never dropped.';
comment on column costpulse.rejected_rows.id is 'Number of the row.';
comment on column costpulse.rejected_rows.source is 'Collector.';
comment on column costpulse.rejected_rows.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.rejected_rows.reason is 'The rule that was broken.';
comment on column costpulse.rejected_rows.record_count is 'Source rows behind it.';
comment on column costpulse.rejected_rows.usage_quantity is 'Quantity as the source wrote it.';
comment on column costpulse.rejected_rows.row_content is 'The row.';
comment on column costpulse.rejected_rows.rejected_at is 'When it was refused.';

comment on table costpulse.collection_status is
'How the last attempt to read each source over each connection went.';
comment on column costpulse.collection_status.source is 'Collector.';
comment on column costpulse.collection_status.connection is 'Connection to the source.';
comment on column costpulse.collection_status.state is
'ok, failed, not available (a missing grant or schema) or stopped (by the budget for our own queries).';
comment on column costpulse.collection_status.message is 'What went wrong.';
comment on column costpulse.collection_status.next_step is 'What to do about it.';
comment on column costpulse.collection_status.attempted_at is 'Last attempt.';
comment on column costpulse.collection_status.succeeded_at is 'Last success.';
comment on column costpulse.collection_status.as_of is
'When the source was last looked at in a run for changed days; another day than succeeded_at where one is pretended.';

comment on table costpulse.completeness is
'How much of each usage day is in, and whether it may be judged.';
comment on column costpulse.completeness.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.completeness.cost_usd is 'Cost that is in.';
comment on column costpulse.completeness.share_in is 'Estimated share of the day''s cost that is in, 0 to 1.';
comment on column costpulse.completeness.expected_cost is 'What the day will cost when it is whole.';
comment on column costpulse.completeness.lower_bound is 'Lower end of the band around expected_cost.';
comment on column costpulse.completeness.upper_bound is
'Upper end of the band; NULL where it cannot be told.';
comment on column costpulse.completeness.is_provisional is
'True: the day is not final and must not be judged.';
comment on column costpulse.completeness.in_until is
'Usage is in up to the end of this hour, as hourly_costs show it; NULL: not known, or the day is final.';
comment on column costpulse.completeness.basis is
'Evidence of share_in: hourly_costs (what hours that are in have of days like it), else of whole days: collection_log, '
'ingestion_date or none.';
comment on column costpulse.completeness.computed_at is 'When it was computed.';

comment on table costpulse.built_days is
'Which version of its upstream each derived table was built from.';
comment on column costpulse.built_days.asset is 'Derived table.';
comment on column costpulse.built_days.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.built_days.upstream_version is
'changed_at or built_at of the upstream at that time.';
comment on column costpulse.built_days.built_at is 'When it was built: the version for tables further down.';

comment on table costpulse.teams is 'One row per team that cost is allocated to.';
comment on column costpulse.teams.id is 'Number of the team.';
comment on column costpulse.teams.name is 'Name; two teams cannot differ by upper and lower case alone.';
comment on column costpulse.teams.department is 'Department, as typed.';
comment on column costpulse.teams.cost_center is 'Cost center, as typed.';
comment on column costpulse.teams.manager_email is 'Who answers for its cost.';
comment on column costpulse.teams.tag_patterns is
'Tag key to patterns: claims what no rule, split or member does; one key that matches is enough.';
comment on column costpulse.teams.parent_team_id is 'Team above; cost is never added up along it.';
comment on column costpulse.teams.created_at is 'When it was typed.';
comment on column costpulse.teams.updated_at is 'When it was last changed.';

comment on table costpulse.team_members is
'One row per person, team and period; a person is in one team at a time.';
comment on column costpulse.team_members.id is 'Number of the membership.';
comment on column costpulse.team_members.team_id is 'Team.';
comment on column costpulse.team_members.email is
'Address or application id as in cost_keys.user_email; hashed where identities are.';
comment on column costpulse.team_members.role is 'owner or member.';
comment on column costpulse.team_members.valid_from is 'First usage day (UTC); NULL: open.';
comment on column costpulse.team_members.valid_to is 'First usage day it no longer holds for; NULL: open.';
comment on column costpulse.team_members.created_at is 'When it was typed.';
comment on column costpulse.team_members.updated_at is 'When it was last changed.';

comment on table costpulse.allocation_rules is
'One row per rule: cost that a team owns directly. The lowest priority is asked first, ties by id; the first that '
'matches wins.';
comment on column costpulse.allocation_rules.id is 'Number of the rule.';
comment on column costpulse.allocation_rules.name is 'What people call it.';
comment on column costpulse.allocation_rules.team_id is 'Team that gets the cost.';
comment on column costpulse.allocation_rules.rule_type is 'tag_match, user_match, ...: what the conditions are about.';
comment on column costpulse.allocation_rules.conditions is 'What must hold of the usage; fields depend on rule_type.';
comment on column costpulse.allocation_rules.priority is 'Place in the order, 0 to 1000000.';
comment on column costpulse.allocation_rules.is_active is 'False: never asked.';
comment on column costpulse.allocation_rules.valid_from is 'First usage day (UTC); NULL: open.';
comment on column costpulse.allocation_rules.valid_to is 'First usage day it no longer holds for; NULL: open.';
comment on column costpulse.allocation_rules.version is 'Counted up with every change; texts are in rule_versions.';
comment on column costpulse.allocation_rules.note is 'Free text.';
comment on column costpulse.allocation_rules.created_at is 'When it was typed.';
comment on column costpulse.allocation_rules.updated_at is 'When it was last changed.';

comment on table costpulse.cost_splits is
'One row per split: cost that several teams share. Asked after the rules, the lowest priority first, ties by id.';
comment on column costpulse.cost_splits.id is 'Number of the split.';
comment on column costpulse.cost_splits.name is 'What people call it.';
comment on column costpulse.cost_splits.rule_type is
'As of a rule; remainder takes what nothing else claims, and is asked last of all.';
comment on column costpulse.cost_splits.conditions is 'What must hold of the usage; fields depend on rule_type.';
comment on column costpulse.cost_splits.basis is
'fixed (percentages), even, direct_spend, query_share (of a warehouse) or weights (a table).';
comment on column costpulse.cost_splits.idle is
'With query_share, what a warehouse cost beside its queries: share likewise, or leave Unallocated.';
comment on column costpulse.cost_splits.priority is 'Place in the order, 0 to 1000000.';
comment on column costpulse.cost_splits.is_active is 'False: never asked.';
comment on column costpulse.cost_splits.valid_from is 'First usage day (UTC); NULL: open.';
comment on column costpulse.cost_splits.valid_to is 'First usage day it no longer holds for; NULL: open.';
comment on column costpulse.cost_splits.version is
'Counted up with every change, that of its shares included; texts are in rule_versions.';
comment on column costpulse.cost_splits.note is 'Free text.';
comment on column costpulse.cost_splits.created_at is 'When it was typed.';
comment on column costpulse.cost_splits.updated_at is 'When it was last changed.';

comment on table costpulse.split_weights is 'One row per split, team that shares, and period.';
comment on column costpulse.split_weights.id is 'Number of the share.';
comment on column costpulse.split_weights.split_id is 'Split.';
comment on column costpulse.split_weights.team_id is 'Team that gets a share.';
comment on column costpulse.split_weights.weight is
'Percent (fixed) or weight in proportion to the others (weights); NULL for other bases.';
comment on column costpulse.split_weights.valid_from is 'First usage day (UTC); NULL: open.';
comment on column costpulse.split_weights.valid_to is 'First usage day it no longer holds for; NULL: open.';
comment on column costpulse.split_weights.created_at is 'When it was typed.';
comment on column costpulse.split_weights.updated_at is 'When it was last changed.';

comment on table costpulse.rule_versions is
'Append-only: every version of teams, members, rules, splits and shares, and the days that its change concerns.';
comment on column costpulse.rule_versions.id is 'Number of the change; the highest is the version of all the rules.';
comment on column costpulse.rule_versions.kind is 'team, member, rule, split or weight (a share of a split).';
comment on column costpulse.rule_versions.object_id is 'Id in its table.';
comment on column costpulse.rule_versions.version is 'Version of the object; a deletion is one as well.';
comment on column costpulse.rule_versions.action is 'insert, update or delete.';
comment on column costpulse.rule_versions.content is
'The row after the change, of a deletion before it; with the shares of a split.';
comment on column costpulse.rule_versions.concerns is
'Usage days whose allocation it can change; empty where only names and notes differ.';
comment on column costpulse.rule_versions.actor is 'Who did it.';
comment on column costpulse.rule_versions.changed_at is 'When it was saved.';

comment on table costpulse.key_allocations is
'The allocation pass: every dollar and unit of quantity of a key to a team or to Unallocated.';
comment on column costpulse.key_allocations.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.key_allocations.key_id is 'Attribution key, see cost_keys.';
comment on column costpulse.key_allocations.sku_name is 'SKU.';
comment on column costpulse.key_allocations.usage_unit is 'Unit of usage_quantity.';
comment on column costpulse.key_allocations.team_id is 'Team; NULL means Unallocated and nothing else.';
comment on column costpulse.key_allocations.rule_id is 'Rule that matched.';
comment on column costpulse.key_allocations.rule_version is 'Its version then.';
comment on column costpulse.key_allocations.split_id is 'Split that shared the cost.';
comment on column costpulse.key_allocations.split_version is 'Its version then.';
comment on column costpulse.key_allocations.method is 'rule, user, tag, split or unallocated.';
comment on column costpulse.key_allocations.share is 'Share of the key''s cost in this row, 0 to 1.';
comment on column costpulse.key_allocations.usage_quantity is 'Net quantity.';
comment on column costpulse.key_allocations.unpriced_quantity is 'The part of it without a price.';
comment on column costpulse.key_allocations.list_cost_usd is 'Cost at list price; NULL: nothing has a price.';
comment on column costpulse.key_allocations.cost_usd is
'Cost at the customer''s price; NULL: nothing has a price.';
comment on column costpulse.key_allocations.record_count is 'Rows of system.billing.usage behind it.';

comment on table costpulse.cost_allocations is
'Cost per day, team, rule, method, workspace, SKU and product.';
comment on column costpulse.cost_allocations.id is 'Number of the row.';
comment on column costpulse.cost_allocations.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.cost_allocations.period_start is 'Equal to usage_date.';
comment on column costpulse.cost_allocations.period_end is 'Equal to usage_date.';
comment on column costpulse.cost_allocations.team_id is 'Team; NULL means Unallocated.';
comment on column costpulse.cost_allocations.rule_id is 'Rule that matched.';
comment on column costpulse.cost_allocations.split_id is 'Split that shared the cost.';
comment on column costpulse.cost_allocations.method is 'rule, user, tag, split or unallocated.';
comment on column costpulse.cost_allocations.workspace_id is 'Workspace; NULL for account-level usage.';
comment on column costpulse.cost_allocations.sku_name is 'SKU.';
comment on column costpulse.cost_allocations.product is 'Product, see cost_keys.';
comment on column costpulse.cost_allocations.total_cost is
'Cost at the customer''s price; NULL: nothing has a price.';
comment on column costpulse.cost_allocations.list_cost_usd is 'Cost at list price.';
comment on column costpulse.cost_allocations.breakdown is 'Quantity and unpriced quantity by usage unit.';

comment on table costpulse.daily_costs is
'Cost per day, workspace, SKU, product, unit and team.';
comment on column costpulse.daily_costs.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.daily_costs.workspace_id is 'Workspace; NULL for account-level usage.';
comment on column costpulse.daily_costs.sku_name is 'SKU.';
comment on column costpulse.daily_costs.product is 'Product, see cost_keys.';
comment on column costpulse.daily_costs.usage_unit is 'Unit of usage_quantity.';
comment on column costpulse.daily_costs.team_id is 'Team; NULL means Unallocated.';
comment on column costpulse.daily_costs.usage_quantity is 'Net quantity in usage_unit.';
comment on column costpulse.daily_costs.dbu_count is 'Net DBUs; NULL for other units.';
comment on column costpulse.daily_costs.list_cost_usd is 'Cost at list price; NULL: nothing has a price.';
comment on column costpulse.daily_costs.cost_usd is
'Cost at the customer''s price; NULL: nothing has a price.';
comment on column costpulse.daily_costs.unpriced_quantity is 'The part of usage_quantity without a price.';
comment on column costpulse.daily_costs.record_count is 'Rows of system.billing.usage behind it.';

comment on table costpulse.daily_key_costs is
'Cost per day, attribution key, SKU, unit and team.';
comment on column costpulse.daily_key_costs.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.daily_key_costs.key_id is 'Attribution key, see cost_keys.';
comment on column costpulse.daily_key_costs.sku_name is 'SKU.';
comment on column costpulse.daily_key_costs.usage_unit is 'Unit of usage_quantity.';
comment on column costpulse.daily_key_costs.team_id is 'Team; NULL means Unallocated.';
comment on column costpulse.daily_key_costs.usage_quantity is 'Net quantity in usage_unit.';
comment on column costpulse.daily_key_costs.dbu_count is 'Net DBUs; NULL for other units.';
comment on column costpulse.daily_key_costs.list_cost_usd is 'Cost at list price; NULL: nothing has a price.';
comment on column costpulse.daily_key_costs.cost_usd is
'Cost at the customer''s price; NULL: nothing has a price.';
comment on column costpulse.daily_key_costs.unpriced_quantity is
'The part of usage_quantity without a price.';
comment on column costpulse.daily_key_costs.record_count is 'Rows of system.billing.usage behind it.';

comment on table costpulse.weekly_key_costs is
'One row per week, attribution key, SKU, unit and team: daily_key_costs for the whole weeks of long windows.';
comment on column costpulse.weekly_key_costs.week is 'Monday of the week (UTC).';
comment on column costpulse.weekly_key_costs.key_id is 'Attribution key, see cost_keys.';
comment on column costpulse.weekly_key_costs.sku_name is 'SKU.';
comment on column costpulse.weekly_key_costs.usage_unit is 'Unit of the usage.';
comment on column costpulse.weekly_key_costs.team_id is 'Team; NULL means Unallocated.';
comment on column costpulse.weekly_key_costs.dbu_count is 'Net DBUs; NULL for other units.';
comment on column costpulse.weekly_key_costs.list_cost_usd is 'Cost at list price; NULL: nothing has a price.';
comment on column costpulse.weekly_key_costs.cost_usd is
'Cost at the customer''s rate; NULL: nothing has a price.';
comment on column costpulse.weekly_key_costs.unpriced_quantity is
'Part of the quantity whose SKU has no price; it is in no amount.';
comment on column costpulse.weekly_key_costs.record_count is 'Rows of system.billing.usage behind it.';

comment on table costpulse.daily_team_costs is
'Cost per day, team and product: for long windows.';
comment on column costpulse.daily_team_costs.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.daily_team_costs.team_id is 'Team; NULL means Unallocated.';
comment on column costpulse.daily_team_costs.product is 'Product, see cost_keys.';
comment on column costpulse.daily_team_costs.dbu_count is 'Net DBUs; NULL for other units.';
comment on column costpulse.daily_team_costs.list_cost_usd is
'Cost at list price; NULL: nothing has a price.';
comment on column costpulse.daily_team_costs.cost_usd is
'Cost at the customer''s price; NULL: nothing has a price.';
comment on column costpulse.daily_team_costs.record_count is 'Rows of system.billing.usage behind it.';

comment on table costpulse.daily_workspace_costs is
'Cost per day, workspace and product: for long windows.';
comment on column costpulse.daily_workspace_costs.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.daily_workspace_costs.workspace_id is 'Workspace; NULL for account-level usage.';
comment on column costpulse.daily_workspace_costs.product is 'Product, see cost_keys.';
comment on column costpulse.daily_workspace_costs.dbu_count is 'Net DBUs; NULL for other units.';
comment on column costpulse.daily_workspace_costs.list_cost_usd is
'Cost at list price; NULL: nothing has a price.';
comment on column costpulse.daily_workspace_costs.cost_usd is
'Cost at the customer''s price; NULL: nothing has a price.';
comment on column costpulse.daily_workspace_costs.record_count is 'Rows of system.billing.usage behind it.';

comment on table costpulse.daily_sku_costs is
'Cost per day, SKU, product and unit: for long windows.';
comment on column costpulse.daily_sku_costs.usage_date is 'Day of the usage (UTC).';
comment on column costpulse.daily_sku_costs.sku_name is 'SKU.';
comment on column costpulse.daily_sku_costs.product is 'Product, see cost_keys.';
comment on column costpulse.daily_sku_costs.usage_unit is 'Unit of usage_quantity.';
comment on column costpulse.daily_sku_costs.usage_quantity is 'Net quantity in usage_unit.';
comment on column costpulse.daily_sku_costs.dbu_count is 'Net DBUs; NULL for other units.';
comment on column costpulse.daily_sku_costs.list_cost_usd is 'Cost at list price; NULL: nothing has a price.';
comment on column costpulse.daily_sku_costs.cost_usd is
'Cost at the customer''s price; NULL: nothing has a price.';
comment on column costpulse.daily_sku_costs.unpriced_quantity is
'The part of usage_quantity without a price.';
comment on column costpulse.daily_sku_costs.record_count is 'Rows of system.billing.usage behind it.';
