"""Is this normal, and what comes next: anomalies, forecasts, budgets."""
