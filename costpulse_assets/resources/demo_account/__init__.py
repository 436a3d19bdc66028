"""The demo account: a Databricks account made up from a seed, with the same tables and the same SQL.

model.py describes the company (workspaces, people, clusters, warehouses, jobs); generate_*.py write the raw
rows of each table from it, the bill first and what nodes, warehouses and runs did from the bill (telemetry.py);
planted.py holds what is to be found in them. It knows nothing of the collectors.
"""

from costpulse_assets.resources.demo_account.account import DemoAccount

__all__ = ["DemoAccount"]
