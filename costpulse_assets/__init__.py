"""CostPulse: the Dagster code location and the `costpulse` command.

Data flows one way, and a folder imports only from folders above it, from `resources/`
and from the modules beside this file:

    resources/    the outside world: Databricks or the demo account, the database, SQL files
    collectors/   system tables -> cost_records, cost_keys, list_prices, workspaces
    allocation/   cost_records -> key_allocations, cost_allocations
    costs/        allocations -> daily_costs, daily_key_costs; completeness of each day
    cli/          the `costpulse` command
"""
