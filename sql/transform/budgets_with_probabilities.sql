-- one row per budget of which something was expected before
select distinct p.budget_id
from costpulse.budget_probabilities as p
