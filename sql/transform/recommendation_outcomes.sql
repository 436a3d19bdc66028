-- one change measured up to a day; measured again, it is replaced
insert into costpulse.recommendation_outcomes (
    recommendation_id, workspace_id, resource_type, resource_id, resource_name, bearer_type, bearer_id, team_id,
    setting, setting_from, setting_to, changed_on, measured_on, measured_from, days_before, days_after, actual_cost_usd,
    counterfactual_usd, counterfactual_lower_usd, counterfactual_upper_usd, saving_usd, saving_lower_usd,
    saving_upper_usd, saving_per_30_days_usd, saving_per_30_days_lower_usd, saving_per_30_days_upper_usd, work_unit,
    work_before_per_day, work_after_per_day, comparable_resources, placebos, method, verdict, sentence, measured_at
)
values (
    %(recommendation_id)s, %(workspace_id)s, %(resource_type)s, %(resource_id)s, %(resource_name)s, %(bearer_type)s,
    %(bearer_id)s, %(team_id)s, %(setting)s, %(setting_from)s, %(setting_to)s, %(changed_on)s, %(measured_on)s,
    %(measured_from)s, %(days_before)s, %(days_after)s, %(actual_cost_usd)s, %(counterfactual_usd)s,
    %(counterfactual_lower_usd)s, %(counterfactual_upper_usd)s, %(saving_usd)s, %(saving_lower_usd)s,
    %(saving_upper_usd)s, %(saving_per_30_days_usd)s, %(saving_per_30_days_lower_usd)s,
    %(saving_per_30_days_upper_usd)s, %(work_unit)s, %(work_before_per_day)s, %(work_after_per_day)s,
    %(comparable_resources)s, %(placebos)s, %(method)s, %(verdict)s, %(sentence)s, %(measured_at)s
)
on conflict (
    workspace_id, resource_type, resource_id, recommendation_id, changed_on, measured_on
) do update set
    resource_name = excluded.resource_name,
    bearer_type = excluded.bearer_type,
    bearer_id = excluded.bearer_id,
    team_id = excluded.team_id,
    setting = excluded.setting,
    setting_from = excluded.setting_from,
    setting_to = excluded.setting_to,
    measured_from = excluded.measured_from,
    days_before = excluded.days_before,
    days_after = excluded.days_after,
    actual_cost_usd = excluded.actual_cost_usd,
    counterfactual_usd = excluded.counterfactual_usd,
    counterfactual_lower_usd = excluded.counterfactual_lower_usd,
    counterfactual_upper_usd = excluded.counterfactual_upper_usd,
    saving_usd = excluded.saving_usd,
    saving_lower_usd = excluded.saving_lower_usd,
    saving_upper_usd = excluded.saving_upper_usd,
    saving_per_30_days_usd = excluded.saving_per_30_days_usd,
    saving_per_30_days_lower_usd = excluded.saving_per_30_days_lower_usd,
    saving_per_30_days_upper_usd = excluded.saving_per_30_days_upper_usd,
    work_unit = excluded.work_unit,
    work_before_per_day = excluded.work_before_per_day,
    work_after_per_day = excluded.work_after_per_day,
    comparable_resources = excluded.comparable_resources,
    placebos = excluded.placebos,
    method = excluded.method,
    verdict = excluded.verdict,
    sentence = excluded.sentence,
    measured_at = excluded.measured_at
