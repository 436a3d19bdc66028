"""Parts of the page Forecast & budgets, and what the Overview shows of them."""
