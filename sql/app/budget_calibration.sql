-- is_backtest x what was said (fifths): how often the budget was exceeded then, of all periods that are over
select
    p.is_backtest,
    least(floor(p.probability_exceeded * 5), 4)::integer as fifth,
    count(*) as probabilities,
    count(distinct row(p.budget_id, p.period_start)) as periods,
    avg(p.probability_exceeded) as said,
    avg(p.is_exceeded::integer)::double precision as exceeded
from costpulse.budget_probabilities as p
where p.is_exceeded is not null
group by 1, 2
order by 1, 2
