-- is_backtest: how good the probabilities of periods that are over were, of all budgets together
select
    s.is_backtest,
    s.probabilities,
    s.periods,
    s.exceeded_share,
    s.brier_score
from costpulse.budget_scores as s
where s.budget_id is null
order by s.is_backtest
